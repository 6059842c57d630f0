//! Time: the ticker that interrupts guests, and the wall-clock limit of an invocation.
//!
//! One thread moves the epoch of wasmtime's engines on at every tick. A guest that runs across a tick is interrupted at its next loop or
//! call, looks whether it has CPU time left (`limit`), and lets other tasks of the runtime run before it goes on. So a guest
//! that spins starves nobody, and the limits, which are enforced from outside by dropping the invocation's future, get
//! their turn. The ticker sleeps while nothing runs, and ticks less often while nobody runs for long ([`Pace`]).
//!
//! The same thread looks through the [`Deadline`]s that are waited for. A timer of the runtime, which nearly always is
//! cancelled, wakes the runtime's driver with a system call when it is set: 2 µs of an answer that takes 10. An entry here
//! is one lock to set and one to take back, and is a slow tick late at most.

use flint_model::lane::{self, Hold, PerLane, Spread};
use parking_lot::Mutex;
use slab::Slab;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// A tick is so many times as long while nobody holds a thread for one: a tick that finds nobody to interrupt only takes a thread its
/// turn.
const SLOW_FACTOR: u32 = 4;
/// So many ticks are short behind the last time that somebody did.
const FAST_TICKS: u32 = 16;

/// How long nothing has to run before the ticker goes to sleep: waking it costs the next event a system call.
const IDLE_BEFORE_SLEEP: Duration = Duration::from_secs(1);

/// Tells the ticker that a guest runs on and on.
#[derive(Debug)]
pub(crate) struct Hurry {
    tick: Duration,
    told: AtomicBool,
}

impl Hurry {
    pub(crate) fn new(tick: Duration) -> Self {
        Self { tick, told: AtomicBool::new(false) }
    }

    /// A guest that has held its thread for so long ran across a tick. Anybody can, whose thread waits for others.
    pub(crate) fn tell(&self, held: Duration) {
        if held >= self.tick {
            self.told.store(true, Ordering::Relaxed);
        }
    }

    /// Whether somebody told since it was asked last.
    pub(crate) fn take(&self) -> bool {
        self.told.swap(false, Ordering::Relaxed)
    }
}

/// How long the next tick is.
pub(crate) struct Pace {
    fast: Duration,
    slow: Duration,
    /// How many ticks are still short.
    left: u32,
}

impl Pace {
    /// Short while somebody is in a hurry, else longer.
    pub(crate) fn adaptive(tick: Duration) -> Self {
        Self { fast: tick, slow: tick * SLOW_FACTOR, left: 0 }
    }

    /// Always as long.
    pub(crate) fn steady(tick: Duration) -> Self {
        Self { fast: tick, slow: tick, left: 0 }
    }

    fn next(&mut self, hurry: bool) -> Duration {
        self.left = if hurry { FAST_TICKS } else { self.left.saturating_sub(1) };
        if self.left > 0 { self.fast } else { self.slow }
    }
}

/// Moves the epoch on while anything runs.
pub(crate) struct Ticker {
    shared: Spread<Shared>,
    hurry: Arc<Hurry>,
    handle: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Set before it first sleeps.
    thread: OnceLock<Thread>,
    /// Whether anything was started since the ticker looked last.
    touched: AtomicBool,
    asleep: AtomicBool,
    stopped: AtomicBool,
    lanes: PerLane<Lane>,
}

/// What was started on a lane, and is given back to it.
#[derive(Default)]
struct Lane {
    running: AtomicUsize,
    alarms: Mutex<Alarms>,
}

impl Ticker {
    pub(crate) fn start(engines: Vec<wasmtime::Engine>, pace: Pace) -> std::io::Result<Self> {
        let (shared, hurry) = (Spread::new(Arc::new(Shared::default())), Arc::new(Hurry::new(pace.fast)));
        let (theirs, told) = (Arc::clone(shared.value()), Arc::clone(&hurry));
        let ticking = move || theirs.run(&engines, pace, &told);
        let handle = thread::Builder::new().name("flint-ticker".into()).spawn(ticking)?;
        Ok(Self { shared, hurry, handle: Some(handle) })
    }

    /// Keeps the ticker going until the answer is dropped.
    pub(crate) fn running(&self) -> Running {
        Running::new(self.shared.hold())
    }

    /// What a guest that runs on and on is told by.
    pub(crate) fn hurry(&self) -> &Arc<Hurry> {
        &self.hurry
    }

    /// The moment `limit` after `start`.
    pub(crate) fn deadline(&self, start: Instant, limit: Duration) -> Deadline {
        let at = start.checked_add(limit).unwrap_or_else(|| start + Duration::from_secs(u32::MAX.into()));
        Deadline { at, limit, ticker: self.shared.hold(), alarm: None }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(handle) = self.handle.take() {
            handle.thread().unpark();
            // A ticker that panicked has nothing left to stop.
            _ = handle.join();
        }
    }
}

/// Says that something runs, until it is dropped.
pub(crate) struct Running {
    ticker: Hold<Shared>,
    lane: usize,
}

impl Running {
    fn new(ticker: Hold<Shared>) -> Self {
        let this = Self { ticker, lane: lane::own() };
        this.lane().running.fetch_add(1, Ordering::SeqCst);
        let shared = &this.ticker;
        if !shared.touched.load(Ordering::Relaxed) {
            shared.touched.store(true, Ordering::Relaxed);
        }
        // Sequentially consistent with the store and loads in `sleep`: either this sees the ticker asleep, or the ticker sees
        // that something runs.
        if shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = shared.thread.get()
        {
            thread.unpark();
        }
        this
    }

    fn lane(&self) -> &Lane {
        self.ticker.lanes.at(self.lane)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lane().running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn run(&self, engines: &[wasmtime::Engine], mut pace: Pace, hurry: &Hurry) {
        self.thread.get_or_init(thread::current);
        let mut busy_until = Instant::now();
        while !self.stopped.load(Ordering::SeqCst) {
            thread::sleep(pace.next(hurry.take()));
            engines.iter().for_each(wasmtime::Engine::increment_epoch);
            self.ring(Instant::now());
            let touched = self.touched.swap(false, Ordering::Relaxed);
            if touched || self.is_anything_running() {
                busy_until = Instant::now() + IDLE_BEFORE_SLEEP;
            } else if Instant::now() > busy_until {
                self.sleep();
            }
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while !self.is_anything_running()
            && !self.touched.load(Ordering::SeqCst)
            && !self.stopped.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// What runs all the while is seen: it counts on one lane to its end.
    fn is_anything_running(&self) -> bool {
        self.lanes.iter().any(|lane| lane.running.load(Ordering::SeqCst) > 0)
    }

    /// Wakes who waits for a deadline that has passed.
    fn ring(&self, now: Instant) {
        for lane in self.lanes.iter() {
            let due = lane.alarms.lock().take_due(now);
            // A waker may set or drop alarms: not while the lock is held.
            due.into_iter().for_each(Waker::wake);
        }
    }
}

/// Who is to be woken when.
#[derive(Default)]
struct Alarms {
    entries: Slab<Entry>,
    /// Nothing is due before; it may be earlier than the first entry, since most are taken back.
    not_before: Option<Instant>,
}

struct Entry {
    at: Instant,
    /// None: it was woken.
    waker: Option<Waker>,
}

impl Alarms {
    fn insert(&mut self, at: Instant, waker: Waker) -> usize {
        self.not_before = Some(self.not_before.map_or(at, |moment| moment.min(at)));
        self.entries.insert(Entry { at, waker: Some(waker) })
    }

    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        if self.not_before.is_none_or(|moment| now < moment) {
            return Vec::new();
        }
        let mut due = Vec::new();
        self.not_before = None;
        for (_, entry) in &mut self.entries {
            if entry.at <= now {
                due.extend(entry.waker.take());
            } else {
                self.not_before = Some(self.not_before.map_or(entry.at, |moment| moment.min(entry.at)));
            }
        }
        due
    }
}

/// An entry among the alarms, which is taken back when it is dropped.
struct Alarm {
    key: usize,
    /// The one that is set: setting it again needs no lock.
    waker: Waker,
    running: Running,
}

impl Alarm {
    fn set(ticker: &Hold<Shared>, at: Instant, waker: Waker) -> Self {
        // A ticker that sleeps would let the moment pass.
        let running = Running::new(ticker.clone());
        let key = running.lane().alarms.lock().insert(at, waker.clone());
        Self { key, waker, running }
    }

    fn reset(&mut self, waker: &Waker) {
        if self.waker.will_wake(waker) {
            return;
        }
        self.waker.clone_from(waker);
        let entry_waker = waker.clone();
        let earlier = {
            let mut alarms = self.running.lane().alarms.lock();
            alarms.entries.get_mut(self.key).and_then(|entry| entry.waker.replace(entry_waker))
        };
        // Dropping a waker can drop what it wakes, and that another alarm: not while the lock is held.
        drop(earlier);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // As above.
        let entry = self.running.lane().alarms.lock().entries.try_remove(self.key);
        drop(entry);
    }
}

/// The moment at which an invocation has to be over.
///
/// Nothing is set up before somebody waits for it: most invocations never do.
pub struct Deadline {
    at: Instant,
    limit: Duration,
    ticker: Hold<Shared>,
    alarm: Option<Alarm>,
}

impl Deadline {
    /// Ready when the moment has come; wakes the caller a slow tick after it at most.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<Elapsed> {
        if Instant::now() >= self.at {
            return Poll::Ready(Elapsed(self.limit));
        }
        self.wake(context.waker());
        Poll::Pending
    }

    /// Has `waker` woken when the moment has come, instead of an earlier one, and until this is dropped.
    pub fn wake(&mut self, waker: &Waker) {
        match &mut self.alarm {
            Some(alarm) => alarm.reset(waker),
            None => self.alarm = Some(Alarm::set(&self.ticker, self.at, waker.clone())),
        }
    }

    /// The same moment, for somebody else to wait for.
    pub fn again(&self) -> Self {
        Self { at: self.at, limit: self.limit, ticker: self.ticker.clone(), alarm: None }
    }

    /// How long it is after the start.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl std::fmt::Debug for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deadline").field("at", &self.at).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Says that a future was not ready in time, and was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it took longer than {}", flint_model::duration::display(*.0))]
pub struct Elapsed(pub Duration);

/// Runs a future for so long at most.
pub struct WithDeadline<F> {
    future: F,
    deadline: Deadline,
}

impl<F> WithDeadline<F> {
    /// Limits `future` to the time before `deadline`.
    pub fn new(future: F, deadline: Deadline) -> Self {
        Self { future, deadline }
    }
}

impl<F: Future + Unpin> Future for WithDeadline<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match Pin::new(&mut this.future).poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => this.deadline.poll(context).map(Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn};
    use std::pin::pin;

    fn ticker() -> Ticker {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        Ticker::start(vec![wasmtime::Engine::new(&config).unwrap()], Pace::steady(Duration::from_millis(1))).unwrap()
    }

    fn alarms(ticker: &Ticker) -> usize {
        ticker.shared.lanes.iter().map(|lane| lane.alarms.lock().entries.len()).sum()
    }

    #[test]
    fn who_runs_across_a_tick_by_chance_is_in_no_hurry() {
        let hurry = Hurry::new(Duration::from_millis(1));
        hurry.tell(Duration::from_micros(900));
        assert!(!hurry.take());
        hurry.tell(Duration::from_micros(1100));
        assert!(hurry.take() && !hurry.take());
    }

    #[test]
    fn ticks_are_short_while_somebody_runs_for_long_and_some_time_after() {
        let tick = Duration::from_millis(1);
        let mut pace = Pace::adaptive(tick);
        assert_eq!(pace.next(false), tick * SLOW_FACTOR);
        assert_eq!(pace.next(true), tick);
        assert!((1..FAST_TICKS).all(|_| pace.next(false) == tick));
        assert_eq!(pace.next(false), tick * SLOW_FACTOR);
        let mut pace = Pace::steady(tick);
        assert!([false, true, false].map(|hurry| pace.next(hurry)).iter().all(|next| *next == tick));
    }

    #[tokio::test]
    async fn deadlines_ring_in_their_order_and_leave_nothing_behind() {
        let ticker = ticker();
        let start = Instant::now();
        let after = |millis| {
            let limit = Duration::from_millis(millis);
            let deadline = ticker.deadline(start, limit);
            async move { (WithDeadline::new(pending::<()>(), deadline).await, start.elapsed(), limit) }
        };
        let rung = futures::future::join_all([30, 10, 20].map(after)).await;
        for (outcome, elapsed, limit) in rung {
            assert_eq!(outcome, Err(Elapsed(limit)));
            assert!(elapsed >= limit, "{elapsed:?} of {limit:?}");
        }
        assert_eq!(alarms(&ticker), 0);
    }

    #[tokio::test]
    async fn a_ticker_that_sleeps_is_woken_for_a_deadline() {
        let ticker = ticker();
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let limit = Duration::from_millis(20);
        let outcome = WithDeadline::new(pending::<()>(), ticker.deadline(Instant::now(), limit)).await;
        assert_eq!(outcome, Err(Elapsed(limit)));
    }

    #[tokio::test]
    async fn what_is_ready_at_once_sets_no_alarm_and_what_is_dropped_takes_it_back() {
        let ticker = ticker();
        let deadline = || ticker.deadline(Instant::now(), Duration::from_secs(3600));
        assert_eq!(WithDeadline::new(std::future::ready(1), deadline()).await, Ok(1));
        assert!(!ticker.shared.is_anything_running());
        {
            let mut waits = pin!(WithDeadline::new(pending::<()>(), deadline()));
            let poll = poll_fn(|context| Poll::Ready(waits.as_mut().poll(context))).await;
            assert_eq!(poll, Poll::Pending);
            assert_eq!(alarms(&ticker), 1);
        }
        assert_eq!((alarms(&ticker), ticker.shared.is_anything_running()), (0, false));
    }

    #[tokio::test]
    async fn the_last_waker_that_was_set_is_the_one_that_is_woken() {
        let ticker = ticker();
        let mut deadline = ticker.deadline(Instant::now(), Duration::from_millis(20));
        // As a future does that moves from one task to another.
        deadline.wake(Waker::noop());
        let elapsed = poll_fn(|context| deadline.poll(context)).await;
        assert_eq!(elapsed, Elapsed(Duration::from_millis(20)));
    }
}
