//! Stores whose changes are held back: what an invocation writes, it alone sees, until somebody commits it.
//!
//! To whoever reads and writes it is an engine like any other; what it answers is decided by the [`Overlay`]. In the end
//! [`Transaction::finish`] hands over the effects, to be committed together with what caused them.

mod blob;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use flint_model::{ByteSize, Clock, StoreName, Timestamp};

use crate::overlay::NoMark;
use crate::refusal::Refusal;
use crate::{
    Backfill, Blobs, BoxFuture, Commit, CommitError, Committed, Effect, Entry, Invalid, Invocations, Kv, Overlay, Page,
    Queues, ReadError, Schedules, Stores, cursor,
};

/// Holds changes back.
pub struct Transaction {
    stores: Arc<dyn Stores>,
    clock: Arc<dyn Clock>,
    /// None: it is over.
    overlay: Mutex<Option<Overlay>>,
}

impl Transaction {
    /// Begins, over stores that are read and not written. What is read and changed takes `bytes_max` at most.
    pub fn new(stores: Arc<dyn Stores>, clock: Arc<dyn Clock>, bytes_max: ByteSize) -> Self {
        Self { stores, clock, overlay: Mutex::new(Some(Overlay::new(bytes_max))) }
    }

    /// Ends it, and answers what has to be committed: with what was changed, that no key that was read is another now. Whoever
    /// reads or writes from now on is told that it is over.
    pub fn finish(&self) -> Vec<Effect> {
        let overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner).take();
        overlay.map(Overlay::into_effects).unwrap_or_default()
    }

    /// Begins one in it, which can be given up alone: [`Overlay::mark`].
    ///
    /// # Errors
    /// [`NoMark`].
    pub fn mark(&self) -> Result<(), NoMark> {
        self.with(Overlay::mark).unwrap_or(Err(NoMark::None))
    }

    /// Ends the last one in it: [`Overlay::release`].
    ///
    /// # Errors
    /// [`NoMark`].
    pub fn release(&self) -> Result<(), NoMark> {
        self.with(Overlay::release).unwrap_or(Err(NoMark::None))
    }

    /// Gives the last one in it up: [`Overlay::roll_back`].
    ///
    /// # Errors
    /// [`NoMark`].
    pub fn roll_back(&self) -> Result<(), NoMark> {
        self.with(Overlay::roll_back).unwrap_or(Err(NoMark::None))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Overlay) -> T) -> Result<T, Refusal> {
        // A panic can't leave it half changed: it decides before it changes anything.
        let mut overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        overlay.as_mut().map(work).ok_or(Invalid::Over.into())
    }

    async fn read(&self, store: &StoreName, key: &str) -> Result<Option<Entry>, ReadError> {
        if let Some(held) = self.with(|overlay| overlay.held(self.clock.now(), store, key))? {
            return Ok(held);
        }
        let entry = self.stores.kv().get(store, key).await?;
        Ok(self.with(|overlay| overlay.see(self.clock.now(), store, key, entry))??)
    }

    /// Looks at the keys that a commit has to know.
    async fn look(&self, effects: &[Effect]) -> Result<(), ReadError> {
        for (store, key) in self.with(|overlay| overlay.unseen(effects))? {
            let entry = self.stores.kv().get(store, key).await?;
            self.with(|overlay| overlay.note(store, key, entry.as_ref()))??;
        }
        for (bucket, key) in self.with(|overlay| overlay.unseen_blobs(effects))? {
            let info = self.stores.blobs().head(bucket, key).await?;
            self.with(|overlay| overlay.note_blob(bucket, key, info))??;
        }
        Ok(())
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("overlay", &self.overlay).finish_non_exhaustive()
    }
}

impl Stores for Transaction {
    fn kv(&self) -> &dyn Kv {
        self
    }

    fn queues(&self) -> &dyn Queues {
        self.stores.queues()
    }

    fn blobs(&self) -> &dyn Blobs {
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn schedules(&self) -> &dyn Schedules {
        self.stores.schedules()
    }

    fn invocations(&self) -> &dyn Invocations {
        self.stores.invocations()
    }

    fn backfill(&self, max: usize) -> BoxFuture<'_, Result<Backfill, CommitError>> {
        self.stores.backfill(max)
    }

    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        self.stores.check(commit)
    }

    /// Holds the effects. Nothing is durable; a message counts as sent under the id that it has, whatever was sent before.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, CommitError>> {
        Box::pin(async move {
            self.check(&commit)?;
            self.look(&commit.effects).await?;
            self.with(|overlay| overlay.commit(self.clock.now(), commit))?
        })
    }
}

impl Kv for Transaction {
    fn get<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, ReadError>> {
        Box::pin(self.read(store, key))
    }

    fn get_many<'a>(
        &'a self,
        store: &'a StoreName,
        keys: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Entry>>, ReadError>> {
        Box::pin(async move {
            let entries = self.stores.kv().get_many(store, keys).await?;
            let now = self.clock.now();
            let see = |overlay: &mut Overlay| {
                let entries = keys.iter().zip(entries);
                entries.map(|(key, entry)| overlay.see(now, store, key, entry)).collect::<Result<_, _>>()
            };
            Ok(self.with(see)??)
        })
    }

    fn exists<'a>(&'a self, store: &'a StoreName, key: &'a str) -> BoxFuture<'a, Result<bool, ReadError>> {
        Box::pin(async move { Ok(self.read(store, key).await?.is_some()) })
    }

    fn scan<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: &'a str,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let page = self.stores.kv().scan(store, prefix, cursor, limit).await?;
            let after = cursor.map(|cursor| cursor::decode(store, prefix, cursor)).transpose()?;
            let now = self.clock.now();
            self.with(|overlay| overlay.page(now, (store, prefix), after.as_deref(), limit as usize, page))?
        })
    }
}
