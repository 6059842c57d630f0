//! A burst: so many requests at once for a function that never ran.
//!
//! The first burst of a process is 3,000 to 4,000 page faults: read buffers of 1,000 connections, and their futures (perf). Huge pages for
//! the heap leave 200 to 400 of them and take 60 MiB more, but no less time, and neither does an allocator that gives nothing back.
//!
//! By README's run, the p99 of flint's bursts is roughly the longer, the fewer it answers a second under steady load (64 connections): 39 ms at
//! 46,700 (0.3 shared), 46 at 40,200 (buffered), 41 at 38,800 (0.2), 59 at 27,400 (0.3 fresh). On the line through these, 50 ms are at 33,000
//! a second, where a server of hyper and wasmtime alone has 25,800 for 0.3 fresh (`verdict.rs`).

use super::flint::Platform;
use super::load::{self, Answers, Figures};
use super::peer::{Peer, Rival, Server};
use super::{Component, Reuse};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Requests that come at once.
const REQUESTS: usize = 1000;

/// How long a server has to itself before.
const IDLE: Duration = Duration::from_secs(1);

const HELLOS: [(Component, Reuse); 4] = [
    (Component::Buffered, Reuse::Fresh),
    (Component::Http02, Reuse::Fresh),
    (Component::Http03, Reuse::Fresh),
    (Component::Http03, Reuse::Shared),
];

#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) requests: usize,
    /// Each from the moment when the first of them was sent.
    #[serde(flatten)]
    pub(super) figures: Figures,
}

/// Everybody in turns, each time started anew.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    rivals: &[Rival],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let mut all: Vec<(Peer, Answers)> = Vec::new();
    for round in 1..=args.rounds {
        progress.step(format!("bursts, round {round}"));
        for hello in HELLOS {
            for server in platform.serve(&[hello])? {
                hit(&server, &mut all).await?;
            }
        }
        for rival in rivals.iter().filter(|rival| is_as_it_comes(rival)) {
            hit(&rival.start(args, platform).await?, &mut all).await?;
        }
    }
    let row = |(peer, answers): (Peer, Answers)| Row { peer, requests: REQUESTS, figures: answers.figures() };
    Ok(all.into_iter().map(row).collect())
}

/// Who is started as most people start it, and with a fresh instance for each request.
fn is_as_it_comes(rival: &Rival) -> bool {
    match rival {
        Rival::Wasmtime(setup) => !setup.is_tuned && setup.reuse != Reuse::Serial,
        Rival::Workerd | Rival::Native => true,
    }
}

async fn hit(server: &Server, all: &mut Vec<(Peer, Answers)>) -> Result<(), Error> {
    tokio::time::sleep(IDLE).await;
    let came = load::burst(&server.target, REQUESTS).await?;
    let known = all.iter().position(|(peer, _)| *peer == server.peer);
    let known = match known {
        Some(known) => known,
        None => {
            all.push((server.peer.clone(), Answers::new()?));
            all.len() - 1
        }
    };
    all[known].1.add(&came)
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<15} {:<17} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9}\n",
        "burst", "", "requests", "p50 µs", "p99 µs", "max µs", "failed", "p99 each"
    );
    for Row { peer: Peer { system, variant, .. }, requests, figures } in rows {
        let Figures { p50_us, p99_us, max_us, failed, .. } = figures;
        let each = figures.median_p99_us();
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{system:<15} {variant:<17} {requests:>9} {p50_us:>9.0} {p99_us:>9.0} {max_us:>9.0} {failed:>6} {each:>9.0}"
        );
    }
    text.push_str("of all bursts together; p99 each: of each burst alone, their median, which a verdict is about\n");
    text
}
