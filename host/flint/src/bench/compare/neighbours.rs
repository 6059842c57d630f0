//! What flint's callers notice of its other functions: of guests that spin, and of a thousand that are asked by chance.
//!
//! Why a thousand cost more than one: with 10 functions instead of one, a request takes 1.2 times the CPU, with 60 1.7 times, with 125
//! to 500 1.8 times. By perf, 250 take 50 µs more, of which 20 are in the code of the guests, which are in no cache by then, and 14 in
//! what wasmtime knows of that code; what the other 16 are was not found. Two cores have about 50 µs for a request to one function, client
//! included: if nothing but the guests' code cost more, 71 % of the rate would be left, and 60 % with wasmtime's part. Fewer resident
//! pages of each instance (`engine/src/touch.rs`) made no difference.

use super::flint::{Platform, Served, hello};
use super::load::{self, Answers, Figures, Target};
use super::{Component, Reuse, wire};
use crate::bench::host::{Host, Memory};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::time::Duration;
use tokio::task::JoinSet;

/// Guests that spin.
const SPINNING: usize = 4;
/// Connections beside them.
const BESIDE: usize = 16;
/// How long they have to get going.
const GET_GOING: Duration = Duration::from_millis(200);

/// Connections for many functions.
const CONNECTIONS: usize = 64;

/// A function alone, and in company.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(serialize_with = "label")]
    pub(super) company: Company,
    pub(super) connections: usize,
    pub(super) alone: Figures,
    pub(super) together: Figures,
    /// What the host takes in the end.
    pub(super) memory_mib: f64,
}

impl Row {
    /// How much is left, of 1.
    pub(super) fn left(&self) -> f64 {
        self.together.per_second / self.alone.per_second.max(1e-9)
    }
}

/// What else a host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    Spinning,
    /// So many functions, each with a component of its own, of which one is asked by chance.
    Functions(usize),
}

impl fmt::Display for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spinning => write!(f, "{SPINNING} guests that spin"),
            Self::Functions(count) => write!(f, "{count} functions, asked by chance"),
        }
    }
}

fn label<S: Serializer>(company: &Company, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(company)
}

pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    progress.step(Company::Spinning.to_string());
    let spinners = spinners(args, platform).await?;
    progress.step(Company::Functions(args.many).to_string());
    Ok(vec![spinners, many(args, platform).await?])
}

async fn spinners(args: &cli::BenchCompare, platform: &Platform) -> Result<Row, Error> {
    let spin = Served {
        path: "/spin".to_owned(),
        file: Component::Misbehaving.file().to_owned(),
        settings: "timeout = \"1h\"\ncpu = \"1h\"\nsecrets = {}\noutbound = []".to_owned(),
    };
    let hello = hello(Component::Buffered, Reuse::Fresh);
    let host = platform.start("", &[hello.clone(), spin.clone()])?;
    let target = Target::new(host.http, wire::get(host.http, &hello.path));
    let spinner = Target::new(host.http, wire::get(host.http, &spin.path));
    let (mut alone, mut together) = (Answers::new()?, Answers::new()?);
    for _ in 0..args.rounds {
        alone.add(&load::steady(&target, BESIDE, args.time).await?)?;
        let mut spinning = JoinSet::new();
        for _ in 0..SPINNING {
            let spinner = spinner.clone();
            // Never answered: it ends when its connection does.
            spinning.spawn(async move { spinner.however_long().await.map(drop) });
        }
        tokio::time::sleep(GET_GOING).await;
        together.add(&load::steady(&target, BESIDE, args.time).await?)?;
        if spinning.try_join_next().is_some() {
            return Err(Error::Bug("a guest that spins was answered".to_owned()));
        }
        spinning.shutdown().await;
        tokio::time::sleep(GET_GOING).await;
    }
    row(Company::Spinning, BESIDE, &host, &alone, &together)
}

async fn many(args: &cli::BenchCompare, platform: &Platform) -> Result<Row, Error> {
    let served = platform.many(args.many)?;
    let host = platform.start(&format!("[limits]\nspares-max = {}\n", args.many), &served)?;
    let requests: Vec<Bytes> = served.iter().map(|served| wire::get(host.http, &served.path)).collect();
    let one = Target::new(host.http, requests.first().cloned().unwrap_or_default());
    let all = Target { address: host.http, requests: requests.into() };
    let (mut alone, mut together) = (Answers::new()?, Answers::new()?);
    for _ in 0..args.rounds {
        alone.add(&load::steady(&one, CONNECTIONS, args.time).await?)?;
        together.add(&load::steady(&all, CONNECTIONS, args.time).await?)?;
    }
    row(Company::Functions(args.many), CONNECTIONS, &host, &alone, &together)
}

fn row(company: Company, connections: usize, host: &Host, alone: &Answers, together: &Answers) -> Result<Row, Error> {
    let memory_mib = host.memory_kib(Memory::Now)? / 1024.0;
    Ok(Row { company, connections, alone: alone.figures(), together: together.figures(), memory_mib })
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<33} {:>5} {:>11} {:>10} {:>9} {:>10} {:>7} {:>11}\n",
        "flint beside", "conn.", "alone, /s", "p99 µs", "per s", "p99 µs", "left", "memory MiB"
    );
    for row in rows {
        let Row { company, connections, alone, together, memory_mib } = row;
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{:<33} {connections:>5} {:>11.0} {:>10.0} {:>9.0} {:>10.0} {:>6.0}% {memory_mib:>11.0}",
            company.to_string(),
            alone.per_second,
            alone.p99_us,
            together.per_second,
            together.p99_us,
            row.left() * 100.0
        );
    }
    text.push_str("of all rounds together; a verdict is about each\n");
    text
}
