//! What is kept in memory between steps, so that a step need not read a journal.

use indexmap::IndexMap;
use std::sync::{Mutex, PoisonError};

/// Runs, each with how much of its journal it has seen, by their names.
#[derive(Debug)]
pub(super) struct Cache<T> {
    most: usize,
    runs: Mutex<IndexMap<String, T>>,
}

impl<T> Cache<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, runs: Mutex::default() }
    }

    /// Takes a run out: whoever has it is the only one.
    pub(super) fn take(&self, name: &str) -> Option<T> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).swap_remove(name)
    }

    /// Keeps a run, in the place of one that was kept long ago if there are too many.
    pub(super) fn keep(&self, name: &str, cached: T) {
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

    #[test]
    fn no_more_runs_are_kept_than_may_be_and_the_newest_is() {
        let cache = Cache::new(2);
        for name in ["a", "b", "c", "d"] {
            cache.keep(name, name);
            assert!(cache.runs.lock().expect("nobody panicked").len() <= 2);
        }
        assert_eq!((cache.take("d"), cache.take("d"), cache.take("a")), (Some("d"), None, None));
    }
}
