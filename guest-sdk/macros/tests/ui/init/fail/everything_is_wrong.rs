#[flint_sdk::init(once)]
async fn prepare(n: u64) -> u64 {
    n
}

fn main() {}
