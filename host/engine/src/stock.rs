//! The instances of one function that wait for an event, and how they count among those of all functions.

use crate::lanes::Lanes;
use flint_model::lane::Padded;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// What all functions together have of the spares that the host allows. Signed: two threads that count at once may let it pass
/// below the truth for a moment.
pub(crate) type Claims = Arc<Padded<AtomicIsize>>;

/// Where a spare was made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Made {
    /// Where this thread used the one before: its memory is warm, and it goes first.
    Here,
    /// Ahead of events: whatever is warmer goes first.
    Elsewhere,
}

/// Those that wait, used and unused.
#[derive(Debug)]
pub(crate) struct Stock<T> {
    /// Never used.
    spares: Lanes<T>,
    /// Used, and good for more (`serial`).
    used: Lanes<T>,
    /// How many wait, of both.
    ready: Padded<AtomicUsize>,
    /// So many are claimed also while they are not there.
    floor: usize,
    claims: Claims,
}

impl<T> Stock<T> {
    /// Claims its floor, until it is dropped.
    pub(crate) fn new(floor: usize, claims: Claims) -> Self {
        claims.0.fetch_add(signed(floor), Relaxed);
        Self { spares: Lanes::new(), used: Lanes::new(), ready: Padded::default(), floor, claims }
    }

    /// How many wait, used ones included.
    pub(crate) fn ready(&self) -> usize {
        self.ready.0.load(SeqCst)
    }

    /// How many wait that were never used.
    pub(crate) fn spares(&self) -> usize {
        self.spares.len()
    }

    /// Whether there may be another one: the floor always holds; beyond it there has to be room in all functions together.
    pub(crate) fn has_room(&self, claims_max: usize) -> bool {
        self.ready() < self.floor || self.claims.0.load(Relaxed) < signed(claims_max)
    }

    pub(crate) fn take_spare(&self) -> Option<T> {
        self.spares.pop().inspect(|_| self.count_out(1))
    }

    pub(crate) fn take_used(&self) -> Option<T> {
        self.used.pop().inspect(|_| self.count_out(1))
    }

    /// Keeps a spare. Gives it back if `most` wait already: others may have made theirs meanwhile.
    pub(crate) fn keep_spare(&self, spare: T, made: Made, most: usize) -> Option<T> {
        if !self.count_in(most) {
            return Some(spare);
        }
        match made {
            Made::Elsewhere => self.spares.push_cold(spare),
            Made::Here => self.spares.push_warm(spare),
        }
        None
    }

    pub(crate) fn keep_used(&self, used: T) {
        self.count_in(usize::MAX);
        self.used.push_warm(used);
    }

    /// Takes what is more than `target`: unused ones first, since a `serial` function counts on the used ones; of each the
    /// coldest.
    pub(crate) fn take_surplus(&self, target: usize) -> Vec<T> {
        let mut surplus = self.spares.take_coldest(self.ready().saturating_sub(target));
        // By themselves: a spare that is counted and not yet there, or came behind the look at spares, must not push one out.
        surplus.extend(self.used.take_coldest(self.used.len().saturating_sub(target)));
        self.count_out(surplus.len());
        surplus
    }

    /// Counts one before it waits, so that whoever takes it finds it counted; and in one order with what its maker looks at next, who
    /// waits for a slot (`Room::freed`) and whether the pool is retired. Says whether there was one missing of `most`.
    fn count_in(&self, most: usize) -> bool {
        let counted = self.ready.0.fetch_update(SeqCst, SeqCst, |ready| (ready < most).then_some(ready + 1));
        if counted.is_ok_and(|before| before >= self.floor) {
            self.claims.0.fetch_add(1, Relaxed);
        }
        counted.is_ok()
    }

    /// Counts those that wait no longer.
    fn count_out(&self, count: usize) {
        let before = self.ready.0.fetch_sub(count, Relaxed);
        let beyond = before.saturating_sub(self.floor).min(count);
        if beyond > 0 {
            self.claims.0.fetch_sub(signed(beyond), Relaxed);
        }
    }
}

impl<T> Drop for Stock<T> {
    fn drop(&mut self) {
        self.count_out(self.ready());
        self.claims.0.fetch_sub(signed(self.floor), Relaxed);
    }
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::Made::{Elsewhere, Here};
    use super::*;

    #[test]
    fn the_floor_is_claimed_whatever_is_there_and_beyond_it_what_waits() {
        let claims = Claims::default();
        let stock = Stock::new(2, Arc::clone(&claims));
        let claimed = || claims.0.load(Relaxed);
        assert_eq!(claimed(), 2);
        (0..4).for_each(|number| assert_eq!(stock.keep_spare(number, Elsewhere, 4), None));
        assert_eq!((stock.ready(), claimed()), (4, 4));
        assert_eq!(
            (stock.keep_spare(5, Elsewhere, 4), stock.keep_spare(6, Here, 4)),
            (Some(5), Some(6)),
            "there are enough"
        );
        assert_eq!((stock.ready(), claimed()), (4, 4));
        assert!(!stock.has_room(4) && stock.has_room(5));
        (0..3).for_each(|_| _ = stock.take_spare());
        assert_eq!((stock.ready(), claimed()), (1, 2));
        assert!(stock.has_room(0), "the floor always holds");
        stock.keep_used(9);
        stock.keep_used(8);
        assert_eq!(claimed(), 3);
        drop(stock);
        assert_eq!(claimed(), 0);
    }

    #[test]
    fn the_unused_go_first_and_of_each_the_coldest() {
        let stock = Stock::new(0, Claims::default());
        stock.keep_used("used");
        assert_eq!((stock.keep_spare("warm", Here, 9), stock.keep_spare("cold", Elsewhere, 9)), (None, None));
        assert_eq!(stock.take_surplus(2), ["cold"]);
        assert_eq!(stock.take_surplus(1), ["warm"]);
        assert_eq!((stock.take_used(), stock.ready()), (Some("used"), 0));
        stock.keep_used("used");
        assert!(stock.count_in(9), "a spare that is not there yet");
        assert_eq!(stock.take_surplus(1), [""; 0]);
        assert_eq!(stock.take_surplus(0), ["used"]);
    }
}
