//! About how long the instances of a pool take to start.

use crate::meter::nanos;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// An instance that starts within so long a time is replaced where it was used, and others by the refilling thread: they would
/// keep events from their core.
const FAST: Duration = Duration::from_micros(200);

/// No start counts as longer: it may be that it waited for a core in between.
const LONGEST: Duration = Duration::from_micros(800);

/// See the module.
#[derive(Debug)]
pub(crate) struct StartTime {
    /// In nanoseconds; the most there is if it is not known.
    estimate: AtomicU64,
}

impl StartTime {
    /// Nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self { estimate: AtomicU64::new(u64::MAX) }
    }

    /// An instance took so long to start. The shortest times say most: a longer one counts for an eighth.
    pub(crate) fn note(&self, took: Duration) {
        let took = nanos(took.min(LONGEST));
        let before = self.estimate.load(Relaxed);
        self.estimate.store(if took < before { took } else { before + (took - before) / 8 }, Relaxed);
    }

    /// An instance could not be made: the next one may not be either.
    pub(crate) fn forget(&self) {
        self.estimate.store(u64::MAX, Relaxed);
    }

    pub(crate) fn is_fast(&self) -> bool {
        self.estimate.load(Relaxed) <= nanos(FAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_waited_for_a_core_does_not_make_a_fast_one_slow() {
        let time = StartTime::unknown();
        assert!(!time.is_fast());
        time.note(Duration::from_micros(20));
        time.note(Duration::from_millis(50));
        assert!(time.is_fast());
        time.note(Duration::from_millis(50));
        time.note(Duration::from_millis(50));
        assert!(!time.is_fast(), "three in a row are no accident");
        time.note(Duration::from_micros(20));
        assert!(time.is_fast());
        time.forget();
        assert!(!time.is_fast());
    }
}
