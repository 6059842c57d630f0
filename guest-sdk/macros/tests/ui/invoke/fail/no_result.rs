#[flint_sdk::invoke]
async fn handle(n: u64) -> u64 {
    n
}

fn main() {}
