//! Does in another bucket what happens in one, so that tests see what was told of it, in which order, and whether it is one with
//! its event.
//!
//! The bucket that it writes to is `to` of its configuration. In the store `told` is how often it was told something of a key
//! (`KEY`), and which event was the last (`last/KEY`). Content that begins with `fail` fails when it was copied.

use flint_sdk::blob::{self, Event, EventKind, Put};
use flint_sdk::prelude::*;

#[flint_sdk::blob]
async fn mirror(event: Event) -> Result<(), Failure> {
    note(&event).await?;
    let to = blob::open(config::get("to")?.unwrap_or_else(|| "copies".to_owned()));
    match event.kind {
        EventKind::Deleted => drop(to.delete(&event.key).await?),
        EventKind::Created(info) => {
            // It may be gone by now.
            let Some(found) = blob::open(&event.bucket).get(&event.key).await? else { return Ok(()) };
            let content = found.content.bytes().await?;
            to.put(&event.key, content.clone(), Put::new().metadata("told", info.etag)).await?;
            if content.starts_with(b"fail") {
                return Err(Failure::new("NoMirror", "the content says so"));
            }
        }
    }
    Ok(())
}

async fn note(event: &Event) -> Result<(), Failure> {
    let told = kv::open("told");
    told.increment(&event.key, 1).await?;
    let last = format!("last/{}", event.key);
    if told.get::<u64>(&last).await?.is_some_and(|before| before >= event.sequence) {
        return Err(Failure::new("OutOfOrder", "a later event came before this one").never());
    }
    told.put(&last, &event.sequence).await?;
    Ok(())
}
