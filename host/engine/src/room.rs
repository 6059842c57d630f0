//! Waiting for a slot when a pool of slots is full: who asks first gets the next one.
//!
//! Rare: the pool has a slot for each invocation that may run and each instance that may be ready. But components differ in
//! how many memories and tables an instance takes, and a slot is reset behind the answer that it gave.

use crate::fault::Fault;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// Those that wait for a slot.
pub(crate) struct Room {
    /// Held by the first in the queue. Fair: first come, first served.
    first: Mutex<()>,
    waiting: AtomicUsize,
    freed: Notify,
    patience: Duration,
}

impl Room {
    /// Nobody waits. Who waits longer than `patience` is refused.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { first: Mutex::new(()), waiting: AtomicUsize::new(0), freed: Notify::new(), patience }
    }

    /// Whether somebody waits. Who comes now has to go behind.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// Says that a slot is free, or that a spare is there whose slot can be had.
    ///
    /// Who waits has counted itself before it found the allocator's lock, and no slot behind it; who frees a slot takes that
    /// lock before it looks here. So either the slot is found, or the one who waits. So it is with a spare, which is counted before
    /// its maker looks here, and looked for by who has counted itself: all four in one order (`SeqCst`).
    pub(crate) fn freed(&self) {
        if self.is_waited_for() {
            // Kept for the first one if it does not listen at the moment.
            self.freed.notify_one();
        }
    }

    /// Waits for its turn, and then until `make` finds a slot. `reclaim` frees one, if it can.
    ///
    /// Dropping the future gives the place up.
    ///
    /// # Errors
    /// What `make` says; [`Fault::Exhausted`] only if the wait was too long.
    pub(crate) async fn wait<T, F>(&self, make: impl Fn() -> F, reclaim: impl Fn() -> bool) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let _place = Place::take(&self.waiting);
        let turn = async {
            let _first = self.first.lock().await;
            loop {
                match make().await {
                    Err(Fault::Exhausted) if reclaim() => {}
                    Err(Fault::Exhausted) => self.freed.notified().await,
                    made => return made,
                }
            }
        };
        tokio::time::timeout(self.patience, turn).await.unwrap_or(Err(Fault::Exhausted))
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, SeqCst);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
