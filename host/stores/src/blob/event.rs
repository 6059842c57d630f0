//! What happens in buckets: who listens, and what an event is.
//!
//! Whoever listens has a queue. What a commit does to a blob is put into it by the same commit ([`mod@crate::derive`]): once,
//! and of a key in their order if the queue is FIFO. The body of such a message is the event as [`BlobEvent::encode`] writes it.

use std::collections::BTreeMap;

use bytes::Bytes;
use flint_model::{BucketName, MessageId, QueueName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BlobInfo, Etag};
use crate::filter::KeyFilter;
use crate::kv::Version;

/// What happened to a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobEvent {
    /// Unique, and the same for all who listen; also the id of the messages.
    pub id: MessageId,
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: String,
    /// What it leads to now; none if it leads to nothing any more.
    pub created: Option<BlobInfo>,
    /// Of two events of a key, the later one has the greater number. That of what was created is also that of the blob.
    pub sequence: Version,
    /// When: that of the commit.
    pub at: Timestamp,
}

/// Who listens to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobSubscription {
    /// Where the events go. FIFO, or their order is not kept. If it is full, what it listens to is not changed.
    pub queue: QueueName,
    /// Which keys.
    pub filter: KeyFilter,
    /// Which events.
    pub events: BlobEvents,
}

/// Which kinds of events are told: all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobEvents {
    /// A blob was put or copied to a key, whatever was there before.
    pub created: bool,
    /// A blob was deleted.
    pub deleted: bool,
}

impl Default for BlobEvents {
    fn default() -> Self {
        Self { created: true, deleted: true }
    }
}

impl BlobSubscription {
    /// A subscription to all events.
    pub fn all(queue: QueueName) -> Self {
        Self { queue, filter: KeyFilter::default(), events: BlobEvents::default() }
    }

    /// Says whether an event is told here.
    pub fn wants(&self, event: &BlobEvent) -> bool {
        let of_kind = if event.created.is_some() { self.events.created } else { self.events.deleted };
        of_kind && self.filter.matches(&event.key)
    }
}

/// Says that a text is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of the message is no event of a blob")]
pub struct NoEvent;

/// An event as it is written.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    id: [u8; 16],
    bucket: &'a str,
    key: &'a str,
    at: u64,
    sequence: u64,
    created: Option<Created<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Created<'a> {
    size: u64,
    etag: [u8; Etag::SIZE],
    content_type: Option<&'a str>,
    metadata: BTreeMap<&'a str, &'a str>,
    modified_at: u64,
}

impl<'a> Created<'a> {
    fn of(info: &'a BlobInfo) -> Self {
        Self {
            size: info.size,
            etag: info.etag.to_bytes(),
            content_type: info.content_type.as_deref(),
            metadata: info.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            modified_at: info.modified_at.as_millis(),
        }
    }

    fn info(self, key: &str, sequence: Version) -> BlobInfo {
        BlobInfo {
            key: key.to_owned(),
            size: self.size,
            etag: Etag::from_bytes(self.etag),
            content_type: self.content_type.map(str::to_owned),
            metadata: self.metadata.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            modified_at: Timestamp::from_millis(self.modified_at),
            sequence,
        }
    }
}

impl BlobEvent {
    /// Writes the event as the body of a message.
    pub fn encode(&self) -> Bytes {
        let record = Record {
            id: self.id.to_bytes(),
            bucket: self.bucket.as_str(),
            key: &self.key,
            at: self.at.as_millis(),
            sequence: self.sequence,
            created: self.created.as_ref().map(Created::of),
        };
        postcard::to_allocvec(&record).expect("numbers and texts, and a vector grows").into()
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`NoEvent`] if [`BlobEvent::encode`] did not write it.
    pub fn decode(body: &[u8]) -> Result<Self, NoEvent> {
        let (record, rest) = postcard::take_from_bytes::<Record<'_>>(body).map_err(|_| NoEvent)?;
        if !rest.is_empty() {
            return Err(NoEvent);
        }
        Ok(Self {
            id: MessageId::from_bytes(record.id),
            bucket: BucketName::parse(record.bucket).map_err(|_| NoEvent)?,
            key: record.key.to_owned(),
            created: record.created.map(|created| created.info(record.key, record.sequence)),
            sequence: record.sequence,
            at: Timestamp::from_millis(record.at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(created: bool) -> BlobEvent {
        let (key, at) = ("é\0".to_owned(), Timestamp::from_millis(5));
        let info = BlobInfo {
            key: key.clone(),
            size: u64::MAX,
            etag: Etag::of(b"a"),
            content_type: Some("image/png".to_owned()),
            metadata: [("by".to_owned(), "Ada".to_owned())].into(),
            modified_at: at,
            sequence: 7,
        };
        let bucket = BucketName::parse("b").expect("a name");
        BlobEvent { id: MessageId::new(at, 7), bucket, key, created: created.then_some(info), sequence: 7, at }
    }

    #[test]
    fn an_event_reads_as_it_was_written() {
        for event in [true, false].map(event) {
            let body = event.encode();
            assert_eq!(BlobEvent::decode(&body), Ok(event));
            assert_eq!(BlobEvent::decode(&[&body[..], b"x"].concat()), Err(NoEvent), "something behind it");
            for cut in 0..body.len() {
                assert_eq!(BlobEvent::decode(&body[..cut]), Err(NoEvent), "{cut} bytes");
            }
        }
    }

    #[test]
    fn a_subscription_wants_its_keys_and_its_events() {
        let all = BlobSubscription::all(QueueName::parse("q").expect("a name"));
        let filter = KeyFilter { prefix: Some("x".to_owned()), suffix: None };
        let events = BlobEvents { created: true, deleted: false };
        for (subscription, wanted) in [
            (all.clone(), [true, true]),
            (BlobSubscription { filter, ..all.clone() }, [false, false]),
            (BlobSubscription { events, ..all }, [true, false]),
        ] {
            assert_eq!([true, false].map(|created| subscription.wants(&event(created))), wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
            let _whatever = BlobEvent::decode(&bytes);
        }
    }
}
