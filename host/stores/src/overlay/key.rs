//! One key: what the store has, what is held of it, and what becomes of it.

use bytes::Bytes;
use flint_model::{StoreName, Timestamp};

use super::other;
use crate::kv::{Counter, CounterFault, Kind, sum};
use crate::{Effect, Entry, Expectation, Outcome, Version};

/// What is known of a key.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    /// What the store had when it was first seen: if it changes, the commit has to fail.
    expect: Option<Expectation>,
    /// What it had when it was last seen: if the commit is to fail, a guest that tries until it succeeds still gets to its end.
    pub(super) found: Option<Found>,
    /// What it is to be; none: as it is.
    pub(super) held: Option<Held>,
}

/// As much of what is under a key as decides about changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) version: Option<Version>,
    pub(super) counter: Counter,
}

/// A change that is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Put {
        value: Bytes,
        expires_at: Option<Timestamp>,
        version: Version,
    },
    Delete,
    /// What it counts now, and what it is to be raised by from what the store has.
    Count {
        sum: i64,
        delta: i64,
        version: Version,
    },
}

/// What an effect does to the overlay.
pub(super) enum Change {
    Hold(Held),
    /// It is about no key.
    Other,
    /// It is about no key, and this says the same at any later moment.
    Instead(Box<Effect>),
    Nothing,
}

impl Found {
    /// Of the entry under a key, if there is one.
    pub(super) fn of(entry: Option<&Entry>) -> Self {
        Self { version: entry.map(|entry| entry.version), counter: Counter::of(entry) }
    }

    fn expectation(self) -> Expectation {
        self.version.map_or(Expectation::Absent, Expectation::Version)
    }
}

impl Held {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Put { value, .. } => value.len() as u64,
            Self::Delete | Self::Count { .. } => 0,
        }
    }

    /// What a read shows of it.
    pub(super) fn entry(&self, now: Timestamp) -> Option<Entry> {
        match self {
            Self::Put { value, expires_at, version } if expires_at.is_none_or(|at| now < at) => {
                let (value, version, expires_at) = (value.clone(), *version, *expires_at);
                Some(Entry { value, version, expires_at, kind: Kind::Plain })
            }
            Self::Put { .. } | Self::Delete => None,
            Self::Count { sum, version, .. } => {
                let value = Bytes::copy_from_slice(&sum.to_le_bytes());
                Some(Entry { value, version: *version, expires_at: None, kind: Kind::Counter })
            }
        }
    }
}

/// Whether a change looks at what the store has: for what it answers or expects, or since it counts from there.
pub(super) fn looks_below(effect: &Effect, is_held: bool) -> bool {
    match effect {
        Effect::KvIncrement { .. } => true,
        Effect::KvPut { expect, .. } => expect.is_some() && !is_held,
        Effect::KvDelete { .. } | Effect::KvCheck { .. } => !is_held,
        _ => false,
    }
}

/// What an effect expects of its key.
pub(super) fn expectation(effect: &Effect) -> Option<Expectation> {
    match effect {
        Effect::KvPut { expect, .. } | Effect::KvDelete { expect, .. } | Effect::KvIncrement { expect, .. } => *expect,
        Effect::KvCheck { expect, .. } => Some(*expect),
        _ => None,
    }
}

impl Key {
    pub(super) fn note(&mut self, found: Found) {
        self.expect.get_or_insert(found.expectation());
        self.found = Some(found);
    }

    /// What the invocation sees. A key that was never looked at counts as absent: whoever asks saw to it.
    pub(super) fn seen(&self, now: Timestamp) -> Found {
        match (&self.held, self.found) {
            (Some(held), _) => Found::of(held.entry(now).as_ref()),
            (None, Some(found)) => found,
            (None, None) => Found::of(None),
        }
    }

    /// What becomes of an effect whose expectation is met.
    pub(super) fn decide(
        &self,
        effect: &Effect,
        seen: Found,
        version: Version,
    ) -> Result<(Change, Outcome), CounterFault> {
        Ok(match effect {
            Effect::KvPut { value, expires_at, .. } => {
                let held = Held::Put { value: value.clone(), expires_at: *expires_at, version };
                (Change::Hold(held), Outcome::KvPut { version })
            }
            Effect::KvDelete { .. } => {
                (Change::Hold(Held::Delete), Outcome::KvDelete { existed: seen.version.is_some() })
            }
            Effect::KvIncrement { delta, .. } => {
                let sum = sum(seen.counter, *delta)?;
                let delta = self.raise(sum)?;
                (Change::Hold(Held::Count { sum, delta, version }), Outcome::KvIncrement { sum })
            }
            Effect::KvCheck { .. } => (Change::Nothing, Outcome::KvCheck),
            _ => (Change::Other, other(effect)),
        })
    }

    /// What has to be added to what the store has for it to become `sum`.
    fn raise(&self, sum: i64) -> Result<i64, CounterFault> {
        match self.found.map_or(Counter::Absent, |found| found.counter) {
            Counter::Absent => Ok(sum),
            Counter::At(count) => sum.checked_sub(count).ok_or(CounterFault::Overflow),
            Counter::Plain => Err(CounterFault::Plain),
        }
    }

    /// What has to be committed for it.
    pub(super) fn into_effect(self, store: StoreName, key: String) -> Option<Effect> {
        match (self.held, self.expect) {
            (Some(Held::Put { value, expires_at, .. }), expect) => {
                Some(Effect::KvPut { store, key, value, expires_at, expect })
            }
            (Some(Held::Delete), Some(Expectation::Absent)) => {
                Some(Effect::KvCheck { store, key, expect: Expectation::Absent })
            }
            (Some(Held::Delete), expect) => Some(Effect::KvDelete { store, key, expect }),
            (Some(Held::Count { delta, .. }), expect) => Some(Effect::KvIncrement { store, key, delta, expect }),
            (None, Some(expect)) => Some(Effect::KvCheck { store, key, expect }),
            (None, None) => None,
        }
    }
}
