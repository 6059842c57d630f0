#[flint_sdk::queue(batch)]
fn handle(self, more: u8) {}

fn main() {}
