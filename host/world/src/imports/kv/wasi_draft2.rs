//! `wasi:keyvalue@0.2.0-draft2`: cursors are texts, counters are signed, with compare-and-swap.

use super::{Bucket, Cas, Change, Error};
use crate::bindings::wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
use crate::state::State;
use flint_stores::{Expectation, Outcome};
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

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<Result<store::KeyResponse, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let page = self.kv().scan(bucket.0.as_str(), "", cursor.as_deref(), PAGE).await;
        let keys = |page: flint_stores::Page| store::KeyResponse {
            keys: page.items.into_iter().map(|item| item.key).collect(),
            cursor: page.cursor,
        };
        Ok(page.map(keys).map_err(store::Error::from))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::HostCas for State {
    async fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<Resource<Cas>, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        match self.kv().begin_swap(bucket.0, key).await {
            Ok(cas) => Ok(Ok(self.table.push(cas)?)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Reads again. If somebody wrote meanwhile, that is shown here, and the swap fails.
    async fn current(&mut self, cas: Resource<Cas>) -> Result<Result<Option<Vec<u8>>, store::Error>> {
        let Cas { store, key, .. } = self.table.get(&cas)?;
        let (store, key) = (store.clone(), key.clone());
        let entry = self.kv().get(store.as_str(), &key).await;
        Ok(entry.map(|entry| entry.map(|entry| entry.value.into())).map_err(store::Error::from))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<Result<i64, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        match self.kv().write_one(bucket.0.as_str(), Change::Increment { key, delta }).await {
            Ok(Outcome::KvIncrement { sum }) => Ok(Ok(sum)),
            Ok(_) => Ok(Err(Error::unexpected().into())),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<Result<(), atomics::CasError>> {
        let Cas { store, key, seen } = self.table.delete(cas)?;
        let expect = Some(seen.map_or(Expectation::Absent, Expectation::Version));
        let change = Change::Put { key: key.clone(), value, ttl: None, expect };
        match self.kv().write_one(store.as_str(), change).await {
            Ok(_) => Ok(Ok(())),
            Err(Error::Conflict { .. }) => match self.kv().begin_swap(store, key).await {
                Ok(again) => Ok(Err(atomics::CasError::CasFailed(self.table.push(again)?))),
                Err(error) => Ok(Err(atomics::CasError::StoreError(error.into()))),
            },
            Err(error) => Ok(Err(atomics::CasError::StoreError(error.into()))),
        }
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<(String, Option<Vec<u8>>)>, store::Error>> {
        let bucket = self.table.get(&bucket)?.clone();
        let entries = self.kv().get_many(bucket.0.as_str(), &keys).await;
        let pair = |(key, entry): (String, Option<flint_stores::Entry>)| (key, entry.map(|entry| entry.value.into()));
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
