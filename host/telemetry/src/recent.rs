//! The invocations that were over last: a ring of a fixed size, for whoever asks what happened a moment ago.
//!
//! Keeping one is an atomic addition, a lock of its own place that nobody waits for, and a copy into it, in memory that no other core
//! writes: no allocation. Who reads holds one place at a time; an invocation whose place is being read is not kept, which can be seen by nobody who
//! does not count.

use crate::record::{Outbound, Outcome, Record, Start, Trigger};
use flint_model::lane::PerLane;
use flint_model::trace::TraceId;
use flint_model::{ByteSize, FunctionName, InvocationId};
use itertools::Itertools;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// An invocation that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The function.
    pub function: FunctionName,
    /// Which of its versions ran.
    pub version: u64,
    /// Identifies the invocation, and says when it was accepted.
    pub invocation: InvocationId,
    /// Identifies its trace.
    pub trace: TraceId,
    /// What it was for.
    pub trigger: Trigger,
    /// Where its instance came from.
    pub start: Start,
    /// How it ended.
    pub outcome: Outcome,
    /// As in [`Record`].
    pub wall: Duration,
    /// As in [`Record`].
    pub queued: Duration,
    /// As in [`Record`].
    pub cpu: Duration,
    /// As in [`Record`].
    pub memory_peak: ByteSize,
    /// As in [`Record`].
    pub bytes_in: u64,
    /// As in [`Record`].
    pub bytes_out: u64,
    /// As in [`Record`].
    pub store_calls: u32,
    /// As in [`Record`].
    pub outbound: Outbound,
}

/// The last invocations.
pub(crate) struct Ring {
    /// So many of each core, since all may have been one core's.
    lanes: PerLane<Lane>,
    max: usize,
}

/// The last invocations of one core.
struct Lane {
    places: Box<[Mutex<Option<Kept>>]>,
    /// How many were kept so far.
    kept: AtomicUsize,
}

#[derive(Clone)]
struct Kept {
    ended: Instant,
    recent: Recent,
}

impl Ring {
    pub(crate) fn new(max: usize) -> Self {
        Self { lanes: PerLane::new(|| Lane::new(max)), max }
    }

    pub(crate) fn keep(&self, function: &FunctionName, version: u64, record: &Record) {
        let lane = self.lanes.own();
        let at = lane.kept.fetch_add(1, Ordering::Relaxed) % self.max.max(1);
        let Some(mut place) = lane.places.get(at).and_then(Mutex::try_lock) else { return };
        let recent = Recent {
            function: function.clone(),
            version,
            invocation: record.invocation,
            trace: record.trace.trace_id(),
            trigger: record.trigger,
            start: record.start,
            outcome: record.outcome,
            wall: record.wall,
            queued: record.queued,
            cpu: record.cpu,
            memory_peak: record.memory_peak,
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            store_calls: record.store_calls,
            outbound: record.outbound,
        };
        *place = Some(Kept { ended: record.ended, recent });
    }

    /// The last ones that `wanted` takes, the youngest first, at most so many.
    pub(crate) fn last(&self, limit: usize, wanted: impl Fn(&Recent) -> bool) -> Vec<Recent> {
        let lanes = self.lanes.iter().map(Lane::newest_first);
        let newest_first = lanes.kmerge_by(|one, other| one.ended >= other.ended).take(self.max);
        newest_first.map(|kept| kept.recent).filter(wanted).take(limit).collect()
    }
}

impl Lane {
    fn new(max: usize) -> Self {
        Self { places: (0..max).map(|_| Mutex::default()).collect(), kept: AtomicUsize::new(0) }
    }

    fn newest_first(&self) -> impl Iterator<Item = Kept> {
        let (next, length) = (self.kept.load(Ordering::Relaxed), self.places.len());
        (1..=length.min(next)).filter_map(move |back| self.places[(next - back) % length].lock().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::TraceContext;
    use std::hint::black_box;

    fn record(bytes_in: u64) -> Record {
        Record {
            invocation: InvocationId::now(),
            trace: TraceContext::root(),
            trigger: Trigger::Http,
            start: Start::Pooled,
            outcome: Outcome::Ok,
            ended: Instant::now(),
            wall: Duration::from_millis(1),
            cpu: Duration::ZERO,
            memory_peak: ByteSize::mib(1),
            bytes_in,
            bytes_out: 0,
            store_calls: 0,
            outbound: Outbound::default(),
            queued: Duration::ZERO,
        }
    }

    #[test]
    fn the_last_ones_are_kept_the_youngest_first() {
        let ring = Ring::new(3);
        let [one, two] = ["one", "two"].map(|name| FunctionName::parse(name).expect("a name"));
        for n in 0..5 {
            ring.keep(if n % 2 == 0 { &one } else { &two }, 1, &record(n));
        }
        let seen = |recent: Vec<Recent>| recent.iter().map(|recent| recent.bytes_in).collect::<Vec<_>>();
        assert_eq!(seen(ring.last(9, |_| true)), [4, 3, 2]);
        assert_eq!(seen(ring.last(2, |_| true)), [4, 3]);
        assert_eq!(seen(ring.last(9, |recent| recent.function == two)), [3]);
        let none = Ring::new(0);
        none.keep(&one, 1, &record(0));
        assert!(none.last(9, |_| true).is_empty());
    }

    #[test]
    #[ignore = "a measurement: --ignored --nocapture, with CARGO_PROFILE_TEST_OPT_LEVEL=3"]
    fn what_keeping_one_costs() {
        const ROUNDS: u32 = 1_000_000;
        let ring = Ring::new(1000);
        let name = FunctionName::parse("hello").expect("a name");
        let record = record(1);
        for _ in 0..3 {
            let began = Instant::now();
            for _ in 0..ROUNDS {
                black_box(&ring).keep(black_box(&name), 1, black_box(&record));
            }
            println!("{:?} each", began.elapsed() / ROUNDS);
        }
    }
}
