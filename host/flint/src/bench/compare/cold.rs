//! Cold starts: one event after idleness, for which flint has an instance that was never used and others create a container; and what
//! a further event takes, for which the container is there.
//!
//! Of a container it is from its creation to the answer: its runtime starts, fetches the event and answers. Of flint it is the answer
//! to a request over HTTP, on a connection that is opened for it; and, in process, from the event to its answer: after
//! idleness, too, and of events one directly behind the other, where an instance is there and where it is made for the event. Its
//! further events have instances of their own, too: their connection is what stays. A native server is asked as flint is: nothing that
//! is asked over HTTP takes less on this machine.
//!
//! 200 ms of idleness make 106 to 117 µs of 4 or 5 in process, probably because what an event touches is in no cache by then. In user
//! space that is about 2,290 lines of 64 bytes in a release build, 1,490 of them code: callgrind, with caches that are empty before each
//! event (`cargo bench --bench instructions`; "RAM Hits" of `event_after_idleness`, which are of 100 events). If nothing else took time,
//! one would cost 45 ns; read one by one, in an order by chance, lines cost 160 to 200 ns by then, whether the program slept or span, and
//! 4 directly behind (a pointer chase in C on the same shared machine, 256 lines on 64 pages: 42 to 53 µs and 1).
//!
//! The 18 µs that would be 5,000 times less than a container's start are 14 beside the work itself, or some 310 lines. The guest alone, with
//! what it calls, is the first to touch 358, and 714 with the fiber that wasmtime has for it (`callgrind_annotate --inclusive=yes` of what
//! that command leaves). Copies of futures are the first to touch 278: at most that could be spared.

use super::flint::{Platform, peer};
use super::lambda::{CONTAINER, Cloud, Lambda};
use super::load::Target;
use super::native;
use super::peer::{IN_PROCESS, Peer, Rival};
use super::ratio::Ratio;
use super::work::{Task, Work};
use crate::bench::cold_start;
use crate::bench::host::Memory;
use crate::bench::measure::{micros, nanos, times};
use crate::bench::subject::{Kind, Subjects};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Events of flint for each container: an odd number, of which one is the median.
const EVENTS: u32 = 11;
/// How long nothing happens before each.
const IDLE: Duration = Duration::from_millis(200);
/// Events of a container that runs, and of a connection that is open.
const WARM: u32 = 100;

/// Events of flint in process without idleness, at least, and the instances that are made ahead of them at a time.
const INVOCATIONS: u32 = 5000;
const SPARES: usize = 8;

/// One of those that are compared.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) work: Work,
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) starts: u64,
    pub(super) cold_p50_us: f64,
    pub(super) cold_p99_us: f64,
    /// Of an event for which a container, or a connection, is there.
    pub(super) warm_p50_us: Option<f64>,
    pub(super) memory_mib: Option<f64>,
    /// Of each round alone, in their order: what a container took, and the p50 of flint's events beside it.
    pub(super) cold_rounds_us: Vec<f64>,
}

pub(super) const OVER_HTTP: &str = "SDK, over HTTP";
pub(super) const POOLED: &str = "SDK, in process";
pub(super) const ON_DEMAND: &str = "SDK, no spare left";
pub(super) const IDLE_PROCESS: &str = "SDK, in process, idle";

/// Everybody in turns.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    cloud: &Cloud,
    lambdas: &[Lambda],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for work in Work::ALL {
        let task = Task::new(work)?;
        let lambdas: Vec<_> = lambdas.iter().filter(|lambda| lambda.work == work).collect();
        rows.extend(in_turns(args, platform, cloud, &lambdas, &task, progress).await?);
    }
    Ok(rows)
}

/// All that do a work: a container of each Lambda, then events over HTTP and in process, again and again.
async fn in_turns(
    args: &cli::BenchCompare,
    platform: &Platform,
    cloud: &Cloud,
    lambdas: &[&Lambda],
    task: &Task,
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let mut servers = vec![platform.serve_work(task, OVER_HTTP)?];
    let mut in_process = None;
    if task.work == Work::Hello {
        servers.push(Rival::Native.start(args, platform).await?);
        in_process = Some(InProcess::build(&args.functions, progress)?);
    }
    let mut of_servers = servers.iter().map(|_| Times::new()).collect::<Result<Vec<_>, _>>()?;
    let mut of_lambdas = lambdas.iter().map(|_| Times::new()).collect::<Result<Vec<_>, _>>()?;
    let (work, starts) = (task.work.label(), args.starts);
    for start in 1..=starts {
        for (lambda, times) in lambdas.iter().zip(&mut of_lambdas) {
            let Peer { system, variant, .. } = lambda.peer();
            progress.step(format!("{work}: {system}, {variant}, {start} of {starts}"));
            times.of_container(lambda, cloud, task).await?;
        }
        for (server, times) in servers.iter().zip(&mut of_servers) {
            progress.step(format!("{work}: {}, {start} of {starts}", server.peer.system));
            times.of_server(&server.target, task).await?;
        }
        if let Some(in_process) = &mut in_process {
            progress.step(format!("{work}: flint, in process, {start} of {starts}"));
            in_process.turn(INVOCATIONS.div_ceil(starts)).await?;
        }
    }
    for (server, times) in servers.iter().zip(&mut of_servers) {
        times.memory_mib = Some(server.memory_mib(Memory::Now)?);
    }
    let of_servers = servers.iter().zip(&of_servers).map(|(server, times)| times.row(task.work, server.peer.clone()));
    let of_lambdas = lambdas.iter().zip(&of_lambdas).map(|(lambda, times)| times.row(task.work, lambda.peer()));
    Ok(in_process.iter().flat_map(InProcess::rows).chain(of_servers).chain(of_lambdas).collect())
}

/// Events of hello in this process.
struct InProcess {
    subjects: Subjects,
    pooled: Times,
    on_demand: Times,
    after_idleness: Times,
}

impl InProcess {
    fn build(functions: &Path, progress: &Progress) -> Result<Self, Error> {
        let subjects = Subjects::of(functions, &[Kind::Event], progress)?;
        Ok(Self { subjects, pooled: Times::new()?, on_demand: Times::new()?, after_idleness: Times::new()? })
    }

    async fn turn(&mut self, invocations: u32) -> Result<(), Error> {
        let idle = cold_start::of_idle_events(&self.subjects, EVENTS, IDLE).await?;
        self.after_idleness.add_cold(&idle.times)?;
        let [pooled, on_demand] = cold_start::of_events(&self.subjects, invocations, SPARES).await?;
        self.pooled.add_cold(&pooled.times)?;
        self.on_demand.add_cold(&on_demand.times)
    }

    fn rows(&self) -> [Row; 3] {
        let all = [(POOLED, &self.pooled), (ON_DEMAND, &self.on_demand), (IDLE_PROCESS, &self.after_idleness)];
        all.map(|(variant, times)| {
            let peer = peer(variant.to_owned(), "as it comes".to_owned());
            times.row(Work::Hello, Peer { command: IN_PROCESS.to_owned(), ..peer })
        })
    }
}

/// The figures of one of them.
struct Times {
    cold: Histogram<u64>,
    /// The p50 of each round.
    cold_rounds_us: Vec<f64>,
    warm: Histogram<u64>,
    memory_mib: Option<f64>,
}

impl Times {
    fn new() -> Result<Self, Error> {
        Ok(Self { cold: times()?, cold_rounds_us: Vec::new(), warm: times()?, memory_mib: None })
    }

    /// Counts those of one more round with these.
    fn add_cold(&mut self, round: &Histogram<u64>) -> Result<(), Error> {
        self.cold_rounds_us.push(micros(round.value_at_quantile(0.5)));
        self.cold.add(round).map_err(|error| Error::Bug(error.to_string()))
    }

    /// A container for one event; then further ones, for as long as it is there.
    async fn of_container(&mut self, lambda: &Lambda, cloud: &Cloud, task: &Task) -> Result<(), Error> {
        tokio::time::sleep(IDLE).await;
        let began = Instant::now();
        let (mut container, answer) = lambda.run_for(cloud, task.event.clone()).await?;
        let took = nanos(began.elapsed());
        self.cold.saturating_record(took);
        self.cold_rounds_us.push(micros(took));
        task.expect_of_lambda(&answer)?;
        for _ in 0..WARM {
            let began = Instant::now();
            let answer = container.answers(cloud.invoke(task.event.clone())).await?;
            self.warm.saturating_record(nanos(began.elapsed()));
            task.expect_of_lambda(&answer)?;
        }
        let memory_mib = container.memory_mib(Memory::Now)?;
        self.memory_mib = Some(self.memory_mib.map_or(memory_mib, |most| most.max(memory_mib)));
        container.remove().await
    }

    /// Events after idleness; then further ones, on one connection.
    async fn of_server(&mut self, target: &Target, task: &Task) -> Result<(), Error> {
        let mut cold = times()?;
        idle_events(target, task, &mut cold).await?;
        self.add_cold(&cold)?;
        let mut connection = target.connect().await?;
        for _ in 0..WARM {
            let began = Instant::now();
            let answer = target.again(&mut connection).await?;
            self.warm.saturating_record(nanos(began.elapsed()));
            task.expect(&answer)?;
        }
        Ok(())
    }

    fn row(&self, work: Work, peer: Peer) -> Row {
        let warm = (!self.warm.is_empty()).then(|| micros(self.warm.value_at_quantile(0.5)));
        Row {
            work,
            peer,
            starts: self.cold.len(),
            cold_p50_us: micros(self.cold.value_at_quantile(0.5)),
            cold_p99_us: micros(self.cold.value_at_quantile(0.99)),
            warm_p50_us: warm,
            memory_mib: self.memory_mib,
            cold_rounds_us: self.cold_rounds_us.clone(),
        }
    }
}

/// Events that come alone, each on a connection of its own.
///
/// # Errors
/// If one is not answered, or with something else.
pub(super) async fn idle_events(target: &Target, task: &Task, times: &mut Histogram<u64>) -> Result<(), Error> {
    for _ in 0..EVENTS {
        tokio::time::sleep(IDLE).await;
        let began = Instant::now();
        let answer = target.once().await?;
        times.saturating_record(nanos(began.elapsed()));
        task.expect(&answer)?;
    }
    Ok(())
}

/// Of the containers that take least: those that say hello.
pub(super) fn of_hello(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.work == Work::Hello && row.peer.system == CONTAINER)
}

/// How many times longer Python in a container takes for a work; none if one of them was not measured.
pub(super) fn ratio(rows: &[Row], work: Work, ours: &str) -> Option<Ratio> {
    let python = rows.iter().find(|row| row.work == work && row.peer.is(CONTAINER, "Python"))?;
    Some(beside(python, ours_of(rows, work, ours)?))
}

/// How many times longer it takes than ours.
fn beside(row: &Row, ours: &Row) -> Ratio {
    let rounds = row.cold_rounds_us.iter().copied().zip(ours.cold_rounds_us.iter().copied());
    Ratio::of(rounds, (row.cold_p50_us, ours.cold_p50_us))
}

fn ours_of<'a>(rows: &'a [Row], work: Work, variant: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.work == work && row.peer.is("flint", variant))
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<19} {:<9} {:<21} {:>6} {:>10} {:>10} {:>8} {:>10} {:>20}\n",
        "cold start", "", "", "starts", "p50 µs", "p99 µs", "warm µs", "memory MiB", "flint is"
    );
    for row in rows {
        let Row { work, peer: Peer { system, variant, .. }, starts, cold_p50_us, cold_p99_us, .. } = row;
        let figure = |figure: Option<f64>, digits: usize| figure.map_or(String::new(), |it| format!("{it:.digits$}"));
        let (warm, memory, ahead) = (figure(row.warm_p50_us, 0), figure(row.memory_mib, 1), ahead(rows, row));
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{:<19} {system:<9} {variant:<21} {starts:>6} {cold_p50_us:>10.1} {cold_p99_us:>10.1} {warm:>8} {memory:>10} {ahead:>20}",
            work.label(),
        );
    }
    text.push_str(
        "over HTTP and in process, an instance that was never used waits for the event; without a spare it is made for it.\n\
         idle: nothing happens before an event, as over HTTP and before a container; in process, else, one comes directly behind the other\n\
         warm: a further event for a container, or on a connection, that is there; flint has a new instance for that, too\n\
         axum: without functions, what an event over HTTP takes on this machine at least\n\
         flint is: in process, there after idleness, over HTTP; the median of the rounds, each with a container that is created for the event\n",
    );
    text
}

/// How many times longer a container takes: than flint in process and there after idleness, if that was measured, and over HTTP.
fn ahead(rows: &[Row], row: &Row) -> String {
    if ["flint", native::SYSTEM].contains(&row.peer.system) {
        return String::new();
    }
    let ours = [POOLED, IDLE_PROCESS, OVER_HTTP].iter().filter_map(|ours| ours_of(rows, row.work, ours));
    let ratios: Vec<_> = ours.map(|ours| times_as_long(beside(row, ours).measured)).collect();
    ratios.join(", ")
}

/// With a digit more where it is no more than a few.
fn times_as_long(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.1}x") } else { format!("{ratio:.0}x") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(work: Work, system: &'static str, variant: &str, cold_p50_us: f64) -> Row {
        let peer = Peer { system, ..peer(variant.to_owned(), String::new()) };
        Row {
            work,
            peer,
            starts: 1,
            cold_p50_us,
            cold_p99_us: cold_p50_us,
            warm_p50_us: None,
            memory_mib: None,
            cold_rounds_us: Vec::new(),
        }
    }

    #[test]
    fn a_start_is_compared_with_those_of_the_same_work() {
        let rows = [
            row(Work::Hello, "flint", POOLED, 10.0),
            row(Work::Hello, "flint", IDLE_PROCESS, 50.0),
            row(Work::Hello, "flint", OVER_HTTP, 100.0),
            row(Work::Hello, native::SYSTEM, "native", 90.0),
            row(Work::Hello, "Podman", "Python", 500_000.0),
            row(Work::Hello, "container", "Python", 200_000.0),
            row(Work::Deposit, "flint", OVER_HTTP, 1000.0),
            row(Work::Deposit, "container", "Python", 700_000.0),
            row(Work::Deposit, "container", "Rust", 940.0),
        ];
        let of = |work, ours| ratio(&rows, work, ours).map(|ratio| ratio.measured);
        assert_eq!(of(Work::Hello, OVER_HTTP), Some(2000.0));
        assert_eq!(of(Work::Hello, POOLED), Some(20_000.0));
        assert_eq!(of(Work::Deposit, OVER_HTTP), Some(700.0));
        assert_eq!(of(Work::Deposit, POOLED), None, "it was not measured");
        assert_eq!(of(Work::Thumbnail, OVER_HTTP), None);
        let said = ["", "", "", "", "50000x, 10000x, 5000x", "20000x, 4000x, 2000x", "", "700x", "0.9x"];
        assert_eq!(rows.each_ref().map(|row| ahead(&rows, row)), said);
    }

    #[test]
    fn a_container_is_compared_with_the_events_that_came_behind_it() {
        let turns = |system, variant: &str, cold_rounds_us: [f64; 6]| Row {
            cold_rounds_us: cold_rounds_us.into(),
            ..row(Work::Hello, system, variant, 1.0)
        };
        let rows = [
            turns("flint", ON_DEMAND, [10.0, 20.0, 10.0, 20.0, 10.0, 20.0]),
            turns(CONTAINER, "Python", [60e3, 120e3, 50e3, 100e3, 40e3, 140e3]),
        ];
        let measured = Some(Ratio { measured: 5500.0, between: Some((4000.0, 7000.0)) });
        assert_eq!(ratio(&rows, Work::Hello, ON_DEMAND), measured);
    }
}
