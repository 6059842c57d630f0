use flint_sdk::schedule::Tick;

#[flint_sdk::schedule]
async fn handle(tick: Tick) -> String {
    tick.id
}

fn main() {}
