//! Why a store refuses: the parts that errors of reads and of commits share.

use std::fmt;

use flint_model::StoreName;

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
}

impl What {
    /// The word for it: `key`, `value`, `batch` or `page`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Batch => "batch",
            Self::Page => "page",
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
    /// Its size: bytes, or entries of a batch or page.
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
    /// A page of no entries.
    #[error("a page has at least one entry")]
    EmptyPage,
    /// A cursor that no scan of this store and prefix gave out.
    #[error("the cursor was not given out by a scan of this store and prefix")]
    Cursor,
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
    /// The storage below failed. What the call wrote is there whole or not at all. The engine logs the cause.
    #[error("the storage failed")]
    Failed,
}

/// Why arguments are refused before any store is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No store has this name.
    #[error("there is no store {store}")]
    NoSuchStore {
        /// The name.
        store: StoreName,
    },
    /// Something is larger than its limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// An argument breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
