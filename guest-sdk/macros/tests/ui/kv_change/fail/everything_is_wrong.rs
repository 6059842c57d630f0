#[flint_sdk::kv_change(all)]
fn handle<T>() {}

fn main() {}
