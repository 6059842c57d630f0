//! What the paths that speed depends on cost in instructions, and in cache lines: counted by callgrind, which no load of the machine
//! disturbs, and held against figures that are kept here.
//!
//! ```sh
//! cargo bench --profile dev --bench instructions
//! ```
//!
//! It takes valgrind, and `cargo install --locked gungraun-runner` in the version of the crate. The profile is that of the tests, so
//! that nothing is compiled twice: the figures are larger than those of a release, and say only whether a path became dearer. Who
//! makes one cheaper lowers its figure. From run to run, they differ by less than 1 %.
#![allow(missing_docs, reason = "the macros make public items of what is not")]

mod callgrind;
mod commits;
mod events;
mod requests;
mod site;
mod transitions;

use commits::Commits;
use events::Events;
use gungraun::{Callgrind, EntryPoint, EventKind, LibraryBenchmarkConfig};
use gungraun::{library_benchmark, library_benchmark_group, main};
use requests::Requests;
use transitions::Transitions;

/// How much more than its figure a path may cost, in percent.
const TOLERANCE: u64 = 5;

/// Counts between [`callgrind::counted`]'s two requests alone, and fails if that is more than the figure, in thousands of
/// instructions each time, and the tolerance.
fn guarded(thousands: u64) -> LibraryBenchmarkConfig {
    limited(EventKind::Ir, thousands * 1000)
}

/// The same of the cache lines that it touches in user space, of a path that is counted each time by itself: a line comes from memory once
/// whenever counting begins.
fn touching(lines: u64) -> LibraryBenchmarkConfig {
    limited(EventKind::RamHits, lines)
}

fn limited(kind: EventKind, each: u64) -> LibraryBenchmarkConfig {
    let limit = each * site::TIMES * (100 + TOLERANCE) / 100;
    let mut tool = Callgrind::with_args(["--instr-atstart=no"]);
    tool.entry_point(EntryPoint::None).hard_limits([(kind, limit)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(tool);
    config
}

#[library_benchmark(config = guarded(88))]
#[bench::invoke(setup = Events::pooled)]
fn pooled_event(events: Events) {
    events.run();
}

#[library_benchmark(config = touching(7600))]
#[bench::invoke(setup = Events::pooled)]
fn event_after_idleness(events: Events) {
    events.run_each_after_idleness();
}

#[library_benchmark(config = guarded(292))]
#[bench::invoke(setup = Events::on_demand)]
fn on_demand_event(events: Events) {
    events.run();
}

#[library_benchmark(config = guarded(800))]
#[bench::buffered(setup = Requests::new)]
fn http_request(mut requests: Requests) {
    requests.run();
}

#[library_benchmark(config = guarded(424))]
#[bench::put(setup = Commits::new)]
fn durable_commit(commits: Commits) {
    commits.run();
}

#[library_benchmark(config = guarded(105))]
#[bench::task(setup = Transitions::new)]
fn workflow_transition(transitions: Transitions) {
    transitions.run();
}

library_benchmark_group!(
    name = paths,
    benchmarks =
        [pooled_event, event_after_idleness, on_demand_event, http_request, durable_commit, workflow_transition]
);

main!(setup = site::build(); library_benchmark_groups = paths);
