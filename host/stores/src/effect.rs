//! Effects: the changes that a commit makes, as plain values.
//!
//! An effect names what it changes and what it expects to find there. It does nothing by itself; an engine applies it.

use std::collections::BTreeMap;

use bytes::Bytes;
use flint_model::{BucketName, InvocationId, QueueName, ScheduleName, StoreName, Timestamp, TopicName};

use crate::blob::{BlobExpectation, Content, Etag};
use crate::invoke::Invocation;
use crate::kv::Version;
use crate::queue::{Message, SendOptions};

/// One durable change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Writes a key.
    KvPut {
        /// The store of the key.
        store: StoreName,
        /// The key, 1 byte to the store's limit.
        key: String,
        /// What the key reads as from now on. Never a counter, whatever its bytes.
        value: Bytes,
        /// When the entry is gone; none if it stays. A moment that has passed makes it gone at once.
        expires_at: Option<Timestamp>,
        /// What the key has to be; none to write whatever is there.
        expect: Option<Expectation>,
    },
    /// Removes a key. It is no error if there is nothing to remove, unless `expect` says so.
    KvDelete {
        /// The store of the key.
        store: StoreName,
        /// The key, 1 byte to the store's limit.
        key: String,
        /// What the key has to be; none to delete whatever is there.
        expect: Option<Expectation>,
    },
    /// Adds to a counter, which starts at 0. Only what an increment wrote is a counter.
    KvIncrement {
        /// The store of the key.
        store: StoreName,
        /// The key, 1 byte to the store's limit.
        key: String,
        /// What to add, possibly negative.
        delta: i64,
        /// What the key has to be; none to add to whatever is there.
        expect: Option<Expectation>,
    },
    /// Changes nothing: the commit happens only if the key is as expected. For what was decided by a key that is not written.
    KvCheck {
        /// The store of the key.
        store: StoreName,
        /// The key, 1 byte to the store's limit.
        key: String,
        /// What the key has to be.
        expect: Expectation,
    },
    /// Puts a message into a queue.
    QueueSend {
        /// The queue.
        queue: QueueName,
        /// The message.
        message: Message,
        /// How it is sent.
        options: SendOptions,
    },
    /// Has a key lead to content, in the place of what it led to.
    BlobLink {
        /// The bucket of the key.
        bucket: BucketName,
        /// The key, 1 byte to the bucket's limit.
        key: String,
        /// What was written.
        content: Content,
        /// What kind of content it is: printable ASCII, as in HTTP.
        content_type: Option<String>,
        /// What else there is to say about it, by names of at least one byte.
        metadata: BTreeMap<String, String>,
        /// What the key has to lead to; none to link whatever is there.
        expect: Option<BlobExpectation>,
    },
    /// Has a key lead to nothing. It is no error if it does already, unless `expect` says so.
    BlobUnlink {
        /// The bucket of the key.
        bucket: BucketName,
        /// The key, 1 byte to the bucket's limit.
        key: String,
        /// What the key has to lead to; none to unlink whatever is there.
        expect: Option<BlobExpectation>,
    },
    /// Has a second key lead to what a first one led to before the commit, with its content type and metadata. No content
    /// is copied. The commit may unlink the first: that renames a blob.
    BlobCopy {
        /// The bucket of the first key.
        from_bucket: BucketName,
        /// The first key. It has to lead to something.
        from_key: String,
        /// What the first key has to lead to; none for anything.
        from_expect: Option<Etag>,
        /// The bucket of the second key.
        bucket: BucketName,
        /// The second key, 1 byte to the bucket's limit.
        key: String,
        /// What the second key has to lead to; none to link whatever is there.
        expect: Option<BlobExpectation>,
    },
    /// Puts a message into the queue of every subscription of a topic that wants it.
    TopicPublish {
        /// The topic.
        topic: TopicName,
        /// The message. With a group, subscribers that are FIFO queues get it in that; its depth is that of the commit.
        message: Message,
    },
    /// Says that a tick of a schedule was fired, or passed over.
    ScheduleTick {
        /// The schedule.
        schedule: ScheduleName,
        /// The tick.
        seen: Timestamp,
        /// The tick before it has to be this one, or none: so that one of many wins.
        expect: Option<Timestamp>,
    },
    /// Says what became of an asynchronous invocation.
    InvocationPut {
        /// The invocation.
        id: InvocationId,
        /// What is known about it from now on.
        invocation: Invocation,
    },
}

impl Effect {
    /// The store and the key that the effect is about, if it is about one of a key-value store.
    pub fn key(&self) -> Option<(&StoreName, &str)> {
        match self {
            Self::KvPut { store, key, .. }
            | Self::KvDelete { store, key, .. }
            | Self::KvIncrement { store, key, .. }
            | Self::KvCheck { store, key, .. } => Some((store, key)),
            Self::QueueSend { .. } | Self::TopicPublish { .. } => None,
            Self::ScheduleTick { .. } | Self::InvocationPut { .. } => None,
            Self::BlobLink { .. } | Self::BlobUnlink { .. } | Self::BlobCopy { .. } => None,
        }
    }

    /// The bucket and the key that the effect changes, if it is about blobs.
    pub fn blob(&self) -> Option<(&BucketName, &str)> {
        match self {
            Self::BlobLink { bucket, key, .. }
            | Self::BlobUnlink { bucket, key, .. }
            | Self::BlobCopy { bucket, key, .. } => Some((bucket, key)),
            _ => None,
        }
    }

    /// The bytes that the effect brings: key and value, message, record, or content that was not put aside.
    pub fn size(&self) -> u64 {
        let size = match self {
            Self::KvPut { key, value, .. } => key.len() + value.len(),
            Self::KvDelete { key, .. } | Self::KvCheck { key, .. } => key.len(),
            Self::KvIncrement { key, .. } => key.len() + size_of::<i64>(),
            Self::QueueSend { message, .. } | Self::TopicPublish { message, .. } => message.size(),
            Self::ScheduleTick { schedule, .. } => schedule.as_str().len() + size_of::<Timestamp>(),
            Self::InvocationPut { invocation, .. } => size_of::<InvocationId>() + invocation.state.size(),
            Self::BlobLink { key, content, content_type, metadata, .. } => {
                let about = content_type.as_ref().map_or(0, String::len)
                    + metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
                key.len() + about + content.bytes().map_or(0, Bytes::len)
            }
            Self::BlobUnlink { key, .. } => key.len(),
            Self::BlobCopy { from_key, key, .. } => from_key.len() + key.len(),
        };
        size as u64
    }
}

/// The keys that one commit may check without writing them ([`Effect::KvCheck`]). They do not count among the changes of a
/// store's batch.
pub const CHECKS_MAX: usize = 10_000;

/// What a key has to be for an effect to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// The key does not exist, or its time to live has passed.
    Absent,
    /// The key exists, at this very version.
    Version(Version),
}

impl Expectation {
    /// Compares with the version that the key has now, if it exists.
    pub fn is_met(self, current: Option<Version>) -> bool {
        match self {
            Self::Absent => current.is_none(),
            Self::Version(version) => current == Some(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_met_by_exactly_what_it_says() {
        for (expectation, current, met) in [
            (Expectation::Absent, None, true),
            (Expectation::Absent, Some(1), false),
            (Expectation::Version(1), None, false),
            (Expectation::Version(1), Some(1), true),
            (Expectation::Version(1), Some(2), false),
        ] {
            assert_eq!(expectation.is_met(current), met, "{expectation:?} {current:?}");
        }
    }
}
