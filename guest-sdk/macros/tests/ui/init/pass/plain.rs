use std::sync::OnceLock;

static TABLE: OnceLock<Vec<u64>> = OnceLock::new();

#[flint_sdk::init]
fn prepare() {
    TABLE.set(vec![1, 2, 3]).ok();
}

fn main() {}
