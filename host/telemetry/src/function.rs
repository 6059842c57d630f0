//! The telemetry of one function: handles that are resolved once, then only counted with.

use crate::Shared;
use crate::filter::Filter;
use crate::format::Line;
use crate::histogram::Histogram;
use crate::log::{Level, LogLine, Source};
use crate::outcomes::Outcomes;
use crate::record::{Outcome, Record, Start};
use flint_model::FunctionName;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// What ends the message of a guest that was cut off.
const CUT: &str = "… (cut)";

/// All that is counted of one function.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) outcomes: Outcomes,
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
    pub(crate) in_flight: AtomicU64,
}

/// One function, and what is worth a line of it.
pub(crate) struct Function {
    pub(crate) name: FunctionName,
    pub(crate) counters: Counters,
    /// The least level that is written; none: nothing is. Decided once, since the filter never changes.
    least: Option<Level>,
}

impl Function {
    pub(crate) fn new(name: &FunctionName, filter: &Filter) -> Self {
        let least = filter.least(&format!("function::{name}"));
        Self { name: name.clone(), counters: Counters::default(), least }
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

    /// Counts an invocation as running until the guard is dropped.
    pub fn enter(&self) -> InFlight {
        self.function.counters.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(&self.function))
    }

    /// How many invocations run at this moment.
    pub fn in_flight(&self) -> u64 {
        self.function.counters.in_flight.load(Ordering::Relaxed)
    }

    /// Says whether lines of a level are written at all, to save the work of making one.
    pub fn writes(&self, level: Level) -> bool {
        self.function.writes(level)
    }

    /// Counts an invocation that is over, and writes a line about it: at level warn if it failed, else at level debug.
    ///
    /// Waits for no lock and allocates nothing, unless a line is written.
    pub fn record(&self, record: &Record) {
        let counters = &self.function.counters;
        let add = |counter: &AtomicU64, value: u64| {
            if value > 0 {
                counter.fetch_add(value, Ordering::Relaxed);
            }
        };
        counters.outcomes.count(record.trigger, record.outcome);
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
            recent.keep(&self.function.name, self.version, record);
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
        self.function.counters.log_lines.fetch_add(1, Ordering::Relaxed);
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
        self.function.counters.log_lines.fetch_add(1, Ordering::Relaxed);
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

/// Stands for an invocation that runs.
pub struct InFlight(Arc<Function>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
