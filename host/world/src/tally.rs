//! Keeps the account of one invocation, and writes its record when the last part of it is gone.

use crate::failure::Failure;
use crate::function::FunctionCore;
use crate::invocation::Invocation;
use flint_engine::{Meter, Start};
use flint_model::ByteSize;
use flint_model::lane::{Hold, Spread};
use flint_telemetry::{Outbound, Outcome, Record, Trigger};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The account of one invocation.
///
/// The guest's side and the answer's body share it: the record is written when both are done, however they ended.
pub(crate) struct Tally {
    function: Hold<FunctionCore>,
    invocation: Invocation,
    trigger: Trigger,
    started: OnceLock<(Start, Arc<Meter>, Duration)>,
    outcome: OnceLock<Outcome>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Tally {
    pub(crate) fn open(function: &Spread<FunctionCore>, invocation: &Invocation, trigger: Trigger) -> Self {
        function.context.telemetry.enter();
        Self {
            function: function.hold(),
            invocation: invocation.clone(),
            trigger,
            started: OnceLock::new(),
            outcome: OnceLock::new(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// The guest has an instance.
    pub(crate) fn started(&self, start: Start, meter: Arc<Meter>) {
        // Only set once: an invocation has one instance.
        _ = self.started.set((start, meter, self.invocation.accepted.elapsed()));
    }

    pub(crate) fn add_bytes_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn add_bytes_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    /// The first word counts: a body that can't be sent after a trap is still a trap.
    pub(crate) fn close(&self, result: Result<(), &Failure>) {
        let outcome = match result {
            Ok(()) => Outcome::Ok,
            Err(failure) => Outcome::Failed(failure.code()),
        };
        _ = self.outcome.set(outcome);
    }
}

/// The outcome of an invocation whose caller went away.
const CALLER_GONE: Outcome = Outcome::Failed("caller/gone");

impl Drop for Tally {
    fn drop(&mut self) {
        let ended = Instant::now();
        let wall = ended.duration_since(self.invocation.accepted);
        let meter = self.started.get().map(|(_, meter, _)| &**meter);
        let (start, queued) = match self.started.get() {
            Some((start, _, queued)) => (*start, *queued),
            None => (Start::OnDemand, wall),
        };
        self.function.context.telemetry.record(&Record {
            invocation: self.invocation.id,
            trace: self.invocation.trace.clone(),
            trigger: self.trigger,
            start: match start {
                Start::Pooled => flint_telemetry::Start::Pooled,
                Start::OnDemand => flint_telemetry::Start::OnDemand,
                Start::Reused => flint_telemetry::Start::Reused,
                Start::Shared => flint_telemetry::Start::Shared,
            },
            outcome: self.outcome.get().copied().unwrap_or(CALLER_GONE),
            ended,
            wall,
            cpu: meter.map_or(Duration::ZERO, Meter::cpu),
            memory_peak: ByteSize::bytes(meter.map_or(0, Meter::memory_peak)),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            store_calls: meter.map_or(0, Meter::store_calls),
            outbound: Outbound {
                calls: meter.map_or(0, Meter::outbound_calls),
                sent: meter.map_or(0, Meter::outbound_sent),
                received: meter.map_or(0, Meter::outbound_received),
            },
            queued,
        });
    }
}
