//! Queues and topics, and who handles what happens.

use super::Handler;
use flint_model::filter::{Filter, KeyFilter};
use flint_model::{BucketName, ByteSize, QueueName, StoreName, TopicName};
use std::time::Duration;

/// The rules of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Whether messages of a group are handled in their order.
    pub is_fifo: bool,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long nobody sees a message that has no delay of its own.
    pub delay: Duration,
    /// How long a message is kept; none: for ever.
    pub retention: Option<Duration>,
    /// How long a deduplication id is remembered.
    pub deduplication_window: Duration,
    /// A message that was received so often is given up.
    pub max_receives: usize,
    /// Where messages go that are given up; none if it holds dead letters itself: there, no number of receives is too many.
    pub dead_letter: Option<QueueName>,
    /// Largest message, body and attributes together.
    pub message_size_max: ByteSize,
    /// The bucket where the bodies of larger ones go; none: they are refused.
    pub large_payloads: Option<BucketName>,
    /// Most messages.
    pub length_max: usize,
    /// Most messages of one send, and of one receive.
    pub batch_max: usize,
    /// Largest send of several messages.
    pub batch_size_max: ByteSize,
}

impl Queue {
    /// The dead-letter queue that the host keeps for a queue that names none.
    pub fn kept_dead_letter(name: &QueueName) -> Option<QueueName> {
        name.below("dead").ok()
    }

    /// A queue that the host keeps for a function or a workflow that listens to something.
    pub(crate) fn of_listener(name: &QueueName, is_fifo: bool, max_receives: usize, length_max: usize) -> Self {
        Self { is_fifo, max_receives, length_max, dead_letter: Self::kept_dead_letter(name), ..Self::default() }
    }

    /// The queue that the host keeps for the dead letters of this one: there they stay until somebody takes them.
    pub(crate) fn dead_letters(&self) -> Self {
        Self { dead_letter: None, retention: None, ..self.clone() }
    }
}

/// The rules of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Largest message, body and attributes together.
    pub message_size_max: ByteSize,
    /// Most messages of one publication.
    pub batch_max: usize,
    /// Largest publication of several messages.
    pub batch_size_max: ByteSize,
}

/// A queue of the platform that listens to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The topic.
    pub topic: TopicName,
    /// Where the messages go.
    pub queue: QueueName,
    /// Which messages; none: all.
    pub filter: Option<Filter>,
}

/// What a trigger listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The messages of a queue of the platform.
    Queue,
    /// What is published to a topic.
    Topic(TopicName),
    /// What changes in a key-value store.
    Kv {
        /// The store.
        store: StoreName,
        /// Which keys.
        keys: KeyFilter,
        /// Which changes.
        events: ChangeEvents,
        /// Where it starts when it is new.
        start: Start,
    },
    /// What happens to the blobs of a bucket.
    Bucket {
        /// The bucket.
        bucket: BucketName,
        /// Which keys.
        keys: KeyFilter,
        /// Which events.
        events: BlobEvents,
    },
}

/// Which kinds of changes are told.
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

/// Which kinds of events of blobs are told.
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

/// Where a trigger of a store starts when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what changes from now on.
    Latest,
    /// With what is there, as if it were inserted now.
    Beginning,
}

/// Who handles what happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// What it listens to.
    pub source: Source,
    /// The queue that the messages wait in: the source itself, or one that the host keeps.
    pub queue: QueueName,
    /// The function, or the workflow.
    pub handler: Handler,
    /// Most messages of one invocation, or most executions that are started in one commit.
    pub batch_size: usize,
    /// How long messages are gathered for a batch that is not full.
    pub batch_window: Duration,
    /// Most invocations at once.
    pub concurrency: usize,
    /// Whether the effects of the function and the end of its messages are one commit.
    pub transactional: bool,
    /// Which messages are handled, by their attributes; none: all.
    pub filter: Option<Filter>,
    /// How long a message waits after its first failure.
    pub retry_delay: Duration,
    /// How long it waits at most.
    pub retry_delay_max: Duration,
}
