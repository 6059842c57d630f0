#[flint_sdk::http]
async fn handle() -> &'static str {
    "Hello!"
}

fn main() {}
