//! The one engine of the host.

use crate::admission::{Admission, AdmissionOptions};
use crate::artifact::ArtifactCache;
use crate::compile::{self, CompileError};
use crate::deadline::{Deadline, Pace, Ticker};
use crate::fault::Fault;
use crate::limit::GuestMemory;
use crate::refill::{Refillable, Refiller};
use crate::residency::Residency;
use crate::room::Room;
use crate::runtime::{Calls, Runtimes};
use crate::settings::Settings;
use crate::snapshot::InitLimits;
use flint_model::ByteSize;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the settings, or the kernel the memory that they need.
    #[error("can't reserve the pool of {instances} instances")]
    Pool {
        /// The number that was asked for.
        instances: u32,
        /// What stood in the way.
        #[source]
        source: wasmtime::Error,
    },
    /// A thread could not be started.
    #[error("can't start a thread")]
    Thread(#[source] std::io::Error),
}

/// Compiles components and owns what their instances share: the pools of slots, the ticker, the refilling thread.
///
/// Cheap to clone. The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    runtimes: Runtimes,
    residency: Residency,
    admission: Admission,
    ticker: Ticker,
    refiller: Refiller,
    /// Memories beyond the first one of each instance.
    more_memories: Arc<Semaphore>,
    /// How long is waited for these.
    patience: Duration,
    /// What all instances have of memory, where that is bounded.
    guest_memory: Option<Arc<GuestMemory>>,
    start_timeout: Duration,
    init: InitLimits,
    pools: Mutex<Vec<Weak<dyn Refillable>>>,
}

/// Memories of one instance beyond its first one, until it is dropped.
pub(crate) struct MoreMemories(
    #[expect(dead_code, reason = "gives them back when it is dropped")] Option<OwnedSemaphorePermit>,
);

impl MoreMemories {
    /// Those of an instance that has one memory.
    pub(crate) fn none() -> Self {
        Self(None)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("residency", &self.0.residency).finish_non_exhaustive()
    }
}

impl Engine {
    /// Reserves the pool and starts the threads. Has to be called within a tokio runtime, which spares are made in.
    ///
    /// # Errors
    /// [`EngineError`]; a smaller `instances_max` or `memory_max` can help.
    pub fn new(settings: &Settings) -> Result<Self, EngineError> {
        let residency = settings.decide_residency();
        let patience = settings.admission.queue_timeout;
        let runtimes = Runtimes::new(settings, &residency, patience)
            .map_err(|source| EngineError::Pool { instances: settings.instances_max, source })?;
        let ticker = Ticker::start(runtimes.engines(), Pace::adaptive(settings.tick)).map_err(EngineError::Thread)?;
        let refiller =
            Refiller::start(tokio::runtime::Handle::current(), settings.touched_max).map_err(EngineError::Thread)?;
        let admission = Admission::new(settings.admission);
        let guest_memory = settings.guest_memory_max.map(|max| Arc::new(GuestMemory::new(max)));
        let (start_timeout, init, pools) = (settings.start_timeout, settings.init, Mutex::default());
        Ok(Self(Arc::new(Inner {
            runtimes,
            residency,
            admission,
            ticker,
            refiller,
            more_memories: Arc::new(Semaphore::new(settings.more_memories() as usize)),
            patience,
            guest_memory,
            start_timeout,
            init,
            pools,
        })))
    }

    /// Compiles a component for what runs its kind, or takes what was compiled before from the cache.
    ///
    /// With `init`, the name of an exported function without parameters, that function is run first and the component
    /// starts from the memory it leaves.
    ///
    /// # Errors
    /// [`CompileError`] if the bytes are no component, are `async` and should not be, or if its init function fails. A cache that
    /// can't be used is no error.
    pub async fn load(
        &self,
        calls: Calls,
        bytes: &[u8],
        init: Option<&str>,
        cache: Option<&ArtifactCache>,
    ) -> Result<wasmtime::component::Component, CompileError> {
        compile::load(self.wasmtime(calls), bytes, init.map(|init| (init, self.0.init)), cache).await
    }

    /// How memory is reset between two instances, as decided at start.
    pub fn residency(&self) -> &Residency {
        &self.0.residency
    }

    /// wasmtime's engine of a kind of components, to make linkers with.
    pub fn wasmtime(&self, calls: Calls) -> &wasmtime::Engine {
        &self.0.runtimes.of(calls).wasmtime
    }

    /// The moment `limit` after `start`, to wait for.
    pub fn deadline(&self, start: Instant, limit: Duration) -> Deadline {
        self.0.ticker.deadline(start, limit)
    }

    /// How many invocations run, of all functions, those that are done with their answer and not yet with their work included.
    pub fn running(&self) -> usize {
        let pools = self.0.pools.lock().clone();
        let mut admissions: Vec<_> = pools.iter().filter_map(Weak::upgrade).map(|pool| pool.admission()).collect();
        // Versions of one function share theirs.
        admissions.sort_by_key(Arc::as_ptr);
        admissions.dedup_by_key(|admission| Arc::as_ptr(admission));
        admissions.iter().map(|admission| admission.running()).sum()
    }

    /// Changes how many invocations of all functions without reserved ones run at once, and how many wait.
    pub fn admit(&self, options: AdmissionOptions) {
        self.0.admission.change(options);
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }

    pub(crate) fn refiller(&self) -> &Refiller {
        &self.0.refiller
    }

    pub(crate) fn room(&self, calls: Calls) -> &Room {
        &self.0.runtimes.of(calls).room
    }

    /// Waits for the memories that an instance has beyond its first one; none if it has one.
    ///
    /// # Errors
    /// [`Fault::Exhausted`] if others have them for too long.
    pub(crate) async fn more_memories(&self, count: u32) -> Result<MoreMemories, Fault> {
        if count == 0 {
            return Ok(MoreMemories::none());
        }
        let acquired = Arc::clone(&self.0.more_memories).acquire_many_owned(count);
        match tokio::time::timeout(self.0.patience, acquired).await {
            Ok(Ok(memories)) => Ok(MoreMemories(Some(memories))),
            Ok(Err(_)) | Err(_) => Err(Fault::Exhausted),
        }
    }

    /// Takes them only if they are free.
    ///
    /// # Errors
    /// [`Fault::Exhausted`] if others have them.
    pub(crate) fn more_memories_now(&self, count: u32) -> Result<MoreMemories, Fault> {
        if count == 0 {
            return Ok(MoreMemories::none());
        }
        let acquired = Arc::clone(&self.0.more_memories).try_acquire_many_owned(count);
        acquired.map(|memories| MoreMemories(Some(memories))).map_err(|_| Fault::Exhausted)
    }

    /// How much memory all instances together can have; none: as much as they are granted.
    pub fn guest_memory_max(&self) -> Option<ByteSize> {
        self.0.guest_memory.as_ref().map(|memory| memory.max())
    }

    pub(crate) fn guest_memory(&self) -> Option<&Arc<GuestMemory>> {
        self.0.guest_memory.as_ref()
    }

    /// How long an instance may take to start that is made ahead of its event.
    pub(crate) fn start_timeout(&self) -> Duration {
        self.0.start_timeout
    }

    /// Makes a pool known whose spares can be given up for others.
    pub(crate) fn register(&self, pool: Weak<dyn Refillable>) {
        let mut pools = self.0.pools.lock();
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(pool);
    }

    /// Gives up an instance that waits for an event, of any function, for an event that is there: one in a slot that the event can
    /// use, and beyond the floor of its function if there is one. Says whether it did.
    pub(crate) fn reclaim(&self, calls: Calls) -> bool {
        let pools = self.0.pools.lock().clone();
        let mut pools: Vec<_> = pools.iter().filter_map(Weak::upgrade).collect();
        pools.retain(|pool| self.0.runtimes.share_slots(pool.calls(), calls));
        pools.iter().any(|pool| pool.give_up_surplus()) || pools.iter().any(|pool| pool.give_up_one())
    }
}
