//! What workers were told of what they sent, and what has to come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard};

/// What was sent, of one kind.
#[derive(Debug)]
pub(crate) struct Told<T> {
    pub(crate) accepted: BTreeSet<T>,
    /// Sent, and no answer came: it may be there or not.
    open: BTreeSet<T>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { accepted: BTreeSet::new(), open: BTreeSet::new() }
    }
}

impl<T: Ord + Debug> Told<T> {
    /// Writes down what came of a request that sent something.
    pub(crate) fn add<R, E>(&mut self, sent: impl IntoIterator<Item = T>, answer: &Result<R, E>) {
        if answer.is_ok() { self.accepted.extend(sent) } else { self.open.extend(sent) }
    }

    /// Fails the test unless this happened, once each, to all that was accepted and is meant, to nothing that is not meant, and
    /// to nothing that nobody sent. Answers to what it happened.
    #[track_caller]
    pub(crate) fn check_once(
        &self,
        what: &str,
        happened: impl IntoIterator<Item = T>,
        meant: impl Fn(&T) -> bool,
    ) -> BTreeSet<T> {
        let mut counts: BTreeMap<T, usize> = BTreeMap::new();
        happened.into_iter().for_each(|one| *counts.entry(one).or_default() += 1);
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{what} more than once: {twice:?}");
        let happened: BTreeSet<T> = counts.into_keys().collect();
        let missing: Vec<_> = self.accepted.iter().filter(|one| meant(one) && !happened.contains(one)).collect();
        assert!(missing.is_empty(), "accepted, and never {what}: {missing:?}");
        let is_wrong = |one: &&T| !meant(one) || !(self.accepted.contains(one) || self.open.contains(one));
        let wrong: Vec<_> = happened.iter().filter(is_wrong).collect();
        assert!(wrong.is_empty(), "{what}, and should not be: {wrong:?}");
        happened
    }
}

/// Opens a book that several write.
pub(crate) fn open<T>(book: &Mutex<T>) -> MutexGuard<'_, T> {
    book.lock().expect("nobody failed while writing")
}
