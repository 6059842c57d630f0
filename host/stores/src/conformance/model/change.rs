//! Changes of keys in memory.

use flint_model::{MessageId, QueueName, StoreName, Timestamp};

use super::{At, Model};
use crate::commit::{Cause, CommitError};
use crate::kv::{Backfill, Change, ChangeSubscription, Position, Start};
use crate::{Catalog, Entry, Receive, Received, derive};

impl Model {
    /// The entry of a key, be it over or not.
    pub(super) fn entry(&self, store: &StoreName, key: &str) -> Option<Entry> {
        self.entries.get(&(store.clone(), key.to_owned())).map(|stored| stored.entry.clone())
    }

    /// Tells what became of a key that was `old` before.
    pub(super) fn tell(
        &mut self,
        at: &At<'_>,
        store: &StoreName,
        key: &str,
        old: Option<Entry>,
    ) -> Result<(), CommitError> {
        let Some(subscriptions) = at.catalog.changes.get(store) else { return Ok(()) };
        for derive::Transition { old, new, at: moment, expired } in
            derive::transitions(old, self.entry(store, key), at.now)
        {
            let heard = |one: &&ChangeSubscription| {
                let position = self.positions.get(&(store.clone(), one.queue.clone()));
                one.hears(position.unwrap_or(&Position::New), key)
            };
            let (id, by_time) = (MessageId::at(at.now), Cause::default());
            let cause = if expired { &by_time } else { at.cause };
            let change = Change { id, store: store.clone(), key: key.to_owned(), old, new, at: moment };
            let hearing: Vec<_> = subscriptions.iter().filter(heard).collect();
            for derived in derive::change(at.catalog, cause, hearing.into_iter(), &change) {
                self.deliver(at, &derived?)?;
            }
        }
        Ok(())
    }

    /// Tells what is over, then leases messages.
    pub(super) fn receive(
        &mut self,
        catalog: &Catalog,
        now: Timestamp,
        queue: &QueueName,
        receive: &Receive,
    ) -> Result<Received, CommitError> {
        self.collect(catalog, now);
        self.queues.receive(catalog, now, queue, receive)
    }

    /// Removes what is over, and tells it.
    fn collect(&mut self, catalog: &Catalog, now: Timestamp) {
        let over = self.entries.iter().filter(|(_, stored)| !stored.is_live(now));
        let over: Vec<_> = over.map(|(slot, stored)| (slot.clone(), stored.entry.clone())).collect();
        for ((store, key), entry) in over {
            self.entries.remove(&(store.clone(), key.clone()));
            let at = At { catalog, now, cause: &Cause::default() };
            self.tell(&at, &store, &key, Some(entry)).expect("the queues of the suite have room for what ends");
        }
    }

    pub(super) fn backfill(&mut self, catalog: &Catalog, now: Timestamp, max: usize) -> Result<Backfill, CommitError> {
        let all = catalog.changes.iter().flat_map(|(store, all)| all.iter().map(move |one| (store, one)));
        let (mut backfill, mut left) = (Backfill::default(), max);
        for (store, one) in all {
            let slot = (store.clone(), one.queue.clone());
            let position = self.positions.get(&slot).cloned().unwrap_or_default();
            if position == Position::Done || one.start == Start::Latest {
                self.positions.insert(slot, Position::Done);
                continue;
            }
            let ahead = |key: &str| !one.hears(&position, key);
            let keys = self.entries.iter().filter(|((of, key), _)| of == store && ahead(key));
            let keys: Vec<_> = keys.map(|((_, key), stored)| (key.clone(), stored.entry.clone())).collect();
            let done = keys.len() <= left;
            for (key, entry) in keys.into_iter().take(left) {
                let id = MessageId::at(now);
                let change =
                    Change { id, store: store.clone(), key: key.clone(), old: None, new: Some(entry), at: now };
                let at = At { catalog, now, cause: &Cause::default() };
                for derived in derive::change(catalog, at.cause, std::iter::once(one), &change) {
                    match self.deliver(&at, &derived?) {
                        Err(CommitError::Full { .. }) => return Ok(Backfill { more: true, full: true, ..backfill }),
                        delivered => delivered?,
                    }
                    backfill.told += 1;
                }
                left -= 1;
                self.positions.insert(slot.clone(), Position::At(key));
            }
            match done {
                true => drop(self.positions.insert(slot, Position::Done)),
                false => backfill.more = true,
            }
        }
        Ok(backfill)
    }
}
