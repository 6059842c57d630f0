//! Blobs in memory: a map of keys to bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use flint_model::{BucketName, ContentId, MessageId, Timestamp};
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::future::ready;
use futures::stream::iter;

use super::{At, Memory, Model};
use crate::blob::{Digest, common_prefix};
use crate::kv::Version;
use crate::{
    Blob, BlobEvent, BlobExpectation, BlobInfo, Blobs, Body, BoxFuture, BucketRules, CommitError, Content,
    ContentWriter, Effect, Linked, ListPage, Listing, Outcome, Range, ReadError, WriteError, check, cursor, derive,
};

/// The blocks in which content is read: small, so that streams have several.
const BLOCK: usize = 1 << 16;

/// All buckets.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets(BTreeMap<(BucketName, String), Held>);

#[derive(Debug, Clone)]
struct Held {
    info: BlobInfo,
    bytes: Bytes,
}

impl Buckets {
    pub(super) fn apply(
        &mut self,
        now: Timestamp,
        sequence: Version,
        index: usize,
        effect: &Effect,
        before: &Self,
    ) -> Result<Outcome, CommitError> {
        match effect {
            Effect::BlobLink { bucket, key, content, content_type, metadata, expect } => {
                self.meet(index, bucket, key, *expect)?;
                let info = BlobInfo {
                    key: key.clone(),
                    size: content.size(),
                    etag: content.etag(),
                    content_type: content_type.clone(),
                    metadata: metadata.clone(),
                    modified_at: now,
                    sequence,
                };
                let bytes = content.bytes().expect("the model puts nothing aside").clone();
                Ok(Outcome::BlobLink { linked: self.link(bucket, Held { info, bytes }) })
            }
            Effect::BlobUnlink { bucket, key, expect } => {
                self.meet(index, bucket, key, *expect)?;
                let existed = self.0.remove(&(bucket.clone(), key.clone())).is_some();
                Ok(Outcome::BlobUnlink { existed })
            }
            Effect::BlobCopy { from_bucket, from_key, from_expect, bucket, key, expect } => {
                let from = from_expect.map_or(BlobExpectation::Exists, BlobExpectation::Etag);
                before.meet(index, from_bucket, from_key, Some(from))?;
                self.meet(index, bucket, key, *expect)?;
                let Held { info, bytes } = before.get(from_bucket, from_key).expect("it was met").clone();
                let info = BlobInfo { key: key.clone(), modified_at: now, sequence, ..info };
                Ok(Outcome::BlobCopy { linked: self.link(bucket, Held { info, bytes }) })
            }
            _ => unreachable!("it is about a blob"),
        }
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Option<&Held> {
        self.0.get(&(bucket.clone(), key.to_owned()))
    }

    fn meet(
        &self,
        index: usize,
        bucket: &BucketName,
        key: &str,
        expect: Option<BlobExpectation>,
    ) -> Result<(), CommitError> {
        let current = self.get(bucket, key).map(|held| held.info.etag);
        match expect {
            Some(expect) if !expect.is_met(current) => {
                Err(CommitError::BlobConflict { index, key: key.to_owned(), current })
            }
            _ => Ok(()),
        }
    }

    fn link(&mut self, bucket: &BucketName, held: Held) -> Linked {
        let BlobInfo { size, etag, modified_at, sequence, .. } = held.info;
        self.0.insert((bucket.clone(), held.info.key.clone()), held);
        Linked { size, etag, modified_at, sequence }
    }

    fn page(&self, bucket: &BucketName, listing: Listing<'_>, after: Option<&str>, max: usize) -> ListPage {
        let mut page = ListPage::default();
        let mut last: Option<String> = None;
        let of_bucket =
            self.0.iter().filter(|((in_bucket, key), _)| in_bucket == bucket && key.starts_with(listing.prefix));
        for ((_, key), held) in of_bucket {
            let rolled = common_prefix(listing, key);
            let item = rolled.unwrap_or(key);
            if after.is_some_and(|after| item <= after) || last.as_deref() == Some(item) {
                continue;
            }
            if page.blobs.len() + page.prefixes.len() == max {
                page.cursor = last.map(|last| cursor::encode_blob(bucket, listing, &last));
                return page;
            }
            match rolled {
                Some(prefix) => page.prefixes.push(prefix.to_owned()),
                None => page.blobs.push(held.info.clone()),
            }
            last = Some(item.to_owned());
        }
        page
    }
}

impl Model {
    /// Tells what became of a blob.
    fn blob_event(&self, at: &At<'_>, effect: &Effect, outcome: Outcome) -> Option<BlobEvent> {
        let (bucket, key) = effect.blob()?;
        if outcome == (Outcome::BlobUnlink { existed: false }) {
            return None;
        }
        let created = self.buckets.get(bucket, key).map(|held| held.info.clone());
        let (bucket, key) = (bucket.clone(), key.to_owned());
        Some(BlobEvent { id: MessageId::at(at.now), bucket, key, created, sequence: self.version, at: at.now })
    }

    pub(super) fn tell_blob(&mut self, at: &At<'_>, effect: &Effect, outcome: Outcome) -> Result<(), CommitError> {
        let Some(event) = self.blob_event(at, effect, outcome) else { return Ok(()) };
        for derived in derive::blob(at.catalog, at.cause, &event) {
            self.deliver(at, &derived?)?;
        }
        Ok(())
    }
}

/// Content that is being written.
struct Writer {
    rules: BucketRules,
    digest: Digest,
    bytes: Vec<u8>,
}

impl ContentWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), WriteError>> {
        self.digest.update(&bytes);
        self.bytes.extend(bytes);
        ready(self.rules.fits(self.bytes.len() as u64).map_err(WriteError::from)).boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Content, WriteError>> {
        ready(Ok(Content::inline(ContentId::now(), self.bytes.into(), self.digest.etag()))).boxed()
    }
}

fn body(bytes: &Bytes, range: &Range) -> Body {
    let span = range.of(bytes.len() as u64);
    let part = bytes.slice(span.start as usize..span.end as usize);
    let blocks: Vec<_> = part.chunks(BLOCK).map(|block| Ok(Bytes::copy_from_slice(block))).collect();
    Body { span, bytes: iter(blocks).boxed() }
}

impl Blobs for Memory {
    fn write<'a>(&'a self, bucket: &'a BucketName) -> BoxFuture<'a, Result<Box<dyn ContentWriter>, WriteError>> {
        let begin = |rules: &BucketRules| -> Box<dyn ContentWriter> {
            Box::new(Writer { rules: *rules, digest: Digest::default(), bytes: Vec::new() })
        };
        ready(self.catalog.bucket(bucket).map(begin).map_err(WriteError::from)).boxed()
    }

    fn head<'a>(&'a self, bucket: &'a BucketName, key: &'a str) -> BoxFuture<'a, Result<Option<BlobInfo>, ReadError>> {
        let checked = check::blob_key(&self.catalog, bucket, key).map_err(ReadError::from);
        ready(checked.map(|()| self.model().buckets.get(bucket, key).map(|held| held.info.clone()))).boxed()
    }

    fn read<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Option<Blob>, ReadError>> {
        let checked = check::blob_key(&self.catalog, bucket, key).map_err(ReadError::from);
        let blob = |held: &Held| Blob { info: held.info.clone(), body: body(&held.bytes, &range) };
        ready(checked.map(|()| self.model().buckets.get(bucket, key).map(blob))).boxed()
    }

    fn read_content<'a>(&'a self, content: &'a Content, range: Range) -> BoxFuture<'a, Result<Body, ReadError>> {
        ready(Ok(body(content.bytes().expect("the model puts nothing aside"), &range))).boxed()
    }

    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        listing: Listing<'a>,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<ListPage, ReadError>> {
        let list = || {
            let max = check::list(&self.catalog, bucket, listing, limit)?;
            let after = cursor.map(|cursor| cursor::decode_blob(bucket, listing, cursor)).transpose()?;
            Ok(self.model().buckets.page(bucket, listing, after.as_deref(), max))
        };
        ready(list()).boxed()
    }
}
