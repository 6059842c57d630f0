use flint_sdk::Failure;
use flint_sdk::schedule::Tick;

#[flint_sdk::schedule]
async fn handle(tick: Tick) -> Result<(), Failure> {
    println!("{}", tick.id);
    Ok(())
}

fn main() {}
