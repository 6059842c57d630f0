//! Reading many keys in order.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;

use super::error::Error;
use super::store::Entry;
use crate::bindings::imports::flint::platform::kv as wit;

/// How many keys a page has unless [`Scan::page_size`] says otherwise.
const PAGE_SIZE: u32 = 100;

/// A key with its entry.
///
/// ```
/// use flint_sdk::kv::Item;
///
/// fn line(item: &Item<String>) -> String {
///     format!("{} = {}", item.key, item.entry.value)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<T> {
    /// The key.
    pub key: String,
    /// Its entry.
    pub entry: Entry<T>,
}

/// Some keys of a scan.
///
/// ```
/// use flint_sdk::kv::Page;
///
/// /// A link to the page behind this one.
/// fn next(page: &Page) -> Option<String> {
///     page.cursor.as_ref().map(|cursor| format!("/links?cursor={cursor}"))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In ascending order of keys.
    pub items: Vec<Item<Vec<u8>>>,
    /// Where to go on, also in another invocation; none when this was the last page.
    pub cursor: Option<String>,
}

/// A scan that is under way. Made by [`Store::scan`](super::Store::scan).
///
/// Each page shows the store at one moment; two pages may show two. The scan asks for a page when the one before is used
/// up, and holds one page in memory.
///
/// ```
/// use flint_sdk::kv::{Error, Scan};
///
/// async fn count(mut scan: Scan) -> Result<usize, Error> {
///     let mut keys = 0;
///     while let Some(page) = scan.next_page().await? {
///         keys += page.items.len();
///     }
///     Ok(keys)
/// }
/// ```
#[derive(Debug)]
pub struct Scan {
    store: String,
    prefix: String,
    page_size: u32,
    position: Position,
    ready: VecDeque<Item<Vec<u8>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    Start,
    Cursor(String),
    End,
}

impl Scan {
    pub(super) fn new(store: String, prefix: String) -> Self {
        Self { store, prefix, page_size: PAGE_SIZE, position: Position::Start, ready: VecDeque::new() }
    }

    /// Asks for so many keys at a time, at least 1; 100 otherwise. A page is also cut at 1,000 keys, the store's
    /// `scan-page-max`, and at 4 MiB.
    ///
    /// ```
    /// let scan = flint_sdk::kv::open("links").scan("").page_size(1_000);
    /// ```
    #[must_use]
    pub fn page_size(mut self, keys: u32) -> Self {
        self.page_size = keys;
        self
    }

    /// Goes on where another scan of the same prefix stopped: at the cursor of its last [`Page`].
    ///
    /// ```no_run
    /// # async fn example(cursor: String) -> Result<(), flint_sdk::kv::Error> {
    /// let mut scan = flint_sdk::kv::open("links").scan("").from_cursor(cursor);
    /// let page = scan.next_page().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn from_cursor(mut self, cursor: impl Into<String>) -> Self {
        self.position = Position::Cursor(cursor.into());
        self
    }

    /// Reads the next key. None at the end.
    ///
    /// ```no_run
    /// # async fn example(mut scan: flint_sdk::kv::Scan) -> Result<(), flint_sdk::kv::Error> {
    /// while let Some(item) = scan.next::<String>().await? {
    ///     println!("{} = {}", item.key, item.entry.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::get`](super::Store::get). After [`Error::Json`], the scan goes on behind the value.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Item<T>>, Error> {
        let Some(Item { key, entry }) = self.next_bytes().await? else {
            return Ok(None);
        };
        let entry = entry.decode(&key)?;
        Ok(Some(Item { key, entry }))
    }

    /// Reads the next key, its value as it is stored. None at the end.
    ///
    /// ```no_run
    /// # async fn example(mut scan: flint_sdk::kv::Scan) -> Result<(), flint_sdk::kv::Error> {
    /// while let Some(item) = scan.next_bytes().await? {
    ///     println!("{}: {} bytes", item.key, item.entry.value.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::entry_bytes`](super::Store::entry_bytes).
    pub async fn next_bytes(&mut self) -> Result<Option<Item<Vec<u8>>>, Error> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            match self.fetch().await? {
                Some(page) => self.ready = page.items.into(),
                None => return Ok(None),
            }
        }
    }

    /// Reads the next page. None at the end.
    ///
    /// Do not mix with [`Scan::next`]: keys of a page that was begun there would be left out here.
    ///
    /// ```no_run
    /// # async fn example(mut scan: flint_sdk::kv::Scan) -> Result<(), flint_sdk::kv::Error> {
    /// while let Some(page) = scan.next_page().await? {
    ///     println!("{} keys, then {:?}", page.items.len(), page.cursor);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::entry_bytes`](super::Store::entry_bytes), and [`Error::Invalid`] for a cursor that is none.
    pub async fn next_page(&mut self) -> Result<Option<Page>, Error> {
        self.ready.clear();
        self.fetch().await
    }

    async fn fetch(&mut self) -> Result<Option<Page>, Error> {
        let cursor = match &self.position {
            Position::Start => None,
            Position::Cursor(cursor) => Some(cursor.clone()),
            Position::End => return Ok(None),
        };
        let page = wit::scan(self.store.clone(), self.prefix.clone(), cursor, self.page_size).await?;
        self.position = page.cursor.clone().map_or(Position::End, Position::Cursor);
        let item = |item: wit::Item| Item { key: item.key, entry: item.entry.into() };
        Ok(Some(Page { items: page.items.into_iter().map(item).collect(), cursor: page.cursor }))
    }
}
