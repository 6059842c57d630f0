//! The telemetry of one function: handles that are resolved once, then only counted with.

use crate::Shared;
use crate::failures::{ByTrigger, Failures};
use crate::filter::Filter;
use crate::format::Line;
use crate::histogram::Histogram;
use crate::log::{Level, LogLine, Source};
use crate::record::{Outcome, Record, Start};
use flint_model::FunctionName;
use flint_model::lane::PerLane;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// What ends the message of a guest that was cut off.
const CUT: &str = "… (cut)";

/// What is counted of invocations of one function, by one core or by all together.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) ok: ByTrigger,
    pub(crate) starts: [AtomicU64; Start::ALL.len()],
    pub(crate) wall: Histogram,
    pub(crate) queued: Histogram,
    pub(crate) cpu_nanos: AtomicU64,
    pub(crate) memory_peak: AtomicU64,
    pub(crate) mib_micros: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) store_calls: AtomicU64,
    pub(crate) outbound_calls: AtomicU64,
    pub(crate) outbound_sent: AtomicU64,
    pub(crate) outbound_received: AtomicU64,
    pub(crate) log_lines: AtomicU64,
    /// Of a single core it is a difference, modulo 2^64: it may count those in that another one counts out.
    pub(crate) in_flight: AtomicU64,
}

impl Counters {
    /// Adds what another core counted.
    fn absorb(&self, other: &Self) {
        for (sum, count) in self.ok.iter().zip(&other.ok).chain(self.starts.iter().zip(&other.starts)).chain([
            (&self.cpu_nanos, &other.cpu_nanos),
            (&self.mib_micros, &other.mib_micros),
            (&self.bytes_in, &other.bytes_in),
            (&self.bytes_out, &other.bytes_out),
            (&self.store_calls, &other.store_calls),
            (&self.outbound_calls, &other.outbound_calls),
            (&self.outbound_sent, &other.outbound_sent),
            (&self.outbound_received, &other.outbound_received),
            (&self.log_lines, &other.log_lines),
            (&self.in_flight, &other.in_flight),
        ]) {
            sum.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.wall.absorb(&other.wall);
        self.queued.absorb(&other.queued);
        self.memory_peak.fetch_max(other.memory_peak.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// One function, and what is worth a line of it.
pub(crate) struct Function {
    pub(crate) name: FunctionName,
    lanes: PerLane<Lane>,
    pub(crate) failures: Failures,
    /// The least level that is written; none: nothing is. Decided once, since the filter never changes.
    least: Option<Level>,
}

/// What each core has of a function.
struct Lane {
    counters: Counters,
    /// A copy of its own, since cloning a name counts its owners; made by the core, so that no other one's lies beside it.
    name: OnceLock<FunctionName>,
}

impl Function {
    pub(crate) fn new(name: &FunctionName, filter: &Filter) -> Self {
        let least = filter.least(&format!("function::{name}"));
        let lanes = PerLane::new(|| Lane { counters: Counters::default(), name: OnceLock::new() });
        Self { name: name.clone(), lanes, failures: Failures::default(), least }
    }

    /// What this core counts with.
    fn counters(&self) -> &Counters {
        &self.lanes.own().counters
    }

    /// What all cores have counted.
    pub(crate) fn total(&self) -> Counters {
        let total = Counters::default();
        self.lanes.iter().for_each(|lane| total.absorb(&lane.counters));
        total
    }

    fn writes(&self, level: Level) -> bool {
        self.least.is_some_and(|least| level >= least)
    }
}

/// Takes records and lines of one function. Clones share it.
#[derive(Clone)]
pub struct FunctionTelemetry {
    shared: Arc<Shared>,
    function: Arc<Function>,
    version: u64,
}

impl FunctionTelemetry {
    pub(crate) fn new(shared: Arc<Shared>, function: Arc<Function>) -> Self {
        Self { shared, function, version: 1 }
    }

    /// The telemetry of one version: counted with the others of the function, and told by [`Recent`](crate::Recent).
    #[must_use]
    pub fn of_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// The function.
    pub fn name(&self) -> &FunctionName {
        &self.function.name
    }

    /// Counts an invocation as running until its record comes.
    pub fn enter(&self) {
        self.function.counters().in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether lines of a level are written at all, to save the work of making one.
    pub fn writes(&self, level: Level) -> bool {
        self.function.writes(level)
    }

    /// Counts an invocation that is over, which was [entered](Self::enter), and writes a line about it: at level warn if it failed,
    /// else at level debug.
    ///
    /// Waits for no lock and allocates nothing, unless a line is written or it is the first one of its core.
    pub fn record(&self, record: &Record) {
        let Lane { counters, name } = self.function.lanes.own();
        let add = |counter: &AtomicU64, value: u64| {
            if value > 0 {
                counter.fetch_add(value, Ordering::Relaxed);
            }
        };
        counters.in_flight.fetch_sub(1, Ordering::Relaxed);
        match record.outcome {
            Outcome::Ok => add(&counters.ok[record.trigger as usize], 1),
            Outcome::Failed(code) => self.function.failures.count(record.trigger, code),
        }
        add(&counters.starts[record.start as usize], 1);
        counters.wall.observe(record.wall);
        counters.queued.observe(record.queued);
        add(&counters.cpu_nanos, nanos(record.cpu));
        add(&counters.mib_micros, record.mib_micros());
        add(&counters.bytes_in, record.bytes_in);
        add(&counters.bytes_out, record.bytes_out);
        add(&counters.store_calls, record.store_calls.into());
        add(&counters.outbound_calls, record.outbound.calls.into());
        add(&counters.outbound_sent, record.outbound.sent);
        add(&counters.outbound_received, record.outbound.received);
        // A maximum hardly ever moves: look before taking the cache line for writing.
        if counters.memory_peak.load(Ordering::Relaxed) < record.memory_peak.as_u64() {
            counters.memory_peak.fetch_max(record.memory_peak.as_u64(), Ordering::Relaxed);
        }
        if let Some(recent) = self.shared.recent.get() {
            recent.keep(name.get_or_init(|| self.function.name.detached()), self.version, record);
        }
        let level = if record.outcome == Outcome::Ok { Level::Debug } else { Level::Warn };
        if self.function.writes(level) {
            self.write_record(record, level);
        }
    }

    /// The longest message of a guest, in bytes: the rest of a longer one is cut off.
    pub fn line_max(&self) -> usize {
        self.shared.line_max.load(Ordering::Relaxed)
    }

    /// Writes what a guest said, if its level is worth a line. A message longer than the limit is cut off.
    ///
    /// Never waits for the output: see the crate's second promise.
    pub fn log(&self, line: LogLine<'_>) {
        self.function.counters().log_lines.fetch_add(1, Ordering::Relaxed);
        if !self.function.writes(line.level) {
            return;
        }
        let cut = line.message.floor_char_boundary(self.line_max().min(line.message.len()));
        let (message, fields) = match &line.message[..cut] {
            whole if cut == line.message.len() => {
                let (text, fields) = split_fields(&line).unwrap_or((whole, Map::new()));
                (text.into(), fields)
            }
            part => (std::borrow::Cow::from(format!("{part}{CUT}")), Map::new()),
        };
        let context = &line.context[..line.context.floor_char_boundary(self.line_max().min(line.context.len()))];
        self.write(Line {
            time: SystemTime::now(),
            level: line.level,
            source: line.source.label(),
            function: Some(self.function.name.as_str()),
            invocation: Some(&line.invocation),
            trace: Some(&line.trace.trace_id()),
            context,
            message: &message,
            fields,
        });
    }

    /// Counts a line that the guest said beyond the volume that it may have, and that is not written.
    pub fn log_dropped(&self) {
        self.function.counters().log_lines.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    fn write_record(&self, record: &Record, level: Level) {
        let micros = |duration: Duration| json!(duration.as_micros());
        let mut fields = Map::<String, Value>::from_iter(
            [
                ("outcome", json!(record.outcome.label())),
                ("trigger", json!(record.trigger.label())),
                ("start", json!(record.start.label())),
                ("wall_us", micros(record.wall)),
                ("cpu_us", micros(record.cpu)),
                ("queued_us", micros(record.queued)),
                ("memory_peak_bytes", json!(record.memory_peak.as_u64())),
                ("bytes_in", json!(record.bytes_in)),
                ("bytes_out", json!(record.bytes_out)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if record.store_calls > 0 {
            fields.insert("store_calls".to_owned(), record.store_calls.into());
        }
        if record.outbound.calls > 0 {
            fields.insert("outbound_calls".to_owned(), record.outbound.calls.into());
            fields.insert("outbound_bytes_sent".to_owned(), record.outbound.sent.into());
            fields.insert("outbound_bytes_received".to_owned(), record.outbound.received.into());
        }
        self.write(Line {
            time: SystemTime::now(),
            level,
            source: "record",
            function: Some(self.function.name.as_str()),
            invocation: Some(&record.invocation),
            trace: Some(&record.trace.trace_id()),
            context: "",
            message: if record.outcome == Outcome::Ok { "invocation succeeded" } else { "invocation failed" },
            fields,
        });
    }

    fn write(&self, line: Line<'_>) {
        self.shared.sink.write(&self.shared.format.line(line));
    }
}

/// Finds the fields of a line of `wasi:logging`, whose message is one text: the SDK puts them behind it, as a JSON object after
/// a tab.
fn split_fields<'l>(line: &LogLine<'l>) -> Option<(&'l str, Map<String, Value>)> {
    let (text, object) = line.message.rsplit_once('\t')?;
    if line.source != Source::Log || !object.starts_with('{') {
        return None;
    }
    Some((text, serde_json::from_str(object).ok()?))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
