//! Answers what it is sent: the smallest function there is.

use flint_sdk::{Failure, Payload};

#[flint_sdk::invoke]
async fn echo(payload: Payload) -> Result<Payload, Failure> {
    Ok(payload)
}
