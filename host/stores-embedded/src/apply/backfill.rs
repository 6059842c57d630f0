//! Subscriptions that begin: what is there is told to those that start at the beginning, a bounded step at a time.
//!
//! Where a subscription has come to is written in the transaction that tells: so nothing is told twice or left out, whatever
//! happens between two steps.

use std::collections::BTreeSet;

use flint_model::{QueueName, StoreName};
use flint_stores::derive::Transition;
use flint_stores::kv::{Backfill, ChangeKind, ChangeSubscription, Position, Start};
use flint_stores::{Cause, CommitError, Entry};
use redb::ReadableTable as _;

use super::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::subscription::{position_row, subscription_key};
use crate::table::{Record, key_of, kv_key};

/// The bytes of keys and values that one step of a backfill tells, but for the last entry: so that commits don't wait long
/// behind it.
const BACKFILL_BYTES_MAX: usize = 4 << 20;

/// What a step of a backfill found.
struct Found {
    entries: Vec<(String, Entry)>,
    /// How many were looked at.
    seen: usize,
    position: Position,
}

impl Apply<'_> {
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
                    let (step, seen) = self.tell(store, subscription, position, left)?;
                    backfill.told += step.told;
                    backfill.more |= step.more;
                    backfill.full |= step.full;
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

    /// Tells a subscription what is there behind its position; answers what that came to, and how many entries were looked at.
    fn tell(
        &mut self,
        store: &StoreName,
        subscription: &ChangeSubscription,
        position: Position,
        max: usize,
    ) -> Result<(Backfill, usize), Halt> {
        let (rules, count) = self.queue(&subscription.queue)?;
        let room = usize::try_from(rules.length_max.saturating_sub(count.messages)).unwrap_or(usize::MAX);
        let found = self.find(store, subscription, position.clone(), max, room)?;
        let mut derived = Vec::new();
        for (key, entry) in found.entries {
            // Also one that is over and not removed: its end will be told.
            let insert = Transition { old: None, new: Some(entry), at: self.now, expired: false };
            derived.extend(self.derive((store, &key), insert, &Cause::default(), &[subscription])?);
        }
        derived.iter().try_for_each(|derived| self.deliver(derived))?;
        let more = found.position != Position::Done;
        let step = Backfill { told: derived.len(), more, full: more && derived.len() == room };
        if found.position != position {
            self.set_position(store, &subscription.queue, found.position)?;
        }
        Ok((step, found.seen))
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

    fn set_position(&mut self, store: &StoreName, queue: &QueueName, position: Position) -> Result<(), Failure> {
        let key = subscription_key(store, queue);
        self.tables.subscription.open()?.insert(key.as_slice(), position_row(&position).as_slice())?;
        self.positions.insert(key, position);
        self.changed = true;
        Ok(())
    }
}
