//! Steady load: so many connections, each of which asks again as soon as it has its answer.

use super::flint::{HELLOS, Platform};
use super::load::{self, Answers, Figures};
use super::peer::{Peer, Rival, Server};
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use rand::seq::SliceRandom as _;
use serde::Serialize;
use std::fmt::Write as _;

/// Connections of a row.
pub(super) const CONNECTIONS: [usize; 4] = [1, 16, 64, MOST];
pub(super) const MOST: usize = 256;

/// One of those that are compared, with so many connections.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) connections: usize,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

/// Everybody with every number of connections in turns, as often as there are rounds, each time in another order by chance: so nobody
/// always finds in the caches what the same other left there, and what is compared with another comes from the same rounds. On a machine
/// whose speed changes from second to second and from minute to minute, many short rounds tell more than a few long ones.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    rivals: &[Rival],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    progress.step("starting the servers");
    let mut servers = platform.serve(&HELLOS)?;
    for rival in rivals {
        servers.push(rival.start(args, platform).await?);
    }
    let mut turns = Vec::new();
    for connections in CONNECTIONS {
        for server in &servers {
            turns.push((connections, server, Answers::new()?));
        }
    }
    for round in 1..=args.rounds {
        let mut order: Vec<_> = turns.iter_mut().collect();
        order.shuffle(&mut rand::rng());
        for (connections, Server { peer: Peer { system, variant, .. }, target, .. }, answers) in order {
            progress.step(format!("round {round}: {system}, {variant}: {connections} connections"));
            answers.add(&load::steady(target, *connections, args.time).await?)?;
        }
    }
    let rows = turns.iter().map(|(connections, server, answers)| Row {
        peer: server.peer.clone(),
        connections: *connections,
        figures: answers.figures(),
    });
    Ok(rows.collect())
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<15} {:<17} {:<21} {:>5} {:>9} {:>9} {:>9} {:>6}\n",
        "steady load", "", "", "conn.", "per s", "p50 µs", "p99 µs", "failed"
    );
    for Row { peer: Peer { system, variant, settings, .. }, connections, figures } in rows {
        let Figures { per_second, p50_us, p99_us, failed, .. } = figures;
        // Writing to a string can't fail.
        _ = writeln!(
            text,
            "{system:<15} {variant:<17} {settings:<21} {connections:>5} {per_second:>9.0} {p50_us:>9.0} {p99_us:>9.0} {failed:>6}"
        );
    }
    text
}
