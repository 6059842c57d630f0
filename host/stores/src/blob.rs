//! Blobs: the side that reads and that brings content, its types, and the rules of a bucket.
//!
//! Content is written first ([`Blobs::write`]) and nobody sees it. An effect of a commit then links it to a key
//! ([`crate::Effect::BlobLink`]), so that a blob and all else that a handler changes are one. Content is never changed: a
//! key that is overwritten leads to other content, and whoever reads the old one reads it to its end.

mod content;
mod etag;
mod event;
mod list;
mod range;
pub mod sign;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use flint_model::{BucketName, Timestamp};
use futures::stream::BoxStream;

use crate::BoxFuture;
use crate::kv::{ReadError, Version};
use crate::refusal::{TooLarge, What};

pub use content::{Content, ContentWriter, WriteError};
pub use etag::{Digest, Etag, EtagError};
pub use event::{BlobEvent, BlobEvents, BlobSubscription, NoEvent};
pub use list::{Listing, common_prefix, past};
pub use range::Range;

/// Reads blobs, and brings content.
///
/// Every look-up sees one moment, at or after the last commit that was answered before it began.
pub trait Blobs: Send + Sync {
    /// Begins to write content that is meant for a bucket.
    ///
    /// # Errors
    /// [`WriteError::NoSuch`], [`WriteError::Unavailable`].
    fn write<'a>(&'a self, bucket: &'a BucketName) -> BoxFuture<'a, Result<Box<dyn ContentWriter>, WriteError>>;

    /// Tells about a blob; none if the key leads to nothing.
    ///
    /// # Errors
    /// [`ReadError`].
    fn head<'a>(&'a self, bucket: &'a BucketName, key: &'a str) -> BoxFuture<'a, Result<Option<BlobInfo>, ReadError>>;

    /// Reads a blob; none if the key leads to nothing.
    ///
    /// What comes is the content of the moment of the look-up to its end, also if the key is overwritten or unlinked
    /// meanwhile. Reading ahead is bounded: a reader that does not take what is there holds a block or two, and one of the
    /// transfers that the engine allows.
    ///
    /// # Errors
    /// [`ReadError`], now or in the stream, which ends after it.
    fn read<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a str,
        range: Range,
    ) -> BoxFuture<'a, Result<Option<Blob>, ReadError>>;

    /// Reads content that was written to this engine and that whoever asks still holds, linked or not.
    ///
    /// # Errors
    /// As of [`Blobs::read`].
    fn read_content<'a>(&'a self, content: &'a Content, range: Range) -> BoxFuture<'a, Result<Body, ReadError>>;

    /// Lists the blobs whose keys start with `prefix`, in order of their bytes, up to `limit` (at least 1) or
    /// `list_page_max`.
    ///
    /// With a delimiter, the keys in which it comes again behind the prefix are not listed but rolled up: of all that are
    /// alike up to and with the delimiter, this common prefix comes once. To go on, pass the cursor of the page before with
    /// the same bucket, prefix and delimiter. Each page sees one moment, as in [`crate::Kv::scan`].
    ///
    /// # Errors
    /// [`ReadError`].
    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        listing: Listing<'a>,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<ListPage, ReadError>>;
}

/// What there is to know about a blob but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// The key.
    pub key: String,
    /// The bytes of its content.
    pub size: u64,
    /// The hash of its content.
    pub etag: Etag,
    /// What kind of content it is, as in HTTP, if who linked it said so.
    pub content_type: Option<String>,
    /// What who linked it had to say besides, by name.
    pub metadata: BTreeMap<String, String>,
    /// When it was linked.
    pub modified_at: Timestamp,
    /// The version of the commit that linked it: of two events about one key, the later one has the larger.
    pub sequence: Version,
}

/// What a commit linked to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    /// The bytes of the content.
    pub size: u64,
    /// The hash of the content.
    pub etag: Etag,
    /// When it was linked.
    pub modified_at: Timestamp,
    /// The version of the commit.
    pub sequence: Version,
}

/// A blob that is being read.
pub struct Blob {
    /// What it is.
    pub info: BlobInfo,
    /// Its content, or a part of it.
    pub body: Body,
}

/// Content that is being read.
pub struct Body {
    /// Which bytes of the content come: those of the range that there are.
    pub span: std::ops::Range<u64>,
    /// The bytes in their order, in blocks that are never empty. The lengths add up to that of the span, or an error is last.
    pub bytes: BoxStream<'static, Result<Bytes, ReadError>>,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("info", &self.info).field("span", &self.body.span).finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("span", &self.span).finish_non_exhaustive()
    }
}

/// Some blobs of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// The blobs, in ascending order of keys.
    pub blobs: Vec<BlobInfo>,
    /// What the rest was rolled up to, in ascending order. Together with the blobs no more than was asked for.
    pub prefixes: Vec<String>,
    /// Where to go on; none when this was the last page.
    pub cursor: Option<String>,
}

/// What a key has to lead to for an effect to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobExpectation {
    /// Nothing: `If-None-Match: *` in HTTP.
    Absent,
    /// Anything: `If-Match: *`.
    Exists,
    /// Content with this hash: `If-Match`.
    Etag(Etag),
}

impl BlobExpectation {
    /// Compares with the content that the key leads to now, if it does.
    pub fn is_met(self, current: Option<Etag>) -> bool {
        match self {
            Self::Absent => current.is_none(),
            Self::Exists => current.is_some(),
            Self::Etag(etag) => current == Some(etag),
        }
    }
}

/// The rules of a bucket. All limits are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRules {
    /// The largest blob, in bytes: 5 GiB by default.
    pub blob_size_max: u64,
    /// The longest key, in bytes: 1,024 by default.
    pub key_size_max: usize,
    /// The bytes of content type and metadata, names and values together: 2 KiB by default.
    pub metadata_size_max: usize,
    /// The blobs and common prefixes that one page of a list has at most, whatever is asked for: 1,000 by default.
    pub list_page_max: u32,
    /// The changes that one commit may make to the bucket: 1,000 by default.
    pub batch_max: usize,
}

impl Default for BucketRules {
    fn default() -> Self {
        Self {
            blob_size_max: 5 << 30,
            key_size_max: 1024,
            metadata_size_max: 2 << 10,
            list_page_max: 1000,
            batch_max: 1000,
        }
    }
}

impl BucketRules {
    /// Compares the size of content with its limit.
    ///
    /// # Errors
    /// [`TooLarge`] if it is above the limit.
    pub fn fits(&self, size: u64) -> Result<(), TooLarge> {
        let limit = self.blob_size_max;
        if size > limit { Err(TooLarge { what: What::Blob, size, limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_met_by_exactly_what_it_says() {
        let [one, two] = [b"one", b"two"].map(|bytes| Etag::of(bytes));
        for (expectation, current, met) in [
            (BlobExpectation::Absent, None, true),
            (BlobExpectation::Absent, Some(one), false),
            (BlobExpectation::Exists, None, false),
            (BlobExpectation::Exists, Some(one), true),
            (BlobExpectation::Etag(one), None, false),
            (BlobExpectation::Etag(one), Some(one), true),
            (BlobExpectation::Etag(one), Some(two), false),
        ] {
            assert_eq!(expectation.is_met(current), met, "{expectation:?} {current:?}");
        }
    }
}
