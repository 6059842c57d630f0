use flint_sdk::queue::{Batch, BatchResult, Message};
use flint_sdk::Failure;

#[flint_sdk::queue(concurrency = 0)]
async fn none(_: Message<u8>) -> Result<(), Failure> {
    Ok(())
}

#[flint_sdk::queue(concurrency = 4)]
async fn batch(batch: Batch<u8>) -> BatchResult {
    batch.into_parts().1
}

fn main() {}
