#![deny(unused_must_use)]

use flint_sdk::queue::{Batch, BatchResult};

async fn each(batch: Batch<u8>) -> BatchResult {
    batch.each(async |_| Ok::<_, flint_sdk::Failure>(())).await
}

async fn handle(batch: Batch<u8>) {
    each(batch).await;
}

fn main() {}
