//! What flint wants to be, and whether it was in this run.

use super::load::{Figures, Round};
use super::neighbours::Company;
use super::peer::Peer;
use super::ratio::Ratio;
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
    #[serde(flatten)]
    ratio: Ratio,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Held,
    Missed,
    /// What has to be reached lies within the interval of what was measured: the run can't tell.
    Open,
}

impl Outcome {
    fn of(ratio: Ratio, bar: f64) -> Self {
        let (low, high) = ratio.between.unwrap_or((ratio.measured, ratio.measured));
        if low >= bar {
            Self::Held
        } else if high < bar {
            Self::Missed
        } else {
            Self::Open
        }
    }
}

impl Verdict {
    fn new(claim: impl Into<String>, bar: f64, ratio: Ratio) -> Self {
        Self { claim: claim.into(), bar, ratio, outcome: Outcome::of(ratio, bar) }
    }
}

/// What is compared of a round: of the first there has to be so many times the second.
type Pair = fn(&Round, &Round) -> (f64, f64);

fn rates(own: &Round, other: &Round) -> (f64, f64) {
    (own.per_second, other.per_second)
}

/// The shorter, the better.
fn tails(own: &Round, other: &Round) -> (f64, f64) {
    (other.p99_us, own.p99_us)
}

/// Nothing, unless both answered all requests.
fn compared(own: &Figures, other: &Figures, pair: Pair) -> Ratio {
    if !own.is_whole() || !other.is_whole() {
        return Ratio::ZERO;
    }
    let rounds = own.rounds.iter().zip(&other.rounds).map(|(own, other)| pair(own, other));
    Ratio::of(rounds, pair(&own.together(), &other.together()))
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
const COLD: [(Work, &str, f64); 5] = [
    (Work::Hello, cold::POOLED, 5000.0),
    (Work::Hello, cold::ON_DEMAND, 5000.0),
    (Work::Hello, cold::IDLE_PROCESS, 5000.0),
    (Work::Hello, cold::OVER_HTTP, 500.0),
    (Work::Deposit, cold::OVER_HTTP, 500.0),
];

const WASMTIME: &str = "wasmtime serve";
const MANY: &[usize] = &[16, 64, steady::MOST];
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
/// Of 53 µs that two cores had for a request of 0.3 shared in another run (64 connections, 37,600/s, `perf record -e cpu-clock:u`), the
/// host took 24 in user space, 3.4 of them in functions of flint (2.5 in `malloc`, 1.6 in `memcpy` and its like, for everybody): without
/// any of them it would have 7 % more requests. Code in huge pages made no difference beyond noise (copied there at the start; 1, 16 and
/// 64 connections). A runtime of one thread for each core, connections dealt out in turns, gave 0.2 fresh 11 and 21 % more requests with
/// 16 and 64 connections and 25 % fewer with 256; 0.3 serial 9, 3 and -6 % more, shared 2, 6 and -2 % (medians of six, in a build that is
/// not optimised as a whole). It would keep all requests of an HTTP/2 client on one core, and others behind a guest that computes there.
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
    for (claims, what, pair) in
        [(&RATES[..], "answers a second", rates as Pair), (&TAILS[..], "a p99 of less than one", tails)]
    {
        verdicts.extend(claims.iter().flat_map(|claim| of_claim(&report.steady, claim, what, pair)));
    }
    verdicts.extend(holds_on(&report.steady));
    for row in &report.neighbours {
        let bar = if row.company == Company::Spinning { 0.3 } else { 0.8 };
        let claim = format!("what is left of the rate beside {}", row.company);
        verdicts.push(Verdict::new(claim, bar, compared(&row.together, &row.alone, rates)));
        if row.company == Company::Spinning {
            verdicts.push(within(20, &format!("beside {}", row.company), &row.together));
        }
    }
    let bursts = report.burst.iter().filter(|row| row.peer.system == "flint");
    verdicts.extend(bursts.map(|row| within(50, &format!("of a burst, {}", row.peer.variant), &row.figures)));
    verdicts
}

fn within(milliseconds: u32, what: &str, of: &Figures) -> Verdict {
    let claim = format!("{milliseconds} ms beside the p99 {what}");
    let beside = |round: &Round| (f64::from(milliseconds) * 1000.0, round.p99_us);
    let ratio =
        if of.is_whole() { Ratio::of(of.rounds.iter().map(beside), beside(&of.together())) } else { Ratio::ZERO };
    Verdict::new(claim, 1.0, ratio)
}

/// Nothing where others are not there, or did not answer all requests.
fn of_claim<'a>(
    rows: &'a [steady::Row],
    claim: &'a Claim,
    what: &'a str,
    pair: Pair,
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
        Some(Verdict::new(claim, bar, compared(own, other, pair)))
    })
}

/// That many connections cost no throughput: what there is with most of them, beside the best with fewer. Which is the best is told by
/// the same rounds, so that it is a little too good.
fn holds_on(rows: &[steady::Row]) -> impl Iterator<Item = Verdict> {
    let (fewer, most) = rows.iter().partition::<Vec<_>, _>(|row| row.connections < steady::MOST);
    let ours = most.into_iter().filter(|row| row.peer.system == "flint");
    ours.map(move |row| {
        let same = fewer.iter().filter(|it| it.peer == row.peer).map(|it| &it.figures);
        let whole = same.filter(|it| it.is_whole());
        let best = whole.max_by(|one, other| one.per_second.total_cmp(&other.per_second));
        let ratio = best.map_or(Ratio::ZERO, |best| compared(&row.figures, best, rates));
        let Peer { variant, .. } = &row.peer;
        let claim = format!("of the best rate with fewer connections, {variant}, {} connections", row.connections);
        Verdict::new(claim, 0.85, ratio)
    })
}

pub(super) fn table(verdicts: &[Verdict]) -> String {
    let mut text = format!("{:<88} {:>8} {:>9} {:>9} {:>9}\n", "verdicts", "at least", "measured", "from", "to");
    for Verdict { claim, bar, ratio: Ratio { measured, between }, outcome } in verdicts {
        let (from, to) =
            between.map_or_else(Default::default, |(low, high)| (format!("{low:.2}"), format!("{high:.2}")));
        let mark = match outcome {
            Outcome::Held => "",
            Outcome::Missed => "  missed",
            Outcome::Open => "  open",
        };
        let line = format!("{claim:<88} {bar:>8.2} {measured:>9.2} {from:>9} {to:>9}{mark}");
        // Writing to a string can't fail.
        _ = writeln!(text, "{}", line.trim_end());
    }
    text.push_str(
        "measured: the median of the rounds of this run (of a burst, its p99 in each), and from which to which it lies, by 95 % if rounds\n\
         are independent; of too few rounds, that of all together\n\
         open: what has to be reached lies between them, so that this run can't tell\n",
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

    fn outcomes(verdicts: impl Iterator<Item = Verdict>) -> Vec<(f64, Outcome)> {
        verdicts.map(|verdict| (verdict.ratio.measured, verdict.outcome)).collect()
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
        let verdicts = outcomes(of_claim(&rows, &claim, "answers a second", rates));
        assert_eq!(verdicts, [(4.0, Outcome::Held), (2.0, Outcome::Missed)]);
    }

    #[test]
    fn nothing_is_won_with_requests_that_were_not_answered() {
        let mut rows = [
            row("flint", "http 0.2, fresh", "as it comes", 16, 400.0),
            row(WASMTIME, "http 0.2, fresh", "as it comes", 16, 100.0),
        ];
        let claim = beside("http 0.2, fresh", false, MANY, 3.0);
        let of = |rows: &[steady::Row]| outcomes(of_claim(rows, &claim, "answers a second", rates));
        assert_eq!(of(&rows), [(4.0, Outcome::Held)]);
        rows[0].figures.failed = 1;
        assert_eq!(of(&rows), [(0.0, Outcome::Missed)]);
        assert_eq!(within(50, "", &rows[0].figures).outcome, Outcome::Missed);
        (rows[0].figures.failed, rows[1].figures.failed) = (0, 1);
        assert_eq!(of(&rows), [], "who failed is nobody to win against");
        let [own, other] = rows.map(|row| row.figures);
        assert_eq!([rates as Pair, tails].map(|pair| compared(&own, &other, pair)), [Ratio::ZERO; 2]);
    }

    #[test]
    fn a_rate_with_most_connections_is_beside_the_best_of_the_same_with_fewer() {
        let rate = |connections, per_second| row("flint", "buffered, fresh", "as it comes", connections, per_second);
        let mut rows =
            [rate(1, 10.0), rate(16, 100.0), rate(64, 90.0), rate(256, 80.0), row("axum", "", "", 256, 1000.0)];
        assert_eq!(outcomes(holds_on(&rows)), [(0.8, Outcome::Missed)]);
        rows[1].figures.failed = 1;
        assert_eq!(outcomes(holds_on(&rows)), [(80.0 / 90.0, Outcome::Held)], "who failed is not the best");
        rows[3].figures.per_second = 180.0;
        assert_eq!(outcomes(holds_on(&rows)), [(2.0, Outcome::Held)], "there may be more, too");
        for row in &mut rows[..3] {
            row.figures.failed = 1;
        }
        assert_eq!(outcomes(holds_on(&rows)), [(0.0, Outcome::Missed)], "there is nothing that it could be beside");
        rows[0].figures.failed = 0;
        rows[3].figures.failed = 1;
        assert_eq!(outcomes(holds_on(&rows)), [(0.0, Outcome::Missed)]);
    }

    #[test]
    fn rounds_decide_and_a_bar_among_them_is_neither_held_nor_missed() {
        let figures = |rounds: [(f64, f64); 6]| {
            let rounds = rounds.map(|(per_second, p99_us)| Round { per_second, p99_us });
            Figures { rounds: rounds.into(), ..row("", "", "", 1, 1.0).figures }
        };
        let other = figures([(10.0, 100.0); 6]);
        let own = figures([(12.0, 25.0), (28.0, 40.0), (13.0, 50.0), (26.0, 50.0), (14.0, 50.0), (30.0, 80.0)]);
        assert_eq!(compared(&own, &other, rates), Ratio { measured: 2.0, between: Some((1.2, 3.0)) });
        assert_eq!(compared(&own, &other, tails), Ratio { measured: 2.0, between: Some((1.25, 4.0)) });
        let Verdict { ratio, outcome, .. } = within(1, "", &figures([(10.0, 800.0); 6]));
        assert_eq!((ratio, outcome), (Ratio { measured: 1.25, between: Some((1.25, 1.25)) }, Outcome::Held));
        let outcomes = [1.2, 1.21, 3.0, 3.1].map(|bar| Outcome::of(compared(&own, &other, rates), bar));
        assert_eq!(outcomes, [Outcome::Held, Outcome::Open, Outcome::Open, Outcome::Missed]);
    }

    #[test]
    fn people_read_the_interval_and_what_it_tells() {
        let open = Ratio { measured: 1.3, between: Some((1.25, 1.4)) };
        let text = table(&[
            Verdict::new("one", 1.3, open),
            Verdict::new("two", 1.5, open),
            Verdict::new("three", 1.0, Ratio { measured: 2.0, between: None }),
        ]);
        let rows: Vec<Vec<_>> = text.lines().skip(1).take(3).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            rows,
            [
                vec!["one", "1.30", "1.30", "1.25", "1.40", "open"],
                vec!["two", "1.50", "1.30", "1.25", "1.40", "missed"],
                vec!["three", "1.00", "2.00"]
            ]
        );
    }
}
