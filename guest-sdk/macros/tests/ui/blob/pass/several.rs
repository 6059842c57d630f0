use flint_sdk::blob::{self, Event};

#[flint_sdk::blob]
async fn handle(events: Vec<Event>) -> Result<(), blob::Error> {
    for event in events {
        blob::open("copies").delete(&event.key).await?;
    }
    Ok(())
}

fn main() {}
