use flint_sdk::Payload;
use flint_sdk::topic::Message;

#[flint_sdk::topic]
async fn handle(messages: Vec<Message<Payload>>) -> Result<(), flint_sdk::kv::Error> {
    flint_sdk::kv::open("counts").increment("all", messages.len() as i64).await?;
    Ok(())
}

fn main() {}
