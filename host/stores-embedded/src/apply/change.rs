//! Changes of keys, for those who listen to their store.

use bytes::Bytes;
use flint_model::{MessageId, QueueName, StoreName};
use flint_stores::derive::{self, Derived, Transition};
use flint_stores::kv::{ChangeSubscription, Position};
use flint_stores::{Cause, Change, CommitError, Entry};
use redb::ReadableTable as _;

use super::queue::Plan;
use super::{Apply, Halt};
use crate::database::Failure;
use crate::table::subscription::{parse_position, subscription_key};
use crate::table::{Corrupt, Record, kv_key, split_kv_key};

/// A key whose changes are told.
type Key<'a> = (&'a StoreName, &'a str);

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

    pub(super) fn derive(
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
    pub(super) fn position(&mut self, store: &StoreName, queue: &QueueName) -> Result<&Position, Failure> {
        let key = subscription_key(store, queue);
        if !self.positions.contains_key(&key) {
            let row = self.tables.subscription.open()?.get(key.as_slice())?;
            let position = row.map(|row| parse_position(row.value())).transpose()?.unwrap_or_default();
            self.positions.insert(key.clone(), position);
        }
        Ok(self.positions.entry(key).or_default())
    }
}
