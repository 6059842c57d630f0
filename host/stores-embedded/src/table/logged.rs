//! Tables whose changes are noted, for the write-ahead log (`wal`).
//!
//! The changes of a transaction are rows, not what was asked for: so they are made again without deciding anything anew, and as
//! often as one likes. Each is written as
//!
//! | bytes | what |
//! | --- | --- |
//! | 1, and as many | the length of the table's name, and the name |
//! | 4, and as many | the length of the key, little endian, and the key |
//! | 4, and as many | one more than the length of the value, and the value; 0 if the row is removed |

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::ops::Deref;

use redb::{
    AccessGuard, Key, StorageError, Table, TableDefinition, TableError, TableHandle as _, Value, WriteTransaction,
};

use super::Corrupt;

/// The changes of a transaction, in their order.
#[derive(Debug, Default)]
pub(crate) struct Redo {
    bytes: RefCell<Vec<u8>>,
    rows: Cell<u64>,
    max: usize,
    /// Something did not fit.
    is_full: Cell<bool>,
}

impl Redo {
    /// Notes into a buffer, behind what it holds. What makes it longer than `max` bytes is not kept.
    pub(crate) fn into_buffer(buffer: Vec<u8>, max: usize) -> Self {
        Self { bytes: RefCell::new(buffer), rows: Cell::new(0), max, is_full: Cell::new(false) }
    }

    /// How many rows were changed.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.get()
    }

    /// What was noted; none if it was too much.
    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        (!self.is_full.get()).then(|| self.bytes.into_inner())
    }

    fn note(&self, table: &str, key: &[u8], value: Option<&[u8]>) {
        self.rows.update(|rows| rows + 1);
        let mut bytes = self.bytes.borrow_mut();
        let size = 1 + table.len() + 4 + key.len() + 4 + value.map_or(0, <[u8]>::len);
        if self.is_full.get() || bytes.len() + size > self.max {
            self.is_full.set(true);
            return;
        }
        // No name of ours is longer than a byte tells, and no row longer than four do: redb's limit is 3 GiB.
        bytes.push(u8::try_from(table.len()).unwrap_or_default());
        bytes.extend(table.as_bytes());
        put_length(&mut bytes, key.len());
        bytes.extend(key);
        put_length(&mut bytes, value.map_or(0, |value| value.len() + 1));
        bytes.extend(value.unwrap_or_default());
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// A change as it was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    table: &'a str,
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

/// The changes that were noted in `bytes`.
pub(crate) fn changes(mut bytes: &[u8]) -> impl Iterator<Item = Result<Change<'_>, Corrupt>> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| take_change(&mut bytes).ok_or(Corrupt("the log"))))
}

fn take_change<'a>(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
    let result = read_change(bytes);
    if result.is_none() {
        // Nothing behind it can be read either.
        *bytes = &[];
    }
    result
}

fn read_change<'a>(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
    let [length] = *bytes.split_off(..1)? else { return None };
    let table = str::from_utf8(bytes.split_off(..usize::from(length))?).ok()?;
    let length = take_length(bytes)?;
    let key = bytes.split_off(..length)?;
    let value = match take_length(bytes)?.checked_sub(1) {
        Some(length) => Some(bytes.split_off(..length)?),
        None => None,
    };
    Some(Change { table, key, value })
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let length = bytes.split_off(..4)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

/// A table of a write transaction. It reads as redb's.
pub(crate) struct Logged<'tx, K: Key + 'static, V: Value + 'static> {
    table: Table<'tx, K, V>,
    redo: &'tx Redo,
}

impl<'tx, K: Key + 'static, V: Value + 'static> Logged<'tx, K, V> {
    /// Opens the table; made if it is not there.
    pub(crate) fn open(
        transaction: &'tx WriteTransaction,
        definition: TableDefinition<'static, K, V>,
        redo: &'tx Redo,
    ) -> Result<Self, TableError> {
        Ok(Self { table: transaction.open_table(definition)?, redo })
    }

    /// Writes a row; answers what was there.
    pub(crate) fn insert<'k, 'v>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
        value: impl Borrow<V::SelfType<'v>>,
    ) -> Result<Option<AccessGuard<'_, V>>, StorageError> {
        let (key, value) = (key.borrow(), value.borrow());
        self.redo.note(self.table.name(), K::as_bytes(key).as_ref(), Some(V::as_bytes(value).as_ref()));
        self.table.insert(key, value)
    }

    /// Removes a row; answers what was there.
    pub(crate) fn remove<'k>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
    ) -> Result<Option<AccessGuard<'_, V>>, StorageError> {
        let key = key.borrow();
        self.redo.note(self.table.name(), K::as_bytes(key).as_ref(), None);
        self.table.remove(key)
    }

    /// Makes a change again, if it is one of this table; answers whether it is.
    pub(crate) fn make(&mut self, change: &Change<'_>) -> Result<bool, StorageError> {
        if change.table != self.table.name() {
            return Ok(false);
        }
        let key = K::from_bytes(change.key);
        match change.value {
            Some(value) => drop(self.table.insert(&key, V::from_bytes(value))?),
            None => drop(self.table.remove(&key)?),
        }
        Ok(true)
    }
}

impl<'tx, K: Key + 'static, V: Value + 'static> Deref for Logged<'tx, K, V> {
    type Target = Table<'tx, K, V>;

    fn deref(&self) -> &Self::Target {
        &self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_as_they_were_noted_and_what_was_cut_is_told() {
        let redo = Redo::into_buffer(Vec::new(), 1000);
        redo.note("kv", b"key", Some(b"value"));
        redo.note("expiry", b"", Some(b""));
        redo.note("kv", b"\0", None);
        let bytes = redo.into_bytes().expect("it has room");
        let expected = [
            Change { table: "kv", key: b"key", value: Some(b"value") },
            Change { table: "expiry", key: b"", value: Some(b"") },
            Change { table: "kv", key: b"\0", value: None },
        ];
        assert_eq!(changes(&bytes).collect::<Result<Vec<_>, _>>(), Ok(expected.to_vec()));
        let last = Change { table: "kv", key: b"\0", value: None };
        for cut in 1..bytes.len() {
            let read: Vec<_> = changes(&bytes[..cut]).collect();
            assert!(!read.contains(&Ok(last)) && read.len() <= 3, "{cut}: {read:?}");
        }
        assert!(changes(&bytes[..bytes.len() - 1]).any(|change| change.is_err()));
    }

    #[test]
    fn what_is_too_much_is_told_and_not_kept() {
        for (max, fits) in [(20, true), (19, false)] {
            let redo = Redo::into_buffer(vec![0; 3], max);
            redo.note("kv", b"key", Some(b"val"));
            assert_eq!((redo.rows(), redo.into_bytes().is_some()), (1, fits), "{max}");
        }
    }
}
