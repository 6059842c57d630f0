//! Looks into key-value stores and writes to them, on behalf of whoever runs the host: no grants are asked.

use super::api::{Item, Page, Printable, Problem, Put, Scan, Written};
use bytes::Bytes;
use flint_model::{StoreName, Timestamp};
use flint_stores::{Commit, Effect, Entry, Expectation, Outcome, Stores};
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
    let expires_at = put.ttl_ms.map(|ttl| stores.now().saturating_add(Duration::from_millis(ttl)));
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

pub(super) fn item(key: String, entry: &Entry) -> Item {
    Item {
        key,
        value: Printable::new(&entry.value),
        version: entry.version,
        expires_at_ms: entry.expires_at.map(Timestamp::as_millis),
    }
}
