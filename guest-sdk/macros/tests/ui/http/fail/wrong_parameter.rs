#[flint_sdk::http]
async fn handle(_: String) -> &'static str {
    "Hello!"
}

fn main() {}
