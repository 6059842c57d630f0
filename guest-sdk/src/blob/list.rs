//! Lists of blobs.

use super::bucket::Info;
use super::error::Error;
use crate::bindings::imports::flint::platform::blob as wit;

/// How many blobs a page has unless [`Listing::page_size`] says otherwise.
const PAGE_SIZE: u32 = 100;

/// A list that is under way. Made by [`Bucket::list`](super::Bucket::list). Each page shows the bucket at one moment.
///
/// ```
/// use flint_sdk::blob::{Error, Listing};
///
/// async fn total(mut listing: Listing) -> Result<u64, Error> {
///     let mut bytes = 0;
///     while let Some(page) = listing.next_page().await? {
///         bytes += page.blobs.iter().map(|blob| blob.size).sum::<u64>();
///     }
///     Ok(bytes)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Listing {
    bucket: String,
    prefix: String,
    delimiter: Option<String>,
    page_size: u32,
    position: Position,
}

#[derive(Debug, Clone)]
enum Position {
    Start,
    Cursor(String),
    End,
}

/// Some blobs of a list.
///
/// ```
/// use flint_sdk::blob::Page;
///
/// fn names(page: &Page) -> Vec<&str> {
///     page.blobs.iter().map(|blob| blob.key.as_str()).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In ascending order of keys.
    pub blobs: Vec<Info>,
    /// With a delimiter: the folders, as it were, each once.
    pub common_prefixes: Vec<String>,
    /// Where to go on, also in another invocation; none when this was the last page.
    pub cursor: Option<String>,
}

impl Listing {
    pub(super) fn new(bucket: String, prefix: String) -> Self {
        Self { bucket, prefix, delimiter: None, page_size: PAGE_SIZE, position: Position::Start }
    }

    /// Rolls up the keys in which the delimiter comes again behind the prefix.
    ///
    /// ```
    /// let folders = flint_sdk::blob::open("reports").list("2026/").delimiter("/");
    /// ```
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = Some(delimiter.into());
        self
    }

    /// Asks for so many blobs at a time, at least 1; 100 otherwise.
    ///
    /// ```
    /// let listing = flint_sdk::blob::open("reports").list("").page_size(1_000);
    /// ```
    #[must_use]
    pub fn page_size(mut self, blobs: u32) -> Self {
        self.page_size = blobs;
        self
    }

    /// Goes on where another list of the same prefix and delimiter stopped: at the cursor of its last [`Page`].
    ///
    /// ```no_run
    /// # async fn example(cursor: String) -> Result<(), flint_sdk::blob::Error> {
    /// let page = flint_sdk::blob::open("reports").list("").from_cursor(cursor).next_page().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn from_cursor(mut self, cursor: impl Into<String>) -> Self {
        self.position = Position::Cursor(cursor.into());
        self
    }

    /// Reads the next page. None when the one before was the last.
    ///
    /// ```no_run
    /// # async fn example(mut listing: flint_sdk::blob::Listing) -> Result<(), flint_sdk::blob::Error> {
    /// while let Some(page) = listing.next_page().await? {
    ///     println!("{} blobs", page.blobs.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], [`Error::Denied`], [`Error::Invalid`], [`Error::Unavailable`].
    pub async fn next_page(&mut self) -> Result<Option<Page>, Error> {
        let cursor = match &self.position {
            Position::Start => None,
            Position::Cursor(cursor) => Some(cursor.clone()),
            Position::End => return Ok(None),
        };
        let (bucket, prefix, delimiter) = (self.bucket.clone(), self.prefix.clone(), self.delimiter.clone());
        let page = wit::list(bucket, prefix, delimiter, cursor, self.page_size).await?;
        self.position = page.cursor.clone().map_or(Position::End, Position::Cursor);
        let blobs = page.blobs.into_iter().map(Info::from).collect();
        Ok(Some(Page { blobs, common_prefixes: page.common_prefixes, cursor: page.cursor }))
    }
}
