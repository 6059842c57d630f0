//! `flint:platform/kv`.

use super::{Change, Client, Error};
use crate::bindings::platform::kv;
use crate::imports::stores::Spent;
use crate::state::{Platform, State};
use flint_stores::{Entry, Expectation, Outcome};
use std::time::Duration;
use wasmtime::component::Accessor;

impl kv::Host for &mut State {}

fn client<T>(accessor: &Accessor<T, Platform>) -> Client {
    accessor.with(|mut access| access.get().kv())
}

impl<T> kv::HostWithStore<T> for Platform {
    async fn get(accessor: &Accessor<T, Self>, store: String, key: String) -> Result<Option<kv::Entry>, kv::Error> {
        Ok(client(accessor).get(&store, &key).await?.map(kv::Entry::from))
    }

    async fn get_many(
        accessor: &Accessor<T, Self>,
        store: String,
        keys: Vec<String>,
    ) -> Result<Vec<Option<kv::Entry>>, kv::Error> {
        let entries = client(accessor).get_many(&store, &keys).await?;
        Ok(entries.into_iter().map(|entry| entry.map(kv::Entry::from)).collect())
    }

    async fn exists(accessor: &Accessor<T, Self>, store: String, key: String) -> Result<bool, kv::Error> {
        Ok(client(accessor).exists(&store, &key).await?)
    }

    async fn put(
        accessor: &Accessor<T, Self>,
        store: String,
        key: String,
        value: Vec<u8>,
        options: kv::PutOptions,
    ) -> Result<kv::Version, kv::Error> {
        match client(accessor).write_one(&store, put(key, value, options)).await? {
            Outcome::KvPut { version } => Ok(version),
            _ => Err(Error::unexpected().into()),
        }
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: String,
        key: String,
        expect: Option<kv::Expectation>,
    ) -> Result<bool, kv::Error> {
        let change = Change::Delete { key, expect: expect.map(Expectation::from) };
        match client(accessor).write_one(&store, change).await? {
            Outcome::KvDelete { existed } => Ok(existed),
            _ => Err(Error::unexpected().into()),
        }
    }

    async fn increment(accessor: &Accessor<T, Self>, store: String, key: String, delta: i64) -> Result<i64, kv::Error> {
        match client(accessor).write_one(&store, Change::Increment { key, delta }).await? {
            Outcome::KvIncrement { sum } => Ok(sum),
            _ => Err(Error::unexpected().into()),
        }
    }

    async fn scan(
        accessor: &Accessor<T, Self>,
        store: String,
        prefix: String,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<kv::Page, kv::Error> {
        let page = client(accessor).scan(&store, &prefix, cursor.as_deref(), limit).await?;
        let items = page.items.into_iter().map(|item| kv::Item { key: item.key, entry: item.entry.into() }).collect();
        Ok(kv::Page { items, cursor: page.cursor })
    }

    async fn batch(
        accessor: &Accessor<T, Self>,
        store: String,
        mutations: Vec<kv::Mutation>,
    ) -> Result<Vec<kv::Outcome>, kv::Error> {
        let changes = mutations.into_iter().map(Change::from).collect();
        let outcomes = client(accessor).write(&store, changes).await?;
        Ok(outcomes.into_iter().map(outcome).collect::<Result<_, _>>()?)
    }
}

fn put(key: String, value: Vec<u8>, options: kv::PutOptions) -> Change {
    let ttl = options.ttl.map(Duration::from_millis);
    Change::Put { key, value, ttl, expect: options.expect.map(Expectation::from) }
}

impl From<kv::Mutation> for Change {
    fn from(mutation: kv::Mutation) -> Self {
        match mutation {
            kv::Mutation::Put(change) => put(change.key, change.value, change.options),
            kv::Mutation::Delete(change) => {
                Self::Delete { key: change.key, expect: change.expect.map(Expectation::from) }
            }
            kv::Mutation::Increment(change) => Self::Increment { key: change.key, delta: change.delta },
        }
    }
}

impl From<kv::Expectation> for Expectation {
    fn from(expectation: kv::Expectation) -> Self {
        match expectation {
            kv::Expectation::Absent => Self::Absent,
            kv::Expectation::Version(version) => Self::Version(version),
        }
    }
}

impl From<Entry> for kv::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            value: entry.value.into(),
            version: entry.version,
            expires_at: entry.expires_at.map(flint_model::Timestamp::as_millis),
        }
    }
}

fn outcome(outcome: Outcome) -> Result<kv::Outcome, Error> {
    match outcome {
        Outcome::KvPut { version } => Ok(kv::Outcome::Put(version)),
        Outcome::KvDelete { existed } => Ok(kv::Outcome::Deleted(existed)),
        Outcome::KvIncrement { sum } => Ok(kv::Outcome::Incremented(sum)),
        Outcome::KvCheck
        | Outcome::QueueSend { .. }
        | Outcome::TopicPublish { .. }
        | Outcome::ScheduleTick
        | Outcome::BlobLink { .. }
        | Outcome::BlobUnlink { .. }
        | Outcome::BlobCopy { .. }
        | Outcome::InvocationPut { .. } => Err(Error::unexpected()),
    }
}

impl From<Error> for kv::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore(store) => Self::NoSuchStore(store),
            Error::Denied(what) => Self::Denied(what),
            Error::Conflict { key, current } => Self::Conflict(kv::Conflict { key, current }),
            Error::TooLarge(too_large) => Self::TooLarge(kv::TooLarge {
                what: too_large.what.to_string(),
                size: too_large.size,
                limit: too_large.limit,
            }),
            Error::Invalid(why) => Self::Invalid(why),
            Error::NotACounter(why) => Self::NotACounter(why),
            Error::Unavailable(reason) => Self::Unavailable(reason.to_string()),
            Error::Spent(Spent { what, size, limit }) => {
                Self::TooLarge(kv::TooLarge { what: what.to_owned(), size, limit })
            }
        }
    }
}
