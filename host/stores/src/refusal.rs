//! Why a store refuses: the parts that errors of reads and of commits share.

use std::fmt;

use flint_model::{BucketName, QueueName, StoreName, TopicName};

/// Says what a limit was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A key, in bytes.
    Key,
    /// A value, in bytes.
    Value,
    /// A batch, in entries or in bytes.
    Batch,
    /// A page of a scan, in entries, or the answer to a read of many keys, in bytes.
    Page,
    /// What a commit expects of keys that it does not write, in keys.
    Checks,
    /// What a transaction holds, in bytes: the changes, and the keys that were read.
    Transaction,
    /// A message, body and attributes together, in bytes.
    Message,
    /// A message's attributes, in number.
    Attributes,
    /// The name of an attribute, in bytes.
    Attribute,
    /// The name of a group, in bytes.
    Group,
    /// A deduplication id, in bytes.
    DeduplicationId,
    /// How long something is put off, in milliseconds.
    Delay,
    /// A blob, in bytes.
    Blob,
    /// The content type and the metadata of a blob together, in bytes.
    Metadata,
    /// The name of something in the metadata of a blob, in bytes.
    MetadataName,
    /// What rolls up the keys of a list, in bytes.
    Delimiter,
    /// The answer to an asynchronous invocation, or the text of its failure, in bytes.
    Answer,
    /// The name of a schedule.
    Schedule,
    /// The id of an invocation.
    Invocation,
}

impl What {
    /// The word for it, such as `key` or `batch`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Batch => "batch",
            Self::Page => "page",
            Self::Checks => "list of keys that were read",
            Self::Transaction => "transaction",
            Self::Message => "message",
            Self::Attributes => "list of attributes",
            Self::Attribute => "attribute name",
            Self::Group => "group",
            Self::DeduplicationId => "deduplication id",
            Self::Delay => "delay",
            Self::Blob => "blob",
            Self::Metadata => "metadata",
            Self::MetadataName => "name in the metadata",
            Self::Delimiter => "delimiter",
            Self::Answer => "answer",
            Self::Schedule => "schedule",
            Self::Invocation => "invocation",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that something is larger than its limit. A retry can't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} is too large: {size}, and at most {limit} is allowed")]
pub struct TooLarge {
    /// What was too large.
    pub what: What,
    /// Its size: bytes, entries, or milliseconds.
    pub size: u64,
    /// The limit, in the same unit.
    pub limit: u64,
}

impl TooLarge {
    /// Compares a size with its limit.
    ///
    /// # Errors
    /// [`TooLarge`] if the size is above the limit.
    pub fn check(what: What, size: usize, limit: usize) -> Result<(), Self> {
        if size > limit { Err(Self { what, size: size as u64, limit: limit as u64 }) } else { Ok(()) }
    }
}

/// Says which rule an argument breaks. A retry can't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A key without a byte.
    #[error("a key has at least one byte")]
    EmptyKey,
    /// A commit without an effect.
    #[error("a batch has at least one change")]
    EmptyBatch,
    /// Two effects of a commit about one key.
    #[error("the key {key:?} of store {store} comes twice in one batch")]
    KeyTwice {
        /// The store of the key.
        store: StoreName,
        /// The key.
        key: String,
    },
    /// Two effects of a commit about one schedule or invocation.
    #[error("the {what} {name} comes twice in one batch")]
    Twice {
        /// What comes twice.
        what: What,
        /// Its name or id.
        name: String,
    },
    /// A page of no entries.
    #[error("a page has at least one entry")]
    EmptyPage,
    /// A cursor that no call with these arguments gave out.
    #[error("the cursor was not given out by a call with these arguments")]
    Cursor,
    /// A message without a group on a FIFO queue.
    #[error("a message of a FIFO queue belongs to a group, and the queue {queue} is one")]
    NoGroup {
        /// The queue.
        queue: QueueName,
    },
    /// A message with a group on a queue without order.
    #[error("only a message of a FIFO queue has a group, and the queue {queue} is none")]
    Group {
        /// The queue.
        queue: QueueName,
    },
    /// A message with a delay of its own on a FIFO queue.
    #[error("a message of the FIFO queue {queue} has no delay of its own: it would hold up its group")]
    FifoDelay {
        /// The queue.
        queue: QueueName,
    },
    /// A group, a deduplication id, a delimiter or a name without a byte.
    #[error("a {what} has at least one byte")]
    Empty {
        /// What is empty.
        what: What,
    },
    /// Two attributes of one name.
    #[error("the attribute {name:?} comes twice in one message")]
    AttributeTwice {
        /// The name.
        name: String,
    },
    /// A lease that ends when it begins.
    #[error("a lease lasts at least 1 ms")]
    NoLease,
    /// A receipt that this engine did not give out.
    #[error("the receipt was not given out by a receive of this queue")]
    Receipt,
    /// Two verdicts about one message.
    #[error("a message of the queue {queue} is settled twice in one commit")]
    SettledTwice {
        /// The queue.
        queue: QueueName,
    },
    /// A queue that holds messages of another kind than it is configured to be.
    #[error(
        "the queue {queue} holds messages of a {holds} queue: receive or purge them with that setting before it changes"
    )]
    Kind {
        /// The queue.
        queue: QueueName,
        /// What its messages were sent to: `standard` or `fifo`.
        holds: &'static str,
    },
    /// A call within a transaction that is over.
    #[error("the transaction is over")]
    Over,
    /// A read of a blob that a transaction has copied, and whose source is another one by now.
    #[error(
        "the blob {key:?} of bucket {bucket} is another one than the transaction has copied, which can't be committed"
    )]
    Copied {
        /// The bucket of the source.
        bucket: BucketName,
        /// The key of the source.
        key: String,
    },
    /// A redrive of a queue into itself.
    #[error("the queue {queue} can't be redriven into itself")]
    Itself {
        /// The queue.
        queue: QueueName,
    },
    /// Two effects of a commit about one blob.
    #[error("the key {key:?} of bucket {bucket} comes twice in one batch")]
    BlobTwice {
        /// The bucket of the key.
        bucket: BucketName,
        /// The key.
        key: String,
    },
    /// A signed URL that would be good for too short or too long.
    #[error("a signed URL is good for 1 second to 7 days")]
    SignedFor,
    /// A content type that no HTTP header could carry.
    #[error("a content type has one or more printable ASCII characters")]
    ContentType,
    /// Content that this engine did not write, or has let go of.
    #[error("the content was not written to this store")]
    Content,
}

/// Says why a store can't serve now. A retry can help, after a back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// More commits are waiting than may, for longer than one may wait. Nothing was written.
    #[error("the store is overloaded")]
    Overloaded,
    /// The store is being closed. Nothing was written.
    #[error("the store is shutting down")]
    ShuttingDown,
    /// The disk has no room left, or less than is to stay free. Reads go on, and writes too when there is room again.
    #[error("the disk is full")]
    DiskFull,
    /// The disk takes no writes. Reads go on, and writes too when it takes them again.
    #[error("the disk is read-only")]
    ReadOnly,
    /// The storage below failed. What the call wrote is there whole or not at all. The engine logs the cause.
    #[error("the storage failed")]
    Failed,
}

/// Says that the platform has nothing of this name. A retry can't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No key-value store.
    #[error("there is no store {0}")]
    Store(StoreName),
    /// No queue.
    #[error("there is no queue {0}")]
    Queue(QueueName),
    /// No bucket.
    #[error("there is no bucket {0}")]
    Bucket(BucketName),
    /// No topic.
    #[error("there is no topic {0}")]
    Topic(TopicName),
}

/// Why arguments are refused before any store is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is named does not exist.
    #[error(transparent)]
    NoSuch(#[from] Missing),
    /// Something is larger than its limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// An argument breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
