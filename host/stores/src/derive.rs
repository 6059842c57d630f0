//! Which messages an effect causes: pure, so that an engine puts them into their queues in the very commit of the effect.
//!
//! An engine asks here with what it found, and makes all that comes of it or nothing. A message that is derived keeps the
//! rules of its queue but for the sizes: what the topic or the store let pass is not refused behind it. If a queue is full,
//! the commit fails with [`CommitError::Full`]: better a writer who waits than a listener who misses something.

use std::borrow::Cow;

use flint_model::{QueueName, Timestamp, TopicName};

use crate::blob::BlobEvent;
use crate::catalog::Catalog;
use crate::commit::{Cause, CommitError};
use crate::cursor::fnv;
use crate::kv::{Change, ChangeSubscription, Entry};
use crate::queue::{GROUP_MAX, Message, Order, Source};

/// A message that an effect causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Where it goes.
    pub queue: QueueName,
    /// What goes there.
    pub message: Message,
}

/// What a publication causes: its message, for each subscription that wants it.
///
/// All have the id of the message, and name the topic as their source. On a FIFO queue they are in the group that the
/// publisher named, or else in that of the topic, so that the whole topic comes in its order.
///
/// # Errors
/// [`CommitError::NoSuch`] and [`CommitError::TooDeep`], for each message when it is asked for.
pub fn publication<'a>(
    catalog: &'a Catalog,
    cause: &'a Cause,
    topic: &'a TopicName,
    message: &'a Message,
) -> Result<impl Iterator<Item = Result<Derived, CommitError>> + 'a, CommitError> {
    let wanted = catalog.topic(topic)?.subscriptions.iter().filter(|one| one.wants(message));
    Ok(wanted.map(move |subscription| {
        let published = Message { source: Some(Source::Topic(topic.clone())), ..message.clone() };
        address(catalog, cause, &subscription.queue, published, topic.as_str())
    }))
}

/// One step of what became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The entry before.
    pub old: Option<Entry>,
    /// The entry after.
    pub new: Option<Entry>,
    /// When.
    pub at: Timestamp,
    /// Whether time alone did it, and no commit.
    pub expired: bool,
}

/// What a write comes to that found `old`, be it over or not, and left `new`: first the end of what was over and not
/// removed yet, which nobody was told, then the write itself. What changes nothing is not told.
pub fn transitions(old: Option<Entry>, new: Option<Entry>, now: Timestamp) -> impl Iterator<Item = Transition> {
    let ended = old.as_ref().and_then(|entry| entry.expires_at).filter(|at| *at <= now);
    let (over, old) = match ended {
        Some(at) => (Some(Transition { old, new: None, at, expired: true }), None),
        None => (None, old),
    };
    let change = Transition { old, new, at: now, expired: false };
    over.into_iter().chain(Some(change).filter(|change| change.old.is_some() || change.new.is_some()))
}

/// What a change causes: a message for each of these subscriptions that wants it.
///
/// On a FIFO queue the changes of a key are a group.
///
/// # Errors
/// [`CommitError::NoSuch`] and [`CommitError::TooDeep`], for each message when it is asked for.
pub fn change<'a>(
    catalog: &'a Catalog,
    cause: &'a Cause,
    subscriptions: impl Iterator<Item = &'a ChangeSubscription> + 'a,
    change: &'a Change,
) -> impl Iterator<Item = Result<Derived, CommitError>> + 'a {
    let mut encoded = None;
    let wanted = move |one: &&ChangeSubscription| change.kind().is_some_and(|kind| one.wants(&change.key, kind));
    subscriptions.filter(wanted).map(move |subscription| {
        let body = encoded.get_or_insert_with(|| change.encode()).clone();
        let source = Some(Source::Store(change.store.clone()));
        let message = Message { source, ..Message::new(change.id, body) };
        address(catalog, cause, &subscription.queue, message, &group(&change.key))
    })
}

/// What an event of a blob causes: a message for each subscription of its bucket that wants it.
///
/// On a FIFO queue the events of a key are a group.
///
/// # Errors
/// [`CommitError::NoSuch`] and [`CommitError::TooDeep`], for each message when it is asked for.
pub fn blob<'a>(
    catalog: &'a Catalog,
    cause: &'a Cause,
    event: &'a BlobEvent,
) -> impl Iterator<Item = Result<Derived, CommitError>> + 'a {
    let subscriptions = catalog.blobs.get(&event.bucket).into_iter().flatten();
    subscriptions.filter(|one| one.wants(event)).map(move |subscription| {
        let source = Some(Source::Bucket(event.bucket.clone()));
        let message = Message { source, ..Message::new(event.id, event.encode()) };
        address(catalog, cause, &subscription.queue, message, &group(&event.key))
    })
}

/// The group of a key: itself, or a hash of it if it is too long. Keys that share one only wait for each other.
fn group(key: &str) -> Cow<'_, str> {
    if key.len() <= GROUP_MAX { key.into() } else { format!("#{:016x}", fnv(&[key])).into() }
}

/// Makes a message fit its queue, and gives it what it has from its cause.
fn address(
    catalog: &Catalog,
    cause: &Cause,
    queue: &QueueName,
    message: Message,
    group: &str,
) -> Result<Derived, CommitError> {
    let depth = cause.depth.saturating_add(1);
    if depth > catalog.depth_max {
        return Err(CommitError::TooDeep { queue: queue.clone(), limit: catalog.depth_max });
    }
    let group = match catalog.queue(queue)?.order {
        Order::Fifo => Some(message.group.unwrap_or_else(|| group.to_owned())),
        Order::Standard => None,
    };
    let trace = message.trace.or_else(|| cause.trace.clone());
    Ok(Derived { queue: queue.clone(), message: Message { group, trace, depth, ..message } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_tells_first_what_was_over_and_nothing_if_nothing_changed() {
        let at = Timestamp::from_millis;
        let entry = |version, expires_at| {
            Some(Entry { value: bytes::Bytes::new(), version, expires_at, kind: crate::kv::Kind::Plain })
        };
        let (over, there, new) = (entry(1, Some(at(5))), entry(1, Some(at(6))), entry(2, None));
        let expiry = Transition { old: over.clone(), new: None, at: at(5), expired: true };
        let write = |old: &Option<Entry>, new: &Option<Entry>| Transition {
            old: old.clone(),
            new: new.clone(),
            at: at(5),
            expired: false,
        };
        for (old, new, told) in [
            (&None, &None, vec![]),
            (&None, &new, vec![write(&None, &new)]),
            (&there, &new, vec![write(&there, &new)]),
            (&there, &None, vec![write(&there, &None)]),
            (&over, &None, vec![expiry.clone()]),
            (&over, &new, vec![expiry, write(&None, &new)]),
        ] {
            assert_eq!(transitions(old.clone(), new.clone(), at(5)).collect::<Vec<_>>(), told, "{old:?} {new:?}");
        }
    }

    #[test]
    fn a_group_is_the_key_or_short() {
        let (long, longer) = ("k".repeat(GROUP_MAX), "k".repeat(GROUP_MAX + 1));
        assert_eq!(group(&long), long);
        assert_eq!(group(&longer).len(), 17);
        assert_ne!(group(&longer), group(&format!("{longer}k")));
    }
}
