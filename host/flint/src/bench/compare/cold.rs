//! Cold starts: one event after idleness, for which flint has an instance that was never used and others create a container.
//!
//! Of a container it is from its creation to the answer: its runtime starts, fetches the event and answers. Of flint it is the answer
//! to a request over HTTP, on a connection that is opened for it; and, in process, from the event to its answer, where an
//! instance is there and where it is made for the event.

use super::flint::{Platform, peer};
use super::lambda::{Bundle, RuntimeApi};
use super::load::Target;
use super::peer::Peer;
use super::{Component, Reuse};
use crate::bench::cold_start;
use crate::bench::host::Memory;
use crate::bench::measure::{self, micros, nanos, times};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What a function is asked, as its caller sends it.
const EVENT: &[u8] = br#"{"name":"world"}"#;
/// What all of them say.
pub(super) const GREETING: &str = "Hello, world!";

/// Events of flint for each container.
const EVENTS: u32 = 10;
/// How long nothing happens before each.
const IDLE: Duration = Duration::from_millis(200);
/// Events of a container that runs.
const WARM: u32 = 100;

/// Events of flint in process, and the instances that are made ahead of them at a time.
const INVOCATIONS: u32 = 5000;
const SPARES: usize = 8;

/// One of those that are compared.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) starts: u64,
    pub(super) cold_p50_us: f64,
    pub(super) cold_p99_us: f64,
    /// Of an event for which a container is there.
    pub(super) warm_p50_us: Option<f64>,
    pub(super) memory_mib: Option<f64>,
}

const IN_PROCESS: &str = "flint bench cold-start --row event/";

pub(super) const OVER_HTTP: &str = "SDK, over HTTP";
pub(super) const POOLED: &str = "SDK, in process";
pub(super) const ON_DEMAND: &str = "SDK, no spare left";
pub(super) const CONTAINER: &str = "container";

/// Everybody in turns.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    api: &RuntimeApi,
    bundles: &[Bundle],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let [pooled, on_demand] = cold_start::of_events(&args.functions, progress, INVOCATIONS, SPARES).await?;
    let mut contestants = bundles.iter().map(Contestant::new).collect::<Result<Vec<_>, _>>()?;
    let hello = super::flint::hello(Component::Buffered, Reuse::Fresh);
    let host = platform.start("", std::slice::from_ref(&hello))?;
    let target = Target::new(host.http, super::wire::get(host.http, &hello.path));
    let mut of_flint = times()?;
    for start in 1..=args.starts {
        for contestant in &mut contestants {
            progress.step(format!("{}: container {start} of {}", contestant.bundle.language.label(), args.starts));
            contestant.start(api).await?;
        }
        progress.step(format!("flint: events after idleness, {start} of {}", args.starts));
        idle_events(&target, GREETING, &mut of_flint).await?;
    }
    let in_process = |variant: &str, row: &measure::Row| Row {
        peer: Peer { command: IN_PROCESS.to_owned(), ..peer(variant.to_owned(), "as it comes".to_owned()) },
        starts: row.n,
        cold_p50_us: row.p50_us,
        cold_p99_us: row.p99_us,
        warm_p50_us: None,
        memory_mib: None,
    };
    let mut rows = vec![in_process(POOLED, &pooled), in_process(ON_DEMAND, &on_demand)];
    rows.push(Row {
        peer: peer(OVER_HTTP.to_owned(), "as it comes".to_owned()),
        starts: of_flint.len(),
        cold_p50_us: micros(of_flint.value_at_quantile(0.5)),
        cold_p99_us: micros(of_flint.value_at_quantile(0.99)),
        warm_p50_us: None,
        memory_mib: Some(host.memory_kib(Memory::Now)? / 1024.0),
    });
    rows.extend(contestants.iter().map(Contestant::row));
    Ok(rows)
}

/// A language's figures.
struct Contestant<'a> {
    bundle: &'a Bundle,
    cold: Histogram<u64>,
    warm: Histogram<u64>,
    memory_mib: f64,
}

impl<'a> Contestant<'a> {
    fn new(bundle: &'a Bundle) -> Result<Self, Error> {
        Ok(Self { bundle, cold: times()?, warm: times()?, memory_mib: 0.0 })
    }

    /// A container for one event; then further ones, for as long as it is there.
    async fn start(&mut self, api: &RuntimeApi) -> Result<(), Error> {
        let event = || Bytes::from_static(EVENT);
        let began = Instant::now();
        let answer = api.invoke(event());
        let mut container = self.bundle.run()?;
        let answer = container.answers(answer).await?;
        self.cold.saturating_record(nanos(began.elapsed()));
        expect(GREETING, &answer)?;
        for _ in 0..WARM {
            let began = Instant::now();
            container.answers(api.invoke(event())).await?;
            self.warm.saturating_record(nanos(began.elapsed()));
        }
        self.memory_mib = self.memory_mib.max(container.memory_mib(Memory::Now)?);
        container.remove().await
    }

    fn row(&self) -> Row {
        Row {
            peer: self.bundle.peer(),
            starts: self.cold.len(),
            cold_p50_us: micros(self.cold.value_at_quantile(0.5)),
            cold_p99_us: micros(self.cold.value_at_quantile(0.99)),
            warm_p50_us: Some(micros(self.warm.value_at_quantile(0.5))),
            memory_mib: Some(self.memory_mib),
        }
    }
}

/// Events that come alone, each on a connection of its own.
///
/// # Errors
/// If one is not answered with what is to be in the answer.
pub(super) async fn idle_events(target: &Target, says: &str, times: &mut Histogram<u64>) -> Result<(), Error> {
    for _ in 0..EVENTS {
        tokio::time::sleep(IDLE).await;
        let began = Instant::now();
        let answer = target.once().await?;
        times.saturating_record(nanos(began.elapsed()));
        expect(says, &answer)?;
    }
    Ok(())
}

/// Looks whether an answer says what it should.
///
/// # Errors
/// If it does not.
pub(super) fn expect(says: &str, answer: &[u8]) -> Result<(), Error> {
    let text = String::from_utf8_lossy(answer);
    if text.contains(says) { Ok(()) } else { Err(Error::Bug(format!("an answer without {says:?}: {text}"))) }
}

/// How many times longer another one takes, by p50; none if one of them was not measured.
pub(super) fn ratio(rows: &[Row], ours: &str, theirs: &str) -> Option<f64> {
    let of = |variant: &str| rows.iter().find(|row| row.peer.variant == variant).map(|row| row.cold_p50_us);
    Some(of(theirs)? / of(ours)?.max(1e-9))
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<15} {:<19} {:>7} {:>10} {:>10} {:>8} {:>11} {:>13}\n",
        "cold start", "", "starts", "p50 µs", "p99 µs", "warm µs", "memory MiB", "flint is"
    );
    for Row { peer: Peer { system, variant, .. }, starts, cold_p50_us, cold_p99_us, warm_p50_us, memory_mib } in rows {
        let figure = |figure: &Option<f64>, digits: usize| figure.map_or(String::new(), |it| format!("{it:.digits$}"));
        let ratio = match (*system, ratio(rows, POOLED, variant), ratio(rows, OVER_HTTP, variant)) {
            (CONTAINER, Some(inside), Some(over_http)) => format!("{inside:.0}x, {over_http:.0}x"),
            _ => String::new(),
        };
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{system:<15} {variant:<19} {starts:>7} {cold_p50_us:>10.1} {cold_p99_us:>10.1} {:>8} {:>11} {ratio:>13}",
            figure(warm_p50_us, 0),
            figure(memory_mib, 1),
        );
    }
    text.push_str(
        "over HTTP and in process, an instance that was never used waits for the event; without a spare it is made for it.\n\
         flint is: in process, over HTTP; by p50, beside a container that is created for the event\n",
    );
    text
}
