//! The names of a bucket, a page at a time.

use super::{Client, text, wit};
use crate::bindings::wasi::blobstore::container;
use crate::state::State;
use flint_model::{Access, BucketName};
use flint_stores::Listing;
use std::collections::VecDeque;
use wasmtime::Result;
use wasmtime::component::Resource;

/// So many names are looked up, and answered, at a time.
const PAGE: u32 = 1000;

/// The names of a bucket, in their order, from where they were read to.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct ObjectNames {
    bucket: BucketName,
    names: VecDeque<String>,
    cursor: Option<String>,
    is_last: bool,
}

impl ObjectNames {
    pub(super) fn of(bucket: BucketName) -> Self {
        Self { bucket, names: VecDeque::new(), cursor: None, is_last: false }
    }

    /// Whether nothing is left.
    fn is_over(&self) -> bool {
        self.is_last && self.names.is_empty()
    }

    /// Takes the next names, at most so many: none only when nothing is left.
    async fn take(&mut self, client: &Client, most: u64) -> Result<Vec<String>, wit::Error> {
        while self.names.is_empty() && !self.is_last {
            let (names, cursor) = client.names(&self.bucket, self.cursor.as_deref(), PAGE).await?;
            self.is_last = cursor.is_none();
            (self.names, self.cursor) = (names, cursor);
        }
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(self.names.len());
        Ok(self.names.drain(..count).collect())
    }
}

impl Client {
    /// A page of names, and where the next one begins.
    pub(super) async fn names(
        &self,
        bucket: &BucketName,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<(VecDeque<String>, Option<String>), wit::Error> {
        let bucket = self.open(bucket.as_str(), Access::Read)?;
        let _turn = self.enter(cursor.map_or(0, str::len)).await?;
        let listing = Listing { prefix: "", delimiter: None };
        let page = self.account.stores.blobs().list(&bucket, listing, cursor, limit).await?;
        let names: VecDeque<String> = page.blobs.into_iter().map(|info| info.key).collect();
        self.account.spend(names.iter().map(String::len).sum())?;
        Ok((names, page.cursor))
    }
}

impl container::HostStreamObjectNames for State {
    /// Answers a page at most, also where more was asked for: it says whether there is more.
    async fn read_stream_object_names(
        &mut self,
        names: Resource<ObjectNames>,
        most: u64,
    ) -> Result<Result<(Vec<String>, bool), String>> {
        let client = self.blobs();
        let stream = self.table.get_mut(&names)?;
        let taken = stream.take(&client, most).await;
        Ok(taken.map(|names| (names, stream.is_over())).map_err(text))
    }

    async fn skip_stream_object_names(
        &mut self,
        names: Resource<ObjectNames>,
        count: u64,
    ) -> Result<Result<(u64, bool), String>> {
        let client = self.blobs();
        let stream = self.table.get_mut(&names)?;
        let mut skipped = 0;
        while skipped < count && !stream.is_over() {
            match stream.take(&client, count - skipped).await {
                Ok(names) => skipped += names.len() as u64,
                Err(error) => return Ok(Err(text(error))),
            }
        }
        Ok(Ok((skipped, stream.is_over())))
    }

    async fn drop(&mut self, names: Resource<ObjectNames>) -> Result<()> {
        self.table.delete(names)?;
        Ok(())
    }
}
