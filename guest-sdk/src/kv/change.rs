//! One change of a store, as a handler gets it.

use std::time::SystemTime;

use super::store::Entry;
use crate::bindings::imports::flint::platform::kv as imported;
use crate::bindings::kv_change::exports::flint::platform::kv_handler as wit;
use crate::handler::invoke::FromPayload;
use crate::{Failure, Payload, time};

/// A key that changed: what was there, and what is.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::kv::{Change, ChangeKind};
///
/// #[flint_sdk::kv_change]
/// async fn report(change: Change<String>) -> Result<(), Failure> {
///     match change.kind() {
///         ChangeKind::Insert => println!("{} is new", change.key),
///         ChangeKind::Modify => println!("{} is {:?} now", change.key, change.new.map(|entry| entry.value)),
///         ChangeKind::Remove => println!("{} is gone", change.key),
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change<T> {
    /// Unique for each change, the same when it comes again.
    pub id: String,
    /// The store.
    pub store: String,
    /// The key.
    pub key: String,
    /// The entry before, if there was one.
    pub old: Option<Entry<T>>,
    /// The entry after; none if it was deleted, or its time to live is over.
    pub new: Option<Entry<T>>,
    /// When it changed.
    pub at: SystemTime,
}

/// What kind of change it is.
///
/// ```
/// use flint_sdk::kv::{Change, ChangeKind};
///
/// fn is_gone<T>(change: &Change<T>) -> bool {
///     change.kind() == ChangeKind::Remove
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The key was not there before.
    Insert,
    /// It was there and is.
    Modify,
    /// It is not there any more.
    Remove,
}

impl<T> Change<T> {
    /// What kind of change it is.
    ///
    /// ```
    /// use flint_sdk::kv::{Change, ChangeKind};
    ///
    /// fn is_new<T>(change: &Change<T>) -> bool {
    ///     change.kind() == ChangeKind::Insert
    /// }
    /// ```
    pub fn kind(&self) -> ChangeKind {
        match (&self.old, &self.new) {
            (None, Some(_)) => ChangeKind::Insert,
            (Some(_), Some(_)) => ChangeKind::Modify,
            (_, None) => ChangeKind::Remove,
        }
    }
}

impl<T: FromPayload> Change<T> {
    /// Reads the values.
    pub(crate) fn read(change: wit::Change) -> Result<Self, Failure> {
        let read = |entry: Option<imported::Entry>| -> Result<Option<Entry<T>>, Failure> {
            let Some(Entry { value, version, expires_at }) = entry.map(Entry::from) else { return Ok(None) };
            Ok(Some(Entry { value: T::from_payload(Payload(value))?, version, expires_at }))
        };
        Ok(Self {
            old: read(change.old)?,
            new: read(change.new)?,
            id: change.id,
            store: change.store,
            key: change.key,
            at: time::from_timestamp(change.at),
        })
    }
}
