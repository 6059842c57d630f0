use flint_sdk::Payload;
use flint_sdk::kv::Change;

#[flint_sdk::kv_change]
async fn handle(changes: Vec<Change<Payload>>) -> Result<(), flint_sdk::kv::Error> {
    flint_sdk::kv::open("counts").increment("all", changes.len() as i64).await?;
    Ok(())
}

fn main() {}
