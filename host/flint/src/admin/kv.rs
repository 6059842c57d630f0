//! Looks into key-value stores and writes to them, on behalf of whoever runs the host: no grants are asked.

use super::api::{Item, Page, Printable, Problem, Put, Scan, Written};
use bytes::Bytes;
use flint_model::{StoreName, Timestamp};
use flint_stores::{Commit, CommitError, Effect, Entry, Expectation, Missing, Outcome, ReadError, Stores};
use http::StatusCode;
use std::time::Duration;

/// How many keys a page has when nobody says.
const PAGE: u32 = 100;

/// Reads a key.
///
/// # Errors
/// A problem; `kv/no-such-key` if there is none.
pub(crate) async fn get(stores: &dyn Stores, store: &StoreName, key: &str) -> Result<Item, Problem> {
    let entry = stores.kv().get(store, key).await?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, "kv/no-such-key", format!("store {store} has no key {key:?}"));
    entry.map(|entry| item(key.to_owned(), &entry)).ok_or_else(missing)
}

/// Reads some keys.
///
/// # Errors
/// A problem.
pub(crate) async fn scan(stores: &dyn Stores, store: &StoreName, scan: &Scan) -> Result<Page, Problem> {
    let limit = scan.limit.unwrap_or(PAGE);
    let page = stores.kv().scan(store, &scan.prefix, scan.cursor.as_deref(), limit).await?;
    let items = page.items.into_iter().map(|found| item(found.key, &found.entry)).collect();
    Ok(Page { items, cursor: page.cursor })
}

/// Writes a key, durably.
///
/// # Errors
/// A problem; `kv/conflict` if the key is not what was expected, `kv/invalid` if it is to live for no time.
pub(crate) async fn put(
    stores: &dyn Stores,
    store: &StoreName,
    key: &str,
    value: Bytes,
    put: &Put,
) -> Result<Written, Problem> {
    if put.ttl_ms == Some(0) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "kv/invalid", "a time to live is at least 1 ms"));
    }
    let expires_at = put.ttl_ms.map(|ttl| Timestamp::now().saturating_add(Duration::from_millis(ttl)));
    let expect = match (put.if_absent, put.if_version) {
        (true, Some(_)) => {
            let detail = "a key can't be absent and have a version";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "kv/invalid", detail));
        }
        (true, None) => Some(Expectation::Absent),
        (false, version) => version.map(Expectation::Version),
    };
    let effect = Effect::KvPut { store: store.clone(), key: key.to_owned(), value, expires_at, expect };
    let committed = stores.commit(Commit::from(effect)).await?;
    let version = match committed.outcomes.first() {
        Some(Outcome::KvPut { version }) => *version,
        // The outcomes are those of the effects, in their order.
        _ => committed.version,
    };
    Ok(Written { key: key.to_owned(), version })
}

fn item(key: String, entry: &Entry) -> Item {
    Item {
        key,
        value: Printable::new(&entry.value),
        version: entry.version,
        expires_at_ms: entry.expires_at.map(Timestamp::as_millis),
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let (status, code) = match &error {
            ReadError::NoSuch(missing) => (StatusCode::NOT_FOUND, no_such(missing)),
            ReadError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "kv/too-large"),
            ReadError::Invalid(_) => (StatusCode::BAD_REQUEST, "kv/invalid"),
            ReadError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "kv/unavailable"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        let (status, code) = match &error {
            CommitError::Conflict { .. } => (StatusCode::CONFLICT, "kv/conflict"),
            CommitError::BlobConflict { .. } => (StatusCode::CONFLICT, "blob/conflict"),
            CommitError::NotACounter { .. } => (StatusCode::CONFLICT, "kv/not-a-counter"),
            CommitError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "kv/too-large"),
            CommitError::NoSuch(missing) => (StatusCode::NOT_FOUND, no_such(missing)),
            CommitError::LeaseLost { .. } => (StatusCode::CONFLICT, "queue/lease-lost"),
            CommitError::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, "queue/full"),
            CommitError::Invalid(_) => (StatusCode::BAD_REQUEST, "kv/invalid"),
            CommitError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "kv/unavailable"),
        };
        Self::new(status, code, error.to_string())
    }
}

fn no_such(missing: &Missing) -> &'static str {
    match missing {
        Missing::Store(_) => "kv/no-such-store",
        Missing::Queue(_) => "queue/no-such-queue",
        Missing::Bucket(_) => "blob/no-such-bucket",
    }
}
