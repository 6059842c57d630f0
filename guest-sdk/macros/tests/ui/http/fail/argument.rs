use flint_sdk::http::Request;

#[flint_sdk::http(buffered = true)]
async fn handle(_: Request) -> &'static str {
    "Hello!"
}

fn main() {}
