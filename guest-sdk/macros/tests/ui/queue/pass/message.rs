use flint_sdk::Failure;
use flint_sdk::queue::Message;

#[derive(serde::Deserialize)]
struct Job {
    id: String,
}

#[flint_sdk::queue]
async fn handle(message: Message<Job>) -> Result<(), Failure> {
    println!("{}", message.body.id);
    Ok(())
}

fn main() {}
