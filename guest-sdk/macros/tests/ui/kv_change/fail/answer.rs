//! It answers something else than whether it is done.

use flint_sdk::Failure;
use flint_sdk::kv::Change;

#[flint_sdk::kv_change]
async fn handle(change: Change<u64>) -> Result<u64, Failure> {
    Ok(change.id.len() as u64)
}

fn main() {}
