//! What the platform tells about itself: invocation records, log lines, metrics.
//!
//! A leaf that every part may use. Data comes in as [`Record`]s and [`LogLine`]s through the [`FunctionTelemetry`] of a
//! function, as events of `tracing` through [`Telemetry::layer`], and as [`Gauge`]s that are read when somebody asks. It
//! leaves as lines on one output and as the text of [`Telemetry::metrics_text`].
//!
//! Two promises to callers, who stand in the way of requests:
//! - [`FunctionTelemetry::record`] waits for no lock and allocates nothing, unless the record itself is logged.
//! - Nothing here waits for the output. Lines go to a bounded buffer that a thread of its own writes out; when a slow
//!   reader lets it run full, lines are dropped and counted, and a line says how many.
//!
//! Deliberately absent: sampling, exporters that push, and anything that opens a socket. The binary decides where lines
//! go and who may read the metrics.

mod event;
mod failures;
mod filter;
mod format;
mod function;
mod gauge;
mod histogram;
mod log;
mod metrics;
mod recent;
mod record;
mod sink;
#[cfg(test)]
mod tests;

pub use event::EventLayer;
pub use filter::{Filter, FilterError};
pub use format::Format;
pub use function::FunctionTelemetry;
pub use gauge::{Gauge, Kind};
pub use log::{Level, LogLine, Source};
pub use recent::Recent;
pub use record::{Outbound, Outcome, Record, Start, Trigger};

use flint_model::{ByteSize, FunctionName};
use function::Function;
use parking_lot::RwLock;
use recent::Ring;
use sink::Sink;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How telemetry is set up.
pub struct Options {
    /// What a line looks like.
    pub format: Format,
    /// What is worth a line.
    pub filter: Filter,
    /// Where lines go. A thread of its own writes there, so it may block.
    pub output: Box<dyn Write + Send>,
    /// The longest message of a guest; the rest of a longer one is cut off.
    pub line_max: ByteSize,
    /// How much text may wait for the output. What comes when it is full is dropped and counted.
    pub buffer_max: ByteSize,
}

impl Default for Options {
    /// Counts, and writes nowhere.
    fn default() -> Self {
        Self {
            format: Format::Json,
            filter: Filter::default(),
            output: Box::new(std::io::sink()),
            line_max: ByteSize::kib(16),
            buffer_max: ByteSize::mib(4),
        }
    }
}

/// The telemetry of a host. Clones share it.
#[derive(Clone)]
pub struct Telemetry(Arc<Shared>);

/// What all functions of one host share.
pub(crate) struct Shared {
    sink: Sink,
    format: Format,
    filter: Filter,
    line_max: AtomicUsize,
    functions: RwLock<BTreeMap<FunctionName, Arc<Function>>>,
    recent: OnceLock<Ring>,
    gauges: RwLock<Vec<Gauge>>,
}

impl Telemetry {
    /// Starts the thread that writes lines.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared {
            sink: Sink::new(options.output, options.buffer_max.as_usize(), options.format),
            format: options.format,
            filter: options.filter,
            line_max: AtomicUsize::new(options.line_max.as_usize()),
            functions: RwLock::default(),
            recent: OnceLock::new(),
            gauges: RwLock::default(),
        }))
    }

    /// The telemetry of one function: the same one for the same name.
    pub fn function(&self, name: &FunctionName) -> FunctionTelemetry {
        let mut functions = self.0.functions.write();
        let function = functions.entry(name.clone()).or_insert_with(|| Arc::new(Function::new(name, &self.0.filter)));
        FunctionTelemetry::new(Arc::clone(&self.0), Arc::clone(function))
    }

    /// Adds a value that is read whenever the metrics are, in place of one with the same name and labels.
    pub fn register(&self, gauge: Gauge) {
        let mut gauges = self.0.gauges.write();
        gauges.retain(|other| !other.is_same(gauge.name, &gauge.labels));
        gauges.push(gauge);
    }

    /// Takes a value away whose owner is gone.
    pub fn unregister(&self, name: &str, labels: &[(&'static str, String)]) {
        self.0.gauges.write().retain(|gauge| !gauge.is_same(name, labels));
    }

    /// Keeps so many of the invocations that were over last. Only the first call counts: the configuration that says it is read
    /// when telemetry runs already.
    pub fn keep_recent(&self, max: usize) {
        // Said before: it stays as it is.
        let _ = self.0.recent.set(Ring::new(max));
    }

    /// The invocations that were over last, of one function or of all: the youngest first, at most so many.
    pub fn recent(&self, function: Option<&FunctionName>, limit: usize) -> Vec<Recent> {
        let wanted = |recent: &Recent| function.is_none_or(|function| recent.function == *function);
        self.0.recent.get().map(|ring| ring.last(limit, wanted)).unwrap_or_default()
    }

    /// All metrics, in the text format of OpenMetrics 1.0, which Prometheus reads
    /// (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
    pub fn metrics_text(&self) -> String {
        metrics::text(&self.0)
    }

    /// The media type of [`Telemetry::metrics_text`].
    pub const METRICS_MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Sets the longest message of a guest: the configuration that says it is read when telemetry runs already.
    pub fn limit_lines(&self, max: ByteSize) {
        self.0.line_max.store(max.as_usize(), Ordering::Relaxed);
    }

    /// Makes lines of the host's own events.
    pub fn layer(&self) -> EventLayer {
        EventLayer::new(Arc::clone(&self.0))
    }

    /// Waits until all lines so far are written, at most for `timeout`. Says whether they are.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.sink.flush(timeout)
    }
}
