//! What a heavy start costs the first event: of a function that computes for about 100 ms before it can answer.
//!
//! flint runs that once, when the function is built, and every instance has the memory that it left. Beside it is flint without
//! that, which runs it in each instance; and a container, whose module does as much when it is loaded.

use super::cold::idle_events;
use super::flint::{Platform, peer};
use super::lambda::{Cloud, Lambda};
use super::peer::{IN_PROCESS, Peer};
use super::work::{Task, Work};
use crate::bench::cold_start;
use crate::bench::measure::{self, micros, nanos, times};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Instant;

/// Events in process, from the snapshot.
const INVOCATIONS: u32 = 1000;

#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    starts: u64,
    p50_us: f64,
    p99_us: f64,
}

impl Row {
    fn of(peer: Peer, times: &Histogram<u64>) -> Self {
        Self {
            peer,
            starts: times.len(),
            p50_us: micros(times.value_at_quantile(0.5)),
            p99_us: micros(times.value_at_quantile(0.99)),
        }
    }

    fn in_process(variant: &str, row: &measure::Row) -> Self {
        let peer = Peer { command: IN_PROCESS.to_owned(), ..peer(variant.to_owned(), "as it comes".to_owned()) };
        Self { peer, starts: row.n, p50_us: row.p50_us, p99_us: row.p99_us }
    }
}

/// Everybody, as often as containers are started.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    cloud: &Cloud,
    lambdas: &[Lambda],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let task = Task::new(Work::SlowStart)?;
    let [snapshot, every_start] = cold_start::of_inits(&args.functions, progress, [INVOCATIONS, args.starts]).await?;
    let mut rows = vec![
        over_http(args.starts, platform, &task, progress).await?,
        Row::in_process("from a snapshot, no spare left", &snapshot),
        Row::in_process("init at every start, no spare left", &every_start),
    ];
    // Only Python has a handler of it.
    if let Some(lambda) = lambdas.iter().find(|lambda| lambda.is_plain(task.work)) {
        rows.push(in_container(args.starts, lambda, cloud, &task, progress).await?);
    }
    Ok(rows)
}

async fn over_http(starts: u32, platform: &Platform, task: &Task, progress: &Progress) -> Result<Row, Error> {
    let server = platform.serve_work(task, "from a snapshot, over HTTP")?;
    let mut times = times()?;
    for start in 1..=starts {
        progress.step(format!("flint: a heavy start, after idleness, {start} of {starts}"));
        idle_events(&server.target, task, &mut times).await?;
    }
    Ok(Row::of(server.peer, &times))
}

async fn in_container(
    starts: u32,
    lambda: &Lambda,
    cloud: &Cloud,
    task: &Task,
    progress: &Progress,
) -> Result<Row, Error> {
    let mut times = times()?;
    for start in 1..=starts {
        progress.step(format!("a heavy start: container {start} of {starts}"));
        let began = Instant::now();
        let (container, answer) = lambda.run_for(cloud, task.event.clone()).await?;
        times.saturating_record(nanos(began.elapsed()));
        task.expect_of_lambda(&answer)?;
        container.remove().await?;
    }
    let peer = Peer { variant: "Python, init as its module loads".to_owned(), ..lambda.peer() };
    Ok(Row::of(peer, &times))
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<15} {:<35} {:>7} {:>10} {:>10}\n", "100 ms of init", "", "starts", "p50 µs", "p99 µs");
    for Row { peer: Peer { system, variant, .. }, starts, p50_us, p99_us } in rows {
        // Writing to a string can't fail.
        _ = writeln!(text, "{system:<15} {variant:<35} {starts:>7} {p50_us:>10.1} {p99_us:>10.1}");
    }
    text.push_str(
        "over HTTP, an instance that was never used waits for the event; without a spare it is made for it, and dropped behind it.\n\
         A container is created for the event. Python orders fewer numbers, which takes it about as long.\n",
    );
    text
}
