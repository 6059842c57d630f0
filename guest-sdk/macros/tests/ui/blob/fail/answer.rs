//! It answers something else than whether it is done.

use flint_sdk::Failure;
use flint_sdk::blob::Event;

#[flint_sdk::blob]
async fn handle(event: Event) -> Result<u64, Failure> {
    Ok(event.sequence)
}

fn main() {}
