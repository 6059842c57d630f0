use flint_sdk::Failure;
use flint_sdk::queue::{Batch, BatchResult};

#[flint_sdk::queue]
async fn handle(batch: Batch<u64>) -> BatchResult {
    batch.each(async |message| if message.body > 0 { Ok(()) } else { Err(Failure::new("Zero", "nothing to do")) }).await
}

fn main() {}
