//! Effects into tables: one commit of a group, in two steps.
//!
//! First every effect is looked at against the tables as the commits before it left them, and becomes a [`Step`]; if one
//! can't happen, the commit fails here and has touched nothing. Then all steps are taken. No key comes twice in a commit
//! (`flint_stores::check` saw to it), so no step changes what another one was decided by.

use flint_model::Timestamp;
use flint_stores::kv::{Counter, sum};
use flint_stores::{Commit, CommitError, Committed, Effect, Expectation, Outcome, Version};
use redb::ReadableTable as _;

use crate::database::Failure;
use crate::table::{self, Kind, NEVER, Record, Tables, expiry_key, kv_key, split_expiry_key};

/// What a group of commits is applied with.
pub(crate) struct Apply<'tx> {
    tables: Tables<'tx>,
    now: Timestamp,
    /// The version of the last commit, and whether it is of this group.
    version: Version,
    changed: bool,
    /// A buffer for rows.
    row: Vec<u8>,
}

/// An effect that can happen, ready to be made.
enum Step<'a> {
    Put { row: Vec<u8>, value: &'a [u8], expires_at: Option<Timestamp> },
    Delete { row: Vec<u8> },
    Count { row: Vec<u8>, sum: i64 },
}

impl<'tx> Apply<'tx> {
    pub(crate) fn new(tables: Tables<'tx>, now: Timestamp) -> Result<Self, Failure> {
        let version = tables.version()?;
        Ok(Self { tables, now, version, changed: false, row: Vec::new() })
    }

    /// Applies a commit, or nothing of it if it can't happen.
    ///
    /// After a [`Failure`] the tables may hold a part of it: the whole transaction has to be given up.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<Result<Committed, CommitError>, Failure> {
        let mut steps = Vec::with_capacity(commit.effects.len());
        for (index, effect) in commit.effects.iter().enumerate() {
            match self.decide(index, effect)? {
                Ok(step) => steps.push(step),
                Err(error) => return Ok(Err(error)),
            }
        }
        let version = self.version + 1;
        let writes_before = self.changed;
        self.changed = false;
        let outcomes = steps.into_iter().map(|step| self.take(step, version)).collect::<Result<_, _>>()?;
        if self.changed {
            self.version = version;
        }
        self.changed |= writes_before;
        Ok(Ok(Committed { version: self.version, outcomes }))
    }

    /// Removes up to `max` entries that are gone; answers how many there were.
    pub(crate) fn collect(&mut self, max: usize) -> Result<usize, Failure> {
        let end = expiry_key(self.now.saturating_add(std::time::Duration::from_millis(1)), &[]);
        let due = self.tables.expiry.range::<&[u8]>(..end.as_slice())?;
        let due = due.take(max).map(|row| Ok(row?.0.value().to_vec())).collect::<Result<Vec<_>, Failure>>()?;
        for row in &due {
            let (at, kv_key) = split_expiry_key(row)?;
            self.tables.expiry.remove(row.as_slice())?;
            // The row always tells the truth; but nothing is removed on its word alone.
            if self.ends(kv_key)? == Some(at) {
                self.tables.kv.remove(kv_key)?;
            }
        }
        self.changed |= !due.is_empty();
        Ok(due.len())
    }

    /// Writes down what the group came to; answers whether there is anything to commit.
    pub(crate) fn finish(mut self) -> Result<bool, Failure> {
        if self.changed {
            self.tables.meta.insert(table::VERSION, self.version)?;
        }
        Ok(self.changed)
    }

    fn decide<'a>(&self, index: usize, effect: &'a Effect) -> Result<Result<Step<'a>, CommitError>, Failure> {
        let (store, key) = effect.target();
        let row = kv_key(store, key);
        Ok(match effect {
            Effect::KvPut { value, expires_at, expect, .. } => self
                .expect(&row, *expect)?
                .map(|()| Step::Put { row, value, expires_at: expires_at.filter(|at| *at < NEVER) })
                .map_err(|Unmet { current }| CommitError::Conflict { index, key: key.to_owned(), current }),
            Effect::KvDelete { expect, .. } => self
                .expect(&row, *expect)?
                .map(|()| Step::Delete { row })
                .map_err(|Unmet { current }| CommitError::Conflict { index, key: key.to_owned(), current }),
            Effect::KvIncrement { delta, .. } => {
                let found = self.look(&row, |record| record.counter())?.unwrap_or(Counter::Absent);
                sum(found, *delta).map(|sum| Step::Count { row, sum }).map_err(|fault| CommitError::NotACounter {
                    index,
                    key: key.to_owned(),
                    fault,
                })
            }
        })
    }

    /// Compares a key with what is expected of it. Without an expectation it isn't read.
    fn expect(&self, row: &[u8], expect: Option<Expectation>) -> Result<Result<(), Unmet>, Failure> {
        let Some(expect) = expect else { return Ok(Ok(())) };
        let current = self.look(row, |record| record.version)?;
        Ok(if expect.is_met(current) { Ok(()) } else { Err(Unmet { current }) })
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

    fn take(&mut self, step: Step<'_>, version: Version) -> Result<Outcome, Failure> {
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
}

/// An expectation that is not met.
struct Unmet {
    current: Option<Version>,
}
