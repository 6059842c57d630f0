use flint_sdk::Failure;
use flint_sdk::queue::{Batch, BatchResult};

#[flint_sdk::queue]
async fn handle(batch: Batch<String>) -> Result<BatchResult, Failure> {
    let (messages, mut result) = batch.into_parts();
    let words = flint_sdk::kv::open("words");
    for message in &messages {
        if message.body.is_empty() {
            result.failed(message, Failure::new("Empty", "no word").never());
        } else {
            words.increment(&message.body, 1).await?;
        }
    }
    Ok(result)
}

fn main() {}
