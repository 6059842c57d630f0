use flint_sdk::http::Request;
use flint_sdk::{Failure, Payload};

#[flint_sdk::init]
fn prepare() {}

#[flint_sdk::http]
async fn handle(_: Request) -> &'static str {
    "Hello!"
}

#[flint_sdk::invoke]
async fn answer(payload: Payload) -> Result<Payload, Failure> {
    Ok(payload)
}

fn main() {}
