//! Content that a guest reads: whole, or as a stream of `wasi:io`.

use super::{Client, text, wit};
use crate::bindings::wasi::blobstore::types;
use crate::imports::blob::convert;
use crate::imports::stores::Account;
use crate::state::State;
use bytes::Bytes;
use flint_model::{Access, BucketName};
use flint_stores::{Range, ReadError};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use std::fmt;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamError, StreamResult};

/// A blob, or a part of it, that is read when the guest asks for it. It stays as it was, whatever becomes of its key.
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct IncomingValue {
    size: u64,
    content: Content,
}

impl fmt::Debug for IncomingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingValue").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Client {
    /// Opens a blob.
    pub(super) async fn read(self, bucket: BucketName, key: String, range: Range) -> Result<IncomingValue, wit::Error> {
        let bucket = self.open(bucket.as_str(), Access::Read)?;
        let blob = {
            let _turn = self.enter(key.len()).await?;
            self.account.stores.blobs().read(&bucket, &key, range).await?
        };
        let blob = blob.ok_or(wit::Error::NoSuchBlob(key))?;
        self.account.spend(convert::size(&blob.info))?;
        let size = blob.body.span.end - blob.body.span.start;
        let content = Content { blocks: blob.body.bytes, account: self.account, block: Bytes::new(), end: None };
        Ok(IncomingValue { size, content })
    }
}

/// What is left of a content. At its end it says how that came.
struct Content {
    blocks: BoxStream<'static, Result<Bytes, ReadError>>,
    account: Account,
    block: Bytes,
    end: Option<Result<(), wit::Error>>,
}

impl Content {
    /// Reads the next block, unless there is one.
    async fn fill(&mut self) {
        while self.block.is_empty() && self.end.is_none() {
            match self.next().await {
                Ok(Some(block)) => self.block = block,
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, wit::Error> {
        let Some(block) = self.blocks.next().await.transpose()? else { return Ok(None) };
        self.account.spend(block.len())?;
        Ok(Some(block))
    }

    async fn whole(mut self, size: usize) -> Result<Vec<u8>, wit::Error> {
        let mut whole = Vec::with_capacity(size);
        loop {
            self.fill().await;
            match self.end.take() {
                Some(end) if self.block.is_empty() => return end.map(|()| whole),
                end => self.end = end,
            }
            whole.extend_from_slice(&std::mem::take(&mut self.block));
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Content {
    async fn ready(&mut self) {
        self.fill().await;
    }
}

impl InputStream for Content {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &self.end {
            Some(Ok(())) if self.block.is_empty() => Err(StreamError::Closed),
            Some(Err(error)) if self.block.is_empty() => {
                let error = text(error.clone());
                self.end = Some(Ok(()));
                Err(StreamError::LastOperationFailed(wasmtime::format_err!("{error}")))
            }
            _ => Ok(self.block.split_to(size.min(self.block.len()))),
        }
    }
}

impl types::HostIncomingValue for State {
    async fn incoming_value_consume_sync(&mut self, value: Resource<IncomingValue>) -> Result<Result<Vec<u8>, String>> {
        let IncomingValue { size, content } = self.table.delete(value)?;
        let (calls, size) = (Arc::clone(self.store_calls()), usize::try_from(size).unwrap_or(usize::MAX));
        let Ok(_held) = calls.hold(size) else {
            return Ok(Err(format!("{size} bytes are too many at once: consume them as a stream")));
        };
        Ok(content.whole(size).await.map_err(text))
    }

    async fn incoming_value_consume_async(
        &mut self,
        value: Resource<IncomingValue>,
    ) -> Result<Result<Resource<DynInputStream>, String>> {
        let IncomingValue { content, .. } = self.table.delete(value)?;
        let stream: DynInputStream = Box::new(content);
        Ok(Ok(self.table.push(stream)?))
    }

    async fn size(&mut self, value: Resource<IncomingValue>) -> Result<u64> {
        Ok(self.table.get(&value)?.size)
    }

    async fn drop(&mut self, value: Resource<IncomingValue>) -> Result<()> {
        self.table.delete(value)?;
        Ok(())
    }
}
