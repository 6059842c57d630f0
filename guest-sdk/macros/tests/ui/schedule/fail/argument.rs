use flint_sdk::Failure;

#[flint_sdk::schedule]
async fn handle(now: String) -> Result<(), Failure> {
    println!("{now}");
    Ok(())
}

fn main() {}
