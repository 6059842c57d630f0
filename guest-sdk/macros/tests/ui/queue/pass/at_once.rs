use flint_sdk::queue::Message;
use flint_sdk::{Failure, Payload};

#[flint_sdk::queue(concurrency = 4)]
async fn handle(message: Message<Payload>) -> Result<(), Failure> {
    println!("{} bytes", message.body.len());
    Ok(())
}

fn main() {}
