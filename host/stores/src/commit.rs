//! The one commit: its request, its result, and the ways in which it fails.

use flint_model::StoreName;

use crate::effect::Effect;
use crate::kv::{CounterFault, Version};
use crate::refusal::{Invalid, Refusal, TooLarge, Unavailable};

/// What becomes durable together: all of it, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The changes, each about another key. Their order is that of the outcomes.
    pub effects: Vec<Effect>,
}

impl Commit {
    /// Commits these effects.
    pub fn new(effects: Vec<Effect>) -> Self {
        Self { effects }
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
    /// No store has this name. A retry can't help.
    #[error("there is no store {store}")]
    NoSuchStore {
        /// The name.
        store: StoreName,
    },
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
            Refusal::NoSuchStore { store } => Self::NoSuchStore { store },
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
