//! The read side of the key-value stores: each read is one redb read transaction, about a microsecond, and never waits
//! for the writer. So the futures are ready at once.

use flint_model::{StoreName, Timestamp};
use flint_stores::{BoxFuture, Entry, Item, Kv, KvLimits, Page, ReadError, TooLarge, Unavailable, What, check, cursor};
use redb::ReadOnlyTable;

use crate::Embedded;
use crate::database::{Chain, Failure};
use crate::table::{KV, Record, key_of, kv_key};

/// The rows that one page of a scan looks at, so that a long run of expired entries does not make a read long. A page
/// that ends here may be short, and has a cursor.
const SCAN_ROWS_MAX: usize = 10_000;

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Kv for Embedded {
    fn get<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        Box::pin(async move {
            check::key(&self.catalog.load(), store, key)?;
            self.read(|table, now| find(table, now, store, key, |record| record.entry()))
        })
    }

    fn get_many<'a>(
        &'a self,
        store: &'a StoreName,
        keys: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Entry>>, ReadError>> {
        Box::pin(async move {
            let catalog = self.catalog.load();
            let limits = check::keys(&catalog, store, keys)?;
            self.read(|table, now| find_many(table, now, store, keys, limits))?
        })
    }

    fn exists<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<bool, ReadError>> {
        Box::pin(async move {
            check::key(&self.catalog.load(), store, key)?;
            Ok(self.read(|table, now| find(table, now, store, key, |_| ()))?.is_some())
        })
    }

    fn scan<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let catalog = self.catalog.load();
            let (items_max, limits) = check::scan(&catalog, store, prefix, limit)?;
            let after = cursor.map(|cursor| cursor::decode(store, prefix, cursor)).transpose()?;
            let scan = Scan { store, prefix, items_max, bytes_max: limits.page_bytes_max };
            self.read(|table, now| scan.page(table, now, after.as_deref()))
        })
    }
}

impl Embedded {
    /// Reads the table of all entries at one moment.
    fn read<T>(&self, read: impl FnOnce(&Table, Timestamp) -> Result<T, Failure>) -> Result<T, ReadError> {
        let result = self.database.read(|transaction| read(&transaction.open_table(KV)?, self.clock.now()));
        result.map_err(|failure| match failure {
            Failure::Unavailable(reason) => reason.into(),
            failure => {
                tracing::error!(error = %Chain(&failure), "a read of the store failed");
                Unavailable::Failed.into()
            }
        })
    }
}

fn find<T>(
    table: &Table,
    now: Timestamp,
    store: &StoreName,
    key: &str,
    at: impl FnOnce(&Record<'_>) -> T,
) -> Result<Option<T>, Failure> {
    let Some(row) = table.get(kv_key(store, key).as_slice())? else { return Ok(None) };
    let record = Record::parse(row.value())?;
    Ok(record.is_live(now).then(|| at(&record)))
}

/// Reads several keys. The inner error is the caller's: together they are too large.
fn find_many(
    table: &Table,
    now: Timestamp,
    store: &StoreName,
    keys: &[String],
    limits: &KvLimits,
) -> Result<Result<Vec<Option<Entry>>, ReadError>, Failure> {
    let mut entries = Vec::with_capacity(keys.len());
    let mut bytes = 0;
    for key in keys {
        let entry = find(table, now, store, key, |record| record.entry())?;
        bytes += entry.as_ref().map_or(0, |entry| entry.value.len());
        if let Err(too_large) = TooLarge::check(What::Page, bytes, limits.page_bytes_max) {
            return Ok(Err(too_large.into()));
        }
        entries.push(entry);
    }
    Ok(Ok(entries))
}

/// A scan of a prefix, a page of it at a time.
struct Scan<'a> {
    store: &'a StoreName,
    prefix: &'a str,
    items_max: usize,
    bytes_max: usize,
}

impl Scan<'_> {
    fn page(&self, table: &Table, now: Timestamp, after: Option<&str>) -> Result<Page, Failure> {
        let all = kv_key(self.store, self.prefix);
        let from = after.map_or_else(|| all.clone(), |after| kv_key(self.store, after));
        let mut page = Page::default();
        let mut bytes = 0;
        // The last key that is done with: on the page, or passed over.
        let mut done: Option<String> = after.map(str::to_owned);
        for (looked_at, row) in table.range::<&[u8]>(from.as_slice()..)?.enumerate() {
            let (row, value) = row?;
            if !row.value().starts_with(&all) {
                return Ok(page);
            }
            let key = key_of(self.store, row.value())?;
            if after == Some(key) {
                continue;
            }
            let record = Record::parse(value.value())?;
            let live = record.is_live(now);
            bytes += if live { key.len() + record.value.len() } else { 0 };
            let full = live && !page.items.is_empty() && (page.items.len() == self.items_max || bytes > self.bytes_max);
            if full || looked_at >= SCAN_ROWS_MAX {
                page.cursor = done.map(|key| cursor::encode(self.store, self.prefix, &key));
                return Ok(page);
            }
            if live {
                page.items.push(Item { key: key.to_owned(), entry: record.entry() });
            }
            done = Some(key.to_owned());
        }
        Ok(page)
    }
}
