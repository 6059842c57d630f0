//! One bucket, and what is done to single blobs.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::content::{Blob, Content};
use super::error::Error;
use super::list::Listing;
use crate::bindings::imports::flint::platform::blob as wit;
use crate::bindings::imports::{wit_future, wit_stream};
use crate::http::Body;
use crate::time;

/// A bucket of blobs. Made by [`open`]; cheap to make and to clone.
///
/// ```
/// use flint_sdk::blob::{self, Bucket};
///
/// let [uploads, thumbnails]: [Bucket; 2] = ["uploads", "thumbnails"].map(blob::open);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    name: String,
}

/// What is known about a blob besides its content.
///
/// ```
/// use flint_sdk::blob::Info;
///
/// fn is_image(info: &Info) -> bool {
///     info.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/"))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Identifies the content: equal etags, equal bytes. Quoted, as in HTTP.
    pub etag: String,
    /// What kind of content it is, if who put it said so.
    pub content_type: Option<String>,
    /// What who put it had to say besides.
    pub metadata: BTreeMap<String, String>,
    /// When it was put.
    pub modified_at: SystemTime,
}

/// What a blob has to be for a change to happen.
///
/// ```
/// use flint_sdk::blob::{Expect, Info};
///
/// fn as_seen(info: Option<&Info>) -> Expect {
///     info.map_or(Expect::Absent, |info| Expect::Etag(info.etag.clone()))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It has this etag.
    Etag(String),
}

/// How to put a blob: what it is, and on which condition.
///
/// ```
/// use flint_sdk::blob::{Expect, Put};
///
/// let put = Put::new().content_type("image/png").metadata("taken-by", "Ada").expect(Expect::Absent);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Put {
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    expect: Option<Expect>,
}

impl Put {
    /// Puts whatever is there, and says nothing of the content.
    ///
    /// ```
    /// let put = flint_sdk::blob::Put::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what kind of content it is, as in HTTP.
    ///
    /// ```
    /// let put = flint_sdk::blob::Put::new().content_type("text/csv");
    /// ```
    #[must_use]
    pub fn content_type(mut self, kind: impl Into<String>) -> Self {
        self.content_type = Some(kind.into());
        self
    }

    /// Says something about it; of one name, the last counts. All of it is at most 2 KiB, the bucket's `metadata-size-max`.
    ///
    /// ```
    /// let put = flint_sdk::blob::Put::new().metadata("taken-by", "Ada");
    /// ```
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Puts only if the blob is as expected.
    ///
    /// ```
    /// use flint_sdk::blob::{Expect, Put};
    ///
    /// let put = Put::new().expect(Expect::Absent);
    /// ```
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = Some(expect);
        self
    }
}

/// Opens a bucket by the name that platform.toml gives it.
///
/// Nothing happens yet: a bucket that does not exist, or is not granted, is an error of the first call.
///
/// ```
/// assert_eq!(flint_sdk::blob::open("uploads").name(), "uploads");
/// ```
pub fn open(name: impl Into<String>) -> Bucket {
    Bucket { name: name.into() }
}

impl Bucket {
    /// The bucket's name.
    ///
    /// ```
    /// assert_eq!(flint_sdk::blob::open("uploads").name(), "uploads");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stores content: bytes, or a body, which is read while it is stored and may be larger than memory. Durable when it is
    /// acknowledged; until then the key shows what was there before.
    ///
    /// ```no_run
    /// use flint_sdk::blob::{self, Put};
    /// use flint_sdk::http::{Problem, Request};
    ///
    /// #[flint_sdk::http]
    /// async fn upload(request: Request) -> Result<String, Problem> {
    ///     let info = blob::open("uploads").put("latest", request.into_body(), Put::new()).await?;
    ///     Ok(format!("{} bytes\n", info.size))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the body breaks off; [`Error::Conflict`] if it is not as expected; [`Error::NoSuchBucket`],
    /// [`Error::Denied`], [`Error::TooLarge`], [`Error::Invalid`], [`Error::Unavailable`].
    pub async fn put(&self, key: &str, content: impl Into<Body>, put: Put) -> Result<Info, Error> {
        let mut content = content.into();
        let (mut writer, stream) = wit_stream::new();
        let (end, whole) = wit_future::new(|| false);
        let feed = async move {
            loop {
                match content.chunk().await {
                    Ok(Some(chunk)) => {
                        if !writer.write_all(chunk.into()).await.is_empty() {
                            // The host wants no more of it, and says why.
                            return;
                        }
                    }
                    Ok(None) => break,
                    // Dropped without a word, it counts as cut short.
                    Err(_) => return,
                }
            }
            drop(writer);
            // Fails when the host no longer wants to know.
            let _unwanted = end.write(true).await;
        };
        let stored = wit::put(self.name.clone(), key.to_owned(), stream, whole, put.into());
        let (stored, ()) = futures::join!(stored, feed);
        Ok(stored?.into())
    }

    /// Opens a blob for reading. None if there is none.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// if let Some(mut blob) = uploads.get("latest").await? {
    ///     while let Some(chunk) = blob.content.chunk().await? {
    ///         println!("{} of {} bytes", chunk.len(), blob.info.size);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], [`Error::Denied`], [`Error::Invalid`], [`Error::Unavailable`].
    pub async fn get(&self, key: &str) -> Result<Option<Blob>, Error> {
        self.read(key, None).await
    }

    /// Opens a part of a blob for reading; where it ends behind the blob, it is cut.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let head = uploads.get_range("latest", ..512).await?;
    /// let rest = uploads.get_range("latest", 512..).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub async fn get_range(&self, key: &str, range: impl RangeBounds<u64>) -> Result<Option<Blob>, Error> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => Some(last.saturating_add(1)),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        let length = end.map(|end| end.saturating_sub(start));
        self.read(key, Some(wit::Range { start, length })).await
    }

    /// Reads the whole content of a blob into memory. None if there is none.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let icon = uploads.get_bytes("icon.png").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::get`] and [`Content::chunk`].
    pub async fn get_bytes(&self, key: &str) -> Result<Option<Bytes>, Error> {
        match self.get(key).await? {
            Some(blob) => Ok(Some(blob.content.bytes().await?)),
            None => Ok(None),
        }
    }

    /// Tells about a blob without reading it. None if there is none.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let is_there = uploads.head("latest").await?.is_some();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub async fn head(&self, key: &str) -> Result<Option<Info>, Error> {
        Ok(wit::head(self.name.clone(), key.to_owned()).await?.map(Info::from))
    }

    /// Deletes a blob. Answers whether there was one.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let existed = uploads.delete("latest").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        Ok(wit::delete(self.name.clone(), key.to_owned(), None).await?)
    }

    /// Deletes a blob if it is as expected.
    ///
    /// ```no_run
    /// use flint_sdk::blob::{Bucket, Error, Expect, Info};
    ///
    /// async fn remove(uploads: &Bucket, seen: &Info) -> Result<bool, Error> {
    ///     uploads.delete_if(&seen.key, Expect::Etag(seen.etag.clone())).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::get`], and [`Error::Conflict`].
    pub async fn delete_if(&self, key: &str, expect: Expect) -> Result<bool, Error> {
        Ok(wit::delete(self.name.clone(), key.to_owned(), Some(expect.into())).await?)
    }

    /// Gives content a second key, in this bucket or another, without moving a byte. Content type and metadata go with it.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let archive = flint_sdk::blob::open("archive");
    /// uploads.copy("latest", &archive, "2026-05-01").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchBlob`]; [`Error::Conflict`] if the source changes at this moment; else as [`Bucket::put`].
    pub async fn copy(&self, key: &str, to: &Self, to_key: &str) -> Result<Info, Error> {
        let (from, bucket) = (self.name.clone(), to.name.clone());
        Ok(wit::copy(from, key.to_owned(), bucket, to_key.to_owned(), None).await?.into())
    }

    /// Lists the blobs whose keys start with a prefix, in order.
    ///
    /// ```no_run
    /// # async fn example(reports: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let mut listing = reports.list("2026/").delimiter("/");
    /// while let Some(page) = listing.next_page().await? {
    ///     println!("{:?}", page.common_prefixes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self, prefix: impl Into<String>) -> Listing {
        Listing::new(self.name.clone(), prefix.into())
    }

    /// Makes a URL with which anybody may read one blob, until it expires: 1 second to 7 days from now. It starts with the
    /// `public-url` of the host's listener; without one it is a path there. Whether there is such a blob is not looked at.
    ///
    /// ```no_run
    /// # async fn example(reports: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let url = reports.download_url("2026/05.csv", std::time::Duration::from_secs(3600)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Denied`] without a grant to read; [`Error::Invalid`]; [`Error::Unavailable`].
    pub async fn download_url(&self, key: &str, expires_in: Duration) -> Result<String, Error> {
        self.sign(key, wit::SignedMethod::Get, expires_in).await
    }

    /// Makes a URL to which anybody may `PUT` one blob, until it expires: 1 second to 7 days from now.
    ///
    /// ```no_run
    /// # async fn example(uploads: flint_sdk::blob::Bucket) -> Result<(), flint_sdk::blob::Error> {
    /// let url = uploads.upload_url("portrait.png", std::time::Duration::from_secs(600)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Bucket::download_url`]; [`Error::Denied`] without a grant to write.
    pub async fn upload_url(&self, key: &str, expires_in: Duration) -> Result<String, Error> {
        self.sign(key, wit::SignedMethod::Put, expires_in).await
    }

    async fn sign(&self, key: &str, method: wit::SignedMethod, expires_in: Duration) -> Result<String, Error> {
        Ok(wit::sign_url(self.name.clone(), key.to_owned(), method, time::to_millis(expires_in)).await?)
    }

    async fn read(&self, key: &str, range: Option<wit::Range>) -> Result<Option<Blob>, Error> {
        match wit::get(self.name.clone(), key.to_owned(), range).await {
            Ok((info, stream, end)) => Ok(Some(Blob { info: info.into(), content: Content::new(stream, end) })),
            Err(wit::Error::NoSuchBlob(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<wit::Info> for Info {
    fn from(info: wit::Info) -> Self {
        Self {
            key: info.key,
            size: info.size,
            etag: info.etag,
            content_type: info.content_type,
            metadata: info.metadata.into_iter().collect(),
            modified_at: time::from_timestamp(info.modified_at),
        }
    }
}

impl From<Expect> for wit::Expectation {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Absent => Self::Absent,
            Expect::Etag(etag) => Self::Etag(etag),
        }
    }
}

impl From<Put> for wit::PutOptions {
    fn from(put: Put) -> Self {
        Self {
            content_type: put.content_type,
            metadata: put.metadata.into_iter().collect(),
            expect: put.expect.map(wit::Expectation::from),
        }
    }
}
