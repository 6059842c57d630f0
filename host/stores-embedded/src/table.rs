//! Every redb table, and how keys and values are written in them.
//!
//! `kv` holds the entries of all stores, in the order of store and key: the key is the store's name, a NUL (which no name
//! holds), and the key's bytes, so that the keys of a prefix are a range. The value is a header of 17 bytes and the
//! entry's bytes:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | kind: 0 a value that was put, 1 a counter |
//! | 1..9 | version, little endian |
//! | 9..17 | when it is gone, in milliseconds, little endian; all ones if it stays |
//!
//! `expiry` holds a row for each entry that will be gone: the moment, big endian so that rows are in order of time, and
//! the row's key in `kv`. `meta` holds numbers by name. The tables of queues are in [`queue`], those of blobs in [`blob`],
//! that of subscriptions in [`subscription`], those of schedules and invocations in [`record`].

pub(crate) mod blob;
mod lazy;
mod logged;
pub(crate) mod queue;
pub(crate) mod record;
pub(crate) mod subscription;

use blob::BlobTables;
use bytes::Bytes;
use flint_model::{StoreName, Timestamp};
use flint_stores::kv::{Counter, Kind};
use flint_stores::{Entry, Version};
use lazy::Lazy;
use logged::{Change, Logged};
pub(crate) use logged::{Redo, changes};
use queue::QueueTables;
use record::{INVOCATION, INVOCATION_EXPIRY, SCHEDULE};
use redb::{ReadTransaction, ReadableTable, StorageError, TableDefinition, TableError, WriteTransaction};
use subscription::SUBSCRIPTION;

pub(crate) const KV: TableDefinition<&[u8], &[u8]> = TableDefinition::new("kv");
pub(crate) const EXPIRY: TableDefinition<&[u8], ()> = TableDefinition::new("expiry");
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The row of `meta` that tells the format of all tables.
pub(crate) const FORMAT: &str = "format";
/// The row of `meta` that tells the version of the last commit.
pub(crate) const VERSION: &str = "version";
/// The row of `meta` that tells when the last commit was, in milliseconds.
pub(crate) const TIME: &str = "time";
/// The row of `meta` that tells the number of the last message.
pub(crate) const NUMBER: &str = "number";
/// The row of `meta` that tells how many groups were committed.
pub(crate) const GROUPS: &str = "groups";
/// The row of `meta` that tells the epoch of the write-ahead log. It is not in the log itself.
pub(crate) const EPOCH: &str = "epoch";

const NAME_END: u8 = 0;
/// The end of time: an entry that ends here stays.
pub(crate) const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);
const HEADER: usize = 17;

/// The tables of a write transaction.
pub(crate) struct Tables<'tx> {
    pub(crate) kv: Logged<'tx, &'static [u8], &'static [u8]>,
    pub(crate) expiry: Logged<'tx, &'static [u8], ()>,
    pub(crate) meta: Logged<'tx, &'static str, u64>,
    pub(crate) queues: QueueTables<'tx>,
    pub(crate) blobs: BlobTables<'tx>,
    pub(crate) subscription: Lazy<'tx, &'static [u8], &'static [u8]>,
    pub(crate) schedule: Lazy<'tx, &'static str, u64>,
    pub(crate) invocation: Lazy<'tx, &'static [u8], &'static [u8]>,
    pub(crate) invocation_expiry: Lazy<'tx, &'static [u8], ()>,
}

impl<'tx> Tables<'tx> {
    /// Makes all tables that are not there.
    pub(crate) fn make(transaction: &'tx WriteTransaction, redo: &'tx Redo) -> Result<Self, TableError> {
        let mut tables = Self::open(transaction, redo)?;
        tables.subscription.open()?;
        tables.schedule.open()?;
        tables.invocation.open()?;
        tables.invocation_expiry.open()?;
        Ok(tables)
    }

    /// Opens the tables that most transactions need. What is changed in any of them is noted.
    pub(crate) fn open(transaction: &'tx WriteTransaction, redo: &'tx Redo) -> Result<Self, TableError> {
        Ok(Self {
            kv: Logged::open(transaction, KV, redo)?,
            expiry: Logged::open(transaction, EXPIRY, redo)?,
            meta: Logged::open(transaction, META, redo)?,
            queues: QueueTables::open(transaction, redo)?,
            blobs: BlobTables::open(transaction, redo)?,
            subscription: Lazy::new(transaction, SUBSCRIPTION, redo),
            schedule: Lazy::new(transaction, SCHEDULE, redo),
            invocation: Lazy::new(transaction, INVOCATION, redo),
            invocation_expiry: Lazy::new(transaction, INVOCATION_EXPIRY, redo),
        })
    }

    /// Makes a change again that was noted; answers whether there is such a table.
    pub(crate) fn redo(&mut self, change: &Change<'_>) -> Result<bool, TableError> {
        Ok(self.kv.make(change)?
            || self.expiry.make(change)?
            || self.meta.make(change)?
            || self.queues.redo(change)?
            || self.blobs.redo(change)?
            || self.subscription.open()?.make(change)?
            || self.schedule.open()?.make(change)?
            || self.invocation.open()?.make(change)?
            || self.invocation_expiry.open()?.make(change)?)
    }

    /// A number of `meta`; 0 if it is not there.
    pub(crate) fn number(&self, name: &str) -> Result<u64, StorageError> {
        Ok(self.meta.get(name)?.map_or(0, |row| row.value()))
    }
}

/// Reads a number by name, if the table is there.
pub(crate) fn meta(transaction: &ReadTransaction, name: &str) -> Result<Option<u64>, redb::Error> {
    match transaction.open_table(META) {
        Ok(table) => Ok(table.get(name)?.map(|row| row.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The key of an entry in `kv`; with an empty key or a prefix, where a range starts.
pub(crate) fn kv_key(store: &StoreName, key: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(store.as_str().len() + 1 + key.len());
    row.extend(store.as_str().as_bytes());
    row.push(NAME_END);
    row.extend(key.as_bytes());
    row
}

/// The entry's key in a row's key of its store.
pub(crate) fn key_of<'a>(store: &StoreName, row: &'a [u8]) -> Result<&'a str, Corrupt> {
    row.get(store.as_str().len() + 1..).and_then(|key| str::from_utf8(key).ok()).ok_or(Corrupt("a key of kv"))
}

/// The name of the store and the entry's key in a row's key of any store.
pub(crate) fn split_kv_key(row: &[u8]) -> Result<(&str, &str), Corrupt> {
    let row = str::from_utf8(row).map_err(|_| Corrupt("a key of kv"))?;
    row.split_once(char::from(NAME_END)).ok_or(Corrupt("a key of kv"))
}

/// The key of a row in `expiry`.
pub(crate) fn expiry_key(at: Timestamp, kv_key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(size_of::<u64>() + kv_key.len());
    row.extend(at.as_millis().to_be_bytes());
    row.extend(kv_key);
    row
}

/// The moment and the key in `kv` that a row of `expiry` is about.
pub(crate) fn split_expiry_key(row: &[u8]) -> Result<(Timestamp, &[u8]), Corrupt> {
    let (at, kv_key) = row.split_first_chunk().ok_or(Corrupt("a key of expiry"))?;
    Ok((Timestamp::from_millis(u64::from_be_bytes(*at)), kv_key))
}

/// An entry as a row of `kv` holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) version: Version,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) value: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a row.
    pub(crate) fn parse(row: &'a [u8]) -> Result<Self, Corrupt> {
        let corrupt = Corrupt("a value of kv");
        let (header, value) = row.split_first_chunk::<HEADER>().ok_or(corrupt)?;
        let [kind, numbers @ ..] = header;
        let (version, expires_at) = numbers.split_first_chunk::<8>().ok_or(corrupt)?;
        let kind = match (*kind, value.len()) {
            (0, _) => Kind::Plain,
            (1, 8) => Kind::Counter,
            _ => return Err(corrupt),
        };
        let expires_at = expires_at.first_chunk::<8>().ok_or(corrupt)?;
        let expires_at = Timestamp::from_millis(u64::from_le_bytes(*expires_at));
        let expires_at = (expires_at != NEVER).then_some(expires_at);
        Ok(Self { kind, version: u64::from_le_bytes(*version), expires_at, value })
    }

    /// Writes the row into a buffer, in the place of what it held.
    pub(crate) fn write(&self, row: &mut Vec<u8>) {
        row.clear();
        row.reserve(HEADER + self.value.len());
        row.push(match self.kind {
            Kind::Plain => 0,
            Kind::Counter => 1,
        });
        row.extend(self.version.to_le_bytes());
        row.extend(self.expires_at.unwrap_or(NEVER).as_millis().to_le_bytes());
        row.extend(self.value);
    }

    /// Whether the time to live has not passed.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }

    /// What an increment finds here.
    pub(crate) fn counter(&self) -> Counter {
        match (self.kind, self.value.first_chunk()) {
            (Kind::Counter, Some(count)) => Counter::At(i64::from_le_bytes(*count)),
            _ => Counter::Plain,
        }
    }

    /// The entry that a reader gets.
    pub(crate) fn entry(&self) -> Entry {
        let value = Bytes::copy_from_slice(self.value);
        Entry { value, version: self.version, expires_at: self.expires_at, kind: self.kind }
    }
}

/// Says what in the file does not read as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not read as this program writes it")]
pub(crate) struct Corrupt(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_it_was_written() {
        let mut row = b"what was there before".to_vec();
        for kind in [Kind::Plain, Kind::Counter] {
            for expires_at in [None, Some(Timestamp::from_millis(0)), Some(Timestamp::from_millis(7))] {
                let record = Record { kind, version: u64::MAX - 1, expires_at, value: b"12345678" };
                record.write(&mut row);
                assert_eq!(Record::parse(&row), Ok(record));
            }
        }
    }

    #[test]
    fn a_row_of_another_format_is_corrupt() {
        let mut row = Vec::new();
        Record { kind: Kind::Counter, version: 1, expires_at: None, value: b"1234567" }.write(&mut row);
        assert!(Record::parse(&row).is_err(), "a counter of seven bytes");
        row[0] = 2;
        assert!(Record::parse(&row).is_err(), "a kind that is not known");
        assert!(Record::parse(&[0; HEADER - 1]).is_err(), "half a header");
        assert!(split_expiry_key(&[0; 7]).is_err(), "half a moment");
    }

    #[test]
    fn rows_of_one_store_are_together_and_in_the_order_of_keys() {
        let [a, ab] = ["a", "ab"].map(|name| StoreName::parse(name).expect(name));
        let rows =
            [kv_key(&a, ""), kv_key(&a, "\0"), kv_key(&a, "a"), kv_key(&a, "b"), kv_key(&ab, ""), kv_key(&ab, "a")];
        assert!(rows.is_sorted());
        assert!(!rows[4].starts_with(&rows[0]), "a store whose name starts with another's is not in its range");
        assert_eq!(key_of(&ab, &rows[5]), Ok("a"));
        assert_eq!(split_kv_key(&rows[1]), Ok(("a", "\0")));
    }

    #[test]
    fn rows_of_expiry_are_in_the_order_of_time() {
        let at = Timestamp::from_millis;
        assert!(expiry_key(at(255), b"z") < expiry_key(at(256), b"a"));
        assert_eq!(split_expiry_key(&expiry_key(at(256), b"a")), Ok((at(256), &b"a"[..])));
    }
}
