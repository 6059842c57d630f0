//! The blobs of a transaction: content is written to the store, where nobody sees it; what leads to it is held.

use flint_model::BucketName;

use super::Transaction;
use crate::overlay::Source;
use crate::{
    Blob, BlobInfo, Blobs, Body, BoxFuture, Content, ContentWriter, Invalid, ListPage, Listing, Range, ReadError,
    WriteError,
};

impl Blobs for Transaction {
    fn write<'a>(&'a self, bucket: &'a BucketName) -> BoxFuture<'a, Result<Box<dyn ContentWriter>, WriteError>> {
        self.stores.blobs().write(bucket)
    }

    fn head<'a>(&'a self, bucket: &'a BucketName, key: &'a str) -> BoxFuture<'a, Result<Option<BlobInfo>, ReadError>> {
        Box::pin(async move {
            match self.with(|overlay| overlay.held_blob(self.clock.now(), bucket, key))? {
                Some(Source::Gone) => Ok(None),
                Some(Source::Written(info, _) | Source::Stored(info, ..)) => Ok(Some(info)),
                None => self.stores.blobs().head(bucket, key).await,
            }
        })
    }

    fn read<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Option<Blob>, ReadError>> {
        Box::pin(async move {
            match self.with(|overlay| overlay.held_blob(self.clock.now(), bucket, key))? {
                Some(Source::Gone) => Ok(None),
                Some(Source::Written(info, content)) => {
                    let body = self.read_content(&content, range).await?;
                    Ok(Some(Blob { info, body }))
                }
                Some(Source::Stored(info, bucket, key)) => {
                    match self.stores.blobs().read(&bucket, &key, range).await? {
                        Some(blob) if blob.info.etag == info.etag => Ok(Some(Blob { info, ..blob })),
                        // The bytes of another one are not to be seen under the name of this one.
                        _ => Err(Invalid::Copied { bucket, key }.into()),
                    }
                }
                None => self.stores.blobs().read(bucket, key, range).await,
            }
        })
    }

    fn read_content<'a>(&'a self, content: &'a Content, range: Range) -> BoxFuture<'a, Result<Body, ReadError>> {
        self.stores.blobs().read_content(content, range)
    }

    /// Lists what the store has: nothing that is held shows.
    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        listing: Listing<'a>,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<ListPage, ReadError>> {
        self.stores.blobs().list(bucket, listing, cursor, limit)
    }
}
