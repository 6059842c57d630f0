use flint_sdk::http::{Request, StatusCode};

#[flint_sdk::http(buffered)]
async fn handle(_: Request) -> (StatusCode, String) {
    (StatusCode::CREATED, "made".to_owned())
}

fn main() {}
