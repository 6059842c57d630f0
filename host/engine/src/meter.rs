//! What an invocation used.

use crate::calm::Calm;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Counts what one invocation uses. Written by who runs it, one at a time; read by whoever reports it.
#[derive(Debug)]
pub struct Meter {
    origin: Instant,
    /// Nanoseconds in finished polls.
    cpu: AtomicU64,
    /// Nanoseconds since `origin` when the poll that runs now began.
    poll_began: AtomicU64,
    memory: AtomicU64,
    memory_peak: AtomicU64,
    store_calls: AtomicU32,
    store_bytes: AtomicU64,
    outbound_calls: AtomicU32,
    outbound_sent: AtomicU64,
    outbound_received: AtomicU64,
}

/// Marks that no poll runs.
const NO_POLL: u64 = u64::MAX;

impl Default for Meter {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            cpu: AtomicU64::new(0),
            poll_began: AtomicU64::new(NO_POLL),
            memory: AtomicU64::new(0),
            memory_peak: AtomicU64::new(0),
            store_calls: AtomicU32::new(0),
            store_bytes: AtomicU64::new(0),
            outbound_calls: AtomicU32::new(0),
            outbound_sent: AtomicU64::new(0),
            outbound_received: AtomicU64::new(0),
        }
    }
}

/// A duration in nanoseconds; the most that there are if it is longer.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Meter {
    /// How long the invocation held a thread: the sum of its polls, the one that runs now included.
    ///
    /// That is its CPU time plus what the kernel gave to others meanwhile. Asking the kernel for the thread's CPU time at each
    /// poll would cost two system calls; an event is over in less.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Relaxed)) + self.running()
    }

    /// How long it has held its thread since it got it last; nothing while it holds none.
    pub(crate) fn running(&self) -> Duration {
        let began = self.poll_began.load(Relaxed);
        let running = if began == NO_POLL { 0 } else { nanos(self.origin.elapsed()).saturating_sub(began) };
        Duration::from_nanos(running)
    }

    /// The most that memories and tables held at once, in bytes.
    pub fn memory_peak(&self) -> u64 {
        self.memory_peak.load(Relaxed)
    }

    /// Calls of stores.
    pub fn store_calls(&self) -> u32 {
        self.store_calls.load(Relaxed)
    }

    /// Bytes that calls of stores were given and answered.
    pub fn store_bytes(&self) -> u64 {
        self.store_bytes.load(Relaxed)
    }

    /// Requests that it made.
    pub fn outbound_calls(&self) -> u32 {
        self.outbound_calls.load(Relaxed)
    }

    /// Bytes of the bodies of these requests.
    pub fn outbound_sent(&self) -> u64 {
        self.outbound_sent.load(Relaxed)
    }

    /// Bytes of the bodies of their answers.
    pub fn outbound_received(&self) -> u64 {
        self.outbound_received.load(Relaxed)
    }

    /// Adds a request that was made.
    pub fn add_outbound_call(&self) {
        self.outbound_calls.fetch_add(1, Relaxed);
    }

    /// Adds bytes that were sent with requests. The tasks of several connections may do so at once.
    pub fn add_outbound_sent(&self, bytes: u64) {
        self.outbound_sent.fetch_add(bytes, Relaxed);
    }

    /// Adds bytes that came with answers.
    pub fn add_outbound_received(&self, bytes: u64) {
        self.outbound_received.fetch_add(bytes, Relaxed);
    }

    /// Adds a call of a store.
    pub fn add_store_call(&self) {
        self.store_calls.store(self.store_calls.load(Relaxed).saturating_add(1), Relaxed);
    }

    /// Adds bytes that a call of a store was given or answered.
    pub fn add_store_bytes(&self, bytes: u64) {
        add(&self.store_bytes, bytes);
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory.load(Relaxed)
    }

    pub(crate) fn set_memory(&self, bytes: u64) {
        self.memory.store(bytes, Relaxed);
        if bytes > self.memory_peak.load(Relaxed) {
            self.memory_peak.store(bytes, Relaxed);
        }
    }

    /// Takes back memory that was counted and did not come to be.
    pub(crate) fn take_back_memory(&self, bytes: u64, peak_before: u64) {
        self.memory.store(self.memory.load(Relaxed).saturating_sub(bytes), Relaxed);
        self.memory_peak.store(peak_before, Relaxed);
    }

    /// A meter for the next invocation on the same instance, whose memory stays.
    pub(crate) fn successor(&self) -> Self {
        let memory = self.memory();
        Self { memory: AtomicU64::new(memory), memory_peak: AtomicU64::new(memory), ..Self::default() }
    }

    /// Starts over for another invocation on the same instance, whose memory stays.
    pub(crate) fn reset(&self) {
        self.cpu.store(0, Relaxed);
        self.memory_peak.store(self.memory.load(Relaxed), Relaxed);
        self.store_calls.store(0, Relaxed);
        self.store_bytes.store(0, Relaxed);
        self.outbound_calls.store(0, Relaxed);
        self.outbound_sent.store(0, Relaxed);
        self.outbound_received.store(0, Relaxed);
    }
}

/// One thread writes at a time, so that a load and a store do what a locked instruction would.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).saturating_add(more), Relaxed);
}

/// Runs a future and counts the time of its polls.
pub struct Metered<F> {
    future: F,
    meter: Arc<Meter>,
}

impl<F> Metered<Calm<F>> {
    /// Counts the polls of `future` with `meter`. What it does to itself in a poll does not wake its task while that runs.
    pub fn new(future: F, meter: Arc<Meter>) -> Self {
        Self { future: Calm::new(future), meter }
    }
}

impl<F> Metered<F> {
    /// The same for a future that others keep calm.
    pub(crate) fn plain(future: F, meter: Arc<Meter>) -> Self {
        Self { future, meter }
    }
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let began = nanos(this.meter.origin.elapsed());
        this.meter.poll_began.store(began, Relaxed);
        let poll = Pin::new(&mut this.future).poll(context);
        this.meter.poll_began.store(NO_POLL, Relaxed);
        add(&this.meter.cpu, nanos(this.meter.origin.elapsed()).saturating_sub(began));
        poll
    }
}
