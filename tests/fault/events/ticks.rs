//! Ticks of schedules, which `functions/ticker` counts under the moment when they fell due.

use super::look::{self, count};
use super::{Site, Work, brief};
use crate::it::harness::{Host, eventually};
use std::collections::BTreeMap;

/// In milliseconds.
const EVERY: u64 = 1_000;

pub(super) struct Ticks;

impl Work for Ticks {
    fn sections(&self) -> String {
        let schedule = |name: &str, lines: &str| {
            format!(
                "[schedule.{name}]\nwhen = \"every 1s\"\nfunction = \"ticker\"\nmax-receives = 40\nretry-delay = \"5ms\"\n{lines}\n"
            )
        };
        let sections = [
            brief("ticker", "grants = { kv = { ticks = \"read-write\" } }\n"),
            "[kv.ticks]\n".to_owned(),
            // None is late before a minute is over, so all are handled.
            schedule("all", ""),
            // One that fell due while no host was there is late, and is passed over.
            schedule("some", "missed = \"skip\"\ngrace = \"200ms\""),
        ];
        sections.concat()
    }

    fn workers(&self) -> usize {
        0
    }

    fn work(&self, _: &Site, _: usize, _: usize) {}

    fn queues(&self) -> &[&str] {
        &["schedule%2Fall", "schedule%2Fsome"]
    }

    fn check(&self, host: &Host) -> String {
        let [all, some] = ["all", "some"].map(|name| one_more(host, name));
        for (name, ticks) in [("all", &all), ("some", &some)] {
            let wrong: Vec<_> = ticks.iter().filter(|(due, times)| *due % EVERY != 0 || **times != 1).collect();
            assert!(wrong.is_empty(), "{name}: not once each: {wrong:?}");
        }
        let moments: Vec<_> = all.keys().copied().collect();
        let gaps: Vec<_> = moments.windows(2).filter(|two| two[1] - two[0] != EVERY).collect();
        assert!(gaps.is_empty(), "ticks between these are missing: {gaps:?}");
        format!("{} ticks were handled, and {} where they may be missed", all.len(), some.len())
    }
}

/// The ticks, when there is one more than there was: no host is killed meanwhile, so also one that may be missed comes.
fn one_more(host: &Host, schedule: &str) -> BTreeMap<u64, i64> {
    let before = ticks(host, schedule).len();
    eventually("one more tick", || Some(ticks(host, schedule)).filter(|ticks| ticks.len() > before))
}

/// How often each tick was handled.
fn ticks(host: &Host, schedule: &str) -> BTreeMap<u64, i64> {
    let prefix = format!("{schedule}/");
    let tick = |entry: &_| (look::key(entry, &prefix).parse().expect("a moment"), count(entry));
    look::entries(host, "ticks", &prefix).iter().map(tick).collect()
}
