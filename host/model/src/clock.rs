//! Wall-clock time, injected so that tests can turn it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Reads the system's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Makes a moment from milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `after` this one; the end of time if that is later than time.
    #[must_use]
    pub fn saturating_add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Says that it has been this moment already: whoever wrote it down before a restart would not understand an earlier one.
    /// A clock that can't be told goes on as it is.
    fn not_before(&self, moment: Timestamp) {
        let _ = moment;
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that starts where the system's is, and then only moves on: setting the system's clock while the process runs
/// neither ends leases and times to live early nor keeps them from ending.
///
/// It does not notice that the machine slept.
#[derive(Debug)]
pub struct SteadyClock {
    began: Instant,
    start: AtomicU64,
}

impl SteadyClock {
    /// Starts now.
    pub fn starting_now() -> Self {
        Self { began: Instant::now(), start: AtomicU64::new(Timestamp::now().as_millis()) }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.start.load(Ordering::Relaxed).saturating_add(self.elapsed()))
    }

    fn not_before(&self, moment: Timestamp) {
        self.start.fetch_max(moment.as_millis().saturating_sub(self.elapsed()), Ordering::Relaxed);
    }
}

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Starts at a moment.
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicU64::new(start.as_millis()))
    }

    /// Jumps to a moment, be it earlier or later.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.as_millis(), Ordering::SeqCst);
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_moves_on_from_now_or_from_what_was_written_down() {
        let clock = SteadyClock::starting_now();
        let (first, wall) = (clock.now(), Timestamp::now());
        assert!(wall.as_millis().abs_diff(first.as_millis()) < 60_000);
        clock.not_before(Timestamp::from_millis(5));
        assert!(clock.now() >= first && clock.now().as_millis() < first.as_millis() + 60_000);
        let later = first.saturating_add(Duration::from_secs(3600));
        clock.not_before(later);
        assert!(clock.now() >= later && clock.now().as_millis() < later.as_millis() + 60_000);
    }
}
