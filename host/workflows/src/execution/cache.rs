//! What is kept in memory between steps, so that a step need not read a journal.

use lru::LruCache;
use std::sync::{Mutex, PoisonError};

/// Runs, each with how much of its journal it has seen, by their names. Those that were not asked for longest make room.
#[derive(Debug)]
pub(super) struct Cache<T> {
    most: usize,
    runs: Mutex<LruCache<String, T>>,
}

impl<T> Cache<T> {
    /// With room for so many, which is taken as they come.
    pub(super) fn new(most: usize) -> Self {
        Self { most, runs: Mutex::new(LruCache::unbounded()) }
    }

    /// Takes a run out: whoever has it is the only one.
    pub(super) fn take(&self, name: &str) -> Option<T> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).pop(name)
    }

    /// Keeps a run.
    pub(super) fn keep(&self, name: &str, cached: T) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.put(name.to_owned(), cached);
        if runs.len() > self.most {
            runs.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_runs_are_kept_than_may_be_and_those_that_were_kept_last_are() {
        let cache = Cache::new(2);
        for name in ["a", "b", "c", "a", "d"] {
            cache.keep(name, name);
        }
        assert_eq!(["a", "b", "c", "d", "d"].map(|name| cache.take(name)), [Some("a"), None, None, Some("d"), None]);
    }
}
