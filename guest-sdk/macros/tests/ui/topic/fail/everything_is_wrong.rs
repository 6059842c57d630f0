#[flint_sdk::topic(all)]
fn handle<T>() {}

fn main() {}
