//! Queues: the side that receives, and its types.
//!
//! Messages come in as effects of a commit ([`crate::Effect::QueueSend`]) and are settled by a commit ([`Settle`]), so that
//! what a handler wrote and the end of its message are one. What is here leases messages and looks at them.

mod gather;
mod rules;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use flint_model::{BucketName, MessageId, QueueName, StoreName, Timestamp, TopicName, TraceContext};
use tokio_util::sync::CancellationToken;

use crate::BoxFuture;
use crate::commit::CommitError;
use crate::kv::ReadError;
use crate::refusal::Invalid;

pub use gather::{Gather, Pick};
pub use rules::{GivenUp, Order, QueueRules};

/// A message, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique; the sender makes it, and it stays the same however often the message is received or moved.
    pub id: MessageId,
    /// What is to be handled.
    pub body: Bytes,
    /// What filters look at. Names are unique.
    pub attributes: Vec<Attribute>,
    /// Messages of a group are handled one after the other, in their order. A message of a FIFO queue has one, others have
    /// none.
    pub group: Option<String>,
    /// The trace that the message belongs to.
    pub trace: Option<TraceContext>,
    /// How many messages, one causing the next, led to this one: 0 for what a request or a schedule sent.
    pub depth: u32,
    /// What it tells of, if it was not simply sent. The host says so, never a sender.
    pub source: Option<Source>,
}

impl Message {
    /// A message with this body and nothing else.
    pub fn new(id: MessageId, body: impl Into<Bytes>) -> Self {
        Self { id, body: body.into(), attributes: Vec::new(), group: None, trace: None, depth: 0, source: None }
    }

    /// The bytes of body and attributes together, which a queue's limit is for.
    pub fn size(&self) -> usize {
        self.body.len() + self.attributes.iter().map(|one| one.name.len() + one.value.len()).sum::<usize>()
    }

    /// The value of an attribute, if the message has it.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|one| one.name == name).map(|one| one.value.as_str())
    }
}

/// What a message tells of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// It was published to a topic.
    Topic(TopicName),
    /// A key of a store changed: the body is a [`crate::Change`].
    Store(StoreName),
    /// A blob of a bucket was created or deleted: the body is a [`crate::BlobEvent`].
    Bucket(BucketName),
}

/// A named text that travels with a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// 1 to [`ATTRIBUTE_NAME_MAX`] bytes.
    pub name: String,
    /// Any text.
    pub value: String,
}

/// The most attributes that a message has.
pub const ATTRIBUTES_MAX: usize = 10;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME_MAX: usize = 256;
/// The longest name of a group, and the longest deduplication id, in bytes.
pub const GROUP_MAX: usize = 128;
/// The largest body that goes to a bucket in the place of a queue, in bytes: it is held in memory on its way.
pub const LARGE_PAYLOAD_MAX: usize = 64 << 20;

/// How a message is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// Nobody sees the message before so long after the commit; none: the queue's own delay. A FIFO queue has its own only.
    pub delay: Option<Duration>,
    /// A second message with this id within the queue's window is accepted and not stored.
    pub deduplication_id: Option<String>,
}

/// A message that was leased: until the lease ends nobody else sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// With what it is settled.
    pub receipt: Receipt,
    /// When the lease ends, unless it is extended.
    pub until: Timestamp,
    /// What was sent, when, and how often it was received.
    pub stored: Stored,
}

/// A message as a queue holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What was sent.
    pub message: Message,
    /// When it came into this queue.
    pub sent_at: Timestamp,
    /// How often it was leased: 1 the first time. Counted before anybody sees the message, so that a handler which takes the
    /// host down with it counts.
    pub receives: u32,
    /// Where it was given up, if it is in a dead-letter queue.
    pub death: Option<Death>,
}

/// Why a message is in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The queue that gave it up.
    pub queue: QueueName,
    /// What became of it there.
    pub reason: String,
    /// How often it was received there.
    pub receives: u32,
    /// When it was given up.
    pub at: Timestamp,
}

/// Proves a lease. Only the engine that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The queue of the message.
    pub queue: QueueName,
    /// Which lease it is, in the engine's own form.
    pub lease: Bytes,
}

impl Receipt {
    /// The lease as a text: letters, digits, `-` and `_`.
    pub fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.lease)
    }

    /// Reads what [`Receipt::text`] wrote.
    ///
    /// # Errors
    /// [`Invalid::Receipt`] if the text is none.
    pub fn parse(queue: QueueName, text: &str) -> Result<Self, Invalid> {
        let lease = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Invalid::Receipt)?;
        Ok(Self { queue, lease: lease.into() })
    }
}

/// What is to become of a leased message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settle {
    /// The lease. If it is over, or the message was settled, the commit fails with [`CommitError::LeaseLost`].
    pub receipt: Receipt,
    /// What becomes of it.
    pub verdict: Verdict,
}

impl Settle {
    /// The message is done with.
    pub fn done(receipt: Receipt) -> Self {
        Self { receipt, verdict: Verdict::Done }
    }
}

/// What becomes of a leased message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was handled, and is removed.
    Done,
    /// It comes again.
    Retry {
        /// Not before so long has passed.
        after: Duration,
        /// Whether this receive counts.
        receives: Receives,
        /// In whose company it comes.
        company: Company,
    },
    /// It is moved to the dead-letter queue, or removed if there is none.
    DeadLetter {
        /// Why, for people.
        reason: String,
    },
}

/// Whether a receive counts among those after which a message is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receives {
    /// It does.
    Count,
    /// It doesn't: the message was never looked at.
    Forgive,
}

/// In whose company a message is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Together with others.
    Any,
    /// Alone: it is not known which message of its batch failed. So is every message whose lease ended without a word.
    Alone,
}

/// What is asked of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receive {
    /// The most messages, 1 to the queue's `batch_max`.
    pub max: usize,
    /// The most bytes of all messages together; the first comes whatever its size.
    pub bytes_max: usize,
    /// The most messages of one group; others of it come another time.
    pub group_max: usize,
    /// The most bytes of one group; its first message comes whatever its size.
    pub group_bytes_max: usize,
    /// How long the lease lasts; none: the queue's `visibility`.
    pub visibility: Option<Duration>,
    /// How long to wait for a first message.
    pub wait: Duration,
}

impl Default for Receive {
    /// Asks for one message that is there now.
    fn default() -> Self {
        Self {
            max: 1,
            bytes_max: 4 << 20,
            group_max: usize::MAX,
            group_bytes_max: usize::MAX,
            visibility: None,
            wait: Duration::ZERO,
        }
    }
}

/// What came of a receive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    /// The leased messages, oldest first; those of a group in their order.
    pub messages: Vec<Delivery>,
    /// How many messages were given up on the way, since they had been received too often or kept too long.
    pub given_up: usize,
    /// Whether the one message has to stay alone: see [`Company::Alone`].
    pub alone: bool,
}

/// What a queue holds. The parts are those of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Messages that could be received now; for a FIFO queue also those that wait behind others of their group.
    pub waiting: u64,
    /// Messages that nobody sees yet: leased, or delayed and not behind others of their group. Counted up to
    /// [`HIDDEN_MAX`]; the rest counts as waiting.
    pub hidden: u64,
    /// When the oldest message was sent, whether waiting or hidden.
    pub oldest: Option<Timestamp>,
}

/// How many hidden messages are told apart from those that wait.
pub const HIDDEN_MAX: u64 = 100_000;

impl Depth {
    /// All messages.
    pub fn total(&self) -> u64 {
        self.waiting + self.hidden
    }
}

/// Some messages of a queue, without a lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peeked {
    /// Of a standard queue in the order in which they become visible, those of one moment as they were sent; of a FIFO queue
    /// as they were sent.
    pub messages: Vec<Stored>,
    /// Where to go on; none when this was the last page.
    pub cursor: Option<String>,
}

/// Leases the messages of queues, and looks at them.
///
/// Whatever leases or removes is durable before it answers. Dropping a future does not undo: what was leased comes again
/// when the lease ends.
pub trait Queues: Send + Sync {
    /// Leases up to `max` messages, oldest first, and hides them from others.
    ///
    /// Answers as soon as there is one, and none when `wait` has passed without: a message that comes meanwhile is leased at
    /// once. While a message of a group is leased, the others of its group are hidden; one call may lease several of them, in
    /// order. A message that comes alone ([`Company::Alone`]) is the only one.
    ///
    /// # Errors
    /// [`CommitError::NoSuch`], [`CommitError::Invalid`], [`CommitError::TooLarge`], [`CommitError::Unavailable`].
    fn receive<'a>(&'a self, queue: &'a QueueName, receive: Receive) -> BoxFuture<'a, Result<Received, CommitError>> {
        Box::pin(async move { self.receive_until(queue, receive, &CancellationToken::new()).await })
    }

    /// As [`Queues::receive`], and waits no more once `stop` is cancelled. What it leases meanwhile it answers: so whoever stops it
    /// by the token, in the place of dropping it, leaves no message behind a lease that nobody holds.
    ///
    /// # Errors
    /// As of [`Queues::receive`].
    fn receive_until<'a>(
        &'a self,
        queue: &'a QueueName,
        receive: Receive,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Received, CommitError>>;

    /// Has a lease end so long from now, sooner or later than it would; of a group, that of all messages leased with it.
    ///
    /// Answers the receipt that counts from now on.
    ///
    /// # Errors
    /// As of [`Queues::receive`], and [`CommitError::LeaseLost`].
    fn extend<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
    ) -> BoxFuture<'a, Result<(Receipt, Timestamp), CommitError>>;

    /// Looks at up to `limit` messages, at least 1, behind those of the page that gave `cursor`; at fewer if several have more
    /// bytes than a commit may send.
    ///
    /// # Errors
    /// [`ReadError`].
    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Peeked, ReadError>>;

    /// Says how much a queue holds.
    ///
    /// # Errors
    /// [`ReadError`].
    fn depth<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<Depth, ReadError>>;

    /// Removes every message that is there when it begins, leased ones too; answers how many.
    ///
    /// # Errors
    /// As of [`Queues::receive`]. Some may have been removed then.
    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64, CommitError>>;

    /// Moves up to `max` of the messages that wait in a dead-letter queue back to where each was given up, to be received as if
    /// for the first time; with `to`, all to that queue. Those of a FIFO queue go as they were sent. Answers how many were moved: a message that was not given up
    /// anywhere, or by a queue that is no more, stays unless `to` is given.
    ///
    /// # Errors
    /// As of [`Queues::receive`], and [`CommitError::Full`]. Some may have been moved then.
    fn redrive<'a>(
        &'a self,
        from: &'a QueueName,
        to: Option<&'a QueueName>,
        max: u64,
    ) -> BoxFuture<'a, Result<u64, CommitError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_from_its_text() {
        let queue = QueueName::parse("jobs").expect("a name");
        let receipt = Receipt { queue: queue.clone(), lease: Bytes::from_static(&[0, 255, 7]) };
        assert_eq!(Receipt::parse(queue.clone(), &receipt.text()), Ok(receipt));
        assert_eq!(Receipt::parse(queue, "no receipt!"), Err(Invalid::Receipt));
    }
}
