//! Runs that are kept in memory between their steps, so that a step need not read the journal.

use super::Head;
use crate::run::Run;
use indexmap::IndexMap;
use std::sync::{Mutex, PoisonError};

/// A run, how many records of its journal it has seen, and the head that goes with it.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) run: Run,
    pub(super) records: u64,
    pub(super) head: Head,
}

/// Runs by their execution's name.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    runs: Mutex<IndexMap<String, Cached>>,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { most, runs: Mutex::default() }
    }

    /// Takes a run out: whoever has it is the only one.
    pub(super) fn take(&self, name: &str) -> Option<Cached> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).swap_remove(name)
    }

    /// Keeps a run, in the place of one that was kept long ago if there are too many.
    pub(super) fn keep(&self, name: &str, cached: Cached) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.insert(name.to_owned(), cached);
        if runs.len() > self.most {
            runs.swap_remove_index(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{About, Limits};
    use std::sync::Arc;

    #[test]
    fn no_more_runs_are_kept_than_may_be_and_the_newest_is() {
        let machine =
            crate::source::load(r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#).expect("it is valid");
        let machine = Arc::new(machine);
        let cache = Cache::new(2);
        for name in ["a", "b", "c", "d"] {
            let about = About {
                id: String::new(),
                name: name.to_owned(),
                role: String::new(),
                input: serde_json::Value::Null,
                started_at: 0,
                redrives: 0,
                seed: 0,
                machine_id: String::new(),
                machine_name: String::new(),
            };
            let run = Run::new(machine.clone(), Arc::new(about), Limits::default(), false);
            let head = Head::new(String::new(), serde_json::Value::Null, 0, 0);
            cache.keep(name, Cached { run, records: 0, head });
            assert!(cache.runs.lock().expect("nobody panicked").len() <= 2);
        }
        assert!(cache.take("d").is_some() && cache.take("d").is_none() && cache.take("a").is_none());
    }
}
