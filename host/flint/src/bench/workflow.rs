//! `flint bench workflow`: transitions a second of a machine of ten tasks that do nothing, durable and in memory, beside a handler of
//! ten durable steps of Restate where it is on this machine; a Map over many items; and many executions that wait.
//!
//! flint is a host of its own, asked over HTTP as Restate is; both write to the same folder for temporary files.

mod flint;
mod restate;

use crate::bench::caller::Caller;
use crate::bench::load::{Operation, Row, table, work};
use crate::cli;
use crate::error::Error;
use crate::output::Output;
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// Executions that run at once.
const STARTERS: usize = 64;
/// The tasks of a machine, and the steps of a handler.
const STEPS: usize = 10;

const MANY: &str = "durable, 64 executions at once";
const ALONE: &str = "durable, one execution alone";
const EXPRESS: &str = "express, 64 executions at once";

#[derive(Serialize)]
struct Report {
    executions_at_once: usize,
    steps: usize,
    /// Transitions a second, and how long a whole execution takes.
    rows: Vec<Row>,
    /// Of one of the ten transitions of an execution that runs alone.
    transition_p50_us: f64,
    map: Map,
    waiting: Waiting,
}

/// A distributed Map over a list in a bucket: each item is an execution with a task.
#[derive(Serialize)]
struct Map {
    items: u64,
    items_per_second: f64,
    /// What the host takes at most, and what it took before.
    memory_mib: f64,
    memory_before_mib: f64,
}

/// Executions that wait for a moment that is a day away.
#[derive(Serialize)]
struct Waiting {
    executions: u64,
    starts_per_second: f64,
    memory_mib: f64,
    /// Of one core, while nothing happens.
    cpu_percent: f64,
}

/// Measures, and prints the figures.
pub(crate) async fn run(args: cli::BenchWorkflow, output: Output) -> Result<(), Error> {
    let progress = output.progress();
    let measured = flint::measure(&args, &progress).await?;
    let mut rows = measured.rows;
    let transition_p50_us = rows.iter().find(|row| row.work == ALONE).map_or(0.0, |row| row.p50_us / STEPS as f64);
    if let Some(rival) = restate::start(&args.restate, &args.node).await? {
        progress.step("restate");
        rows.extend(restate::rows(&rival, args.time).await?);
    }
    drop(progress);
    let order = [MANY, ALONE, EXPRESS];
    rows.sort_by_key(|row| order.iter().position(|work| *work == row.work));
    let (map, waiting) = (measured.map, measured.waiting);
    let report = Report { executions_at_once: STARTERS, steps: STEPS, rows, transition_p50_us, map, waiting };
    output.answer(&report, || text(&report)).map_err(Error::io("print the figures"))
}

/// Whoever has an execution run to its end, and then the next.
struct Starter {
    caller: Caller,
    path: &'static str,
    body: &'static str,
    /// What a good answer has in it.
    good: &'static str,
}

impl Starter {
    /// As many as are asked for, each with a connection of its own.
    async fn many(
        count: usize,
        address: SocketAddr,
        (path, body, good): (&'static str, &'static str, &'static str),
    ) -> Result<Vec<Self>, Error> {
        let mut starters = Vec::with_capacity(count);
        for _ in 0..count {
            starters.push(Self { caller: Caller::open(address).await?, path, body, good });
        }
        Ok(starters)
    }
}

impl Operation for Starter {
    async fn once(&mut self) -> Result<(), Error> {
        let answer = self.caller.ask(self.path, Bytes::from_static(self.body.as_bytes())).await?;
        let answer = String::from_utf8_lossy(&answer);
        if answer.contains(self.good) { Ok(()) } else { Err(Error::Bug(format!("{}: {answer}", self.path))) }
    }
}

/// The figures of starters that work for a time.
async fn row(system: &'static str, name: &'static str, starters: Vec<Starter>, time: Duration) -> Result<Row, Error> {
    let (times, span) = work(starters, time).await?;
    Ok(Row::new(system, name, STEPS, span, &times))
}

fn text(report: &Report) -> String {
    let Report { rows, transition_p50_us, map, waiting, .. } = report;
    let title = format!("transitions of machines of {STEPS} tasks that do nothing; times are of whole executions");
    let mut text = table(&title, rows);
    // Writing to a string can't fail.
    _ = writeln!(text, "\na durable transition of an execution that is alone takes {transition_p50_us:.0} µs (p50)");
    let Map { items, items_per_second, memory_mib, memory_before_mib } = map;
    _ = writeln!(
        text,
        "a Map over {items} items does {items_per_second:.0} of them a second, and the host takes {memory_mib:.0} MiB at most, \
         {memory_before_mib:.0} MiB before"
    );
    let Waiting { executions, starts_per_second, memory_mib, cpu_percent } = waiting;
    _ = write!(
        text,
        "{executions} executions that wait ({starts_per_second:.0} starts/s): the host takes {memory_mib:.0} MiB and \
         {cpu_percent:.1} % of a core"
    );
    text
}
