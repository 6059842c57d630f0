//! What flint wants to be, and whether it was in this run.

use super::load::{Figures, Pace};
use super::neighbours::Company;
use super::peer::Peer;
use super::work::Work;
use super::{Report, cold, native, steady, wasmtime};
use serde::Serialize;
use std::fmt::Write as _;

/// A claim, and what was measured.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    claim: String,
    /// What it has to be at least.
    bar: f64,
    measured: f64,
    /// Where the median of such rounds lies (see [`spread`]); what was measured where there are no rounds.
    low: f64,
    high: f64,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Held,
    Missed,
    /// The rounds tell both, and so may another run.
    Open,
}

impl Verdict {
    fn new(claim: impl Into<String>, bar: f64, measured: f64) -> Self {
        Self::over(claim, bar, measured, Vec::new())
    }

    /// One that was measured in rounds, each of which came to as much.
    fn over(claim: impl Into<String>, bar: f64, measured: f64, rounds: Vec<f64>) -> Self {
        let (low, high) = spread(rounds).unwrap_or((measured, measured));
        let outcome = if low >= bar {
            Outcome::Held
        } else if high < bar {
            Outcome::Missed
        } else {
            Outcome::Open
        };
        Self { claim: claim.into(), bar, measured, low, high, outcome }
    }

    /// One about flint, of all rounds and of each: nothing, unless all requests were answered.
    fn about(figures: &Figures, claim: String, bar: f64, (measured, rounds): (f64, Vec<f64>)) -> Self {
        if figures.is_whole() { Self::over(claim, bar, measured, rounds) } else { Self::new(claim, bar, 0.0) }
    }
}

/// How sure it has to be that the median lies within its spread.
const CONFIDENCE: f64 = 0.95;

/// Between which two of its figures the median lies of what they were drawn from; none of none.
///
/// The interval of the sign test, which asks nothing of how the figures are distributed: as many are left out at each end as are still
/// sure enough, by how often a coin falls on the same side (W. J. Conover, Practical Nonparametric Statistics, section 3.2). Of fewer than
/// six, the least and the most are not so sure.
fn spread(mut figures: Vec<f64>) -> Option<(f64, f64)> {
    figures.sort_by(f64::total_cmp);
    let coins = figures.len();
    // That none of them falls on one side, then one, and so on; of both sides.
    let (mut chance, mut outside) = (0.5_f64.powf(coins as f64), 0.0);
    let sure_enough = (0..coins).take_while(|fallen| {
        outside += 2.0 * chance;
        chance *= (coins - fallen) as f64 / (fallen + 1) as f64;
        outside <= 1.0 - CONFIDENCE
    });
    let left_out = sure_enough.count().saturating_sub(1);
    Some((*figures.get(left_out)?, *figures.iter().nth_back(left_out)?))
}

/// A figure under steady load that is compared with another row's.
type Figure = fn(Pace) -> f64;

/// How many times as much one came to as the other: of all rounds, and of each, which both had one after the other.
fn ratios(own: &Figures, other: &Figures, figure: Figure) -> (f64, Vec<f64>) {
    let ratio = |own, other| figure(own) / figure(other).max(1e-9);
    let rounds = own.rounds.iter().zip(&other.rounds).map(|(own, other)| ratio(*own, *other));
    (ratio(own.pace(), other.pace()), rounds.collect())
}

fn per_second(pace: Pace) -> f64 {
    pace.per_second
}

/// What is claimed of flint under steady load: a variant of it, whom it is beside, at so many connections, what is compared, and
/// how many times as much there has to be.
struct Claim {
    ours: &'static str,
    system: &'static str,
    theirs: &'static str,
    /// Whether they have the pool of flint.
    is_tuned: bool,
    connections: &'static [usize],
    bar: f64,
}

/// Cold starts: what is asked for, how flint has its instance, and how many times longer Python in a container has to take.
const COLD: [(Work, &str, f64); 4] = [
    (Work::Hello, cold::POOLED, 5000.0),
    (Work::Hello, cold::ON_DEMAND, 5000.0),
    (Work::Hello, cold::OVER_HTTP, 500.0),
    (Work::Deposit, cold::OVER_HTTP, 500.0),
];

const WASMTIME: &str = "wasmtime serve";
const MANY: &[usize] = &[16, 64, 256];
const ALL: &[usize] = &steady::CONNECTIONS;

const fn beside(ours: &'static str, is_tuned: bool, connections: &'static [usize], bar: f64) -> Claim {
    Claim { ours, system: WASMTIME, theirs: ours, is_tuned, connections, bar }
}

/// Who takes a request's CPU, at 64 connections (perf with call graphs; what is allocated, copied and asked of the clock counts for who
/// wants it, kernel is nearly all TCP):
///
/// | function | kernel | wasmtime, WASI, guest | hyper, tokio | flint | CPU of the host |
/// | --- | --- | --- | --- | --- | --- |
/// | 0.2, fresh | 33 % | 41 % | 8 % | 17 % | 43 µs of 55 that two cores have for it |
/// | buffered, fresh | 36 % | 35 % | 10 % | 19 % | 36 µs of 48 |
/// | 0.2, serial | 43 % | 26 % | 12 % | 18 % | 23 µs of 35 |
/// | 0.3, serial | 37 % | 35 % | 12 % | 16 % | 30 µs of 42 |
/// | 0.3, shared | 38 % | 29 % | 13 % | 20 % | 33 µs of 46 |
///
/// The rows of 0.2 are from before it ran without the component model's `async`, which took 17 % off the CPU of a fresh request and
/// 11 % off that of one of a serial instance; that of 0.3 shared is from before who brings a job to an instance ran it.
///
/// How far it could go, a throw-away server tells: hyper and wasmtime with flint's pool, and nothing else. Requests a second with 64
/// connections of `wrk`, all hosts up, in turns, medians of nine seconds each; in brackets beside `wasmtime serve`, which has the pool of
/// flint in the fresh rows:
///
/// | function | `wasmtime serve` | throw-away server | flint |
/// | --- | --- | --- | --- |
/// | 0.2, fresh | 23,300 | 49,800 (2.13) | 37,000 (1.58) |
/// | 0.3, fresh | 16,800 | 25,800 (1.54) | 28,800 (1.72) |
/// | 0.2, serial | 51,300 | 67,400 (1.31) | 53,800 (1.05) |
/// | 0.3, serial | 36,800 | 41,300 (1.12) | 48,500 (1.32) |
/// | 0.3, shared | 23,700 | | 35,300 (1.49) |
///
/// The last row is of a later build, and of another run (medians of five), in which 0.3 serial had 27,000 and 39,800 (1.47).
///
/// With 256 connections 0.3 shared had 25,500 and 29,900 (1.17) in that run, where events waited behind a thread that had lost its core, or
/// a turn that was over (`shared.rs` and `calm.rs` of the engine). Without that, hosts in random turns, medians of nine and eleven
/// seconds: 29,700 and 45,000 (1.51), 27,300 and 39,600 (1.45), where the build before had 38,700 in the first; with 64 connections 31,900
/// and 46,000 (1.44); with 16, 27,400 and 33,000 (1.20).
///
/// So 1.3 times is all that there is for 0.2 where instances are used again, without admission, metering, time-outs and records.
///
/// Of what is flint's own, the door has 6 µs: 0.2 took 50 µs with requests that go from hyper to the function, where it took 55
/// (medians of three), and a handler that answers at once takes 8, of which greeting, time-outs and drain of the connection are 0.5.
/// More than a quarter of what had been the kernel's was the client that each answer woke: see `turn.rs` of the request door. With
/// 256 connections, how often tokio looks for events and for tasks of other threads makes no difference (`event_interval` 13, 61, 256;
/// `global_queue_interval` 127).
///
/// Of the 24 µs that 0.3 shared takes in user space, 3.4 are in functions of flint (2.5 in `malloc`, 1.6 in `memcpy` and its like, for
/// everybody): without any of them it would have 6 % more requests. Code in huge pages made no difference beyond noise (copied there at
/// the start; 1, 16 and 64 connections). A runtime of one thread for each core, connections dealt out in turns, gave 0.2 fresh 11 and 21 %
/// more with 16 and 64 connections and took 25 % of it with 256; 0.3 serial 9, 3 and -6 %, shared 2, 6 and -2 % (medians of six, in a build
/// that is not optimised as a whole). It would hold all requests of an HTTP/2 client, or of a connection that computes, on one core.
const RATES: [Claim; 10] = [
    beside("http 0.2, fresh", false, &[1], 1.5),
    beside("http 0.2, fresh", false, MANY, 3.0),
    beside("http 0.3, fresh", false, &[1], 1.5),
    beside("http 0.3, fresh", false, MANY, 2.2),
    beside("http 0.2, fresh", true, MANY, 1.5),
    beside("http 0.3, fresh", true, MANY, 1.5),
    beside("http 0.2, serial", false, ALL, 1.3),
    beside("http 0.3, serial", false, ALL, 1.3),
    beside("http 0.3, shared", false, ALL, 1.3),
    Claim {
        ours: "buffered, fresh",
        system: native::SYSTEM,
        theirs: "native",
        is_tuned: false,
        connections: ALL,
        bar: 0.45,
    },
];

const TAILS: [Claim; 2] = [beside("http 0.2, fresh", false, MANY, 2.0), beside("http 0.3, fresh", false, MANY, 2.0)];

/// All that could be measured.
pub(super) fn all(report: &Report) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (work, ours, bar) in COLD {
        let ratio = cold::ratio(&report.cold, work, ours);
        let claim = || format!("cold start, {}, {ours}, beside Python in a container", work.label());
        verdicts.extend(ratio.map(|ratio| Verdict::new(claim(), bar, ratio)));
    }
    for (claims, what, figure) in [
        (&RATES[..], "answers a second", per_second as Figure),
        (&TAILS[..], "a p99 of less than one", |pace| 1.0 / pace.p99_us),
    ] {
        verdicts.extend(claims.iter().flat_map(|claim| of_claim(&report.steady, claim, what, figure)));
    }
    verdicts.extend(holds_on(&report.steady));
    for row in &report.neighbours {
        let bar = if row.company == Company::Spinning { 0.3 } else { 0.8 };
        let claim = format!("what is left of the rate beside {}", row.company);
        verdicts.push(Verdict::about(&row.together, claim, bar, ratios(&row.together, &row.alone, per_second)));
        if row.company == Company::Spinning {
            verdicts.push(within(20, &format!("beside {}", row.company), &row.together));
        }
    }
    let bursts = report.burst.iter().filter(|row| row.peer.system == "flint");
    verdicts.extend(bursts.map(|row| within(50, &format!("of a burst, {}", row.peer.variant), &row.figures)));
    verdicts
}

fn within(milliseconds: u32, of: &str, figures: &Figures) -> Verdict {
    let claim = format!("{milliseconds} ms beside the p99 {of}");
    let share = |pace: Pace| f64::from(milliseconds) * 1000.0 / pace.p99_us;
    let rounds = figures.rounds.iter().map(|round| share(*round)).collect();
    Verdict::about(figures, claim, 1.0, (share(figures.pace()), rounds))
}

/// Nothing where others are not there, or did not answer all requests.
fn of_claim<'a>(
    rows: &'a [steady::Row],
    claim: &'a Claim,
    what: &'a str,
    figure: Figure,
) -> impl Iterator<Item = Verdict> + 'a {
    let Claim { ours, system, theirs, is_tuned, connections, bar } = *claim;
    connections.iter().filter_map(move |connections| {
        let of = |is: &dyn Fn(&Peer) -> bool| {
            rows.iter().find(|row| row.connections == *connections && is(&row.peer)).map(|row| &row.figures)
        };
        let own = of(&|peer| peer.system == "flint" && peer.variant == ours)?;
        let is_theirs = |peer: &Peer| {
            peer.system == system && peer.variant == theirs && peer.settings.starts_with(wasmtime::POOL) == is_tuned
        };
        let other = of(&is_theirs).filter(|figures| figures.is_whole())?;
        let pool = if is_tuned { " with its pool" } else { "" };
        let claim = format!("{what}, {ours}, beside {system}{pool}, {connections} connections");
        Some(Verdict::about(own, claim, bar, ratios(own, other, figure)))
    })
}

/// That many connections cost no throughput.
fn holds_on(rows: &[steady::Row]) -> impl Iterator<Item = Verdict> {
    let ours = |row: &&steady::Row| row.peer.system == "flint";
    rows.iter().filter(ours).filter(|row| row.connections == 256).filter_map(move |row| {
        let same = rows.iter().filter(ours).filter(|it| it.peer == row.peer).map(|it| &it.figures);
        let best = same.max_by(|one, other| one.per_second.total_cmp(&other.per_second))?;
        let claim = format!("what is left of the best rate, {}, 256 connections", row.peer.variant);
        Some(Verdict::about(&row.figures, claim, 0.85, ratios(&row.figures, best, per_second)))
    })
}

pub(super) fn table(verdicts: &[Verdict]) -> String {
    let mut text = format!("{:<84} {:>8} {:>9} {:>9} {:>9}\n", "verdicts", "at least", "measured", "from", "to");
    for Verdict { claim, bar, measured, low, high, outcome } in verdicts {
        let mark = match outcome {
            Outcome::Held => "",
            Outcome::Missed => "  missed",
            Outcome::Open => "  open",
        };
        // Writing to a string can't fail.
        _ = writeln!(text, "{claim:<84} {bar:>8.2} {measured:>9.2} {low:>9.2} {high:>9.2}{mark}");
    }
    text.push_str(
        "from, to: where the median of such rounds lies, by 95 % (of fewer than six rounds: the least and the most)\n\
         open: what has to be at least lies between them, so that another run may tell otherwise\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(system: &'static str, variant: &str, settings: &str, connections: usize, per_second: f64) -> steady::Row {
        let peer = Peer {
            system,
            variant: variant.to_owned(),
            version: String::new(),
            command: String::new(),
            settings: settings.to_owned(),
        };
        let figures = Figures {
            per_second,
            p50_us: 1.0,
            p99_us: 1.0,
            max_us: 1.0,
            failed: 0,
            percentiles: Vec::new(),
            rounds: Vec::new(),
        };
        steady::Row { peer, connections, figures }
    }

    #[test]
    fn a_claim_is_measured_with_whom_it_names_and_left_out_where_that_is_not_there() {
        let rows = [
            row("flint", "http 0.2, fresh", "as it comes", 16, 400.0),
            row("flint", "http 0.2, fresh", "as it comes", 64, 200.0),
            row(WASMTIME, "http 0.2, fresh", "the pool of flint", 16, 10.0),
            row(WASMTIME, "http 0.2, fresh", "as it comes", 16, 100.0),
            row(WASMTIME, "http 0.2, fresh", "as it comes", 64, 100.0),
        ];
        let claim = beside("http 0.2, fresh", false, MANY, 3.0);
        let verdicts = of_claim(&rows, &claim, "answers a second", per_second);
        let verdicts: Vec<_> = verdicts.map(|verdict| (verdict.measured, verdict.outcome)).collect();
        assert_eq!(verdicts, [(4.0, Outcome::Held), (2.0, Outcome::Missed)]);
    }

    #[test]
    fn nothing_is_won_with_requests_that_were_not_answered() {
        let mut rows = [
            row("flint", "http 0.2, fresh", "as it comes", 16, 400.0),
            row(WASMTIME, "http 0.2, fresh", "as it comes", 16, 100.0),
        ];
        let claim = beside("http 0.2, fresh", false, MANY, 3.0);
        let outcomes = |rows: &[steady::Row]| {
            let verdicts = of_claim(rows, &claim, "answers a second", per_second);
            verdicts.map(|verdict| verdict.outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&rows), [Outcome::Held]);
        rows[0].figures.failed = 1;
        rows[0].figures.rounds = vec![Pace { per_second: 400.0, p99_us: 1.0 }];
        assert_eq!(outcomes(&rows), [Outcome::Missed]);
        assert_eq!(within(50, "", &rows[0].figures).outcome, Outcome::Missed);
        (rows[0].figures.failed, rows[1].figures.failed) = (0, 1);
        assert_eq!(outcomes(&rows), [], "who failed is nobody to win against");
    }

    #[test]
    fn what_is_left_with_many_connections_is_of_the_best_of_the_same() {
        let rate = |connections, per_second| row("flint", "buffered, fresh", "as it comes", connections, per_second);
        let rows = [rate(1, 10.0), rate(16, 100.0), rate(64, 90.0), rate(256, 80.0), row("axum", "", "", 256, 1000.0)];
        let verdicts: Vec<_> = holds_on(&rows).map(|verdict| (verdict.measured, verdict.outcome)).collect();
        assert_eq!(verdicts, [(0.8, Outcome::Missed)]);
    }

    #[test]
    fn a_median_lies_within_what_is_left_when_the_ends_are_left_out_that_chance_allows() {
        let of = |count: u32| spread((1..=count).rev().map(f64::from).collect());
        assert_eq!([of(0), of(1), of(5), of(6)], [None, Some((1.0, 1.0)), Some((1.0, 5.0)), Some((1.0, 6.0))]);
        // As tables of the sign test have it.
        assert_eq!([of(8), of(9), of(12)], [Some((1.0, 8.0)), Some((2.0, 8.0)), Some((3.0, 10.0))]);
        assert_eq!([of(20), of(100)], [Some((6.0, 15.0)), Some((40.0, 61.0))]);
    }

    #[test]
    fn a_bar_within_what_the_rounds_tell_is_neither_held_nor_missed() {
        let outcome = |rounds: [f64; 2]| Verdict::over("", 1.3, 1.3, rounds.into()).outcome;
        assert_eq!(
            [outcome([1.3, 1.4]), outcome([1.2, 1.29]), outcome([1.2, 1.4])],
            [Outcome::Held, Outcome::Missed, Outcome::Open]
        );
        let figures = |rates: [f64; 2]| {
            let rounds = rates.map(|per_second| Pace { per_second, p99_us: 1.0 }).into();
            Figures { rounds, ..row("", "", "", 1, rates.iter().sum()).figures }
        };
        assert_eq!(
            ratios(&figures([20.0, 60.0]), &figures([10.0, 20.0]), per_second),
            (80.0 / 30.0, vec![2.0, 3.0]),
            "of each round with that of the other"
        );
    }
}
