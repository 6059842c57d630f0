//! The one commit: its request, its result, and the ways in which it fails.

use flint_model::{MessageId, QueueName};

use crate::blob::{Etag, Linked};
use crate::effect::Effect;
use crate::kv::{CounterFault, Version};
use crate::queue::Settle;
use crate::refusal::{Invalid, Missing, Refusal, TooLarge, Unavailable};

/// What becomes durable together: all of it, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The changes, each about another key. Their order is that of the outcomes.
    pub effects: Vec<Effect>,
    /// The messages that caused them, if any, and what becomes of each. With messages, there may be no effects.
    pub consumed: Vec<Settle>,
}

impl Commit {
    /// Commits these effects.
    pub fn new(effects: Vec<Effect>) -> Self {
        Self { effects, consumed: Vec::new() }
    }

    /// Settles these messages.
    pub fn settle(consumed: Vec<Settle>) -> Self {
        Self { effects: Vec::new(), consumed }
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

impl From<Unavailable> for CommitError {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable { reason }
    }
}
