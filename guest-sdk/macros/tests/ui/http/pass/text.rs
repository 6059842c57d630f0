use flint_sdk::http::Request;

#[flint_sdk::http]
async fn handle(_: Request) -> &'static str {
    "Hello!"
}

fn main() {}
