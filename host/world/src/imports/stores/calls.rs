//! The store calls of one instance: so many run at once, and those that wait hold so much.
//!
//! A guest can begin as many calls as it likes before it waits for one. What a call was given and what it answers lie in the
//! host's memory, where the guest's `memory` does not count them.

use flint_model::ByteSize;
use flint_stores::Unavailable;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many calls run at once: each may bring a page or a value with it.
const RUNNING_MAX: usize = 16;

/// What a call takes beside its arguments, roughly.
const CALL_BYTES: u64 = 1024;

/// Lets the calls of an instance in, first come, first served.
pub(crate) struct Calls {
    running: Semaphore,
    /// Bytes of those that run and those that wait.
    held: AtomicU64,
    held_max: u64,
}

/// The right to run, until it is dropped. The fields are dropped in their order.
pub(crate) struct Turn<'a> {
    _running: SemaphorePermit<'a>,
    _held: Held<'a>,
}

impl Calls {
    /// Starts with none. All arguments together hold `held_max` at most.
    pub(crate) fn new(held_max: ByteSize) -> Self {
        Self { running: Semaphore::new(RUNNING_MAX), held: AtomicU64::new(0), held_max: held_max.as_u64() }
    }

    /// Holds so much beside the calls.
    ///
    /// # Errors
    /// [`Unavailable::Overloaded`] if too much is held already.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held<'_>, Unavailable> {
        Held::take(self, bytes as u64).ok_or(Unavailable::Overloaded)
    }

    /// Waits until a call with arguments of so many bytes may run. Dropping the future gives the place up.
    ///
    /// # Errors
    /// [`Unavailable::Overloaded`] if those that are there hold too much already: a retry can help when they are done.
    pub(crate) async fn enter(&self, arguments: usize) -> Result<Turn<'_>, Unavailable> {
        let held = Held::take(self, (arguments as u64).saturating_add(CALL_BYTES)).ok_or(Unavailable::Overloaded)?;
        // The semaphore is never closed: its only error.
        let running = self.running.acquire().await.map_err(|_| Unavailable::ShuttingDown)?;
        Ok(Turn { _running: running, _held: held })
    }
}

/// Bytes that a call holds, or content that is on its way, until it is dropped.
pub(crate) struct Held<'a> {
    calls: &'a Calls,
    bytes: u64,
}

impl<'a> Held<'a> {
    fn take(calls: &'a Calls, bytes: u64) -> Option<Self> {
        let more = |now: u64| now.checked_add(bytes).filter(|sum| *sum <= calls.held_max);
        calls.held.try_update(Relaxed, Relaxed, more).ok()?;
        Some(Self { calls, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.calls.held.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn so_many_calls_run_and_the_next_waits_for_one_of_them() {
        let calls = Calls::new(ByteSize::mib(1));
        let enter = || calls.enter(10);
        let mut running: Vec<_> = (0..RUNNING_MAX).map(|_| enter().now_or_never().unwrap().unwrap()).collect();
        let mut waiting = Box::pin(enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        running.pop();
        assert!(waiting.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn calls_that_hold_too_much_together_are_refused_until_others_are_done() {
        let calls = Calls::new(ByteSize::kib(64));
        let enter = || calls.enter(30 << 10).now_or_never().unwrap();
        let (first, second) = (enter().unwrap(), enter().unwrap());
        assert_eq!(enter().err(), Some(Unavailable::Overloaded));
        drop(first);
        assert!(enter().is_ok(), "what is done holds nothing");
        drop(second);
        assert_eq!(calls.enter(usize::MAX).now_or_never().unwrap().err(), Some(Unavailable::Overloaded));
        assert_eq!(calls.held.load(Relaxed), 0);
    }
}
