//! Instances that wait, a lane for each core, so that an event finds one that lies in the caches of the core it runs on.
//!
//! Memory that another core wrote last has to come from there, line by line: some 60 KiB an instance. With 64 connections on two
//! cores, a request to a buffered handler took 75 µs of CPU when one thread made all spares and one stack held them, and 60 µs
//! with lanes and spares that are made where the last instance lay (`Pool::replace`).

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Waits to be taken: the last that came first, and of one's own lane before those of others.
#[derive(Debug)]
pub(crate) struct Lanes<T>(Box<[Lane<T>]>);

/// On cache lines of its own, or two cores that each keep to theirs would still take turns.
#[derive(Debug)]
#[repr(align(128))]
struct Lane<T>(Mutex<VecDeque<T>>);

/// The lane of the thread that asks, of as many as there are cores.
pub(crate) fn own() -> usize {
    number() % cores()
}

fn cores() -> usize {
    static CORES: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    *CORES
}

/// The number of the thread that asks, and with it its lane: as long as there are no more threads than lanes, nobody else's.
fn number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Relaxed);
    }
    NUMBER.with(|number| *number)
}

impl<T> Lanes<T> {
    /// As many lanes as there are cores.
    pub(crate) fn new() -> Self {
        Self::of(cores())
    }

    fn of(lanes: usize) -> Self {
        Self((0..lanes.max(1)).map(|_| Lane(Mutex::default())).collect())
    }

    /// Puts one where this thread looks first: it was just used, or made, here.
    pub(crate) fn push_warm(&self, item: T) {
        self.lane(0).lock().push_back(item);
    }

    /// Puts one where it is found last.
    pub(crate) fn push_cold(&self, item: T) {
        self.lane(0).lock().push_front(item);
    }

    /// Takes the one that is warmest for this thread: of others' lanes the coldest, since those are warm for others.
    pub(crate) fn pop(&self) -> Option<T> {
        let own = self.lane(0).lock().pop_back();
        own.or_else(|| (1..self.0.len()).find_map(|other| self.lane(other).lock().pop_front()))
    }

    /// Takes up to `count`, of each lane the coldest.
    pub(crate) fn take_coldest(&self, count: usize) -> Vec<T> {
        let mut taken = Vec::new();
        for Lane(lane) in &self.0 {
            let mut lane = lane.lock();
            let here = lane.len().min(count - taken.len());
            taken.extend(lane.drain(..here));
        }
        taken
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|Lane(lane)| lane.lock().len()).sum()
    }

    /// The lane so far from one's own.
    fn lane(&self, distance: usize) -> &Mutex<VecDeque<T>> {
        &self.0[(number() + distance) % self.0.len()].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Does it in a thread that has another lane.
    fn elsewhere(lanes: usize, does: impl Fn() + Sync) {
        let here = number() % lanes;
        let attempt = || (number() % lanes != here).then(&does).is_some();
        // Each thread has another number, which counts up.
        while !thread::scope(|scope| scope.spawn(attempt).join().expect("it ends")) {}
    }

    #[test]
    fn a_thread_finds_what_it_left_last_before_what_others_left() {
        let lanes = Lanes::of(2);
        elsewhere(2, || ["their first", "their last"].into_iter().for_each(|item| lanes.push_warm(item)));
        lanes.push_warm("first");
        lanes.push_warm("last");
        lanes.push_cold("cold");
        let found: Vec<_> = std::iter::from_fn(|| lanes.pop()).collect();
        assert_eq!(found, ["last", "first", "cold", "their first", "their last"]);
    }

    #[test]
    fn what_is_coldest_is_taken_from_all_lanes() {
        let lanes = Lanes::of(3);
        (0..4).for_each(|number| lanes.push_warm(number));
        elsewhere(3, || lanes.push_warm(4));
        let mut taken = lanes.take_coldest(3);
        assert_eq!((taken.len(), lanes.len()), (3, 2));
        assert_eq!(lanes.pop(), Some(3));
        taken.extend(lanes.take_coldest(9));
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 4]);
    }
}
