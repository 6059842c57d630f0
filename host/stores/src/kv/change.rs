//! Changes of key-value stores: who listens, and what a change is.
//!
//! Whoever listens has a queue. What a commit changes is put into it by the same commit ([`mod@crate::derive`]): every
//! change once, those of a key in their order if the queue is FIFO. That the time to live of an entry ends is a change too: it is
//! told when the entry is removed, be it by whoever overwrites it.
//!
//! The body of such a message is the change as [`Change::encode`] writes it.

use bytes::Bytes;
use flint_model::{MessageId, QueueName, StoreName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Entry, Kind};
use crate::filter::KeyFilter;

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique, and the same for all who listen; also the id of the messages.
    pub id: MessageId,
    /// The store of the key.
    pub store: StoreName,
    /// The key.
    pub key: String,
    /// The entry before, if there was one.
    pub old: Option<Entry>,
    /// The entry after; none if it was deleted or its time to live ended.
    pub new: Option<Entry>,
    /// When: that of the commit, or the end of the time to live.
    pub at: Timestamp,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The key was not there before.
    Insert,
    /// It was there and is.
    Modify,
    /// It is not there any more.
    Remove,
}

/// Who listens to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSubscription {
    /// Where the changes go. FIFO, or their order is not kept. If it is full, what it listens to is not written.
    pub queue: QueueName,
    /// Which keys.
    pub filter: KeyFilter,
    /// Which changes.
    pub events: ChangeEvents,
    /// Where it starts when it is new.
    pub start: Start,
}

/// Which kinds of changes are told: all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "a field for each kind of change")]
pub struct ChangeEvents {
    pub insert: bool,
    pub modify: bool,
    pub remove: bool,
}

impl Default for ChangeEvents {
    fn default() -> Self {
        Self { insert: true, modify: true, remove: true }
    }
}

/// Where a new subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With what changes from now on.
    #[default]
    Latest,
    /// With what is there, as if it were inserted now ([`crate::Stores::backfill`]).
    Beginning,
}

/// How far a subscription has come: an engine keeps it for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Position {
    /// The subscription is new.
    #[default]
    New,
    /// It was told what was there, up to this key.
    At(String),
    /// It was told all that was there, or starts with the latest.
    Done,
}

impl ChangeSubscription {
    /// A subscription to all changes from now on.
    pub fn all(queue: QueueName) -> Self {
        Self { queue, filter: KeyFilter::default(), events: ChangeEvents::default(), start: Start::Latest }
    }

    /// Says whether a change is told here at once, when it happens. What is ahead of a subscription that is still told what
    /// is there is not: it will be found there as it is then.
    pub fn hears(&self, position: &Position, key: &str) -> bool {
        match (position, self.start) {
            (Position::Done, _) | (Position::New, Start::Latest) => true,
            (Position::New, Start::Beginning) => false,
            (Position::At(last), _) => key <= last.as_str(),
        }
    }

    /// Says whether a change is of a kind, and about a key, that is told here.
    pub fn wants(&self, key: &str, kind: ChangeKind) -> bool {
        let of_kind = match kind {
            ChangeKind::Insert => self.events.insert,
            ChangeKind::Modify => self.events.modify,
            ChangeKind::Remove => self.events.remove,
        };
        of_kind && self.filter.matches(key)
    }
}

/// What one step of [`crate::Stores::backfill`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backfill {
    /// How many entries were told.
    pub told: usize,
    /// Whether a subscription has not been told all that is there.
    pub more: bool,
    /// Whether the queue of one that has not is full: there is no more before there is room.
    pub full: bool,
}

/// Says that a text is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of the message is no change of a key")]
pub struct NoChange;

/// What the encoded change begins with, behind its own length. The values follow, the old one first.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    id: [u8; 16],
    store: &'a str,
    key: &'a str,
    at: u64,
    old: Option<EntryHeader>,
    new: Option<EntryHeader>,
}

#[derive(Serialize, Deserialize)]
struct EntryHeader {
    version: u64,
    expires_at: Option<u64>,
    counter: bool,
    size: u32,
}

impl EntryHeader {
    fn of(entry: &Entry) -> Self {
        // No store has a value of 4 GiB: no message has.
        let size = u32::try_from(entry.value.len()).unwrap_or(u32::MAX);
        let expires_at = entry.expires_at.map(Timestamp::as_millis);
        Self { version: entry.version, expires_at, counter: entry.kind == Kind::Counter, size }
    }

    /// Takes the entry from the front of what is left.
    fn entry(self, rest: &mut Bytes) -> Result<Entry, NoChange> {
        let size = self.size as usize;
        if size > rest.len() {
            return Err(NoChange);
        }
        let expires_at = self.expires_at.map(Timestamp::from_millis);
        let kind = if self.counter { Kind::Counter } else { Kind::Plain };
        Ok(Entry { value: rest.split_to(size), version: self.version, expires_at, kind })
    }
}

impl Change {
    /// What kind of change it is; none if nothing was there and nothing is.
    pub fn kind(&self) -> Option<ChangeKind> {
        match (&self.old, &self.new) {
            (None, Some(_)) => Some(ChangeKind::Insert),
            (Some(_), Some(_)) => Some(ChangeKind::Modify),
            (Some(_), None) => Some(ChangeKind::Remove),
            (None, None) => None,
        }
    }

    /// Writes the change as the body of a message.
    pub fn encode(&self) -> Bytes {
        let header = Header {
            id: self.id.to_bytes(),
            store: self.store.as_str(),
            key: &self.key,
            at: self.at.as_millis(),
            old: self.old.as_ref().map(EntryHeader::of),
            new: self.new.as_ref().map(EntryHeader::of),
        };
        let values = [&self.old, &self.new].into_iter().flatten().map(|entry| &entry.value);
        let mut body = Vec::with_capacity(128 + self.key.len() + values.clone().map(Bytes::len).sum::<usize>());
        body.extend([0; 4]);
        let mut body = postcard::to_extend(&header, body).expect("numbers and texts, and a vector grows");
        let size = u32::try_from(body.len() - 4).expect("a key is short");
        body[..4].copy_from_slice(&size.to_le_bytes());
        values.for_each(|value| body.extend_from_slice(value));
        body.into()
    }

    /// Reads the body of a message. The values share its memory.
    ///
    /// # Errors
    /// [`NoChange`] if [`Change::encode`] did not write it.
    pub fn decode(body: &Bytes) -> Result<Self, NoChange> {
        let (size, rest) = body.split_first_chunk().ok_or(NoChange)?;
        let (header, _) = rest.split_at_checked(u32::from_le_bytes(*size) as usize).ok_or(NoChange)?;
        let mut values = body.slice(4 + header.len()..);
        let header: Header<'_> = postcard::from_bytes(header).map_err(|_| NoChange)?;
        let change = Self {
            id: MessageId::from_bytes(header.id),
            store: StoreName::parse(header.store).map_err(|_| NoChange)?,
            key: header.key.to_owned(),
            old: header.old.map(|old| old.entry(&mut values)).transpose()?,
            new: header.new.map(|new| new.entry(&mut values)).transpose()?,
            at: Timestamp::from_millis(header.at),
        };
        if values.is_empty() { Ok(change) } else { Err(NoChange) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: Option<&str>, new: Option<&str>) -> Change {
        let entry = |value: &str| Entry {
            value: Bytes::copy_from_slice(value.as_bytes()),
            version: u64::MAX,
            kind: if value.len() > 2 { Kind::Counter } else { Kind::Plain },
            expires_at: (value.len() > 1).then(|| Timestamp::from_millis(9)),
        };
        Change {
            id: MessageId::new(Timestamp::from_millis(5), 7),
            store: StoreName::parse("s").expect("a name"),
            key: "é\0".to_owned(),
            old: old.map(entry),
            new: new.map(entry),
            at: Timestamp::from_millis(5),
        }
    }

    #[test]
    fn a_change_reads_as_it_was_written() {
        let texts = [None, Some(""), Some("a"), Some("bc")];
        for change in texts.iter().flat_map(|old| texts.map(|new| change(*old, new))) {
            let body = change.encode();
            assert_eq!(Change::decode(&body), Ok(change));
            assert_eq!(Change::decode(&[&body[..], b"x"].concat().into()), Err(NoChange), "something behind it");
            for cut in 0..body.len() {
                assert_eq!(Change::decode(&body.slice(..cut)), Err(NoChange), "{cut} bytes");
            }
        }
    }

    #[test]
    fn a_subscription_that_is_told_what_is_there_does_not_hear_what_is_ahead() {
        let latest = ChangeSubscription::all(QueueName::parse("q").expect("a name"));
        let beginning = ChangeSubscription { start: Start::Beginning, ..latest.clone() };
        let at = Position::At("b".to_owned());
        for (subscription, position, heard) in [
            (&latest, Position::New, [true; 3]),
            (&beginning, Position::New, [false; 3]),
            (&beginning, at.clone(), [true, true, false]),
            (&latest, at, [true, true, false]),
            (&beginning, Position::Done, [true; 3]),
        ] {
            assert_eq!(["a", "b", "c"].map(|key| subscription.hears(&position, key)), heard, "{position:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
            let _whatever = Change::decode(&bytes.into());
        }

        #[test]
        fn no_changed_byte_makes_decoding_panic(at in 0_usize..60, byte: u8) {
            let mut bytes = change(Some("abc"), Some("de")).encode().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _whatever = Change::decode(&bytes.into());
        }
    }
}
