//! Lanes: what each core has of its own.
//!
//! A cache line that another core wrote last takes 120 to 140 ns to come over (two threads that hand a flag to and fro, on a virtual
//! machine of two cores), and what every request counts would come over each time. So it is kept by lane, and added up by who reads it.
//!
//! With 64 connections on these two cores, a hello of 0.2 had 1.02 times as many requests a second with lanes, fresh or serial (median of
//! twelve pairs, a second each, in turns; quartiles 0.95 and 1.12). What cores take turns with grows with their number.

mod hold;
mod permits;

pub use hold::{Hold, Spread};
pub use permits::{Permit, Permits};

use rustix::thread::sched_getcpu;
use std::cell::Cell;
use std::sync::LazyLock;

/// How many lanes there are: one for each core that this process may use.
pub fn count() -> usize {
    static COUNT: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    *COUNT
}

/// A thread looks again on which core it is after so many questions: it seldom moves.
const LOOK_EVERY: u32 = 64;

/// The lane of the core that this thread runs on, or ran on a moment ago. Other threads may have the same one at the same time, so what
/// belongs to a lane is shared all the same.
pub fn own() -> usize {
    thread_local! {
        /// The lane, and for how many questions it holds.
        static LANE: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
    }
    let (lane, left) = LANE.get();
    let (lane, left) = match left {
        0 => (sched_getcpu() % count(), LOOK_EVERY),
        left => (lane, left - 1),
    };
    LANE.set((lane, left));
    lane
}

/// One of each for every lane.
#[derive(Debug)]
pub struct PerLane<T>(Box<[Padded<T>]>);

/// On cache lines of its own, for what all cores write and what stands beside it: two, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

impl<T> PerLane<T> {
    /// Makes one for each lane.
    pub fn new(make: impl FnMut() -> T) -> Self {
        Self::of(count(), make)
    }

    /// Makes one for each of so many lanes; one at least. If that is fewer than there are, those beyond have the first.
    pub fn of(lanes: usize, mut make: impl FnMut() -> T) -> Self {
        Self((0..lanes.max(1)).map(|_| Padded(make())).collect())
    }

    /// That of this thread.
    pub fn own(&self) -> &T {
        self.at(own())
    }

    /// That of a lane; the first if there are not so many.
    pub fn at(&self, lane: usize) -> &T {
        &self.0.get(lane).unwrap_or(&self.0[0]).0
    }

    /// That of a lane and, behind it, those of the others in turn.
    pub fn from(&self, lane: usize) -> impl Iterator<Item = &T> {
        let (before, behind) = self.0.split_at(if lane < self.0.len() { lane } else { 0 });
        behind.iter().chain(before).map(|Padded(item)| item)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Padded(item)| item)
    }
}

impl<T: Default> Default for PerLane<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_one_of_those_that_there_are_and_what_is_its_shares_no_cache_line() {
        assert!((0..2 * LOOK_EVERY).all(|_| own() < count()));
        let lanes = PerLane::of(3, || 0_u8);
        let places: Vec<usize> = lanes.iter().map(|lane| std::ptr::from_ref(lane).addr()).collect();
        assert!(places.iter().all(|place| place % 128 == 0) && places.is_sorted_by(|one, next| next - one >= 128));
    }

    #[test]
    fn all_are_found_from_any_lane_on() {
        let mut names = ["a", "b", "c"].into_iter();
        let lanes = PerLane::of(3, || names.next().unwrap_or_default());
        let found = |lane| lanes.from(lane).copied().collect::<String>();
        assert_eq!([found(0), found(1), found(2)], ["abc", "bca", "cab"]);
    }
}
