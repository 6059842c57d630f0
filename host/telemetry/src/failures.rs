//! Counts how invocations failed, by a code that is only known when it first happens, without a lock.

use crate::record::Trigger;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many codes of failure are told apart; the vocabulary of the host has a dozen.
const CODES_MAX: usize = 24;

/// The label of the codes that came when all places were taken.
const REST: &str = "other";

/// Counters of every trigger with every code.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// Filled from the front and never emptied, so that a reader may stop at the first empty place.
    codes: [Code; CODES_MAX],
    rest: ByTrigger,
}

/// A counter for each trigger.
pub(crate) type ByTrigger = [AtomicU64; Trigger::ALL.len()];

#[derive(Debug, Default)]
struct Code {
    code: OnceLock<&'static str>,
    counters: ByTrigger,
}

impl Failures {
    pub(crate) fn count(&self, trigger: Trigger, code: &'static str) {
        let place = self.codes.iter().find(|place| *place.code.get_or_init(|| code) == code);
        let counters = place.map_or(&self.rest, |place| &place.counters);
        counters[trigger as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Every pair that happened at least once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Trigger, &'static str, u64)> {
        let codes = self.codes.iter().map_while(|place| Some((*place.code.get()?, &place.counters)));
        codes.chain([(REST, &self.rest)]).flat_map(|(label, counters)| {
            let counts = Trigger::ALL.iter().map(move |t| (*t, label, counters[*t as usize].load(Ordering::Relaxed)));
            counts.filter(|(_, _, count)| *count > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_until_all_places_are_taken() {
        let failures = Failures::default();
        let codes: Vec<&'static str> =
            (0..CODES_MAX + 2).map(|n| &*Box::leak(format!("code/{n}").into_boxed_str())).collect();
        for code in codes.iter().chain(&codes[..1]) {
            failures.count(Trigger::Http, code);
        }
        failures.count(Trigger::Invoke, codes[1]);
        let counted: Vec<_> = failures.iter().collect();
        let first = [(Trigger::Http, "code/0", 2), (Trigger::Http, "code/1", 1), (Trigger::Invoke, "code/1", 1)];
        assert_eq!(counted[..first.len()], first);
        assert!(counted.contains(&(Trigger::Http, REST, 2)));
    }
}
