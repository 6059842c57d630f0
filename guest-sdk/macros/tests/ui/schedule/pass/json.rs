use flint_sdk::schedule::Tick;

#[derive(serde::Deserialize)]
struct Job {
    id: String,
}

#[flint_sdk::schedule]
async fn handle(tick: Tick<Job>) -> Result<(), flint_sdk::kv::Error> {
    println!("{}", tick.payload.id);
    Ok(())
}

fn main() {}
