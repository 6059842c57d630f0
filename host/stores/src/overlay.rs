//! Changes that one invocation made and nobody committed yet, seen through its reads. Pure.
//!
//! Whoever holds changes back ([`crate::Transaction`]) asks the store what is there and hands it over: the overlay answers what
//! the invocation sees, keeps what it wrote, and remembers the version of every key that it saw. In the end
//! [`Overlay::into_effects`] has one effect a key, each expecting what was seen, so that their commit fails if another one
//! changed a key meanwhile: what was decided by it may be wrong. Keys that a scan did *not* show are not among them: a scan
//! does not notice keys that others add to its range before the commit.
//!
//! Changes of blobs and all else that no read shows, or not every one, are held in their order: see `blob`.
//!
//! Versions of what is held are above all that a store gives out, and are good for this invocation only.

mod blob;
mod key;
mod mark;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use flint_model::{ByteSize, StoreName, Timestamp};

use crate::cursor;
use crate::kv::ReadError;
use crate::refusal::{TooLarge, What};
use crate::{Commit, CommitError, Committed, Effect, Entry, Item, Outcome, Page, Version};
pub(crate) use blob::Source;
use key::{Change, Found, Held, Key};
use mark::Mark;
pub use mark::{MARKS_MAX, NoMark};

/// The first version of what is held: no store comes so far.
const HELD_FROM: Version = 1 << 63;

/// What a key takes beside its bytes and its value, roughly.
const KEY_BYTES: u64 = 128;

/// What one invocation saw and changed.
#[derive(Debug, Clone)]
pub struct Overlay {
    keys: BTreeMap<StoreName, BTreeMap<String, Key>>,
    /// What is about no key of a store, in its order.
    others: Vec<Effect>,
    /// What the store had under the keys of blobs.
    blobs: blob::Seen,
    /// Where one can go back to, the last one last.
    marks: Vec<Mark>,
    version: Version,
    bytes: u64,
    bytes_max: u64,
}

impl Overlay {
    /// Starts with nothing. All that was read and changed, keys and values, takes `bytes_max` at most.
    pub fn new(bytes_max: ByteSize) -> Self {
        let (keys, others, blobs, marks) = (BTreeMap::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { keys, others, blobs, marks, version: HELD_FROM, bytes: 0, bytes_max: bytes_max.as_u64() }
    }

    /// What the invocation sees under a key, if that can be told without asking the store.
    pub fn held(&self, now: Timestamp, store: &StoreName, key: &str) -> Option<Option<Entry>> {
        Some(self.key(store, key)?.held.as_ref()?.entry(now))
    }

    /// What the invocation sees under a key of which the store has `entry`. It is noted, unless something else is held.
    ///
    /// # Errors
    /// [`TooLarge`] if so much was read that it can't be remembered.
    pub fn see(
        &mut self,
        now: Timestamp,
        store: &StoreName,
        key: &str,
        entry: Option<Entry>,
    ) -> Result<Option<Entry>, TooLarge> {
        if let Some(held) = self.held(now, store, key) {
            return Ok(held);
        }
        self.note(store, key, entry.as_ref())?;
        Ok(entry)
    }

    /// Notes what the store has under a key.
    ///
    /// # Errors
    /// As of [`Overlay::see`].
    pub fn note(&mut self, store: &StoreName, key: &str, entry: Option<&Entry>) -> Result<(), TooLarge> {
        if self.key(store, key).is_none() {
            self.fits(key.len() as u64 + KEY_BYTES)?;
        }
        self.slot(store, key).note(Found::of(entry));
        Ok(())
    }

    /// Merges a page of a scan behind `after`, as the store has it, with what is held; at most `limit` items.
    ///
    /// # Errors
    /// [`ReadError::Invalid`] if the page's cursor is none; [`ReadError::TooLarge`] as of [`Overlay::see`].
    pub fn page(
        &mut self,
        now: Timestamp,
        (store, prefix): (&StoreName, &str),
        after: Option<&str>,
        limit: usize,
        page: Page,
    ) -> Result<Page, ReadError> {
        let end = page.cursor.as_deref().map(|cursor| cursor::decode(store, prefix, cursor)).transpose()?;
        let mut items: BTreeMap<String, Entry> = page.items.into_iter().map(|item| (item.key, item.entry)).collect();
        for (key, held) in self.held_within(store, prefix, after, end.as_deref()) {
            match held.entry(now) {
                Some(entry) => items.insert(key.to_owned(), entry),
                None => items.remove(key),
            };
        }
        let more = items.len() > limit;
        let items: Vec<_> = items.into_iter().take(limit).map(|(key, entry)| Item { key, entry }).collect();
        for Item { key, entry } in items.iter().filter(|item| item.entry.version < HELD_FROM) {
            self.note(store, key, Some(entry))?;
        }
        let cursor = match items.last() {
            Some(last) if more => Some(cursor::encode(store, prefix, &last.key)),
            _ => page.cursor,
        };
        Ok(Page { items, cursor })
    }

    /// The keys of which [`Overlay::commit`] has to know what the store has, and does not yet.
    pub fn unseen<'a>(&self, effects: &'a [Effect]) -> Vec<(&'a StoreName, &'a str)> {
        let unseen = |effect: &&'a Effect| {
            let Some((store, key)) = effect.key() else { return false };
            let known = self.key(store, key);
            let (seen, held) =
                (known.is_some_and(|key| key.found.is_some()), known.is_some_and(|key| key.held.is_some()));
            !seen && key::looks_below(effect, held)
        };
        effects.iter().filter(unseen).filter_map(Effect::key).collect()
    }

    /// Holds all the effects of a commit, or none of them, and answers what they come to.
    ///
    /// What they expect is compared with what the invocation sees. The keys of [`Overlay::unseen`] and
    /// [`Overlay::unseen_blobs`] were noted before.
    ///
    /// # Errors
    /// [`CommitError::Conflict`]; [`CommitError::BlobConflict`]; [`CommitError::NotACounter`], also for an increment of a key that held a plain value which
    /// this invocation deleted: no single effect says that; [`CommitError::TooLarge`] if more is held than may be.
    pub fn commit(&mut self, now: Timestamp, commit: Commit) -> Result<Committed, CommitError> {
        let version = self.version + 1;
        let effects = commit.effects.iter().enumerate();
        let changes: Vec<_> =
            effects.map(|(index, effect)| self.decide(now, version, index, effect)).collect::<Result<_, _>>()?;
        let more: u64 = commit.effects.iter().map(|effect| effect.size() + KEY_BYTES).sum();
        self.fits(more).map_err(CommitError::TooLarge)?;
        self.version = version;
        let outcomes = commit.effects.into_iter().zip(changes).map(|(effect, change)| self.take(effect, change));
        Ok(Committed { outcomes: outcomes.collect(), version })
    }

    /// What has to be committed: one effect for each key that was seen or changed, then the others in their order.
    pub fn into_effects(self) -> Vec<Effect> {
        let effect = |(store, keys): (StoreName, BTreeMap<String, Key>)| {
            keys.into_iter().filter_map(move |(name, key)| key.into_effect(store.clone(), name))
        };
        self.keys.into_iter().flat_map(effect).chain(blob::last_of_each(self.others)).collect()
    }

    fn decide(
        &self,
        now: Timestamp,
        version: Version,
        index: usize,
        effect: &Effect,
    ) -> Result<(Change, Outcome), CommitError> {
        if effect.blob().is_some() {
            return self.decide_blob(now, version, index, effect);
        }
        let unknown = Key::default();
        let known = effect.key().and_then(|(store, key)| self.key(store, key)).unwrap_or(&unknown);
        let seen = known.seen(now);
        let name = || effect.key().map(|(_, key)| key.to_owned()).unwrap_or_default();
        if let Some(expect) = key::expectation(effect)
            && !expect.is_met(seen.version)
        {
            return Err(CommitError::Conflict { index, key: name(), current: seen.version });
        }
        let decided = known.decide(effect, seen, version);
        decided.map_err(|fault| CommitError::NotACounter { index, key: name(), fault })
    }

    fn take(&mut self, effect: Effect, (change, outcome): (Change, Outcome)) -> Outcome {
        match change {
            Change::Other => self.hold_other(effect),
            Change::Instead(instead) => self.hold_other(*instead),
            Change::Hold(held) => {
                if let Some((store, key)) = effect.key() {
                    self.hold(store, key, Some(held));
                }
            }
            Change::Nothing => {}
        }
        outcome
    }

    fn hold_other(&mut self, effect: Effect) {
        self.bytes += effect.size() + KEY_BYTES;
        self.others.push(effect);
    }

    /// Changes what is held of a key.
    fn hold(&mut self, store: &StoreName, name: &str, held: Option<Held>) {
        self.bytes += held.as_ref().map_or(0, Held::size);
        let before = std::mem::replace(&mut self.slot(store, name).held, held);
        let freed = match self.marks.last_mut() {
            Some(mark) => mark.remember(store, name, before),
            None => before,
        };
        self.bytes -= freed.as_ref().map_or(0, Held::size);
    }

    fn key(&self, store: &StoreName, name: &str) -> Option<&Key> {
        self.keys.get(store)?.get(name)
    }

    fn slot(&mut self, store: &StoreName, name: &str) -> &mut Key {
        if self.key(store, name).is_none() {
            self.bytes += name.len() as u64 + KEY_BYTES;
        }
        self.keys.entry(store.clone()).or_default().entry(name.to_owned()).or_default()
    }

    /// The keys with a prefix behind `after`, up to and with `end`, of which something is held.
    fn held_within<'a>(
        &'a self,
        store: &StoreName,
        prefix: &'a str,
        after: Option<&'a str>,
        end: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a Held)> {
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let keys = self.keys.get(store).into_iter();
        let keys = keys.flat_map(move |keys| keys.range::<str, _>((start, Bound::Unbounded)));
        keys.take_while(move |(key, _)| key.starts_with(prefix) && end.is_none_or(|end| key.as_str() <= end))
            .filter_map(|(key, known)| Some((key.as_str(), known.held.as_ref()?)))
    }

    fn fits(&self, more: u64) -> Result<(), TooLarge> {
        let (size, limit) = (self.bytes.saturating_add(more), self.bytes_max);
        if size > limit { Err(TooLarge { what: What::Transaction, size, limit }) } else { Ok(()) }
    }
}

/// What becomes of an effect that no read shows.
fn other(effect: &Effect) -> Outcome {
    match effect {
        Effect::QueueSend { message, .. } => Outcome::QueueSend { id: message.id },
        Effect::TopicPublish { message, .. } => Outcome::TopicPublish { id: message.id },
        Effect::ScheduleTick { .. } => Outcome::ScheduleTick,
        Effect::InvocationPut { .. } => Outcome::InvocationPut { written: true },
        _ => unreachable!("it has a key"),
    }
}
