use flint_sdk::http::Request;

#[flint_sdk::http]
fn handle(_: Request) -> &'static str {
    "Hello!"
}

fn main() {}
