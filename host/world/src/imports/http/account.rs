//! What one invocation has sent and received, and how much it may.

use flint_engine::Meter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Counts the calls of one invocation, and the bytes of their bodies.
///
/// Calls that run at once count into it from several tasks.
pub(crate) struct Account {
    calls: AtomicU32,
    sent: AtomicU64,
    received: AtomicU64,
    calls_max: u32,
    size_max: u64,
    meter: Arc<Meter>,
}

/// Says that an invocation has done enough of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Account {
    pub(crate) fn new(calls_max: u32, size_max: u64, meter: Arc<Meter>) -> Self {
        let (calls, sent, received) = (AtomicU32::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { calls, sent, received, calls_max, size_max, meter }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// [`Exhausted`], for one too many.
    pub(crate) fn call(&self) -> Result<(), Exhausted> {
        let more = |calls: u32| calls.checked_add(1).filter(|calls| *calls <= self.calls_max);
        self.calls.try_update(Relaxed, Relaxed, more).map_err(|_| Exhausted)?;
        self.meter.add_outbound_call();
        Ok(())
    }

    /// Counts bytes that leave.
    ///
    /// # Errors
    /// [`Exhausted`], if they are too many.
    pub(crate) fn send(&self, bytes: usize) -> Result<(), Exhausted> {
        self.add(&self.sent, bytes)?;
        self.meter.add_outbound_sent(bytes as u64);
        Ok(())
    }

    /// Counts bytes that came.
    ///
    /// # Errors
    /// [`Exhausted`], if they are too many.
    pub(crate) fn receive(&self, bytes: usize) -> Result<(), Exhausted> {
        self.add(&self.received, bytes)?;
        self.meter.add_outbound_received(bytes as u64);
        Ok(())
    }

    /// The most bytes of bodies, each way.
    pub(crate) fn size_max(&self) -> u64 {
        self.size_max
    }

    fn add(&self, counter: &AtomicU64, bytes: usize) -> Result<(), Exhausted> {
        let more = |sum: u64| sum.checked_add(bytes as u64).filter(|sum| *sum <= self.size_max);
        counter.try_update(Relaxed, Relaxed, more).map(drop).map_err(|_| Exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_bytes_are_counted_up_to_the_limit() {
        let meter = Arc::new(Meter::default());
        let account = Account::new(2, 10, Arc::clone(&meter));
        assert_eq!([account.call(), account.call(), account.call()], [Ok(()), Ok(()), Err(Exhausted)]);
        assert_eq!([account.send(4), account.send(6), account.send(1)], [Ok(()), Ok(()), Err(Exhausted)]);
        assert_eq!([account.receive(11), account.receive(10)], [Err(Exhausted), Ok(())]);
        assert_eq!((meter.outbound_calls(), meter.outbound_sent(), meter.outbound_received()), (2, 10, 10));
    }
}
