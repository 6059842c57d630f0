//! Key-value stores: one implementation over the store engine, a converter for each dialect.

mod flint;
mod wasi_draft;
mod wasi_draft2;

use super::stores::{Account, Spent, Turn};
use crate::state::State;
use flint_model::{Access, Capability, StoreName, Timestamp};
use flint_stores::{
    CommitError, Effect, Entry, Expectation, Missing, Outcome, Page, ReadError, TooLarge, Unavailable, Version,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why a call failed, for every dialect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no store {0}")]
    NoSuchStore(String),
    #[error("{0}")]
    Denied(String),
    #[error("the key {key:?} is not what was expected")]
    Conflict { key: String, current: Option<Version> },
    #[error(transparent)]
    TooLarge(TooLarge),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotACounter(String),
    #[error(transparent)]
    Unavailable(Unavailable),
    #[error("{0}")]
    Spent(Spent),
}

impl Error {
    /// A store engine answered a change with the outcome of another: nothing is known of what was written.
    fn unexpected() -> Self {
        Self::Unavailable(Unavailable::Failed)
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuch(missing) => missing.into(),
            ReadError::TooLarge(too_large) => Self::TooLarge(too_large),
            ReadError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            ReadError::Unavailable { reason } => Self::Unavailable(reason),
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { key, current, .. } => Self::Conflict { key, current },
            CommitError::NotACounter { .. } => Self::NotACounter(error.to_string()),
            CommitError::TooLarge(too_large) => Self::TooLarge(too_large),
            CommitError::NoSuch(missing) => missing.into(),
            CommitError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            CommitError::Unavailable { reason } => Self::Unavailable(reason),
            // The queues of those who listen to the store: back-pressure, and a circle.
            CommitError::Full { .. } => Self::Unavailable(Unavailable::Overloaded),
            CommitError::TooDeep { .. } => Self::Invalid(error.to_string()),
            // No message is settled here, and no schedule fires.
            CommitError::LeaseLost { .. } | CommitError::Ticked { .. } | CommitError::BlobConflict { .. } => {
                Self::unexpected()
            }
        }
    }
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Store(store) => Self::NoSuchStore(store.to_string()),
            Missing::Queue(_) | Missing::Topic(_) | Missing::Bucket(_) => Self::unexpected(),
        }
    }
}

impl From<Spent> for Error {
    fn from(spent: Spent) -> Self {
        Self::Spent(spent)
    }
}

/// A change, before it has a store.
pub(crate) enum Change {
    Put { key: String, value: Vec<u8>, ttl: Option<Duration>, expect: Option<Expectation> },
    Delete { key: String, expect: Option<Expectation> },
    Increment { key: String, delta: i64 },
}

impl Change {
    fn bytes(&self) -> usize {
        let texts = match self {
            Self::Put { key, value, .. } => key.len() + value.len(),
            Self::Delete { key, .. } | Self::Increment { key, .. } => key.len(),
        };
        size_of::<Self>() + texts
    }
}

/// A store that was opened, of `wasi:keyvalue`.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct Bucket(StoreName);

/// A compare-and-swap that was begun, of `wasi:keyvalue`. It keeps the version alone: a guest can hold many of them.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct Cas {
    store: StoreName,
    key: String,
    seen: Option<Version>,
}

/// The key-value stores, as one invocation may use them.
pub(crate) struct Client(Account);

impl State {
    pub(crate) fn kv(&mut self) -> Client {
        Client(self.account())
    }
}

impl Client {
    /// Checks the grant, and counts the call.
    fn open(&self, store: &str, access: Access) -> Result<StoreName, Error> {
        if !self.0.allows(Capability::Kv, store, access) {
            return Err(Error::Denied(format!("the function has no {access} grant for the store {store:?}")));
        }
        self.0.count()?;
        StoreName::parse(store).map_err(|_| Error::NoSuchStore(store.to_owned()))
    }

    /// Waits for its turn among the calls of the instance.
    async fn turn(&self, arguments: usize) -> Result<Turn<'_>, Error> {
        self.0.spend(arguments)?;
        self.0.enter(arguments).await.map_err(Error::Unavailable)
    }

    pub(crate) async fn get(&self, store: &str, key: &str) -> Result<Option<Entry>, Error> {
        let store = self.open(store, Access::Read)?;
        let _turn = self.turn(key.len()).await?;
        let entry = self.0.stores.kv().get(&store, key).await?;
        self.0.spend(entry.as_ref().map_or(0, |entry| entry.value.len()))?;
        Ok(entry)
    }

    pub(crate) async fn get_many(&self, store: &str, keys: &[String]) -> Result<Vec<Option<Entry>>, Error> {
        let store = self.open(store, Access::Read)?;
        let _turn = self.turn(keys.iter().map(|key| size_of::<String>() + key.len()).sum()).await?;
        let entries = self.0.stores.kv().get_many(&store, keys).await?;
        self.0.spend(entries.iter().flatten().map(|entry| entry.value.len()).sum())?;
        Ok(entries)
    }

    pub(crate) async fn exists(&self, store: &str, key: &str) -> Result<bool, Error> {
        let store = self.open(store, Access::Read)?;
        let _turn = self.turn(key.len()).await?;
        Ok(self.0.stores.kv().exists(&store, key).await?)
    }

    pub(crate) async fn scan(
        &self,
        store: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page, Error> {
        let store = self.open(store, Access::Read)?;
        let _turn = self.turn(prefix.len() + cursor.map_or(0, str::len)).await?;
        let page = self.0.stores.kv().scan(&store, prefix, cursor, limit).await?;
        self.0.spend(page.items.iter().map(|item| item.key.len() + item.entry.value.len()).sum())?;
        Ok(page)
    }

    /// Makes all the changes or none.
    pub(crate) async fn write(&self, store: &str, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
        let store = self.open(store, Access::ReadWrite)?;
        let _turn = self.turn(changes.iter().map(Change::bytes).sum()).await?;
        let now = self.0.function.clock.now();
        let effects = changes.into_iter().map(|change| effect(&store, change, now)).collect::<Result<_, _>>()?;
        Ok(self.0.commit(effects).await?.outcomes)
    }

    /// Makes one change.
    pub(crate) async fn write_one(&self, store: &str, change: Change) -> Result<Outcome, Error> {
        let outcomes = self.write(store, vec![change]).await?;
        outcomes.into_iter().next().ok_or_else(Error::unexpected)
    }
}

/// What only `wasi:keyvalue` needs.
impl Client {
    /// Opens a store that the function may at least read.
    fn bucket(&self, store: &str) -> Result<Bucket, Error> {
        self.open(store, Access::Read).map(Bucket)
    }

    async fn begin_swap(&self, store: StoreName, key: String) -> Result<Cas, Error> {
        let seen = self.get(store.as_str(), &key).await?.map(|entry| entry.version);
        Ok(Cas { store, key, seen })
    }

    async fn set_many(&self, store: &str, pairs: Vec<(String, Vec<u8>)>) -> Result<(), Error> {
        // Of several values for one key the last counts, as if they were set one after the other.
        let last: BTreeMap<String, Vec<u8>> = pairs.into_iter().collect();
        let put = |(key, value)| Change::Put { key, value, ttl: None, expect: None };
        self.write_unless_empty(store, last.into_iter().map(put).collect()).await
    }

    async fn delete_many(&self, store: &str, keys: Vec<String>) -> Result<(), Error> {
        let once: BTreeSet<String> = keys.into_iter().collect();
        let delete = |key| Change::Delete { key, expect: None };
        self.write_unless_empty(store, once.into_iter().map(delete).collect()).await
    }

    async fn write_unless_empty(&self, store: &str, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() {
            return self.open(store, Access::ReadWrite).map(drop);
        }
        self.write(store, changes).await.map(drop)
    }

    /// Lists a page of keys behind the first `skip`, and how many were passed then, if there are more.
    async fn list_from(&self, store: &str, skip: u64, limit: u32) -> Result<(Vec<String>, Option<u64>), Error> {
        let mut passed = 0;
        let mut cursor = None;
        loop {
            let page = self.scan(store, "", cursor.as_deref(), limit).await?;
            let count = page.items.len() as u64;
            let unwanted = usize::try_from(skip.saturating_sub(passed)).unwrap_or(usize::MAX);
            passed += count;
            if passed > skip || page.cursor.is_none() {
                let keys = page.items.into_iter().skip(unwanted).map(|item| item.key).collect();
                return Ok((keys, page.cursor.map(|_| passed)));
            }
            cursor = page.cursor;
        }
    }
}

fn effect(store: &StoreName, change: Change, now: Timestamp) -> Result<Effect, Error> {
    let store = store.clone();
    Ok(match change {
        Change::Put { ttl: Some(Duration::ZERO), .. } => {
            return Err(Error::Invalid("a time to live is at least 1 ms".to_owned()));
        }
        Change::Put { key, value, ttl, expect } => {
            let expires_at = ttl.map(|ttl| now.saturating_add(ttl));
            Effect::KvPut { store, key, value: value.into(), expires_at, expect }
        }
        Change::Delete { key, expect } => Effect::KvDelete { store, key, expect },
        Change::Increment { key, delta } => Effect::KvIncrement { store, key, delta, expect: None },
    })
}
