//! What an engine is compared with: maps in memory, as simple as can be.

mod blob;
mod change;
mod queue;
mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flint_model::{Clock, InvocationId, QueueName, ScheduleName, StoreName, Timestamp};
use futures::FutureExt as _;
use futures::future::ready;
use tokio_util::sync::CancellationToken;

use crate::commit::Cause;
use crate::derive::Derived;
use crate::kv::{Counter, Kind, Position, sum};
use crate::refusal::TooLarge;
use crate::{
    Backfill, Blobs, BoxFuture, Catalog, Commit, CommitError, Committed, Depth, Effect, Entry, Expectation, Invocation,
    Invocations, Item, Kv, Outcome, Page, Peeked, Queues, ReadError, Receipt, Receive, Received, Schedules,
    SendOptions, Stores, Version, What, check, cursor, derive,
};

/// The state of all stores.
#[derive(Debug, Clone, Default)]
pub struct Model {
    entries: BTreeMap<(StoreName, String), Stored>,
    queues: queue::Queues,
    buckets: blob::Buckets,
    positions: BTreeMap<(StoreName, QueueName), Position>,
    ticks: BTreeMap<ScheduleName, Timestamp>,
    invocations: BTreeMap<InvocationId, Invocation>,
    version: Version,
}

/// What a commit is made with.
#[derive(Clone, Copy)]
struct At<'a> {
    catalog: &'a Catalog,
    now: Timestamp,
    cause: &'a Cause,
}

#[derive(Debug, Clone)]
struct Stored {
    entry: Entry,
}

impl Model {
    /// Reads a key at a moment.
    pub fn get(&self, now: Timestamp, store: &StoreName, key: &str) -> Option<&Entry> {
        Some(&self.live(now, store, key)?.entry)
    }

    /// All keys that start with a prefix at a moment, in order.
    pub fn range<'a>(
        &'a self,
        now: Timestamp,
        store: &'a StoreName,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        let from = (store.clone(), prefix.to_owned());
        self.entries
            .range(from..)
            .take_while(move |((in_store, key), _)| in_store == store && key.starts_with(prefix))
            .filter(move |(_, stored)| stored.is_live(now))
            .map(|((_, key), stored)| (key.as_str(), &stored.entry))
    }

    /// Makes a commit of which the arguments have been checked.
    ///
    /// # Errors
    /// Those of [`CommitError`] that depend on what the stores hold.
    pub fn commit(&mut self, catalog: &Catalog, now: Timestamp, commit: &Commit) -> Result<Committed, CommitError> {
        let mut next = self.clone();
        next.version += 1;
        for (index, settle) in commit.consumed.iter().enumerate() {
            next.queues.settle(catalog, now, index, settle)?;
        }
        let at = At { catalog, now, cause: &commit.cause };
        let effects = commit.effects.iter().enumerate();
        let outcomes: Vec<_> =
            effects.map(|(index, effect)| next.apply(&at, index, effect, self)).collect::<Result<_, _>>()?;
        *self = next;
        Ok(Committed { version: self.version, outcomes })
    }

    fn apply(&mut self, at: &At<'_>, index: usize, effect: &Effect, before: &Self) -> Result<Outcome, CommitError> {
        let At { catalog, now, cause } = *at;
        match effect {
            Effect::BlobLink { .. } | Effect::BlobUnlink { .. } | Effect::BlobCopy { .. } => {
                let outcome = self.buckets.apply(now, self.version, index, effect, &before.buckets)?;
                self.tell_blob(at, effect, outcome)?;
                Ok(outcome)
            }
            Effect::QueueSend { queue, message, options } => {
                let id = self.queues.send(catalog, now, queue, message, options)?;
                Ok(Outcome::QueueSend { id })
            }
            Effect::TopicPublish { topic, message } => {
                for derived in derive::publication(catalog, cause, topic, message)? {
                    self.deliver(at, &derived?)?;
                }
                Ok(Outcome::TopicPublish { id: message.id })
            }
            Effect::ScheduleTick { schedule, seen, expect } => self.tick(index, schedule, *seen, *expect),
            Effect::InvocationPut { id, invocation } => Ok(self.note(now, *id, invocation)),
            Effect::KvPut { store, key, .. }
            | Effect::KvDelete { store, key, .. }
            | Effect::KvIncrement { store, key, .. }
            | Effect::KvCheck { store, key, .. } => {
                let old = self.entry(store, key);
                let outcome = self.apply_kv(now, index, store, key, effect)?;
                if outcome != Outcome::KvCheck {
                    self.tell(at, store, key, old)?;
                }
                Ok(outcome)
            }
        }
    }

    fn apply_kv(
        &mut self,
        now: Timestamp,
        index: usize,
        store: &StoreName,
        key: &str,
        effect: &Effect,
    ) -> Result<Outcome, CommitError> {
        let slot = (store.clone(), key.to_owned());
        let found = self.live(now, store, key);
        let version = self.version;
        match effect {
            Effect::KvPut { value, expires_at, expect, .. } => {
                meet(*expect, index, key, found)?;
                let entry = Entry { value: value.clone(), version, expires_at: *expires_at, kind: Kind::Plain };
                self.entries.insert(slot, Stored { entry });
                Ok(Outcome::KvPut { version })
            }
            Effect::KvDelete { expect, .. } => {
                meet(*expect, index, key, found)?;
                let existed = found.is_some();
                self.entries.remove(&slot);
                Ok(Outcome::KvDelete { existed })
            }
            Effect::KvIncrement { delta, expect, .. } => {
                meet(*expect, index, key, found)?;
                let counter = Counter::of(found.map(|stored| &stored.entry));
                let sum = sum(counter, *delta).map_err(|fault| CommitError::NotACounter {
                    index,
                    key: key.to_owned(),
                    fault,
                })?;
                let value = Bytes::copy_from_slice(&sum.to_le_bytes());
                let entry = Entry { value, version, expires_at: None, kind: Kind::Counter };
                self.entries.insert(slot, Stored { entry });
                Ok(Outcome::KvIncrement { sum })
            }
            Effect::KvCheck { expect, .. } => {
                meet(Some(*expect), index, key, found)?;
                Ok(Outcome::KvCheck)
            }
            _ => unreachable!("it has no key"),
        }
    }

    fn deliver(&mut self, at: &At<'_>, derived: &Derived) -> Result<(), CommitError> {
        let Derived { queue, message } = derived;
        self.queues.send(at.catalog, at.now, queue, message, &SendOptions::default()).map(drop)
    }

    fn live(&self, now: Timestamp, store: &StoreName, key: &str) -> Option<&Stored> {
        self.entries.get(&(store.clone(), key.to_owned())).filter(|stored| stored.is_live(now))
    }
}

impl Stored {
    fn is_live(&self, now: Timestamp) -> bool {
        self.entry.expires_at.is_none_or(|at| now < at)
    }
}

fn meet(expect: Option<Expectation>, index: usize, key: &str, found: Option<&Stored>) -> Result<(), CommitError> {
    let current = found.map(|stored| stored.entry.version);
    match expect {
        Some(expect) if !expect.is_met(current) => Err(CommitError::Conflict { index, key: key.to_owned(), current }),
        _ => Ok(()),
    }
}

/// The model as an engine, for tests that need stores but no disk. Durable as long as the process lives.
pub struct Memory {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    model: Mutex<Model>,
}

impl Memory {
    /// Makes empty stores.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        Self { catalog, clock, model: Mutex::default() }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        // A panic can't leave it half changed: a commit replaces it whole.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, store: &StoreName, prefix: &str, from: Option<&str>, limit: u32) -> Result<Page, ReadError> {
        let (items_max, limits) = check::scan(&self.catalog, store, prefix, limit)?;
        let after = from.map(|cursor| cursor::decode(store, prefix, cursor)).transpose()?;
        let model = self.model();
        let now = self.clock.now();
        let mut page = Page::default();
        let mut bytes = 0;
        let rest = model.range(now, store, prefix).filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after));
        for (key, entry) in rest {
            bytes += key.len() + entry.value.len();
            let full = page.items.len() == items_max || bytes > limits.page_bytes_max;
            if let (true, Some(last)) = (full, page.items.last()) {
                page.cursor = Some(cursor::encode(store, prefix, &last.key));
                break;
            }
            page.items.push(Item { key: key.to_owned(), entry: entry.clone() });
        }
        Ok(page)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Stores for Memory {
    fn kv(&self) -> &dyn Kv {
        self
    }

    fn queues(&self) -> &dyn Queues {
        self
    }

    fn blobs(&self) -> &dyn Blobs {
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn schedules(&self) -> &dyn Schedules {
        self
    }

    fn invocations(&self) -> &dyn Invocations {
        self
    }

    fn backfill(&self, max: usize) -> BoxFuture<'_, Result<Backfill, CommitError>> {
        ready(self.model().backfill(&self.catalog, self.clock.now(), max)).boxed()
    }

    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        Ok(check::commit(&self.catalog, commit)?)
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, CommitError>> {
        ready(self.check(&commit).and_then(|()| self.model().commit(&self.catalog, self.clock.now(), &commit))).boxed()
    }
}

/// Who waits looks again and again: there is nobody to wake it, and it is for tests.
const LOOK: Duration = Duration::from_millis(1);

impl Queues for Memory {
    fn receive_until<'a>(
        &'a self,
        queue: &'a QueueName,
        receive: Receive,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Received, CommitError>> {
        async move {
            check::receive(&self.catalog, queue, &receive)?;
            let began = std::time::Instant::now();
            loop {
                let received = self.model().receive(&self.catalog, self.clock.now(), queue, &receive)?;
                if !received.messages.is_empty() || began.elapsed() >= receive.wait || stop.is_cancelled() {
                    return Ok(received);
                }
                let _stopped = stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
            }
        }
        .boxed()
    }

    fn extend<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
    ) -> BoxFuture<'a, Result<(Receipt, Timestamp), CommitError>> {
        let checked = check::extend(&self.catalog, &receipt.queue, visibility).map_err(CommitError::from);
        ready(checked.and_then(|for_| self.model().queues.extend(self.clock.now(), receipt, for_))).boxed()
    }

    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Peeked, ReadError>> {
        let peek = || {
            let page = check::page(&self.catalog, queue, limit)?;
            let order = self.catalog.queue(queue)?.order;
            Ok(self.model().queues.peek(order, queue, cursor, page)?)
        };
        ready(peek()).boxed()
    }

    fn depth<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<Depth, ReadError>> {
        let rules = self.catalog.queue(queue).map_err(ReadError::from);
        ready(rules.map(|rules| self.model().queues.depth(rules.order, queue, self.clock.now()))).boxed()
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64, CommitError>> {
        let checked = self.catalog.queue(queue).map_err(CommitError::from);
        ready(checked.map(|_| self.model().queues.purge(queue))).boxed()
    }

    fn redrive<'a>(
        &'a self,
        from: &'a QueueName,
        to: Option<&'a QueueName>,
        max: u64,
    ) -> BoxFuture<'a, Result<u64, CommitError>> {
        let checked = check::redrive(&self.catalog, from, to).map_err(CommitError::from);
        let redrive = || self.model().queues.redrive(&self.catalog, self.clock.now(), from, to, max);
        ready(checked.and_then(|()| redrive())).boxed()
    }
}

impl Kv for Memory {
    fn get<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        let checked = check::key(&self.catalog, store, key).map_err(ReadError::from);
        ready(checked.map(|()| self.model().get(self.clock.now(), store, key).cloned())).boxed()
    }

    fn get_many<'a>(
        &'a self,
        store: &'a StoreName,
        keys: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Entry>>, ReadError>> {
        let read = || {
            let limits = check::keys(&self.catalog, store, keys)?;
            let model = self.model();
            let now = self.clock.now();
            let entries: Vec<_> = keys.iter().map(|key| model.get(now, store, key).cloned()).collect();
            let bytes = entries.iter().flatten().map(|entry| entry.value.len()).sum();
            TooLarge::check(What::Page, bytes, limits.page_bytes_max)?;
            Ok(entries)
        };
        ready(read()).boxed()
    }

    fn exists<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<bool, ReadError>> {
        let checked = check::key(&self.catalog, store, key).map_err(ReadError::from);
        ready(checked.map(|()| self.model().get(self.clock.now(), store, key).is_some())).boxed()
    }

    fn scan<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        ready(self.page(store, prefix, cursor, limit)).boxed()
    }
}
