//! Changes of keys, for those who listen to their store.

use std::collections::BTreeSet;

use bytes::Bytes;
use flint_model::{MessageId, QueueName, StoreName};
use flint_stores::derive::{self, Derived, Transition};
use flint_stores::kv::{Backfill, ChangeKind, ChangeSubscription, Position, Start};
use flint_stores::{Cause, Change, CommitError, Entry};
use redb::ReadableTable as _;

use super::queue::Plan;
use super::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::subscription::{parse_position, position_row, subscription_key};
use crate::table::{Corrupt, Record, key_of, kv_key, split_kv_key};

/// The bytes of keys and values that one step of a backfill tells, but for the last entry: so that commits don't wait long
/// behind it.
const BACKFILL_BYTES_MAX: usize = 4 << 20;

/// A key whose changes are told.
type Key<'a> = (&'a StoreName, &'a str);

/// What a step of a backfill found.
struct Found {
    entries: Vec<(String, Entry)>,
    /// How many were looked at.
    seen: usize,
    position: Position,
}

impl<'tx> Apply<'tx> {
    /// Finds room for the messages that a write of a key causes, which leaves `new`; answers whether somebody listens.
    ///
    /// The messages are made when the write is, or those of a large commit would be in memory at once. Only their values
    /// are missing here, and decide nothing.
    pub(super) fn decide_change(
        &mut self,
        key: Key<'_>,
        new: impl FnOnce() -> Option<Entry>,
        cause: &Cause,
        plan: &mut Plan<'_>,
    ) -> Result<bool, Halt> {
        let Some(subscriptions) = self.hearing(key)? else { return Ok(false) };
        let bare = |entry: Entry| Entry { value: Bytes::new(), ..entry };
        let old = self.entry(&kv_key(key.0, key.1), |record| Record { value: &[], ..*record }.entry())?;
        for transition in derive::transitions(old, new().map(bare), self.now) {
            for one in self.derive(key, transition, cause, &subscriptions)? {
                self.admit(&one.queue, plan)?;
            }
        }
        Ok(true)
    }

    /// The messages that a write of a key causes, which was decided and is about to be made.
    pub(super) fn derive_write(
        &mut self,
        key: Key<'_>,
        new: Option<Entry>,
        cause: &Cause,
    ) -> Result<Vec<Derived>, Failure> {
        let subscriptions = self.hearing(key)?.unwrap_or_default();
        let old = self.entry(&kv_key(key.0, key.1), |record| record.entry())?;
        let mut derived = Vec::new();
        for transition in derive::transitions(old, new, self.now) {
            let all = self.derive(key, transition, cause, &subscriptions);
            derived.extend(all.map_err(|_| Corrupt("the catalog of queues"))?);
        }
        Ok(derived)
    }

    /// The messages that the end of an entry causes, which is about to be removed.
    pub(super) fn derive_end(&mut self, row: &[u8]) -> Result<Vec<Derived>, Failure> {
        let (store, key) = split_kv_key(row)?;
        // Without subscriptions no name is made.
        let Some((store, _)) = self.catalog.changes.get_key_value(store) else { return Ok(Vec::new()) };
        let Some(subscriptions) = self.hearing((store, key))? else { return Ok(Vec::new()) };
        let mut transitions = derive::transitions(self.entry(row, |record| record.entry())?, None, self.now);
        let Some(end) = transitions.next() else { return Ok(Vec::new()) };
        Ok(self.derive((store, key), end, &Cause::default(), &subscriptions).unwrap_or_else(|error| {
            tracing::error!(error = %error, store = %store, "the end of an entry can't be told to who listens");
            Vec::new()
        }))
    }

    fn derive(
        &self,
        (store, key): Key<'_>,
        transition: Transition,
        cause: &Cause,
        subscriptions: &[&ChangeSubscription],
    ) -> Result<Vec<Derived>, CommitError> {
        let Transition { old, new, at, expired } = transition;
        let (store, key) = (store.clone(), key.to_owned());
        let change = Change { id: MessageId::at(self.now), store, key, old, new, at };
        // Time is no cause: it does not run in circles.
        let by_time = Cause::default();
        let cause = if expired { &by_time } else { cause };
        derive::change(self.catalog, cause, subscriptions.iter().copied(), &change).collect()
    }

    /// Who hears at once what happens to a key, if somebody does.
    fn hearing(&mut self, (store, key): Key<'_>) -> Result<Option<Vec<&'tx ChangeSubscription>>, Failure> {
        let Some(all) = self.catalog.changes.get(store) else { return Ok(None) };
        let mut hearing = Vec::new();
        for one in all.iter().filter(|one| one.filter.matches(key)) {
            if one.hears(self.position(store, &one.queue)?, key) {
                hearing.push(one);
            }
        }
        Ok(Some(hearing).filter(|hearing| !hearing.is_empty()))
    }

    /// The entry of a key, be it over or not.
    fn entry(&self, row: &[u8], at: impl FnOnce(&Record<'_>) -> Entry) -> Result<Option<Entry>, Failure> {
        let Some(found) = self.tables.kv.get(row)? else { return Ok(None) };
        Ok(Some(at(&Record::parse(found.value())?)))
    }

    /// How far a subscription has come. Read once in a transaction.
    fn position(&mut self, store: &StoreName, queue: &QueueName) -> Result<&Position, Failure> {
        let key = subscription_key(store, queue);
        if !self.positions.contains_key(&key) {
            let row = self.tables.subscription.open()?.get(key.as_slice())?;
            let position = row.map(|row| parse_position(row.value())).transpose()?.unwrap_or_default();
            self.positions.insert(key.clone(), position);
        }
        Ok(self.positions.entry(key).or_default())
    }

    fn set_position(&mut self, store: &StoreName, queue: &QueueName, position: Position) -> Result<(), Failure> {
        let key = subscription_key(store, queue);
        self.tables.subscription.open()?.insert(key.as_slice(), position_row(&position).as_slice())?;
        self.positions.insert(key, position);
        self.changed = true;
        Ok(())
    }

    /// Has the subscriptions come further, by up to `max` entries.
    pub(crate) fn backfill(&mut self, max: usize) -> Result<Result<Backfill, CommitError>, Failure> {
        settled(self.backfill_or_halt(max))
    }

    fn backfill_or_halt(&mut self, max: usize) -> Result<Backfill, Halt> {
        self.forget()?;
        let (mut backfill, mut left) = (Backfill::default(), max);
        let catalog = self.catalog;
        let all = catalog.changes.iter();
        for (store, subscription) in all.flat_map(|(store, all)| all.iter().map(move |one| (store, one))) {
            match (self.position(store, &subscription.queue)?.clone(), subscription.start) {
                (Position::Done, _) => {}
                (Position::New, Start::Latest) => self.set_position(store, &subscription.queue, Position::Done)?,
                (position, _) => {
                    let (told, seen, done) = self.tell(store, subscription, position, left)?;
                    backfill = Backfill { told: backfill.told + told, more: backfill.more || !done };
                    left -= seen;
                }
            }
        }
        Ok(backfill)
    }

    /// Forgets the subscriptions that are gone.
    fn forget(&mut self) -> Result<(), Failure> {
        let all = self.catalog.changes.iter();
        let there = all.flat_map(|(store, all)| all.iter().map(move |one| subscription_key(store, &one.queue)));
        let there: BTreeSet<_> = there.collect();
        let mut gone = Vec::new();
        for row in self.tables.subscription.open()?.iter()? {
            let key = row?.0.value().to_vec();
            gone.extend(Some(key).filter(|key| !there.contains(key)));
        }
        for key in gone {
            self.tables.subscription.open()?.remove(key.as_slice())?;
            self.positions.remove(&key);
            self.changed = true;
        }
        Ok(())
    }

    /// Tells a subscription what is there behind its position; answers how many entries were told, how many were looked at,
    /// and whether that was all.
    fn tell(
        &mut self,
        store: &StoreName,
        subscription: &ChangeSubscription,
        position: Position,
        max: usize,
    ) -> Result<(usize, usize, bool), Halt> {
        let (rules, count) = self.queue(&subscription.queue)?;
        let room = rules.length_max.saturating_sub(count.messages);
        let found =
            self.find(store, subscription, position.clone(), max, usize::try_from(room).unwrap_or(usize::MAX))?;
        let mut derived = Vec::new();
        for (key, entry) in found.entries {
            // Also one that is over and not removed: its end will be told.
            let insert = Transition { old: None, new: Some(entry), at: self.now, expired: false };
            derived.extend(self.derive((store, &key), insert, &Cause::default(), &[subscription])?);
        }
        derived.iter().try_for_each(|derived| self.deliver(derived))?;
        let done = found.position == Position::Done;
        if found.position != position {
            self.set_position(store, &subscription.queue, found.position)?;
        }
        Ok((derived.len(), found.seen, done))
    }

    fn find(
        &self,
        store: &StoreName,
        subscription: &ChangeSubscription,
        position: Position,
        max: usize,
        room: usize,
    ) -> Result<Found, Failure> {
        let prefix = kv_key(store, subscription.filter.prefix.as_deref().unwrap_or_default());
        let after = match &position {
            Position::At(key) => Some(kv_key(store, key)),
            Position::New | Position::Done => None,
        };
        let from = after.as_ref().unwrap_or(&prefix).max(&prefix);
        let mut found = Found { entries: Vec::new(), seen: 0, position };
        let mut bytes = 0;
        for row in self.tables.kv.range::<&[u8]>(from.as_slice()..)? {
            let (row, value) = row?;
            if !row.value().starts_with(&prefix) {
                break;
            }
            if after.as_deref() == Some(row.value()) {
                continue;
            }
            if found.seen == max || found.entries.len() == room || bytes > BACKFILL_BYTES_MAX {
                return Ok(found);
            }
            let key = key_of(store, row.value())?;
            found.seen += 1;
            if subscription.wants(key, ChangeKind::Insert) {
                bytes += row.value().len() + value.value().len();
                found.entries.push((key.to_owned(), Record::parse(value.value())?.entry()));
            }
            found.position = Position::At(key.to_owned());
        }
        Ok(Found { position: Position::Done, ..found })
    }
}
