//! Time: the ticker that interrupts guests, and the wall-clock limit of an invocation.
//!
//! One thread moves the engine's epoch on at every tick. A guest that runs across a tick is interrupted at its next loop or
//! call, looks whether it has CPU time left (`limit`), and lets other tasks of the runtime run before it goes on. So a guest
//! that spins starves nobody, and the limits, which are enforced from outside by dropping the invocation's future, get
//! their turn. The ticker sleeps while nothing runs.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long nothing has to run before the ticker goes to sleep: waking it costs the next event a system call.
const IDLE_BEFORE_SLEEP: Duration = Duration::from_secs(1);

/// Moves the epoch on while anything runs.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    /// Whether anything was started since the ticker looked last.
    touched: AtomicBool,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: wasmtime::Engine, tick: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let handle = thread::Builder::new().name("flint-ticker".into()).spawn(move || theirs.run(&engine, tick))?;
        Ok(Self { shared, thread: handle.thread().clone(), handle: Some(handle) })
    }

    /// Keeps the ticker going until the answer is dropped.
    pub(crate) fn running(&self) -> Running {
        let shared = &self.shared;
        shared.running.fetch_add(1, Ordering::SeqCst);
        if !shared.touched.load(Ordering::Relaxed) {
            shared.touched.store(true, Ordering::Relaxed);
        }
        // Sequentially consistent with the store and load in `sleep`: either this sees the ticker asleep, or the ticker sees
        // that something runs.
        if shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(handle) = self.handle.take() {
            // A ticker that panicked has nothing left to stop.
            _ = handle.join();
        }
    }
}

/// Says that something runs, until it is dropped.
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn run(&self, engine: &wasmtime::Engine, tick: Duration) {
        let mut busy_until = Instant::now();
        while !self.stopped.load(Ordering::SeqCst) {
            thread::sleep(tick);
            engine.increment_epoch();
            let touched = self.touched.swap(false, Ordering::Relaxed);
            if touched || self.running.load(Ordering::Relaxed) > 0 {
                busy_until = Instant::now() + IDLE_BEFORE_SLEEP;
            } else if Instant::now() > busy_until {
                self.sleep();
            }
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0
            && !self.touched.load(Ordering::SeqCst)
            && !self.stopped.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// Says that a future was not ready in time, and was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it took longer than {}", flint_model::duration::display(*.0))]
pub struct Elapsed(pub Duration);

/// Runs a future for so long at most.
///
/// The timer is made when the future is not ready at once: most invocations never touch the timer wheel.
pub struct WithDeadline<F> {
    future: F,
    limit: Duration,
    deadline: Instant,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<F> WithDeadline<F> {
    /// Limits `future` to `limit`, counted from `start`.
    pub fn new(future: F, start: Instant, limit: Duration) -> Self {
        let deadline = start.checked_add(limit).unwrap_or_else(|| start + Duration::from_secs(u32::MAX.into()));
        Self { future, limit, deadline, timer: None }
    }
}

impl<F: Future + Unpin> Future for WithDeadline<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.future).poll(context) {
            return Poll::Ready(Ok(output));
        }
        let deadline = this.deadline;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        timer.as_mut().poll(context).map(|()| Err(Elapsed(this.limit)))
    }
}
