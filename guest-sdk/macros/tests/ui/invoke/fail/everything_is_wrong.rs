#[flint_sdk::invoke(json)]
fn handle(self, more: u8) {}

fn main() {}
