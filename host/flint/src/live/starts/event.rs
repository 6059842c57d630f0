//! What an execution that a message starts gets, and its name. Pure.
//!
//! All sources have in common: `source` (`queue`, `topic`, `kv`, `bucket` or `schedule`), `id` and `time`. What others wrote is
//! JSON if it reads as JSON, text if it is text, and else base 64 in a field with `_base64` at the end of its name; nothing is `null`.
//! Nothing in it differs when the message comes again: an input that is another one would be another execution's.

use super::Origin;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flint_config::platform::Source;
use flint_model::{QueueName, ScheduleName, Timestamp};
use flint_stores::kv::{ChangeKind, Kind};
use flint_stores::{BlobEvent, Change, Delivery, Entry, Message, Source as Told, Stored};
use flint_triggers::schedule::due_at;
use flint_workflows::execution::NAME_MAX;
use flint_workflows::moment;
use serde_json::{Map, Value, json};

/// An execution that is to be started.
#[derive(Debug, PartialEq)]
pub(super) struct Start {
    pub(super) name: String,
    pub(super) input: Value,
}

/// The execution that a message starts. Its name is that of the message, behind what it came from: one message may come to a
/// workflow in several ways, and starts one execution by each.
///
/// # Errors
/// Why the message can't start one. No retry can help.
pub(super) fn of(origin: &Origin, delivery: &Delivery) -> Result<Start, String> {
    let Stored { message, sent_at, .. } = &delivery.stored;
    let (source, of, at, fields) = match origin {
        Origin::Trigger(Source::Queue) => queue(&delivery.receipt.queue, message, *sent_at),
        Origin::Trigger(Source::Topic(_)) => topic(message, *sent_at)?,
        Origin::Trigger(Source::Kv { .. }) => change(message)?,
        Origin::Trigger(Source::Bucket { .. }) => blob(message)?,
        Origin::Schedule(schedule) => tick(schedule, message, *sent_at),
    };
    let id = message.id.to_string();
    // A source with a long name gives up the end of it.
    let room = NAME_MAX.saturating_sub(source.len() + id.len() + 2);
    let place: String = of.chars().map(|letter| if letter == '/' { '.' } else { letter }).take(room).collect();
    let name = format!("{source}-{place}-{id}");
    let mut input = Map::new();
    input.insert("source".to_owned(), source.into());
    input.insert(source_field(source).to_owned(), of.into());
    input.extend(fields);
    input.insert("id".to_owned(), id.into());
    input.insert("time".to_owned(), moment::format(at.as_millis()).into());
    Ok(Start { name, input: Value::Object(input) })
}

/// The kind of the source, its name, when it happened, and what there is to say besides.
type Event = (&'static str, String, Timestamp, Map<String, Value>);

/// The field that names the source.
fn source_field(source: &'static str) -> &'static str {
    if source == "kv" { "store" } else { source }
}

fn queue(queue: &QueueName, message: &Message, sent_at: Timestamp) -> Event {
    let mut fields = body(message);
    if let Some(group) = &message.group {
        fields.insert("group".to_owned(), group.as_str().into());
    }
    ("queue", queue.to_string(), sent_at, fields)
}

fn topic(message: &Message, published_at: Timestamp) -> Result<Event, String> {
    match &message.source {
        Some(Told::Topic(topic)) => Ok(("topic", topic.to_string(), published_at, body(message))),
        // Somebody sent it to the queue that the host keeps.
        _ => Err("the message was not published to a topic".to_owned()),
    }
}

fn change(message: &Message) -> Result<Event, String> {
    let change = Change::decode(&message.body).map_err(|error| error.to_string())?;
    let kind = match change.kind() {
        Some(ChangeKind::Insert) => "insert",
        Some(ChangeKind::Modify) => "modify",
        Some(ChangeKind::Remove) | None => "remove",
    };
    let mut fields = Map::new();
    fields.insert("key".to_owned(), change.key.into());
    fields.insert("kind".to_owned(), kind.into());
    put_entry(&mut fields, "old", change.old);
    put_entry(&mut fields, "new", change.new);
    Ok(("kv", change.store.to_string(), change.at, fields))
}

fn blob(message: &Message) -> Result<Event, String> {
    let event = BlobEvent::decode(&message.body).map_err(|error| error.to_string())?;
    let mut fields = Map::new();
    fields.insert("key".to_owned(), event.key.into());
    fields.insert("kind".to_owned(), if event.created.is_some() { "created" } else { "deleted" }.into());
    if let Some(info) = event.created {
        fields.insert("size".to_owned(), info.size.into());
        fields.insert("etag".to_owned(), info.etag.to_string().trim_matches('"').into());
        fields.insert("content_type".to_owned(), info.content_type.into());
        fields.insert("metadata".to_owned(), json!(info.metadata));
    }
    fields.insert("sequence".to_owned(), event.sequence.into());
    Ok(("bucket", event.bucket.to_string(), event.at, fields))
}

fn tick(schedule: &ScheduleName, message: &Message, sent_at: Timestamp) -> Event {
    let mut fields = Map::new();
    put(&mut fields, "payload", Some(&message.body));
    // Sent by hand, it is due when it is sent.
    ("schedule", schedule.to_string(), due_at(message).unwrap_or(sent_at), fields)
}

/// What a sender says.
fn body(message: &Message) -> Map<String, Value> {
    let mut fields = Map::new();
    put(&mut fields, "body", Some(&message.body));
    let attributes = message.attributes.iter().map(|one| (one.name.clone(), one.value.as_str().into()));
    fields.insert("attributes".to_owned(), Value::Object(attributes.collect()));
    fields
}

/// Adds what somebody wrote.
pub(super) fn put(fields: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
        fields.insert(name.to_owned(), Value::Null);
        return;
    };
    match (serde_json::from_slice(bytes), str::from_utf8(bytes)) {
        (Ok(value), _) => fields.insert(name.to_owned(), value),
        (Err(_), Ok(text)) => fields.insert(name.to_owned(), text.into()),
        (Err(_), Err(_)) => fields.insert(format!("{name}_base64"), BASE64_STANDARD.encode(bytes).into()),
    };
}

/// Adds the value of an entry; that of a counter is a number.
fn put_entry(fields: &mut Map<String, Value>, name: &str, entry: Option<Entry>) {
    let count = entry.as_ref().filter(|entry| entry.kind == Kind::Counter);
    match count.and_then(|entry| Some(i64::from_le_bytes(entry.value[..].try_into().ok()?))) {
        Some(count) => drop(fields.insert(name.to_owned(), count.into())),
        None => put(fields, name, entry.as_ref().map(|entry| &entry.value[..])),
    }
}

#[cfg(test)]
mod tests;
