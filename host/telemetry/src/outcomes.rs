//! Counts how invocations ended, by a code that is only known when it first happens, without a lock.

use crate::record::{Outcome, Trigger};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many codes of failure are told apart; the vocabulary of the host has a dozen.
const CODES_MAX: usize = 24;

/// The label of the codes that came when all places were taken.
const REST: &str = "other";

/// Counters of every trigger with every outcome.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    ok: Counters,
    /// Filled from the front and never emptied, so that a reader may stop at the first empty place.
    failed: [Code; CODES_MAX],
    rest: Counters,
}

type Counters = [AtomicU64; Trigger::ALL.len()];

#[derive(Debug, Default)]
struct Code {
    code: OnceLock<&'static str>,
    counters: Counters,
}

impl Outcomes {
    pub(crate) fn count(&self, trigger: Trigger, outcome: Outcome) {
        let counters = match outcome {
            Outcome::Ok => &self.ok,
            Outcome::Failed(code) => self.failed(code),
        };
        counters[trigger as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self, code: &'static str) -> &Counters {
        let place = self.failed.iter().find(|place| *place.code.get_or_init(|| code) == code);
        place.map_or(&self.rest, |place| &place.counters)
    }

    /// Every pair that happened at least once; a success is always listed, so that a rate can start from 0.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Trigger, &'static str, u64)> {
        let failed = self.failed.iter().map_while(|place| Some((*place.code.get()?, &place.counters)));
        [(Outcome::Ok.label(), &self.ok)].into_iter().chain(failed).chain([(REST, &self.rest)]).flat_map(
            |(label, counters)| {
                let counts =
                    Trigger::ALL.iter().map(move |t| (*t, label, counters[*t as usize].load(Ordering::Relaxed)));
                counts.filter(|(_, label, count)| *count > 0 || *label == Outcome::Ok.label())
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_until_all_places_are_taken() {
        let outcomes = Outcomes::default();
        let codes: Vec<&'static str> =
            (0..CODES_MAX + 2).map(|n| &*Box::leak(format!("code/{n}").into_boxed_str())).collect();
        for code in codes.iter().chain(&codes[..1]) {
            outcomes.count(Trigger::Http, Outcome::Failed(code));
        }
        outcomes.count(Trigger::Invoke, Outcome::Ok);
        let counted: Vec<_> = outcomes.iter().collect();
        let first = [
            (Trigger::Http, "ok", 0),
            (Trigger::Invoke, "ok", 1),
            (Trigger::Queue, "ok", 0),
            (Trigger::Topic, "ok", 0),
            (Trigger::Kv, "ok", 0),
            (Trigger::Blob, "ok", 0),
            (Trigger::Schedule, "ok", 0),
            (Trigger::Http, "code/0", 2),
        ];
        assert_eq!(counted[..first.len()], first);
        assert!(counted.contains(&(Trigger::Http, REST, 2)));
    }
}
