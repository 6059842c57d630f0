//! Instances that wait, a lane for each core, so that an event finds one that lies in the caches of the core it runs on.
//!
//! Memory that another core wrote last has to come from there, line by line: some 60 KiB an instance. With 64 connections on two
//! cores, a request to a buffered handler took 75 µs of CPU when one thread made all spares and one stack held them, and 60 µs
//! with lanes and spares that are made where the last instance lay (`Pool::replace`).

use flint_model::lane::{self, PerLane};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Waits to be taken: the last that came first, and of one's own lane before those of others.
#[derive(Debug)]
pub(crate) struct Lanes<T>(PerLane<Mutex<VecDeque<T>>>);

impl<T> Lanes<T> {
    pub(crate) fn new() -> Self {
        Self(PerLane::default())
    }

    /// Puts one where this thread looks first: it was just used, or made, here.
    pub(crate) fn push_warm(&self, item: T) {
        self.0.own().lock().push_back(item);
    }

    /// Puts one where it is found last.
    pub(crate) fn push_cold(&self, item: T) {
        self.0.own().lock().push_front(item);
    }

    /// Takes the one that is warmest for this thread: of others' lanes the coldest, since those are warm for others.
    pub(crate) fn pop(&self) -> Option<T> {
        self.pop_on(lane::own())
    }

    fn pop_on(&self, lane: usize) -> Option<T> {
        let mut lanes = self.0.from(lane);
        let own = lanes.next()?.lock().pop_back();
        own.or_else(|| lanes.find_map(|other| other.lock().pop_front()))
    }

    /// Takes up to `count`, of each lane the coldest.
    pub(crate) fn take_coldest(&self, count: usize) -> Vec<T> {
        let mut taken = Vec::new();
        for lane in self.0.iter() {
            let mut lane = lane.lock();
            let here = lane.len().min(count - taken.len());
            taken.extend(lane.drain(..here));
        }
        taken
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|lane| lane.lock().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each lane has, its coldest first.
    fn lanes<T: Clone>(items: &[&[T]]) -> Lanes<T> {
        let mut items = items.iter();
        Lanes(PerLane::of(items.len(), || {
            Mutex::new(items.next().into_iter().flat_map(|lane| lane.to_vec()).collect())
        }))
    }

    #[test]
    fn a_thread_finds_what_it_left_last_before_what_others_left() {
        let lanes = lanes(&[&["their first", "their last"], &["cold", "first", "last"]]);
        let found: Vec<_> = std::iter::from_fn(|| lanes.pop_on(1)).collect();
        assert_eq!(found, ["last", "first", "cold", "their first", "their last"]);
        lanes.push_warm("warm");
        lanes.push_cold("cold");
        assert_eq!((lanes.pop(), lanes.pop(), lanes.pop()), (Some("warm"), Some("cold"), None));
    }

    #[test]
    fn what_is_coldest_is_taken_from_all_lanes() {
        let lanes = lanes(&[&[0, 1, 2, 3], &[], &[4]]);
        let mut taken = lanes.take_coldest(3);
        assert_eq!((taken.len(), lanes.len()), (3, 2));
        assert_eq!(lanes.pop_on(0), Some(3));
        taken.extend(lanes.take_coldest(9));
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 4]);
    }
}
