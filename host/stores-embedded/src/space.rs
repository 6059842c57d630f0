//! What may still be written to a disk that fills up. Pure.
//!
//! Content stops first, so that blobs alone can't stop the queues and stores; then whatever adds something; what only frees
//! goes on for longest, or nothing could ever be removed from a disk that is full.

use crate::load::{Growth, Load};

/// What is to stay free, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserve(pub(crate) u64);

impl Reserve {
    /// Before the content of blobs: twice as much.
    pub(crate) fn of_content(self) -> u64 {
        self.0.saturating_mul(2)
    }

    /// Before what only frees: a quarter. It changes pages of the tables by writing new ones, before the old ones are free.
    fn of_what_frees(self) -> u64 {
        self.0 / 4
    }
}

/// What there is for a group of commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    reserve: Reserve,
    free: u64,
    /// What those take that were let in.
    taken: u64,
}

/// How often a byte is written: in its row, and in pages of the tables that are written anew. What the log puts off it looks after
/// itself (`wal`).
const COPIES: u64 = 2;

impl Space {
    pub(crate) fn new(reserve: Reserve, free: u64) -> Self {
        Self { reserve, free, taken: 0 }
    }

    /// Whether there is more than has to stay.
    pub(crate) fn is_ample(&self) -> bool {
        self.free >= self.reserve.0
    }

    /// Whether a piece of work may be done. It has its place then.
    pub(crate) fn takes(&mut self, load: Load) -> bool {
        let taken = self.taken.saturating_add(load.bytes.saturating_mul(COPIES));
        let stays = match load.growth {
            Growth::Adds => self.reserve.0,
            Growth::Frees => self.reserve.of_what_frees(),
        };
        let fits = self.free >= stays.saturating_add(taken);
        if fits {
            self.taken = taken;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_adds_is_refused_first_and_what_frees_at_the_floor() {
        for (free, adds, frees) in [(100, true, true), (99, false, true), (25, false, true), (24, false, false)] {
            let space = Space::new(Reserve(100), free);
            assert_eq!({ space }.takes(Load::adds(0, 1)), adds, "{free}");
            assert_eq!({ space }.takes(Load::frees(1)), frees, "{free}");
        }
        let mut unlimited = Space::new(Reserve(0), 0);
        assert!(unlimited.takes(Load::frees(1)) && unlimited.takes(Load::adds(0, 1)));
    }

    #[test]
    fn a_group_takes_no_more_than_there_is() {
        let mut space = Space::new(Reserve(100), 150);
        let taken = [20, 6, 5, 1].map(|bytes| space.takes(Load::adds(bytes, 1)));
        assert_eq!(taken, [true, false, true, false], "two bytes for one, and one that is too large disturbs none");
        assert!(space.takes(Load::frees(9)));
        assert!(!Space::new(Reserve(100), 1 << 40).takes(Load::adds(u64::MAX, 1)));
    }
}
