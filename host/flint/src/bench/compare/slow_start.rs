//! What a heavy start costs the first event: of a function that computes for about 100 ms before it can answer.
//!
//! flint runs that once, when the function is built, and every instance has the memory that it left. Beside it is flint without
//! that, which runs it in each instance; and a container, whose module does as much when it is loaded.

use super::Component;
use super::cold::{expect, idle_events};
use super::flint::{Platform, Served, peer};
use super::lambda::{self, RuntimeApi};
use super::load::Target;
use super::peer::Peer;
use super::wire;
use crate::bench::cold_start;
use crate::bench::measure::{self, micros, nanos, times};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Instant;

/// What every answer has: where it was found in the table that the start makes.
pub(super) const FIRST: &str = "\"place\":0";

const IN_PROCESS: &str = "flint bench compare, in its own process";

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
    api: &RuntimeApi,
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let [snapshot, every_start] = cold_start::of_inits(&args.functions, progress, [INVOCATIONS, args.starts]).await?;
    let mut rows = vec![
        over_http(args, platform, progress).await?,
        Row::in_process("from a snapshot, no spare left", &snapshot),
        Row::in_process("init at every start, no spare left", &every_start),
    ];
    rows.extend(in_container(args, api, progress).await?);
    Ok(rows)
}

async fn over_http(args: &cli::BenchCompare, platform: &Platform, progress: &Progress) -> Result<Row, Error> {
    let served = Served {
        path: "/slow-start/{place}".to_owned(),
        file: Component::SlowStart.file().to_owned(),
        settings: String::new(),
    };
    let host = platform.start("", &[served])?;
    let target = Target::new(host.http, wire::get(host.http, "/slow-start/0"));
    let mut times = times()?;
    for start in 1..=args.starts {
        progress.step(format!("flint: a heavy start, after idleness, {start} of {}", args.starts));
        idle_events(&target, FIRST, &mut times).await?;
    }
    Ok(Row::of(peer("from a snapshot, over HTTP".to_owned(), "as it comes".to_owned()), &times))
}

/// None if there are no containers of Python on this machine.
async fn in_container(args: &cli::BenchCompare, api: &RuntimeApi, progress: &Progress) -> Result<Option<Row>, Error> {
    let Some(bundle) = lambda::slow_start(args, api)? else { return Ok(None) };
    let mut times = times()?;
    for start in 1..=args.starts {
        progress.step(format!("a heavy start: container {start} of {}", args.starts));
        let began = Instant::now();
        let answer = api.invoke(Bytes::from_static(b"{}"));
        let mut container = bundle.run()?;
        let answer = container.answers(answer).await?;
        times.saturating_record(nanos(began.elapsed()));
        expect("\"place\": 0", &answer)?;
        container.remove().await?;
    }
    let peer = Peer { variant: "Python, init as its module loads".to_owned(), ..bundle.peer() };
    Ok(Some(Row::of(peer, &times)))
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
