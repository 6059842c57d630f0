//! The text that Prometheus reads.
//!
//! `prometheus-client` writes the format; the numbers are ours, since its own counters want to be looked up under a lock.

use crate::function::{Counters, Function};
use crate::gauge::{Gauge, Kind};
use crate::histogram::Histogram;
use crate::record::{Outcome, Start, Trigger};
use crate::{Shared, Telemetry};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One GB is 1,024 MiB, as clouds price it.
const MIB_MICROS_PER_GB_SECOND: f64 = 1_024.0 * 1e6;

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("functions", &self.0.functions.read().len()).finish_non_exhaustive()
    }
}

pub(crate) fn text(shared: &Arc<Shared>) -> String {
    let mut registry = Registry::with_prefix("flint");
    registry.register_collector(Box::new(Scrape(Arc::clone(shared))));
    let mut out = String::new();
    // Writing to a string does not fail, and the encoder has no other reason to.
    let _ = text::encode(&mut out, &registry);
    out
}

struct Scrape(Arc<Shared>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let functions: Vec<_> = self.0.functions.read().values().cloned().collect();
        let functions: Vec<_> =
            functions.iter().map(|function| Total { function, counters: function.total() }).collect();
        host(&self.0, &mut encoder)?;
        invocations(&functions, &mut encoder)?;
        starts(&functions, &mut encoder)?;
        for histogram in HISTOGRAMS {
            histogram.encode(&functions, &mut encoder)?;
        }
        for value in VALUES {
            value.encode(&functions, &mut encoder)?;
        }
        bytes(&functions, &mut encoder)?;
        outbound_bytes(&functions, &mut encoder)?;
        gauges(&self.0.gauges.read(), &mut encoder)
    }
}

/// A function, and what all cores have counted of it.
struct Total<'a> {
    function: &'a Function,
    counters: Counters,
}

impl Total<'_> {
    fn name(&self) -> &str {
        self.function.name.as_str()
    }

    /// How often each trigger ended how. A success is always listed, so that a rate can start from 0.
    fn outcomes(&self) -> impl Iterator<Item = (Trigger, &'static str, u64)> {
        let succeeded = Trigger::ALL.iter().map(|&t| (t, Outcome::Ok.label(), load(&self.counters.ok[t as usize])));
        succeeded.chain(self.function.failures.iter())
    }
}

fn host(shared: &Shared, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    encoder
        .encode_descriptor("build", "The version of this host.", None, MetricType::Info)?
        .encode_info(&labels.as_slice())?;
    encoder
        .encode_descriptor(
            "log_lines_dropped",
            "Lines that were dropped, since the output was slower.",
            None,
            MetricType::Counter,
        )?
        .encode_counter::<NoLabelSet, _, u64>(&shared.sink.dropped(), None)
}

fn invocations(functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Invocations that are over, by how they ended.";
    let mut family = encoder.encode_descriptor("invocations", help, None, MetricType::Counter)?;
    for function in functions {
        for (trigger, outcome, count) in function.outcomes() {
            let labels = [("function", function.name()), ("trigger", trigger.label()), ("outcome", outcome)];
            counter(&mut family, &labels, count)?;
        }
    }
    Ok(())
}

fn starts(functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Invocations by where their instance came from.";
    let mut family = encoder.encode_descriptor("starts", help, None, MetricType::Counter)?;
    for function in functions {
        for start in Start::ALL {
            let labels = [("function", function.name()), ("start", start.label())];
            counter(&mut family, &labels, load(&function.counters.starts[start as usize]))?;
        }
    }
    Ok(())
}

fn bytes(functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Bytes of bodies and payloads that functions were given (in) and gave (out).";
    let mut family = encoder.encode_descriptor("bytes", help, None, MetricType::Counter)?;
    for function in functions {
        for (direction, value) in [("in", &function.counters.bytes_in), ("out", &function.counters.bytes_out)] {
            counter(&mut family, &[("function", function.name()), ("direction", direction)], load(value))?;
        }
    }
    Ok(())
}

fn outbound_bytes(functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Bytes of bodies that functions sent to others (out) and received from them (in).";
    let mut family = encoder.encode_descriptor("outbound_bytes", help, None, MetricType::Counter)?;
    for function in functions {
        let counters = &function.counters;
        for (direction, value) in [("out", &counters.outbound_sent), ("in", &counters.outbound_received)] {
            counter(&mut family, &[("function", function.name()), ("direction", direction)], load(value))?;
        }
    }
    Ok(())
}

/// A histogram that each function has.
struct Durations {
    name: &'static str,
    help: &'static str,
    of: fn(&Counters) -> &Histogram,
}

const HISTOGRAMS: [Durations; 2] = [
    Durations {
        name: "invocation_duration",
        help: "Time from the event being accepted to the end of the answer.",
        of: |counters| &counters.wall,
    },
    Durations {
        name: "invocation_wait",
        help: "Time that invocations waited for their turn.",
        of: |counters| &counters.queued,
    },
];

impl Durations {
    fn encode(&self, functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(self.name, self.help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for function in functions {
            let snapshot = (self.of)(&function.counters).snapshot();
            family.encode_family(&[("function", function.name())].as_slice())?.encode_histogram::<NoLabelSet>(
                snapshot.sum,
                snapshot.count,
                &snapshot.buckets,
                None,
            )?;
        }
        Ok(())
    }
}

/// A single value that each function has.
struct PerFunction {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: Kind,
    of: fn(&Counters) -> f64,
}

const VALUES: [PerFunction; 7] = [
    PerFunction {
        name: "invocation_cpu",
        help: "CPU time of guests and of host calls on their behalf.",
        unit: Some(Unit::Seconds),
        kind: Kind::Counter,
        of: |counters| float(load(&counters.cpu_nanos)) / 1e9,
    },
    PerFunction {
        name: "gb_seconds",
        help: "Memory that was used by the time it was used for; one GB is 1,024 MiB.",
        unit: None,
        kind: Kind::Counter,
        of: |counters| float(load(&counters.mib_micros)) / MIB_MICROS_PER_GB_SECOND,
    },
    PerFunction {
        name: "memory_peak",
        help: "The most linear memory that one invocation used.",
        unit: Some(Unit::Bytes),
        kind: Kind::Gauge,
        of: |counters| float(load(&counters.memory_peak)),
    },
    PerFunction {
        name: "store_calls",
        help: "Calls of stores.",
        unit: None,
        kind: Kind::Counter,
        of: |counters| float(load(&counters.store_calls)),
    },
    PerFunction {
        name: "outbound_calls",
        help: "Requests that functions made to others, those that were refused included.",
        unit: None,
        kind: Kind::Counter,
        of: |counters| float(load(&counters.outbound_calls)),
    },
    PerFunction {
        name: "log_lines",
        help: "Lines that guests wrote, whether they were worth keeping or not.",
        unit: None,
        kind: Kind::Counter,
        of: |counters| float(load(&counters.log_lines)),
    },
    PerFunction {
        name: "in_flight",
        help: "Invocations that run now.",
        unit: None,
        kind: Kind::Gauge,
        // One core after the other is read: of what moves meanwhile, only the end may be seen.
        of: |counters| float(load(&counters.in_flight).cast_signed().max(0).unsigned_abs()),
    },
];

impl PerFunction {
    fn encode(&self, functions: &[Total<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(self.name, self.help, self.unit.as_ref(), self.kind.metric_type())?;
        for function in functions {
            let labels = [("function", function.name())];
            encode(&mut family, &labels, self.kind, (self.of)(&function.counters))?;
        }
        Ok(())
    }
}

/// What other parts registered, those of one name together as the format demands.
fn gauges(gauges: &[Gauge], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut families: BTreeMap<&str, Vec<&Gauge>> = BTreeMap::new();
    for gauge in gauges {
        families.entry(gauge.name).or_default().push(gauge);
    }
    for (name, members) in families {
        let Gauge { help, kind, .. } = members[0];
        let mut family = encoder.encode_descriptor(name, help, None, kind.metric_type())?;
        for gauge in members {
            let labels: Vec<(&str, &str)> = gauge.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            encode(&mut family, &labels, *kind, (gauge.read)())?;
        }
    }
    Ok(())
}

impl Kind {
    fn metric_type(self) -> MetricType {
        match self {
            Self::Gauge => MetricType::Gauge,
            Self::Counter => MetricType::Counter,
        }
    }
}

fn encode(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], kind: Kind, value: f64) -> fmt::Result {
    let encode = |metric: &mut MetricEncoder<'_>| match kind {
        Kind::Gauge => metric.encode_gauge(&value),
        Kind::Counter => metric.encode_counter::<NoLabelSet, _, f64>(&value, None),
    };
    // A family without labels would have empty braces.
    if labels.is_empty() { encode(family) } else { encode(&mut family.encode_family(&labels)?) }
}

fn counter(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: u64) -> fmt::Result {
    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Metrics are floating-point numbers: above 2^53 the last digits are lost, which no graph shows.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(value: u64) -> f64 {
    value as f64
}
