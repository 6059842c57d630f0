//! Key-value effects.

use bytes::Bytes;
use flint_model::{StoreName, Timestamp};
use flint_stores::kv::{Counter, Kind, sum};
use flint_stores::{CommitError, Entry, Expectation, Outcome, Version};
use redb::ReadableTable as _;

use super::{Apply, Halt};
use crate::database::Failure;
use crate::table::{NEVER, Record, expiry_key, kv_key, split_expiry_key};

/// A change of a key that can happen.
pub(super) enum Step<'a> {
    Put {
        row: Vec<u8>,
        value: &'a Bytes,
        expires_at: Option<Timestamp>,
    },
    Delete {
        row: Vec<u8>,
    },
    Count {
        row: Vec<u8>,
        sum: i64,
    },
    /// It was only looked at.
    Nothing,
}

impl Step<'_> {
    /// What the key reads as afterwards.
    pub(super) fn leaves(&self, version: Version) -> Option<Entry> {
        match self {
            Self::Put { value, expires_at, .. } => {
                let value = Bytes::clone(value);
                Some(Entry { value, version, expires_at: *expires_at, kind: Kind::Plain })
            }
            Self::Count { sum, .. } => {
                let value = Bytes::copy_from_slice(&sum.to_le_bytes());
                Some(Entry { value, version, expires_at: None, kind: Kind::Counter })
            }
            Self::Delete { .. } | Self::Nothing => None,
        }
    }

    /// Whether the key stays as it is.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

type Key<'a> = (&'a StoreName, &'a String);

impl Apply<'_> {
    pub(super) fn decide_put<'a>(
        &self,
        index: usize,
        (store, key): Key<'_>,
        value: &'a Bytes,
        expires_at: Option<Timestamp>,
        expect: Option<Expectation>,
    ) -> Result<Step<'a>, Halt> {
        let row = kv_key(store, key);
        self.expect(index, key, &row, expect)?;
        Ok(Step::Put { row, value, expires_at: expires_at.filter(|at| *at < NEVER) })
    }

    pub(super) fn decide_delete<'a>(
        &self,
        index: usize,
        (store, key): Key<'_>,
        expect: Option<Expectation>,
    ) -> Result<Step<'a>, Halt> {
        let row = kv_key(store, key);
        self.expect(index, key, &row, expect)?;
        Ok(Step::Delete { row })
    }

    pub(super) fn decide_increment<'a>(
        &self,
        index: usize,
        (store, key): Key<'_>,
        delta: i64,
        expect: Option<Expectation>,
    ) -> Result<Step<'a>, Halt> {
        let row = kv_key(store, key);
        self.expect(index, key, &row, expect)?;
        let found = self.look(&row, |record| record.counter())?.unwrap_or(Counter::Absent);
        match sum(found, delta) {
            Ok(sum) => Ok(Step::Count { row, sum }),
            Err(fault) => Err(CommitError::NotACounter { index, key: key.clone(), fault }.into()),
        }
    }

    pub(super) fn decide_check<'a>(
        &self,
        index: usize,
        (store, key): Key<'_>,
        expect: Expectation,
    ) -> Result<Step<'a>, Halt> {
        self.expect(index, key, &kv_key(store, key), Some(expect))?;
        Ok(Step::Nothing)
    }

    /// Compares a key with what is expected of it. Without an expectation it isn't read.
    fn expect(&self, index: usize, key: &str, row: &[u8], expect: Option<Expectation>) -> Result<(), Halt> {
        let Some(expect) = expect else { return Ok(()) };
        let current = self.look(row, |record| record.version)?;
        if expect.is_met(current) {
            return Ok(());
        }
        Err(CommitError::Conflict { index, key: key.to_owned(), current }.into())
    }

    /// When an entry is gone, also if that has passed.
    fn ends(&self, row: &[u8]) -> Result<Option<Timestamp>, Failure> {
        let Some(found) = self.tables.kv.get(row)? else { return Ok(None) };
        Ok(Record::parse(found.value())?.expires_at)
    }

    /// Looks at an entry, if there is one that is not gone.
    fn look<T>(&self, row: &[u8], at: impl FnOnce(&Record<'_>) -> T) -> Result<Option<T>, Failure> {
        let Some(found) = self.tables.kv.get(row)? else { return Ok(None) };
        let record = Record::parse(found.value())?;
        Ok(record.is_live(self.now).then(|| at(&record)))
    }

    pub(super) fn take_kv(&mut self, step: Step<'_>, version: Version) -> Result<Outcome, Failure> {
        match step {
            Step::Put { row, value, expires_at } => {
                self.write(&row, &Record { kind: Kind::Plain, version, expires_at, value })?;
                Ok(Outcome::KvPut { version })
            }
            Step::Count { row, sum } => {
                let value = &sum.to_le_bytes();
                self.write(&row, &Record { kind: Kind::Counter, version, expires_at: None, value })?;
                Ok(Outcome::KvIncrement { sum })
            }
            Step::Nothing => Ok(Outcome::KvCheck),
            Step::Delete { row } => Ok(Outcome::KvDelete { existed: self.remove(&row)? }),
        }
    }

    fn write(&mut self, kv_key: &[u8], record: &Record<'_>) -> Result<(), Failure> {
        record.write(&mut self.row);
        let before = self.tables.kv.insert(kv_key, self.row.as_slice())?;
        let ended = before.map(|row| Ok::<_, Failure>(Record::parse(row.value())?.expires_at)).transpose()?.flatten();
        self.changed = true;
        if ended == record.expires_at {
            return Ok(());
        }
        if let Some(at) = ended {
            self.tables.expiry.remove(expiry_key(at, kv_key).as_slice())?;
        }
        if let Some(at) = record.expires_at {
            self.tables.expiry.insert(expiry_key(at, kv_key).as_slice(), ())?;
        }
        Ok(())
    }

    /// Removes an entry; answers whether there was one that was not gone.
    fn remove(&mut self, kv_key: &[u8]) -> Result<bool, Failure> {
        let Some(row) = self.tables.kv.remove(kv_key)? else { return Ok(false) };
        let record = Record::parse(row.value())?;
        let (existed, expires_at) = (record.is_live(self.now), record.expires_at);
        drop(row);
        self.changed = true;
        if let Some(at) = expires_at {
            self.tables.expiry.remove(expiry_key(at, kv_key).as_slice())?;
        }
        Ok(existed)
    }

    /// Removes up to `max` entries that are gone; answers how many there were.
    pub(super) fn collect_kv(&mut self, max: usize) -> Result<usize, Failure> {
        let end = expiry_key(self.now.saturating_add(std::time::Duration::from_millis(1)), &[]);
        let due = self.tables.expiry.range::<&[u8]>(..end.as_slice())?;
        let due = due.take(max).map(|row| Ok(row?.0.value().to_vec())).collect::<Result<Vec<_>, Failure>>()?;
        for row in &due {
            let (at, kv_key) = split_expiry_key(row)?;
            self.tables.expiry.remove(row.as_slice())?;
            // The row always tells the truth; but nothing is removed on its word alone.
            if self.ends(kv_key)? == Some(at) {
                let derived = self.derive_end(kv_key)?;
                self.tables.kv.remove(kv_key)?;
                derived.into_iter().try_for_each(|one| self.hand_over(&one.queue, &one.message, None))?;
            }
        }
        self.changed |= !due.is_empty();
        Ok(due.len())
    }
}
