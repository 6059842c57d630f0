use flint_sdk::Failure;
use flint_sdk::topic::Message;

#[derive(serde::Deserialize)]
struct Order {
    id: String,
}

#[flint_sdk::topic]
async fn handle(message: Message<Order>) -> Result<(), Failure> {
    println!("{}", message.body.id);
    Ok(())
}

fn main() {}
