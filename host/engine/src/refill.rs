//! Makes spare instances off the path of requests, and gives up those that are no longer needed.
//!
//! One thread for all pools, at a low priority: on a busy machine the requests get the CPU, and make the instances that are
//! missing themselves. It sleeps while no pool asks and every pool is at its floor.

use crate::admission::Admission;
use crate::runtime::Calls;
use crate::stock::Claims;
use crate::touch::Toucher;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often pools above their floor are looked at, to give spares up.
const REVIEW: Duration = Duration::from_millis(250);

/// How much nicer than the rest the thread is.
const NICENESS: i32 = 10;

/// A pool, as the thread sees it.
pub(crate) trait Refillable: Send + Sync {
    /// Brings the number of spares to where it should be, and says what is left to do.
    fn refill(&self, runtime: &Handle) -> Refilled;

    /// Who of its events may run.
    fn admission(&self) -> Arc<Admission>;

    /// Of which kind its component is.
    fn calls(&self) -> Calls;

    /// Gives up a spare that is not of its floor. Says whether there was one.
    fn give_up_surplus(&self) -> bool;

    /// Gives up any spare. Says whether there was one.
    fn give_up_one(&self) -> bool;
}

/// What a look at a pool came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refilled {
    pub(crate) review: Review,
    /// Whether it holds more instances than ever before: some are in slots that nobody has used.
    pub(crate) grown: bool,
}

/// Whether a pool has to be looked at again without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    /// Spares are missing: its turn is over, and it is to get another one.
    Unfinished,
    /// It holds more than its floor, or fewer than it should.
    Again,
    /// It is at rest.
    Settled,
}

/// The thread and what it is asked.
pub(crate) struct Refiller {
    shared: Arc<Shared>,
    handle: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Weak<dyn Refillable>>>,
    wake: Condvar,
    stopped: AtomicBool,
    claims: Claims,
}

impl Refiller {
    /// Starts the thread, which makes the memory of `touched_max` slots resident at most.
    pub(crate) fn start(runtime: Handle, touched_max: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let handle =
            thread::Builder::new().name("flint-refill".into()).spawn(move || theirs.run(&runtime, touched_max))?;
        Ok(Self { shared, handle: Some(handle) })
    }

    /// Asks for a look at a pool.
    pub(crate) fn ask(&self, pool: Weak<dyn Refillable>) {
        self.shared.asked.lock().push(pool);
        self.shared.wake.notify_one();
    }

    /// Counts what all pools together have of the spares that the host allows.
    pub(crate) fn claims(&self) -> Claims {
        Arc::clone(&self.shared.claims)
    }
}

impl Drop for Refiller {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Under the lock, or the thread could look just before and sleep just after.
        drop(self.shared.asked.lock());
        self.shared.wake.notify_one();
        if let Some(handle) = self.handle.take() {
            if handle.thread().id() == thread::current().id() {
                // The thread itself held the last pool, and ends by itself.
                return;
            }
            // A refiller that panicked has nothing left to stop.
            _ = handle.join();
        }
    }
}

impl Shared {
    fn run(&self, runtime: &Handle, touched_max: usize) {
        if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
            tracing::debug!(%error, "the refilling thread runs at normal priority");
        }
        let mut watched: Vec<Weak<dyn Refillable>> = Vec::new();
        let mut toucher = Toucher::new(touched_max);
        let mut reviewed = Instant::now();
        // Whether there may be slots that nobody has used.
        let mut grown = false;
        while let Some(asked) = self.next(grown || !watched.is_empty()) {
            let mut round = asked;
            if reviewed.elapsed() >= REVIEW {
                reviewed = Instant::now();
                round.append(&mut watched);
            }
            for pool in round {
                let Some(alive) = pool.upgrade() else { continue };
                let refilled = alive.refill(runtime);
                grown |= refilled.grown;
                match refilled.review {
                    Review::Unfinished => self.asked.lock().push(pool),
                    Review::Again if !watched.iter().any(|other| other.ptr_eq(&pool)) => watched.push(pool),
                    Review::Again | Review::Settled => {}
                }
            }
            if grown && toucher.is_rested() {
                grown = false;
                toucher.touch_new();
            }
        }
    }

    /// Waits for pools that ask, or, if some are watched, for the next review. None: stop.
    fn next(&self, watching: bool) -> Option<Vec<Weak<dyn Refillable>>> {
        let mut asked = self.asked.lock();
        while asked.is_empty() && !self.stopped.load(Ordering::SeqCst) {
            if !watching {
                self.wake.wait(&mut asked);
            } else if self.wake.wait_for(&mut asked, REVIEW).timed_out() {
                break;
            }
        }
        (!self.stopped.load(Ordering::SeqCst)).then(|| std::mem::take(&mut *asked))
    }
}
