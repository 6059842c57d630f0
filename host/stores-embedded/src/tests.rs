//! The engine as a whole: the suite of flint-stores, restarts, failing disks. `tests/kill.rs` kills the process.

mod aside;
mod blobs;
mod clock;
mod events;
mod faults;
mod queues;
mod restarts;

use std::sync::Arc;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::{StoreName, Timestamp};
use flint_stores::conformance::{Setup, Subject};
use flint_stores::{Commit, CommitError, Effect, Expectation, Stores as _, Version};
use tempfile::TempDir;

use crate::{Embedded, Options};

/// A folder that is gone when the test is.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn dir(folder: &TempDir) -> Dir {
    Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("the temporary folder")
}

async fn embedded(setup: Setup) -> Subject {
    let folder = folder();
    let options = Options { catalog: setup.catalog(), clock: setup.clock, ..Options::default() };
    let stores = Arc::new(Embedded::open(dir(&folder), options).expect("a new folder"));
    Subject { stores, keep: Box::new(folder) }
}

flint_stores::conformance!(embedded);

/// The store that the tests use.
fn store() -> StoreName {
    StoreName::parse("default").expect("a name")
}

fn options(setup: &Setup) -> Options {
    Options { catalog: setup.catalog(), clock: setup.clock.clone(), ..Options::default() }
}

fn put(key: &str, value: impl AsRef<[u8]>) -> Effect {
    put_until(key, value, None)
}

fn put_until(key: &str, value: impl AsRef<[u8]>, expires_at: Option<Timestamp>) -> Effect {
    let value = Bytes::copy_from_slice(value.as_ref());
    Effect::KvPut { store: store(), key: key.to_owned(), value, expires_at, expect: None }
}

fn create(key: &str) -> Effect {
    let expect = Some(Expectation::Absent);
    Effect::KvPut { store: store(), key: key.to_owned(), value: Bytes::new(), expires_at: None, expect }
}

async fn commit(stores: &Embedded, effect: Effect) -> Result<Version, CommitError> {
    Ok(stores.commit(Commit::from(effect)).await?.version)
}

/// What a key reads as; none also if nothing can be read.
async fn value(stores: &Embedded, key: &str) -> Option<Bytes> {
    stores.kv().get(&store(), key).await.ok().flatten().map(|entry| entry.value)
}
