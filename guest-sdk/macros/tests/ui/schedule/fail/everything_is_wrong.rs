#[flint_sdk::schedule(daily)]
fn handle(self, more: u8) {}

fn main() {}
