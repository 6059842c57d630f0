use flint_sdk::http::{IntoResponse, Request};

#[flint_sdk::http]
pub async fn handle(_: Request) -> impl IntoResponse {
    "Hello!"
}

fn main() {}
