use flint_sdk::{Failure, Payload};

#[flint_sdk::invoke]
async fn handle(payload: Payload) -> Result<Payload, Failure> {
    Ok(payload)
}

fn main() {}
