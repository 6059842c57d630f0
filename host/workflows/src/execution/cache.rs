//! Runs that are kept in memory between their steps, so that a step need not read the journal.

use crate::run::Run;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A run, and how many records of its journal it has seen.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) run: Run,
    pub(super) records: u64,
}

/// Runs by their execution's name; those that were used last are kept.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    runs: HashMap<String, Cached>,
    /// Names in the order in which they were kept; one may come twice, or be gone.
    order: VecDeque<String>,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// Takes a run out: whoever has it is the only one.
    pub(super) fn take(&self, name: &str) -> Option<Cached> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).runs.remove(name)
    }

    pub(super) fn keep(&self, name: &str, cached: Cached) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        if kept.runs.insert(name.to_owned(), cached).is_none() {
            kept.order.push_back(name.to_owned());
        }
        while kept.runs.len() > self.most || kept.order.len() > 2 * self.most {
            match kept.order.pop_front() {
                // Kept again since, it is further back too.
                Some(oldest) if kept.order.len() >= self.most || kept.runs.len() > self.most => {
                    _ = kept.runs.remove(&oldest)
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}
