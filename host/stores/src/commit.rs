//! The one commit: its request, its result, and the ways in which it fails.

use flint_model::{MessageId, QueueName, ScheduleName, Timestamp, TraceContext};

use crate::blob::{Etag, Linked};
use crate::effect::Effect;
use crate::kv::{CounterFault, ReadError, Version};
use crate::queue::Settle;
use crate::refusal::{Invalid, Missing, Refusal, TooLarge, Unavailable};

/// What becomes durable together: all of it, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The changes, each about another key. Their order is that of the outcomes.
    pub effects: Vec<Effect>,
    /// The messages that caused them, if any, and what becomes of each. With messages, there may be no effects.
    pub consumed: Vec<Settle>,
    /// What led to it, for the messages that the effects cause.
    pub cause: Cause,
}

/// What led to a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
    /// The depth of the message that is handled; 0 for a request. What the effects cause is one deeper.
    pub depth: u32,
}

impl Commit {
    /// Commits these effects.
    pub fn new(effects: Vec<Effect>) -> Self {
        Self { effects, ..Self::default() }
    }

    /// Settles these messages.
    pub fn settle(consumed: Vec<Settle>) -> Self {
        Self { consumed, ..Self::default() }
    }

    /// The bytes that the effects bring.
    pub fn size(&self) -> u64 {
        self.effects.iter().map(Effect::size).sum()
    }
}

impl From<Effect> for Commit {
    fn from(effect: Effect) -> Self {
        Self::new(vec![effect])
    }
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The version of every entry that the commit wrote: larger than that of every commit before it, never used again,
    /// also not after a restart. A commit that changed nothing (it deleted keys that were not there) may answer the
    /// version of the commit before it.
    pub version: Version,
    /// What each effect came to, in their order.
    pub outcomes: Vec<Outcome>,
}

/// What one effect came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The key was written.
    KvPut {
        /// The version that it has now.
        version: Version,
    },
    /// The key is not there, now.
    KvDelete {
        /// Whether it was there before.
        existed: bool,
    },
    /// The counter was written.
    KvIncrement {
        /// What it counts now.
        sum: i64,
    },
    /// The key is as expected.
    KvCheck,
    /// The message is in the queue.
    QueueSend {
        /// Its id; or that of the message with the same deduplication id which was there before.
        id: MessageId,
    },
    /// The key leads to the content.
    BlobLink {
        /// What it leads to now.
        linked: Linked,
    },
    /// The key leads to nothing, now.
    BlobUnlink {
        /// Whether it led to something before.
        existed: bool,
    },
    /// The second key leads to what the first one led to.
    BlobCopy {
        /// What it leads to now.
        linked: Linked,
    },
    /// The message is in the queue of every subscription that wants it.
    TopicPublish {
        /// Its id.
        id: MessageId,
    },
    /// The tick is the last one.
    ScheduleTick,
    /// What became of the invocation is known.
    InvocationPut {
        /// Whether that is what was to be written: what succeeded stays so.
        written: bool,
    },
}

/// Why a commit did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A key is not what an effect expects. Read it again, decide anew, then retry.
    #[error("the key {key:?} is not what was expected: {}", match current {
        Some(version) => format!("it is at version {version}"),
        None => "it does not exist".to_owned(),
    })]
    Conflict {
        /// Which effect, counted from 0.
        index: usize,
        /// The key.
        key: String,
        /// The version that it has now, if it exists.
        current: Option<Version>,
    },
    /// A key of a bucket does not lead to what an effect expects, or the source of a copy to nothing. Look again, decide
    /// anew, then retry.
    #[error("the blob {key:?} is not what was expected: {}", match current {
        Some(etag) => format!("its etag is {etag}"),
        None => "it does not exist".to_owned(),
    })]
    BlobConflict {
        /// Which effect, counted from 0.
        index: usize,
        /// The key.
        key: String,
        /// The etag of what it leads to now, if it does.
        current: Option<Etag>,
    },
    /// An increment can't be made. A retry can't help.
    #[error("the key {key:?} can't be incremented: {fault}")]
    NotACounter {
        /// Which effect, counted from 0.
        index: usize,
        /// The key.
        key: String,
        /// What stands in the way.
        fault: CounterFault,
    },
    /// Something is larger than its limit. A retry can't help.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The lease of a message is over: it was settled before, or comes again to someone. What this commit was to do is up to
    /// whoever holds the message now; a retry can't help.
    #[error("the lease of a message of the queue {queue} is over")]
    LeaseLost {
        /// Which message of those consumed, counted from 0.
        index: usize,
        /// Its queue.
        queue: QueueName,
    },
    /// The queue holds as many messages as it may. A retry can help, after a back-off.
    #[error("the queue {queue} is full: it holds {limit} messages")]
    Full {
        /// The queue.
        queue: QueueName,
        /// The most that it may hold.
        limit: u64,
    },
    /// The schedule was not at the tick that was expected: another has fired this one. A retry can't help.
    #[error("another has fired this tick of the schedule {schedule}")]
    Ticked {
        /// Which effect, counted from 0.
        index: usize,
        /// The schedule.
        schedule: ScheduleName,
        /// The last tick, if there was one.
        last: Option<Timestamp>,
    },
    /// More messages than may led to this commit, one causing the next, and it would cause another one. A retry can't help.
    #[error(
        "more than {limit} messages would cause one another, the last of them for the queue {queue}: a function probably \
         writes into what it listens to; have it write elsewhere, or filter what it listens to"
    )]
    TooDeep {
        /// The queue of the message.
        queue: QueueName,
        /// The greatest depth of a message.
        limit: u32,
    },
    /// What is named does not exist. A retry can't help.
    #[error(transparent)]
    NoSuch(Missing),
    /// The commit breaks a rule. A retry can't help.
    #[error(transparent)]
    Invalid(Invalid),
    /// The engine can't serve now. A retry can help, after a back-off; unless `reason` says that nothing was written,
    /// the commit may have happened.
    #[error("{reason}")]
    Unavailable {
        /// Why.
        reason: Unavailable,
    },
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuch(missing) => Self::NoSuch(missing),
            Refusal::TooLarge(too_large) => Self::TooLarge(too_large),
            Refusal::Invalid(invalid) => Self::Invalid(invalid),
        }
    }
}

impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuch(missing) => Self::NoSuch(missing),
            ReadError::TooLarge(too_large) => Self::TooLarge(too_large),
            ReadError::Invalid(invalid) => Self::Invalid(invalid),
            ReadError::Unavailable { reason } => Self::Unavailable { reason },
        }
    }
}

impl From<Unavailable> for CommitError {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable { reason }
    }
}
