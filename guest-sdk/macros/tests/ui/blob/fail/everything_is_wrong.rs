#[flint_sdk::blob(all)]
fn handle<T>() {}

fn main() {}
