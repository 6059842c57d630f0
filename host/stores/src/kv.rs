//! Key-value stores: the read side, its types, and the limits of a store; in [`change`], who listens to them.

pub mod change;

use bytes::Bytes;
use flint_model::{StoreName, Timestamp};

use crate::BoxFuture;
use crate::refusal::{Invalid, Missing, Refusal, TooLarge, Unavailable};

pub use change::{Backfill, Change, ChangeEvents, ChangeKind, ChangeSubscription, NoChange, Position, Start};

/// Grows with every commit, and is never used twice. Only good for comparing.
pub type Version = u64;

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was written. A counter reads as 8 bytes, little endian, signed.
    pub value: Bytes,
    /// The version of the commit that wrote it.
    pub version: Version,
    /// When it will be gone; none if it stays.
    pub expires_at: Option<Timestamp>,
    /// What wrote it.
    pub kind: Kind,
}

/// Whether an entry can be counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was put.
    Plain,
    /// An increment wrote it.
    Counter,
}

/// A key with its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: String,
    /// What it reads as.
    pub entry: Entry,
}

/// Some keys of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In ascending order of keys, byte by byte. May be fewer than asked for, even none, before the last page.
    pub items: Vec<Item>,
    /// Where to go on; none when this was the last page.
    pub cursor: Option<String>,
}

/// Reads key-value stores.
///
/// Every read sees one moment, at or after the last commit that was answered before the read began. An entry whose time
/// to live has passed is not there. Reading changes nothing, so dropping a future undoes nothing.
pub trait Kv: Send + Sync {
    /// Reads a key; none if it does not exist.
    ///
    /// # Errors
    /// [`ReadError`].
    fn get<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, ReadError>>;

    /// Reads several keys at one moment, in the order asked for: at most `batch_max` keys, whose values have at most
    /// `page_bytes_max` together. The error tells the size at which the limit was passed.
    ///
    /// # Errors
    /// [`ReadError`].
    fn get_many<'a>(
        &'a self,
        store: &'a StoreName,
        keys: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Entry>>, ReadError>>;

    /// Says whether a key exists.
    ///
    /// # Errors
    /// [`ReadError`].
    fn exists<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<bool, ReadError>>;

    /// Reads the keys that start with `prefix`, in order, up to `limit` (at least 1), `scan_page_max` or
    /// `page_bytes_max`, but at least one if there is one.
    ///
    /// To go on, pass the cursor of the page before with the same store and prefix. Each page sees one moment, two pages
    /// may see two: a key that is there all the time comes exactly once, one that is written or deleted meanwhile at
    /// most once.
    ///
    /// # Errors
    /// [`ReadError`].
    fn scan<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// What is named does not exist. A retry can't help.
    #[error(transparent)]
    NoSuch(Missing),
    /// Something is larger than its limit. A retry can't help.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// An argument breaks a rule. A retry can't help.
    #[error(transparent)]
    Invalid(Invalid),
    /// The engine can't serve now. A retry can help, after a back-off.
    #[error("{reason}")]
    Unavailable {
        /// Why.
        reason: Unavailable,
    },
}

impl From<Refusal> for ReadError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoSuch(missing) => Self::NoSuch(missing),
            Refusal::TooLarge(too_large) => Self::TooLarge(too_large),
            Refusal::Invalid(invalid) => Self::Invalid(invalid),
        }
    }
}

impl From<TooLarge> for ReadError {
    fn from(too_large: TooLarge) -> Self {
        Self::TooLarge(too_large)
    }
}

impl From<Invalid> for ReadError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Unavailable> for ReadError {
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable { reason }
    }
}

/// The limits of a store. All are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvLimits {
    /// The longest key, in bytes: 1,024 by default.
    pub key_size_max: usize,
    /// The largest value, in bytes: 1 MiB by default.
    pub value_size_max: usize,
    /// The entries that one page of a scan has at most, whatever is asked for: 1,000 by default.
    pub scan_page_max: u32,
    /// The bytes of keys and values where a page is cut, and which a read of many keys may answer: 4 MiB by default.
    pub page_bytes_max: usize,
    /// The changes that one commit may make to the store, and the keys that one read may name: 1,000 by default.
    pub batch_max: usize,
    /// The bytes of keys and values that a commit of several changes may bring: 4 MiB by default. A single change is
    /// bounded by the limits of key and value alone.
    pub batch_bytes_max: usize,
}

impl Default for KvLimits {
    fn default() -> Self {
        Self {
            key_size_max: 1024,
            value_size_max: 1 << 20,
            scan_page_max: 1000,
            page_bytes_max: 4 << 20,
            batch_max: 1000,
            batch_bytes_max: 4 << 20,
        }
    }
}

/// Why a key can't be incremented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CounterFault {
    /// The value was not written by an increment.
    #[error("its value was not written by an increment")]
    Plain,
    /// The sum does not fit in 64 bits.
    #[error("the sum does not fit in 64 bits")]
    Overflow,
}

/// What an increment finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// No entry, or one whose time to live has passed.
    Absent,
    /// What an increment wrote before.
    At(i64),
    /// A value that was put.
    Plain,
}

impl Counter {
    /// What an increment finds in an entry.
    pub fn of(entry: Option<&Entry>) -> Self {
        let Some(entry) = entry else { return Self::Absent };
        match (entry.kind, <[u8; 8]>::try_from(&*entry.value)) {
            (Kind::Counter, Ok(bytes)) => Self::At(i64::from_le_bytes(bytes)),
            _ => Self::Plain,
        }
    }
}

/// Adds to what an increment finds.
///
/// # Errors
/// [`CounterFault`].
pub fn sum(found: Counter, delta: i64) -> Result<i64, CounterFault> {
    match found {
        Counter::Absent => Ok(delta),
        Counter::At(count) => count.checked_add(delta).ok_or(CounterFault::Overflow),
        Counter::Plain => Err(CounterFault::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_starts_at_zero_and_stays_in_64_bits() {
        for (found, delta, expected) in [
            (Counter::Absent, -3, Ok(-3)),
            (Counter::At(5), -7, Ok(-2)),
            (Counter::At(i64::MAX), 1, Err(CounterFault::Overflow)),
            (Counter::At(i64::MIN), -1, Err(CounterFault::Overflow)),
            (Counter::Plain, 1, Err(CounterFault::Plain)),
        ] {
            assert_eq!(sum(found, delta), expected, "{found:?} + {delta}");
        }
    }
}
