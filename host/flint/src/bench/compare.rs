//! `flint bench compare`: flint beside what people have today, in one run and on one machine: container-based Lambdas, `wasmtime
//! serve`, workerd, and a native server as the ceiling.
//!
//! Whoever is compared is a process of its own, started with a command that is told, but for rows that say that they are in process; all
//! are asked by the same client, for the same, and take turns, so that what else the machine does meets them alike. The client takes
//! its part of the same cores, which brings the fast ones closer together. Who is not on the machine is named, with what installs it.

mod burst;
mod cold;
mod cost;
mod deploy;
mod flint;
mod lambda;
mod load;
mod memory;
mod native;
mod neighbours;
mod page;
mod peer;
mod picture;
mod ratio;
mod slow_start;
mod steady;
mod verdict;
mod wasmtime;
mod wire;
mod work;
mod workerd;

pub(crate) use cost::PricesError;

use crate::cli;
use crate::error::Error;
use crate::output::Output;
use peer::{Broken, Missing, Peer, Rival};
use serde::Serialize;
use std::fmt::Write as _;

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Component {
    Http02,
    Http03,
    /// The SDK's own interface, which hands requests and answers over whole.
    Buffered,
    /// A guest that spins.
    Misbehaving,
    /// One that reads from and writes to a key-value store.
    Deposit,
    /// One that makes thumbnails.
    Shrink,
    /// One that computes at its start.
    SlowStart,
}

/// How many requests an instance serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Fresh,
    Serial,
    Shared,
}

impl Component {
    fn label(self) -> &'static str {
        match self {
            Self::Http02 => "http 0.2",
            Self::Http03 => "http 0.3",
            Self::Buffered => "buffered",
            Self::Misbehaving => "misbehaving",
            Self::Deposit => "deposit",
            Self::Shrink => "shrink",
            Self::SlowStart => "100 ms of init",
        }
    }

    fn with(self, reuse: Reuse) -> String {
        format!("{}, {}", self.label(), reuse.label())
    }
}

impl Reuse {
    fn label(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Serial => "serial",
            Self::Shared => "shared",
        }
    }
}

#[derive(Serialize)]
struct Report {
    machine: String,
    /// In UTC: <https://www.rfc-editor.org/rfc/rfc3339>.
    date: String,
    missing: Vec<Missing>,
    broken: Vec<Broken>,
    cold: Vec<cold::Row>,
    slow_start: Vec<slow_start::Row>,
    deploy: Vec<deploy::Row>,
    steady: Vec<steady::Row>,
    burst: Vec<burst::Row>,
    neighbours: Vec<neighbours::Row>,
    memory: Vec<memory::Row>,
    day: cost::Day,
    verdicts: Vec<verdict::Verdict>,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchCompare, output: Output) -> Result<(), Error> {
    if let Some(address) = args.native {
        return native::serve(address).await;
    }
    let prices = cost::Prices::read(args.day.prices.as_deref())?;
    let progress = output.progress();
    let platform = flint::Platform::build(&args.functions, &progress)?;
    let cloud = lambda::Cloud::start().await?;
    progress.step("looking for containers");
    let lambda::Found { lambdas, mut missing, broken } = tokio::task::block_in_place(|| lambda::find(&args, &cloud))?;
    let (rivals, absent) = Rival::find(&args);
    missing.extend(absent);
    let cold = cold::compare(&args, &platform, &cloud, &lambdas, &progress).await?;
    let slow_start = slow_start::compare(&args, &platform, &cloud, &lambdas, &progress).await?;
    let deploy = deploy::compare(&args, &platform, &rivals, &cold, &progress).await?;
    let steady = steady::compare(&args, &platform, &rivals, &progress).await?;
    let burst = burst::compare(&args, &platform, &rivals, &progress).await?;
    let neighbours = neighbours::compare(&args, &platform, &progress).await?;
    let memory = memory::compare(&args, &platform, &cloud, &lambdas, &rivals, &progress).await?;
    let day = cost::compare(&args, prices, &platform, &cold, &progress).await?;
    drop(progress);
    let date = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let mut report = Report {
        machine: machine(),
        date,
        missing,
        broken,
        cold,
        slow_start,
        deploy,
        steady,
        burst,
        neighbours,
        memory,
        day,
        verdicts: Vec::new(),
    };
    report.verdicts = verdict::all(&report);
    output.answer(&report, || text(&report)).map_err(Error::io("print the figures"))?;
    if let Some(file) = &args.page {
        std::fs::write(file, page::html(&report)?).map_err(Error::io("write the page"))?;
    }
    if let Some(file) = &args.plot {
        std::fs::write(file, page::throughput(&report.steady)?).map_err(Error::io("write the plot"))?;
    }
    Ok(())
}

impl Report {
    /// Each once, in the order of the rows.
    fn peers(&self) -> Vec<&Peer> {
        let mut peers: Vec<&Peer> = Vec::new();
        let cold = self.cold.iter().map(|row| &row.peer).chain(self.slow_start.iter().map(|row| &row.peer));
        let others = self.deploy.iter().map(|row| &row.peer).chain(self.memory.iter().map(|row| &row.peer));
        for peer in cold.chain(self.steady.iter().map(|row| &row.peer)).chain(others) {
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
        peers
    }
}

/// The machine, as far as it matters.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = rustix::system::uname();
    let (system, release) = (kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy());
    let backtrace = std::env::var("RUST_BACKTRACE").unwrap_or_else(|_| "unset".to_owned());
    format!("{cores} cores, {system} {release}, RUST_BACKTRACE {backtrace}")
}

fn text(report: &Report) -> String {
    let mut text = format!("{}, {}\n\n", report.machine, report.date);
    for table in [
        cold::table(&report.cold),
        slow_start::table(&report.slow_start),
        deploy::table(&report.deploy),
        steady::table(&report.steady),
        burst::table(&report.burst),
        neighbours::table(&report.neighbours),
        memory::table(&report.memory),
        cost::table(&report.day),
        verdict::table(&report.verdicts),
    ] {
        text.push_str(&table);
        text.push('\n');
    }
    text.push_str("who was compared\n");
    // Writing to a string can't fail.
    for Peer { system, variant, version, command, settings } in report.peers() {
        _ = writeln!(text, "{system} {version}, {variant} ({settings})\n    {command}");
    }
    for Missing { system, install } in &report.missing {
        _ = writeln!(text, "not on this machine: {system}\n    {install}");
    }
    for Broken { system, reason } in &report.broken {
        _ = writeln!(text, "does not run here: {system}\n    {reason}");
    }
    text
}
