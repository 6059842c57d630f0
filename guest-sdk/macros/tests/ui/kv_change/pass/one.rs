use flint_sdk::Failure;
use flint_sdk::kv::Change;

#[derive(serde::Deserialize)]
struct Order {
    id: String,
}

#[flint_sdk::kv_change]
async fn handle(change: Change<Order>) -> Result<(), Failure> {
    println!("{}", change.new.map(|entry| entry.value.id).unwrap_or_default());
    Ok(())
}

fn main() {}
