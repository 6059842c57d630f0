#[flint_sdk::http]
struct Handler;

fn main() {}
