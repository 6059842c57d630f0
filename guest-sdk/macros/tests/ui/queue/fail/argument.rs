use flint_sdk::Failure;

#[flint_sdk::queue]
async fn handle(body: String) -> Result<(), Failure> {
    println!("{body}");
    Ok(())
}

fn main() {}
