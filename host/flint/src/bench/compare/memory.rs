//! Memory over functions: one flint that has them all, and others that are a process each.
//!
//! flint is measured with each number of functions, after they were compiled and each was asked once. Of the others one process is
//! measured, and so many are reckoned: the first with all that is resident, each further one with what it shares with no other,
//! which is the least that it can take.

use super::flint::{Platform, peer};
use super::lambda::{Cloud, Lambda};
use super::load::Target;
use super::peer::{Peer, Rival};
use super::wire;
use super::work::{Task, Work};
use crate::bench::host::Memory;
use crate::cli;
use crate::error::Error;
use crate::output::Progress;
use serde::Serialize;
use std::fmt::Write as _;

/// So many functions, as long as there are no more than are asked by chance elsewhere.
const FUNCTIONS: [usize; 4] = [1, 10, 100, 1000];

#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) how: How,
    pub(super) sizes: Vec<Size>,
}

/// Where the sizes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum How {
    Measured,
    /// One was measured.
    TimesN,
}

impl How {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::TimesN => "one × n",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Size {
    pub(super) functions: usize,
    pub(super) mib: f64,
}

/// A process that was measured.
#[derive(Debug, Clone, Copy)]
struct One {
    resident_mib: f64,
    /// Of it, what it shares with no other.
    own_mib: f64,
}

impl One {
    /// What so many of them take at least.
    fn times(self, functions: usize) -> Size {
        Size { functions, mib: self.resident_mib + self.own_mib * functions.saturating_sub(1) as f64 }
    }
}

/// Everybody that is on this machine and runs functions of others.
pub(super) async fn compare(
    args: &cli::BenchCompare,
    platform: &Platform,
    cloud: &Cloud,
    lambdas: &[Lambda],
    rivals: &[Rival],
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let task = Task::new(Work::Hello)?;
    let counts = counts(args.many);
    let mut rows = vec![of_flint(platform, &counts, &task, progress).await?];
    let reckoned = |peer, one: One| {
        let sizes = counts.iter().map(|functions| one.times(*functions)).collect();
        Row { peer, how: How::TimesN, sizes }
    };
    for rival in rivals.iter().filter(|rival| rival.is_plain() && !matches!(rival, Rival::Native)) {
        progress.step("memory of a server");
        let (peer, one) = of_server(*rival, args, platform).await?;
        rows.push(reckoned(peer, one));
    }
    for lambda in lambdas.iter().filter(|lambda| lambda.is_plain(task.work)) {
        progress.step("memory of a container");
        rows.push(reckoned(lambda.peer(), of_container(lambda, cloud, &task).await?));
    }
    Ok(rows)
}

fn counts(most: usize) -> Vec<usize> {
    FUNCTIONS.into_iter().filter(|count| *count < most).chain([most]).collect()
}

async fn of_flint(platform: &Platform, counts: &[usize], task: &Task, progress: &Progress) -> Result<Row, Error> {
    let mut sizes = Vec::with_capacity(counts.len());
    for functions in counts {
        progress.step(format!("memory of {functions} functions"));
        let served = platform.many(*functions)?;
        let start = || platform.start(&format!("[limits]\nspares-max = {functions}\n"), &served);
        // Compiled by one host, and read by the next.
        drop(start()?);
        let host = start()?;
        for served in &served {
            let answer = Target::new(host.http, wire::get(host.http, &served.path)).once().await?;
            task.expect(&answer)?;
        }
        sizes.push(Size { functions: *functions, mib: host.memory_kib(Memory::Now)? / 1024.0 });
    }
    let peer = peer("one process".to_owned(), "a spare instance of each function".to_owned());
    Ok(Row { peer, how: How::Measured, sizes })
}

async fn of_server(rival: Rival, args: &cli::BenchCompare, platform: &Platform) -> Result<(Peer, One), Error> {
    let server = rival.start(args, platform).await?;
    server.target.once().await?;
    let one = One { resident_mib: server.memory_mib(Memory::Now)?, own_mib: server.memory_mib(Memory::Own)? };
    Ok((server.peer, one))
}

async fn of_container(lambda: &Lambda, cloud: &Cloud, task: &Task) -> Result<One, Error> {
    let (container, answer) = lambda.run_for(cloud, task.event.clone()).await?;
    task.expect_of_lambda(&answer)?;
    let one = One { resident_mib: container.memory_mib(Memory::Now)?, own_mib: container.memory_mib(Memory::Own)? };
    container.remove().await?;
    Ok(one)
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<15} {:<17} {:<20}", "memory, MiB", "", "with functions:");
    let counts = rows.first().map(|row| &row.sizes[..]).unwrap_or_default();
    // Writing to a string can't fail.
    counts.iter().for_each(|size| _ = write!(text, " {:>9}", size.functions));
    text.push('\n');
    for Row { peer: Peer { system, variant, .. }, how, sizes } in rows {
        let how = how.label();
        _ = write!(text, "{system:<15} {variant:<17} {how:<20}");
        sizes.iter().for_each(|size| _ = write!(text, " {:>9.1}", size.mib));
        text.push('\n');
    }
    text.push_str(
        "flint has all of them in one process. Of the others, one process was measured, and the rest is reckoned: each further one\n\
         takes what it shares with no other (RssAnon). workerd can serve several in one process, too.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_processes_take_what_is_theirs_alone() {
        let one = One { resident_mib: 50.0, own_mib: 10.0 };
        assert_eq!([1, 2, 10].map(|n| one.times(n).mib), [50.0, 60.0, 140.0]);
    }

    #[test]
    fn there_are_no_more_functions_than_asked_for() {
        assert_eq!(counts(1), [1]);
        assert_eq!(counts(10), [1, 10]);
        assert_eq!(counts(250), [1, 10, 100, 250]);
        assert_eq!(counts(1000), [1, 10, 100, 1000]);
    }
}
