//! A histogram of durations without a lock: one atomic a bucket.
//!
//! The one of `prometheus-client` takes a mutex for each observation; on the path of a five-microsecond invocation that
//! would be its most contended moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in nanoseconds: 5 µs to 30 s, three a decade, since a cold start is a matter of
/// microseconds and a time-out one of seconds.
pub(crate) const BOUNDS: [u64; 21] = [
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Counts durations by size.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each bound, and one for what is above the last.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// Upper bound in seconds and how many fell into this bucket alone; the last bound is infinite, which the encoder
    /// writes as `+Inf`.
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanos);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    fn counters(&self) -> impl Iterator<Item = &AtomicU64> {
        self.buckets.iter().chain([&self.sum_nanos])
    }

    /// Adds what another one counted.
    pub(crate) fn absorb(&self, other: &Self) {
        for (sum, count) in self.counters().zip(other.counters()) {
            sum.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Buckets and sum are read one after the other, so a scrape may miss a part of what happens meanwhile; the count is
    /// made from the buckets and always agrees with them.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let bounds = BOUNDS.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64()).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        Snapshot {
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for nanos in [0, 5_000, 5_001, 30_000_000_000, 30_000_000_001] {
            histogram.observe(Duration::from_nanos(nanos));
        }
        let Snapshot { count, buckets, sum } = histogram.snapshot();
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(5e-6, 2), (1e-5, 1), (30.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(count, 5);
        assert!((sum - 60.000_010_002).abs() < 1e-6, "{sum}");
    }
}
