//! `wasi:keyvalue@0.2.0-draft`: cursors are numbers, counters are unsigned, no compare-and-swap.

use super::{Bucket, Change, Error};
use crate::bindings::wasi::keyvalue0_2_0_draft::{atomics, batch, store};
use crate::state::State;
use flint_stores::Outcome;
use wasmtime::Result;
use wasmtime::component::Resource;

/// So many keys are listed at a time.
const PAGE: u32 = 1000;

impl From<Error> for store::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore(_) => Self::NoSuchStore,
            Error::Denied(_) => Self::AccessDenied,
            other => Self::Other(other.to_string()),
        }
    }
}

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Result<Result<Resource<Bucket>, store::Error>> {
        match self.kv().bucket(&identifier) {
            Ok(bucket) => Ok(Ok(self.table.push(bucket)?)),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<Option<Vec<u8>>, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let entry = self.kv().get(bucket.0.as_str(), &key).await;
        Ok(entry.map(|entry| entry.map(|entry| entry.value.into())).map_err(store::Error::from))
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let change = Change::Put { key, value, ttl: None, expect: None };
        Ok(self.kv().write_one(bucket.0.as_str(), change).await.map(drop).map_err(store::Error::from))
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let change = Change::Delete { key, expect: None };
        Ok(self.kv().write_one(bucket.0.as_str(), change).await.map(drop).map_err(store::Error::from))
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<bool, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        Ok(self.kv().exists(bucket.0.as_str(), &key).await.map_err(store::Error::from))
    }

    /// A cursor of this draft is a number: how many keys were listed before. Keys that come or go meanwhile move it; the
    /// later draft does not have this flaw.
    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<Result<store::KeyResponse, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let listed = self.kv().list_from(bucket.0.as_str(), cursor.unwrap_or(0), PAGE).await;
        Ok(listed.map(|(keys, cursor)| store::KeyResponse { keys, cursor }).map_err(store::Error::from))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<Result<u64, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let Ok(delta) = i64::try_from(delta) else {
            return Ok(Err(store::Error::Other("the sum does not fit in 63 bits".to_owned())));
        };
        match self.kv().write_one(bucket.0.as_str(), Change::Increment { key, delta }).await {
            // Another dialect may have left the counter below zero. That is written: an error would say that it is not.
            Ok(Outcome::KvIncrement { sum }) => Ok(Ok(u64::try_from(sum).unwrap_or(0))),
            Ok(_) => Ok(Err(Error::unexpected().into())),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<Option<(String, Vec<u8>)>>, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let entries = self.kv().get_many(bucket.0.as_str(), &keys).await;
        let pair = |(key, entry): (String, Option<flint_stores::Entry>)| Some((key, entry?.value.into()));
        Ok(entries.map(|entries| keys.into_iter().zip(entries).map(pair).collect()).map_err(store::Error::from))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        Ok(self.kv().set_many(bucket.0.as_str(), pairs).await.map_err(store::Error::from))
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<Result<(), store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        Ok(self.kv().delete_many(bucket.0.as_str(), keys).await.map_err(store::Error::from))
    }
}
