use flint_sdk::Failure;

struct Question;

#[flint_sdk::invoke]
async fn handle(_: Question) -> Result<u64, Failure> {
    Ok(1)
}

fn main() {}
