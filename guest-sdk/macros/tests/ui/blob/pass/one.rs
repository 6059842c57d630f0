use flint_sdk::Failure;
use flint_sdk::blob::{Event, EventKind};

#[flint_sdk::blob]
async fn handle(event: Event) -> Result<(), Failure> {
    if let EventKind::Created(info) = event.kind {
        println!("{} {} {}", event.key, info.size, info.etag);
    }
    Ok(())
}

fn main() {}
