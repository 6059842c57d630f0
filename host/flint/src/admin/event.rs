//! What messages tell of that nobody sent, for people and programs to read.

use super::api::queue::Event;
use super::{blob, kv};
use flint_stores::queue::Source;
use flint_stores::{BlobEvent, Change, Message};

/// What a message tells of; none if it was sent or published.
pub(super) fn event(message: &Message) -> Option<Event> {
    match message.source.as_ref()? {
        Source::Topic(_) => None,
        Source::Store(_) => Change::decode(&message.body).ok().map(of_change),
        Source::Bucket(_) => BlobEvent::decode(&message.body).ok().map(of_blob),
    }
}

fn of_change(change: Change) -> Event {
    let Change { id: _, store, key, old, new, at } = change;
    let item = |entry| kv::item(key.clone(), &entry);
    Event::Change { store: store.to_string(), old: old.map(item), new: new.map(item), at_ms: at.as_millis() }
}

fn of_blob(event: BlobEvent) -> Event {
    let BlobEvent { id: _, bucket, key, created, sequence, at } = event;
    let (bucket, created) = (bucket.to_string(), created.map(blob::info));
    Event::Blob { bucket, key, created, sequence, at_ms: at.as_millis() }
}
