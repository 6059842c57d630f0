use flint_sdk::Failure;
use flint_sdk::queue::Message;

struct Job;

#[flint_sdk::queue]
async fn handle(_: Message<Job>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
