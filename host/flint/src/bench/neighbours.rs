//! `flint bench neighbours`: what a function's callers notice of other functions that spin.
//!
//! On the threads that a host has: some callers, each asking over a socket, again as soon as it has its answer; first alone, then
//! beside guests that never come back. What keeps them apart is the engine's tick, at which a guest that runs on lets others
//! run. The socket is what a request comes through: who only looks at the tasks of one process does not see how long nobody looked
//! at what came from outside.

use crate::bench::measure::{micros, times};
use crate::bench::subject::{Kind, Subject, Subjects};
use crate::cli;
use crate::error::Error;
use crate::output::Output;
use flint_engine::Preset;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::os::unix::net;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::{JoinError, JoinSet};

/// How long those that spin are allowed to: longer than any run.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// Instances that are ready for the callers.
const SPARES: usize = 100;

#[derive(Serialize)]
struct Report {
    callers: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// Guests that spin meanwhile.
    spinning: usize,
    answers: u64,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

/// Measures quiet and beside guests that spin, and prints the figures.
pub(crate) async fn run(args: cli::Neighbours, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let subjects = Subjects::build(&args.functions, &progress)?;
    let hello = |spec: &mut flint_world::FunctionSpec| (spec.warm, spec.spares_max) = (args.callers, SPARES);
    let hello = Arc::new(subjects.load(Kind::Http03, Preset::Tuned, hello).await?);
    let spin = |spec: &mut flint_world::FunctionSpec| (spec.limits.cpu, spec.limits.timeout) = (LONG, LONG);
    let spinner = Arc::new(subjects.load(Kind::Spin, Preset::Tuned, spin).await?);
    let mut rows = Vec::new();
    for spinning in [0, args.spinning] {
        progress.step(format!("beside {spinning} that spin"));
        let neighbours = spinning_guests(&spinner, spinning);
        rows.push(row(&hello, &args, spinning).await?);
        drop(neighbours);
    }
    drop(progress);
    let report = Report { callers: args.callers, rows };
    output.answer(&report, || table(&report)).map_err(Error::io("print the figures"))
}

/// Starts guests that never come back. They end when the set is dropped.
fn spinning_guests(spinner: &Arc<Subject>, count: usize) -> JoinSet<()> {
    let mut guests = JoinSet::new();
    for _ in 0..count {
        let spinner = Arc::clone(spinner);
        guests.spawn(async move {
            if let Ok(event) = spinner.event() {
                // It ends with the task.
                _ = spinner.invoke(event).await;
            }
        });
    }
    guests
}

async fn row(hello: &Arc<Subject>, args: &cli::Neighbours, spinning: usize) -> Result<Row, Error> {
    let lost = |error: JoinError| Error::Bug(format!("a caller: {error}"));
    let began = Instant::now();
    let until = began + args.time;
    let (mut asking, mut answering) = (JoinSet::new(), JoinSet::new());
    for _ in 0..args.callers {
        let (client, server) = pair().map_err(Error::io("make a pair of sockets"))?;
        asking.spawn_blocking(move || ask(client, until));
        answering.spawn(answer(Arc::clone(hello), server));
    }
    let mut all = times()?;
    while let Some(asked) = asking.join_next().await {
        all.add(asked.map_err(lost)??).map_err(|error| Error::Bug(error.to_string()))?;
    }
    while let Some(answered) = answering.join_next().await {
        answered.map_err(lost)??;
    }
    Ok(Row {
        spinning,
        answers: all.len(),
        per_second: all.len() as f64 / began.elapsed().as_secs_f64(),
        p50_us: micros(all.value_at_quantile(0.5)),
        p99_us: micros(all.value_at_quantile(0.99)),
        max_us: micros(all.max()),
    })
}

/// A caller's end of a connection, which blocks, and the host's, which does not.
fn pair() -> io::Result<(net::UnixStream, UnixStream)> {
    let (client, server) = net::UnixStream::pair()?;
    server.set_nonblocking(true)?;
    Ok((client, UnixStream::from_std(server)?))
}

/// Asks again as soon as there is an answer.
fn ask(mut socket: net::UnixStream, until: Instant) -> Result<Histogram<u64>, Error> {
    let mut times = times()?;
    let mut asked = Instant::now();
    // The host hangs up when it failed, and says why itself.
    while asked < until && socket.write_all(&[0]).is_ok() && socket.read_exact(&mut [0]).is_ok() {
        let answered = Instant::now();
        times.saturating_record(u64::try_from((answered - asked).as_nanos()).unwrap_or(u64::MAX));
        asked = answered;
    }
    Ok(times)
}

/// Answers whatever is asked over a socket.
async fn answer(subject: Arc<Subject>, mut socket: UnixStream) -> Result<(), Error> {
    let mut byte = [0];
    while socket.read(&mut byte).await.is_ok_and(|length| length > 0) {
        subject.invoke(subject.event()?).await?;
        // Nobody waits for what does not arrive.
        _ = socket.write_all(&byte).await;
    }
    Ok(())
}

fn table(report: &Report) -> String {
    let mut text = format!("{} callers of http03 over sockets, a fresh instance each time\n\n", report.callers);
    // Writing to a string can't fail.
    _ = writeln!(
        text,
        "{:<10} {:>9} {:>10} {:>10} {:>10} {:>10}",
        "spinning", "answers", "per s", "p50 µs", "p99 µs", "max µs"
    );
    for Row { spinning, answers, per_second, p50_us, p99_us, max_us } in &report.rows {
        _ = writeln!(
            text,
            "{spinning:<10} {answers:>9} {per_second:>10.0} {p50_us:>10.1} {p99_us:>10.1} {max_us:>10.1}"
        );
    }
    text
}
