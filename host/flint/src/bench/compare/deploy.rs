//! From a component to the first answer: deployed to a host that runs, or with the start of a process that has it.
//!
//! Each time the component is marked anew, so that nobody knows its code from before: it is compiled. A container brings its
//! program with it; its row is that of the cold starts.

use super::cold;
use super::flint::{Platform, Served, hello, peer};
use super::load::Target;
use super::peer::{Peer, Rival};
use super::work::GREETING;
use super::{Component, Reuse, wire};
use crate::admin::api::Deploy;
use crate::admin::client::Client;
use crate::bench::host::Host;
use crate::bench::measure::{micros, nanos, times};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use flint_model::FunctionName;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Instant;

/// What is deployed in turns, and what its answers have, which those of the one before have not.
const DEPLOYED: [(Component, &str); 3] =
    [(Component::Http02, "wasi:http 0.2"), (Component::Buffered, GREETING), (Component::SlowStart, FIRST)];

const FUNCTION: &str = "deployed";
/// What the one with a table answers of its first.
const FIRST: &str = "\"place\":0";
/// What is asked for: the one with a table answers what is there.
const ASKED: &str = "/deployed/0";

#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    /// What the time begins with.
    from: &'static str,
    times: u64,
    p50_ms: f64,
    p99_ms: f64,
}

/// The times of one of those that are compared.
struct Timed {
    peer: Peer,
    from: &'static str,
    times: Histogram<u64>,
}

impl Timed {
    fn new(peer: Peer, from: &'static str) -> Result<Self, Error> {
        Ok(Self { peer, from, times: times()? })
    }

    /// Notes a time that ends now.
    fn note(&mut self, began: Instant) {
        self.times.saturating_record(nanos(began.elapsed()));
    }

    fn row(self) -> Row {
        Row {
            times: self.times.len(),
            p50_ms: micros(self.times.value_at_quantile(0.5)) / 1000.0,
            p99_ms: micros(self.times.value_at_quantile(0.99)) / 1000.0,
            peer: self.peer,
            from: self.from,
        }
    }
}

const DEPLOYMENT: &str = "a deployment";
const PROCESS: &str = "its process";

/// Everybody in turns, as often as containers are started; and the containers' own row.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    rivals: &[Rival],
    cold: &[cold::Row],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let rivals: Vec<_> = rivals.iter().filter(|rival| rival.is_plain()).collect();
    let mut deployed =
        DEPLOYED.iter().map(|(component, _)| of_deployments(*component)).collect::<Result<Vec<_>, _>>()?;
    let mut up = Timed::new(peer(Component::Http02.with(Reuse::Fresh), "nothing compiled before".to_owned()), PROCESS)?;
    let mut started: Vec<Timed> = Vec::new();
    for round in 1..=args.starts {
        progress.step(format!("to the first answer, {round} of {}", args.starts));
        let host = begin(platform)?;
        for ((component, says), timed) in DEPLOYED.iter().zip(&mut deployed) {
            deploy(&host, platform, *component, says, timed).await?;
        }
        // The next one has the same data folder.
        drop(host);
        start(platform, &mut up).await?;
        for rival in &rivals {
            start_rival(rival, args, platform, &mut started).await?;
        }
    }
    let measured = deployed.into_iter().chain([up]).chain(started).map(Timed::row);
    Ok(measured.chain(cold::of_hello(cold).map(of_container)).collect())
}

/// A host that serves what the first deployment takes the place of.
fn begin(platform: &Platform) -> Result<Host, Error> {
    let file = Component::Buffered.file().to_owned();
    platform.start("", &[Served { path: format!("/{FUNCTION}/{{place}}"), file, settings: String::new() }])
}

fn of_deployments(component: Component) -> Result<Timed, Error> {
    let command = format!("POST /v1/functions/{FUNCTION}/versions");
    Timed::new(Peer { command, ..peer(component.label().to_owned(), "to a host that runs".to_owned()) }, DEPLOYMENT)
}

async fn deploy(
    host: &Host,
    platform: &Platform,
    component: Component,
    says: &str,
    timed: &mut Timed,
) -> Result<(), Error> {
    let function = FunctionName::parse(FUNCTION).map_err(|error| Error::Bug(error.to_string()))?;
    let component = platform.renew(component)?;
    let target = Target::new(host.http, wire::get(host.http, ASKED));
    let began = Instant::now();
    Client::new(host.admin, None).deploy(&function, component, Deploy::default()).await?;
    let answer = target.once().await?;
    timed.note(began);
    expect(says, &answer)
}

/// flint itself, as a process that begins.
async fn start(platform: &Platform, timed: &mut Timed) -> Result<(), Error> {
    let hello = hello(Component::Http02, Reuse::Fresh);
    platform.renew(Component::Http02)?;
    let began = Instant::now();
    let host = platform.start("", std::slice::from_ref(&hello))?;
    let answer = Target::new(host.http, wire::get(host.http, &hello.path)).once().await?;
    timed.note(began);
    expect("Hello", &answer)
}

async fn start_rival(
    rival: &Rival,
    args: &cli::BenchCompare,
    platform: &Platform,
    all: &mut Vec<Timed>,
) -> Result<(), Error> {
    platform.renew(Component::Http02)?;
    let server = rival.start(args, platform).await?;
    let answer = server.target.once().await?;
    let began = server.program().map(|program| program.began).ok_or_else(|| Error::Bug("no process".to_owned()))?;
    let at = match all.iter().position(|timed| timed.peer == server.peer) {
        Some(at) => at,
        None => {
            all.push(Timed::new(server.peer.clone(), PROCESS)?);
            all.len() - 1
        }
    };
    all[at].note(began);
    expect("Hello", &answer)
}

/// Looks whether an answer says what it should.
///
/// # Errors
/// If it does not.
fn expect(says: &str, answer: &[u8]) -> Result<(), Error> {
    let text = String::from_utf8_lossy(answer);
    if text.contains(says) { Ok(()) } else { Err(Error::Bug(format!("an answer without {says:?}: {text}"))) }
}

fn of_container(row: &cold::Row) -> Row {
    Row {
        peer: row.peer.clone(),
        from: "its container",
        times: row.starts,
        p50_ms: row.cold_p50_us / 1000.0,
        p99_ms: row.cold_p99_us / 1000.0,
    }
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text =
        format!("{:<15} {:<17} {:<13} {:>6} {:>9} {:>9}\n", "first answer", "", "since", "times", "p50 ms", "p99 ms");
    for Row { peer: Peer { system, variant, .. }, from, times, p50_ms, p99_ms } in rows {
        // Writing to a string can't fail.
        _ = writeln!(text, "{system:<15} {variant:<17} {from:<13} {times:>6} {p50_ms:>9.1} {p99_ms:>9.1}");
    }
    text.push_str("a component is another one each time, so that it is compiled; what it has of init runs, too\n");
    text
}
