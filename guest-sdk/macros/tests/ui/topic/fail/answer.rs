//! It answers something else than whether it is done.

use flint_sdk::Failure;
use flint_sdk::topic::Message;

#[flint_sdk::topic]
async fn handle(message: Message<u64>) -> Result<u64, Failure> {
    Ok(message.id.len() as u64)
}

fn main() {}
