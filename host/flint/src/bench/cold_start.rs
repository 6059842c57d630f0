//! `flint bench cold-start`: how long an event waits for its answer, by where the instance comes from.
//!
//! In process, through the waist that every trigger uses: admission, lease, guest, answer, record. `pooled` and `reused` are timed
//! to the answer. `on-demand` and `engine-defaults` are whole cold invocations: the instance is made for the event and dropped
//! behind it. `engine-defaults` is the same path on wasmtime's pooling allocator with its default settings, so that each ratio
//! comes from one run.

use crate::bench::measure::{self, Row, Span};
use crate::bench::subject::{Kind, Subject, Subjects};
use crate::cli;
use crate::error::Error;
use crate::output::{Output, Progress};
use flint_engine::{Isolation, Preset};
use flint_world::{FunctionSpec, Init};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Builder;

/// Where the instances of a row come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Made ahead, never used.
    Pooled,
    /// Made when the event comes.
    OnDemand,
    /// Used before, many times.
    Reused,
    /// Made when the event comes, by wasmtime as it comes.
    EngineDefaults,
}

impl Source {
    const ALL: [Self; 4] = [Self::Pooled, Self::OnDemand, Self::Reused, Self::EngineDefaults];

    fn label(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::OnDemand => "on-demand",
            Self::Reused => "reused",
            Self::EngineDefaults => "engine-defaults",
        }
    }

    fn span(self, spares: usize) -> Span {
        match self {
            Self::Pooled => Span::Answer { spares, idle: Duration::ZERO },
            Self::Reused => Span::Answer { spares: 0, idle: Duration::ZERO },
            Self::OnDemand | Self::EngineDefaults => Span::Whole,
        }
    }

    fn preset(self) -> Preset {
        if self == Self::EngineDefaults { Preset::WasmtimeDefaults } else { Preset::Tuned }
    }
}

/// The rows about init functions: on demand all, so that the start is in the figure.
const INITS: [(&str, Init); 3] =
    [("init/snapshot", Init::Snapshot), ("init/every-start", Init::EveryStart), ("init/none", Init::Never)];

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report {
    /// What decides the figures besides the machine.
    conditions: Conditions,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Conditions {
    memory: String,
    rust_backtrace: String,
    spares: usize,
}

/// Measures each row and prints the figures.
pub(crate) async fn run(args: cli::ColdStart, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let subjects = Subjects::build(&args.functions, &progress)?;
    let wanted = |name: &str| args.rows.is_empty() || args.rows.iter().any(|row| name.contains(row.as_str()));
    let mut rows = Vec::new();
    for kind in [Kind::Event, Kind::Http02, Kind::Http03] {
        for source in Source::ALL {
            let name = format!("{}/{}", kind.label(), source.label());
            if wanted(&name) {
                progress.step(&name);
                rows.push(row(&subjects, kind, source, args.invocations, args.spares).await?);
            }
        }
    }
    for (name, init) in INITS {
        if wanted(name) {
            progress.step(name);
            let subject = subjects.load_with(Kind::Init, Preset::Tuned, init, |_| {}).await?;
            rows.push(measured(name.to_owned(), subject, args.invocations, Span::Whole).await?);
        }
    }
    drop(progress);
    let conditions = Conditions {
        memory: subjects.residency(),
        rust_backtrace: std::env::var("RUST_BACKTRACE").unwrap_or_else(|_| "unset".to_owned()),
        spares: args.spares,
    };
    let report = Report { conditions, rows };
    output.answer(&report, || table(&report)).map_err(Error::io("print the figures"))
}

/// Events that find an instance, and those for which it is made: one directly behind the other.
///
/// # Errors
/// If the function can't be loaded or invoked.
pub(super) async fn of_events(subjects: &Subjects, invocations: u32, spares: usize) -> Result<[Row; 2], Error> {
    Ok([
        row(subjects, Kind::Event, Source::Pooled, invocations, spares).await?,
        row(subjects, Kind::Event, Source::OnDemand, invocations, spares).await?,
    ])
}

/// Events that find an instance, each after idleness.
///
/// # Errors
/// If the function can't be loaded or invoked.
pub(super) async fn of_idle_events(subjects: &Subjects, invocations: u32, idle: Duration) -> Result<Row, Error> {
    let subject = subjects.load(Kind::Event, Preset::Tuned, |_| {}).await?;
    measured("event/idle".to_owned(), subject, invocations, Span::Answer { spares: 1, idle }).await
}

/// Whole cold invocations of a function whose init takes long: from its snapshot, and with init at every start.
///
/// # Errors
/// If the function can't be built or invoked.
pub(super) async fn of_inits(functions: &Path, progress: &Progress, invocations: [u32; 2]) -> Result<[Row; 2], Error> {
    let subjects = Subjects::of(functions, &[Kind::SlowStart], progress)?;
    let [from_snapshot, at_every_start] = invocations;
    let row = async |init, invocations| {
        let subject = subjects.load_with(Kind::SlowStart, Preset::Tuned, init, |_| {}).await?;
        measured(Kind::SlowStart.label().to_owned(), subject, invocations, Span::Whole).await
    };
    Ok([row(Init::Snapshot, from_snapshot).await?, row(Init::EveryStart, at_every_start).await?])
}

async fn row(subjects: &Subjects, kind: Kind, source: Source, invocations: u32, spares: usize) -> Result<Row, Error> {
    let name = format!("{}/{}", kind.label(), source.label());
    let subject = subjects.load(kind, source.preset(), |spec| of_source(spec, source)).await?;
    measured(name, subject, invocations, source.span(spares)).await
}

fn of_source(spec: &mut FunctionSpec, source: Source) {
    if source == Source::Reused {
        spec.isolation = Isolation::Serial { uses: u32::MAX };
    }
}

/// On one thread with a runtime of its own: no other thread takes the dropping of an instance over, or is woken for it.
async fn measured(name: String, subject: Subject, invocations: u32, span: Span) -> Result<Row, Error> {
    let lost = |error: tokio::task::JoinError| Error::Bug(format!("the measuring thread: {error}"));
    let measuring = tokio::task::spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::io("start a runtime"))?;
        let row = runtime.spawn(async move { measure::row(name, &subject, invocations, span).await });
        runtime.block_on(row).map_err(lost)?
    });
    measuring.await.map_err(lost)?
}

fn table(report: &Report) -> String {
    let Conditions { memory, rust_backtrace, spares } = &report.conditions;
    let mut text = format!(
        "{memory}; RUST_BACKTRACE {rust_backtrace}; pooled rows: {spares} spares\n\n\
         {:<24} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
        "µs", "n", "p50", "p99", "p99.9", "cpu", "speed-up"
    );
    for row in &report.rows {
        let Row { name, n, p50_us, p99_us, p999_us, cpu_us, times: _ } = row;
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{name:<24} {n:>7} {p50_us:>9.2} {p99_us:>9.2} {p999_us:>9.2} {cpu_us:>9.2} {:>9}",
            baseline_of(name, &report.rows).map_or(String::new(), |base| format!("{:.1}x", base / p50_us))
        );
    }
    text.push_str(
        "\npooled, reused: from the event to its answer; the rest: to the end of the instance that was made for it\n\
         speed-up: against the engine's defaults, or against init at every start, by p50\n",
    );
    text
}

/// The p50 of the row that a row is compared with.
fn baseline_of(name: &str, rows: &[Row]) -> Option<f64> {
    let (kind, _) = name.split_once('/')?;
    let baseline = if kind == "init" { "init/every-start".to_owned() } else { format!("{kind}/engine-defaults") };
    rows.iter().find(|row| row.name == baseline).map(|row| row.p50_us)
}
