//! `wasi:blobstore@0.2.0-draft`: a container is a bucket that was granted, an object a blob, and content streams by `wasi:io`.
//!
//! Buckets are made by platform.toml: who wants to make, remove or empty one is told so. What is written is there, and durable,
//! when `finish` has answered; a value that is dropped without it leaves nothing.

pub(crate) mod incoming;
pub(crate) mod names;
pub(crate) mod outgoing;

use self::incoming::IncomingValue;
use self::names::ObjectNames;
use self::outgoing::OutgoingValue;
use super::{Client, unexpected, wit};
use crate::bindings::wasi::blobstore::{blobstore, container};
use crate::state::State;
use flint_model::{Access, BucketName};
use flint_stores::{BlobExpectation, Effect, Range};
use std::collections::BTreeSet;
use wasmtime::Result;
use wasmtime::component::Resource;

/// A bucket that was opened.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct Container(BucketName);

/// An error of this draft is a text.
fn text(error: wit::Error) -> String {
    match error {
        wit::Error::NoSuchBucket(bucket) => format!("there is no bucket {bucket}"),
        wit::Error::NoSuchBlob(key) => format!("there is no object {key}"),
        wit::Error::Conflict(_) => "the object is another by now".to_owned(),
        wit::Error::Interrupted => "the content was cut short".to_owned(),
        wit::Error::Denied(text)
        | wit::Error::TooLarge(text)
        | wit::Error::Invalid(text)
        | wit::Error::Unavailable(text) => text,
    }
}

impl blobstore::Host for State {
    async fn create_container(&mut self, name: String) -> Result<Result<Resource<Container>, String>> {
        Ok(Err(format!("a bucket is made by platform.toml: a section [bucket.{name}] there makes this one")))
    }

    async fn get_container(&mut self, name: String) -> Result<Result<Resource<Container>, String>> {
        match self.blobs().open(&name, Access::Read) {
            Ok(bucket) => Ok(Ok(self.table.push(Container(bucket))?)),
            Err(error) => Ok(Err(text(error))),
        }
    }

    async fn delete_container(&mut self, name: String) -> Result<Result<(), String>> {
        Ok(Err(format!("a bucket is removed from platform.toml: its section is [bucket.{name}]")))
    }

    /// What the function was not granted is not there.
    async fn container_exists(&mut self, name: String) -> Result<Result<bool, String>> {
        let client = self.blobs();
        Ok(match client.open(&name, Access::Read) {
            Err(wit::Error::Denied(_) | wit::Error::NoSuchBucket(_)) => Ok(false),
            Err(error) => Err(text(error)),
            Ok(bucket) => match client.names(&bucket, None, 1).await {
                Err(wit::Error::NoSuchBucket(_)) => Ok(false),
                found => found.map(|_| true).map_err(text),
            },
        })
    }

    async fn copy_object(&mut self, from: blobstore::ObjectId, to: blobstore::ObjectId) -> Result<Result<(), String>> {
        Ok(self.blobs().copy_or_move(from, to, false).await.map_err(text))
    }

    async fn move_object(&mut self, from: blobstore::ObjectId, to: blobstore::ObjectId) -> Result<Result<(), String>> {
        Ok(self.blobs().copy_or_move(from, to, true).await.map_err(text))
    }
}

impl container::Host for State {}

impl container::HostContainer for State {
    async fn name(&mut self, container: Resource<Container>) -> Result<Result<String, String>> {
        Ok(Ok(self.table.get(&container)?.0.to_string()))
    }

    /// A bucket is as old as its section in platform.toml, and nobody notes when that was.
    async fn info(&mut self, container: Resource<Container>) -> Result<Result<container::ContainerMetadata, String>> {
        let name = self.table.get(&container)?.0.to_string();
        Ok(Ok(container::ContainerMetadata { name, created_at: 0 }))
    }

    async fn get_data(
        &mut self,
        container: Resource<Container>,
        name: String,
        start: u64,
        end: u64,
    ) -> Result<Result<Resource<IncomingValue>, String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        // The last byte is meant too.
        match self.blobs().read(bucket, name, Range::Span(start..end.saturating_add(1))).await {
            Ok(value) => Ok(Ok(self.table.push(value)?)),
            Err(error) => Ok(Err(text(error))),
        }
    }

    async fn write_data(
        &mut self,
        container: Resource<Container>,
        name: String,
        data: Resource<OutgoingValue>,
    ) -> Result<Result<(), String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        let opened = self.blobs().open(bucket.as_str(), Access::ReadWrite);
        let value = self.table.get_mut(&data)?;
        Ok(opened.and_then(|bucket| value.lead_to(bucket, name)).map_err(text))
    }

    async fn list_objects(&mut self, container: Resource<Container>) -> Result<Result<Resource<ObjectNames>, String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        Ok(Ok(self.table.push(ObjectNames::of(bucket))?))
    }

    async fn delete_object(&mut self, container: Resource<Container>, name: String) -> Result<Result<(), String>> {
        self.delete_objects(container, vec![name]).await
    }

    /// All of them, or none.
    async fn delete_objects(
        &mut self,
        container: Resource<Container>,
        names: Vec<String>,
    ) -> Result<Result<(), String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        let names: BTreeSet<String> = names.into_iter().collect();
        Ok(self.blobs().delete(&bucket, names).await.map_err(text))
    }

    async fn has_object(&mut self, container: Resource<Container>, name: String) -> Result<Result<bool, String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        Ok(self.blobs().look(&bucket, &name).await.map(|info| info.is_some()).map_err(text))
    }

    /// The draft leaves open what a time is counted in: here it is seconds since 1970.
    async fn object_info(
        &mut self,
        container: Resource<Container>,
        name: String,
    ) -> Result<Result<container::ObjectMetadata, String>> {
        let Container(bucket) = self.table.get(&container)?.clone();
        Ok(match self.blobs().look(&bucket, &name).await {
            Ok(Some(info)) => {
                let created_at = info.modified_at.as_millis() / 1000;
                Ok(container::ObjectMetadata { name, container: bucket.to_string(), created_at, size: info.size })
            }
            Ok(None) => Err(text(wit::Error::NoSuchBlob(name))),
            Err(error) => Err(text(error)),
        })
    }

    async fn clear(&mut self, container: Resource<Container>) -> Result<Result<(), String>> {
        let Container(bucket) = self.table.get(&container)?;
        Ok(Err(format!("the bucket {bucket} is not emptied at once: list its objects and delete them")))
    }

    async fn drop(&mut self, container: Resource<Container>) -> Result<()> {
        self.table.delete(container)?;
        Ok(())
    }
}

impl Client {
    /// Describes a blob, if there is one.
    async fn look(&self, bucket: &BucketName, key: &str) -> Result<Option<flint_stores::BlobInfo>, wit::Error> {
        let bucket = self.open(bucket.as_str(), Access::Read)?;
        self.head(&bucket, key).await
    }

    async fn delete(&self, bucket: &BucketName, keys: BTreeSet<String>) -> Result<(), wit::Error> {
        let bucket = self.open(bucket.as_str(), Access::ReadWrite)?;
        if keys.is_empty() {
            return Ok(());
        }
        let unlink = |key| Effect::BlobUnlink { bucket: bucket.clone(), key, expect: None };
        self.change_all(keys.into_iter().map(unlink).collect()).await.map(drop)
    }

    /// A move is one commit: the object is never in both places, nor in none.
    async fn copy_or_move(
        &self,
        from: blobstore::ObjectId,
        to: blobstore::ObjectId,
        is_move: bool,
    ) -> Result<(), wit::Error> {
        let access = if is_move { Access::ReadWrite } else { Access::Read };
        let from_bucket = self.open(&from.container, access)?;
        let bucket = self.allowed(&to.container, Access::ReadWrite)?;
        let Some(source) = self.head(&from_bucket, &from.object).await? else {
            return Err(wit::Error::NoSuchBlob(from.object));
        };
        if (&from_bucket, &from.object) == (&bucket, &to.object) {
            return Ok(());
        }
        let unlink = Effect::BlobUnlink {
            bucket: from_bucket.clone(),
            key: from.object.clone(),
            expect: Some(BlobExpectation::Etag(source.etag)),
        };
        let copy = Effect::BlobCopy {
            from_bucket,
            from_key: from.object,
            from_expect: Some(source.etag),
            bucket,
            key: to.object,
            expect: None,
        };
        let effects = std::iter::once(copy).chain(Some(unlink).filter(|_| is_move));
        self.change_all(effects.collect()).await.map(drop)
    }
}
