//! The instances of one function: spares made ahead, those in use, and the rules of lending them.

mod review;

use crate::admission::{Admission, AdmissionOptions, Overloaded, Permit};
use crate::deadline::{Deadline, WithDeadline};
use crate::engine::{Engine, MoreMemories};
use crate::fault::Fault;
use crate::lease::{Lease, Start};
use crate::limit::{Budget, HasBudget, Limits};
use crate::meter::Metered;
use crate::refill::Refillable;
use crate::room::Room;
use crate::runtime::Calls;
use crate::start_time::StartTime;
use crate::stock::{Made, Stock};
use flint_model::lane::{PerLane, Spread};
use parking_lot::Mutex;
use review::Reviewed;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

/// What the instances of a function are to the world that runs them.
pub trait Blueprint: Send + Sync + 'static {
    /// What a store holds.
    type Data: HasBudget;
    /// The exports that are called, looked up when the instance is made.
    type Exports: Send + Sync + 'static;

    /// How many calls an instance can be in at once: its component was compiled for what runs this kind.
    fn calls(&self) -> Calls {
        Calls::Concurrent
    }

    /// Makes the data of a new store.
    fn data(&self, budget: Budget) -> Self::Data;

    /// Limits a new store, beyond what its budget does.
    fn limit(&self, _store: &mut Store<Self::Data>) {}

    /// Looks the exports up.
    ///
    /// # Errors
    /// If the component does not have what it was loaded for.
    fn exports(&self, store: &mut Store<Self::Data>, instance: &Instance) -> wasmtime::Result<Self::Exports>;

    /// Does what has to be done with every new instance before it can serve; mostly nothing.
    fn start(
        &self,
        _store: &mut Store<Self::Data>,
        _instance: &Instance,
    ) -> impl Future<Output = wasmtime::Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// How long an instance lives, and what events it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// An instance serves one event. Nothing that a guest leaves in memory is ever seen by another event.
    #[default]
    Fresh,
    /// An instance serves up to `uses` events, one after the other. Gives up: state that one event leaves in memory is seen by
    /// the next, and so is what it leaks. An instance that failed is never used again.
    Serial {
        /// Events before the instance is replaced.
        uses: u32,
    },
    /// An instance serves up to `uses` events, several at once (see [`Shared`](crate::Shared)). Gives up, besides: a trap or a
    /// time-out takes all events of the instance down, memory and CPU time are limited for all of them together, and logs
    /// name the instance rather than the event.
    Shared {
        /// Events before the instance is replaced.
        uses: u32,
    },
}

/// How a pool is run.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// What each invocation may use.
    pub limits: Limits,
    /// How long an instance lives.
    pub isolation: Isolation,
    /// How many run at once and wait.
    pub admission: AdmissionOptions,
    /// Whether so many are set aside for it: they do not count among those of the host.
    pub reserved: bool,
    /// So many spares are always kept (provisioned concurrency).
    pub warm: usize,
    /// So many spares are kept at most; 0 makes every instance on demand.
    pub spares_max: usize,
    /// So many spares are kept at most of all functions together; what they keep `warm` counts, also while it is not there.
    pub spares_total_max: usize,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            isolation: Isolation::Fresh,
            admission: AdmissionOptions::default(),
            reserved: false,
            warm: 1,
            spares_max: 100,
            spares_total_max: 500,
        }
    }
}

/// Why no instance was lent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many run and wait. A retry can help, after a back-off.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// No instance could be made.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The right to run one event, until it is dropped.
pub(crate) struct Admitted {
    _of_function: Permit,
    /// None: it is set aside for the function.
    _of_host: Option<Permit>,
}

/// A live instance with its store.
pub(crate) struct Live<B: Blueprint> {
    pub(crate) store: Store<B::Data>,
    pub(crate) exports: Arc<B::Exports>,
    pub(crate) uses: u32,
    /// Given back behind the store.
    pub(crate) more_memories: MoreMemories,
}

/// Lends the instances of one function.
pub struct Pool<B: Blueprint>(Arc<Spread<Inner<B>>>);

impl<B: Blueprint> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(crate) struct Inner<B: Blueprint> {
    engine: Engine,
    blueprint: B,
    component: InstancePre<B::Data>,
    options: PoolOptions,
    /// Memories of an instance beyond its first one.
    more_memories: u32,
    admission: Arc<Admission>,
    /// What waits for an event.
    stock: Stock<Live<B>>,
    /// How many spares there should be; the refilling thread decides it.
    target: AtomicUsize,
    arrivals: PerLane<AtomicU64>,
    misses: AtomicU64,
    /// Of the misses, those that the refilling thread has seen.
    misses_seen: AtomicU64,
    start_time: StartTime,
    /// Whether the refilling thread was asked to look here.
    asked: AtomicBool,
    /// Whether another pool has taken this one's place.
    retired: AtomicBool,
    review: Mutex<Reviewed>,
    this: Weak<Inner<B>>,
}

impl<B: Blueprint> Pool<B> {
    /// Makes a pool, and asks for its first spares.
    pub fn new(engine: Engine, blueprint: B, component: InstancePre<B::Data>, options: PoolOptions) -> Self {
        let admission = Arc::new(Admission::new(options.admission));
        Self::admitted_by(engine, blueprint, component, options, admission)
    }

    /// Makes a pool whose events are admitted together with those of other pools, such as that of an older version.
    pub fn admitted_by(
        engine: Engine,
        blueprint: B,
        component: InstancePre<B::Data>,
        options: PoolOptions,
        admission: Arc<Admission>,
    ) -> Self {
        // Only a component that is given modules does not tell, and no world gives any.
        let memories = component.component().resources_required().map_or(1, |required| required.num_memories);
        let stock = Stock::new(options.warm, engine.refiller().claims());
        let inner = Arc::new_cyclic(|this| Inner {
            engine,
            blueprint,
            component,
            more_memories: memories.saturating_sub(1),
            admission,
            stock,
            target: AtomicUsize::new(options.warm),
            arrivals: PerLane::default(),
            misses: AtomicU64::new(0),
            misses_seen: AtomicU64::new(0),
            start_time: StartTime::unknown(),
            asked: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            review: Mutex::new(Reviewed::new()),
            this: this.clone(),
            options,
        });
        inner.engine.register(inner.this.clone());
        inner.ask_if_low();
        Self(Arc::new(Spread::new(inner)))
    }

    /// Lends an instance: a spare if there is one, else one made on the spot.
    ///
    /// Waits for admission; dropping the future gives the place up.
    ///
    /// # Errors
    /// [`Refusal`], which says whether a retry can help.
    pub async fn lease(&self) -> Result<Lease<B>, Refusal> {
        let admitted = self.admit().await?;
        let mut lease = self.instance().await?;
        lease.admit(admitted);
        Ok(lease)
    }

    /// Waits for the right to run one event: of the function, and of the host.
    pub(crate) async fn admit(&self) -> Result<Admitted, Refusal> {
        let of_function = self.0.admission.enter().await?;
        let of_host = if self.0.options.reserved {
            None
        } else {
            Some(self.0.engine.admission().enter().await.map_err(|_| Fault::Exhausted)?)
        };
        Ok(Admitted { _of_function: of_function, _of_host: of_host })
    }

    /// Lends an instance to one who has the right to run, or who lends it on.
    pub(crate) async fn instance(&self) -> Result<Lease<B>, Fault> {
        let inner = &self.0;
        let running = inner.engine.ticker().running();
        inner.arrivals.own().fetch_add(1, Relaxed);
        let (mut live, start) = match inner.take() {
            Some(taken) => taken,
            None => {
                inner.misses.fetch_add(1, Relaxed);
                (inner.make_in_turn().await?, Start::OnDemand)
            }
        };
        live.store.set_epoch_deadline(1);
        let budget = live.store.data_mut().budget();
        if start == Start::Reused {
            budget.begin_anew()
        } else {
            budget.begin()
        };
        Ok(Lease::new(live, start, inner.hold(), running))
    }

    /// Makes spares up to `count` now, beside what the refilling thread does; none if the pool is retired.
    ///
    /// # Errors
    /// [`Fault`] if an instance can't be made.
    pub async fn prepare(&self, count: usize) -> Result<(), Fault> {
        while self.spares() < count && !self.0.is_retired() {
            self.0.add_spare(Made::Elsewhere, usize::MAX).await?;
        }
        Ok(())
    }

    /// Asks for a spare in the place of one that is kept for long.
    pub(crate) fn ask_if_short(&self) {
        self.0.ask_if_short();
    }

    /// When an event that was accepted at a moment has to be over.
    pub fn deadline(&self, accepted: Instant) -> Deadline {
        self.deadline_within(accepted, self.0.options.limits.timeout)
    }

    /// The moment so long after an event was accepted.
    pub fn deadline_within(&self, accepted: Instant, limit: Duration) -> Deadline {
        self.0.engine.deadline(accepted, limit)
    }

    /// How many spares there are.
    pub fn spares(&self) -> usize {
        self.0.stock.spares()
    }

    /// Whether an event is likely to find an instance that waits: asks no lane, and may be ahead of what is there by those that come and go.
    pub(crate) fn has_ready(&self) -> bool {
        self.0.stock.ready() > 0
    }

    /// How many invocations run, of all pools that are admitted together.
    pub fn running(&self) -> usize {
        self.0.admission.running()
    }

    /// How many invocations wait for their turn, of all pools that are admitted together.
    pub fn waiting(&self) -> usize {
        self.0.admission.waiting()
    }

    /// Admits events by this pool's options from now on, those of other pools that are admitted with it too.
    pub fn admit_by_its_options(&self) {
        if self.0.admission.options() != self.0.options.admission {
            self.0.admission.change(self.0.options.admission);
        }
    }

    /// Gives up what waits for an event: another pool has taken this one's place. Events that run go on, and those that still
    /// come are served by instances made for them.
    pub fn retire(&self) {
        // In one order with looking for spares: what is counted later sees it.
        self.0.retired.store(true, SeqCst);
        self.0.trim(0);
    }

    /// The options that the pool was made with.
    pub fn options(&self) -> &PoolOptions {
        &self.0.options
    }

    /// What the pool's instances are.
    pub fn blueprint(&self) -> &B {
        &self.0.blueprint
    }
}

impl<B: Blueprint> Inner<B> {
    /// Where its events wait for a slot.
    pub(crate) fn room(&self) -> &Room {
        self.engine.room(self.blueprint.calls())
    }

    fn take(&self) -> Option<(Live<B>, Start)> {
        if matches!(self.options.isolation, Isolation::Serial { .. })
            && let Some(used) = self.stock.take_used()
        {
            return Some((used, Start::Reused));
        }
        Some((self.stock.take_spare()?, Start::Pooled))
    }

    /// Makes an instance for an event, which waits for a slot if there is none.
    async fn make_in_turn(&self) -> Result<Live<B>, Fault> {
        // They are waited for by those alone who need them.
        let more = self.engine.more_memories(self.more_memories).await?;
        let mut live = self.make_in_room().await?;
        live.more_memories = more;
        Ok(live)
    }

    async fn make_in_room(&self) -> Result<Live<B>, Fault> {
        let room = self.room();
        if !room.is_waited_for() {
            match self.make().await {
                Err(Fault::Exhausted) => {}
                made => return made,
            }
        }
        room.wait(|| self.make(), || self.engine.reclaim(self.blueprint.calls())).await
    }

    /// Makes a spare and keeps it, unless `most` wait already.
    async fn add_spare(&self, made: Made, most: usize) -> Result<(), Fault> {
        let spare = self.make_spare().await;
        let added = spare.map(|live| self.give_up(self.stock.keep_spare(live, made, most)));
        // Who began to wait meanwhile finds a slot, or the one of this spare.
        self.room().freed();
        if self.is_retired() {
            self.trim(0);
        }
        added
    }

    /// Makes an instance that nobody waits for: only here does its start need a limit of its own.
    async fn make_spare(&self) -> Result<Live<B>, Fault> {
        let _running = self.engine.ticker().running();
        let timeout = self.options.limits.timeout.min(self.engine.start_timeout());
        let more = self.engine.more_memories_now(self.more_memories)?;
        let (making, began) = (pin!(self.make()), Instant::now());
        let made = WithDeadline::new(making, self.engine.deadline(began, timeout)).await.unwrap_or_else(|_| {
            let timeout = flint_model::duration::display(timeout);
            Err(Fault::Trap(format!("it did not start within {timeout}")))
        });
        match &made {
            Ok(_) => self.start_time.note(began.elapsed()),
            Err(_) => self.start_time.forget(),
        }
        made.map(|live| Live { more_memories: more, ..live })
    }

    async fn make(&self) -> Result<Live<B>, Fault> {
        let budget = Budget::new(
            self.options.limits,
            self.engine.guest_memory().cloned(),
            Arc::clone(self.engine.ticker().hurry()),
        );
        let meter = Arc::clone(budget.meter());
        let mut store = Store::new(self.component.engine(), self.blueprint.data(budget));
        store.limiter(|data| data.budget());
        self.blueprint.limit(&mut store);
        store.epoch_deadline_callback(|mut context| context.data_mut().budget().tick());
        store.set_epoch_deadline(1);
        let exports = {
            let instantiation = pin!(async {
                let instance = self.component.instantiate_async(&mut store).await?;
                self.blueprint.start(&mut store, &instance).await?;
                self.blueprint.exports(&mut store, &instance)
            });
            Metered::new(instantiation, meter).await
        };
        match exports {
            Ok(exports) => Ok(Live { store, exports: Arc::new(exports), uses: 0, more_memories: MoreMemories::none() }),
            Err(error) => Err(Fault::classify(&error, store.data_mut().budget().memory_refused())),
        }
    }

    /// Makes a spare in the place of an instance that was dropped by this task, into the slot that it left: its memory is still in
    /// the caches of this core, and no other thread has to be woken.
    pub(crate) async fn replace(&self) {
        let mut missing = self.is_short() && !self.is_retired();
        if missing && self.start_time.is_fast() && self.may_keep_another() {
            missing = self.add_spare(Made::Here, self.target.load(Relaxed)).await.is_err();
        }
        // One that is not made here is left to the refilling thread: there may be no other event that tells it.
        if missing { self.ask() } else { self.ask_if_low() }
    }

    /// Takes back an instance whose event ended well; None if it was kept for another one.
    pub(crate) fn give_back(&self, mut live: Live<B>) -> Option<Live<B>> {
        live.uses += 1;
        match self.options.isolation {
            Isolation::Serial { uses } if live.uses < uses && self.may_keep_another() && !self.is_retired() => {
                self.stock.keep_used(live);
                if self.is_retired() {
                    self.trim(0);
                }
                self.ask_if_low();
                None
            }
            _ => Some(live),
        }
    }

    /// Asks the refilling thread for more when half of the spares are gone, or an event found none: one system call for many
    /// events.
    pub(crate) fn ask_if_low(&self) {
        let is_low = self.stock.ready() * 2 <= self.target.load(Relaxed);
        let missed = self.misses.load(Relaxed) != self.misses_seen.load(Relaxed);
        if is_low || missed {
            self.ask();
        }
    }

    /// Asks the refilling thread for a look, unless it was asked before.
    fn ask(&self) {
        if self.options.spares_max > 0 && !self.is_retired() && !self.asked.swap(true, Relaxed) {
            let this: Weak<dyn Refillable> = self.this.clone();
            self.engine.refiller().ask(this);
        }
    }

    /// Asks for what is missing, however little it is.
    fn ask_if_short(&self) {
        if self.is_short() {
            self.ask();
        }
    }

    /// Whether there are fewer spares than there should be.
    fn is_short(&self) -> bool {
        self.stock.ready() < self.target.load(Relaxed)
    }

    fn is_retired(&self) -> bool {
        self.retired.load(SeqCst)
    }

    /// An event that is there comes before those that may come.
    fn may_keep_another(&self) -> bool {
        !self.room().is_waited_for() && self.stock.has_room(self.options.spares_total_max)
    }

    /// Gives up instances that wait, down to `target`. Says whether there was one.
    fn trim(&self, target: usize) -> bool {
        let surplus = self.stock.take_surplus(target);
        let any = !surplus.is_empty();
        self.give_up(surplus);
        any
    }

    /// Drops instances that wait for nothing, and offers their slots to who waits for one.
    fn give_up(&self, surplus: impl IntoIterator<Item = Live<B>>) {
        for live in surplus {
            drop(live);
            self.room().freed();
        }
    }

    /// Gives up an instance that waits, if there are more than `floor`.
    fn give_up_beyond(&self, floor: usize) -> bool {
        let ready = self.stock.ready();
        let given_up = ready > floor && self.trim(ready - 1);
        if given_up {
            self.ask_if_short();
        }
        given_up
    }
}

impl<B: Blueprint> Drop for Inner<B> {
    fn drop(&mut self) {
        self.trim(0);
    }
}
