//! A number of things that may be done at once, counted by lane.

use super::{PerLane, count, own};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A number of permits, some of them on each lane.
#[derive(Debug)]
pub struct Permits(PerLane<Arc<Free>>);

/// How many are free on a lane. All accesses are in one order with those of others (`SeqCst`), so that who gives one back can look
/// behind that for who waits, and who waits can look for a permit behind saying so: one of both sees the other.
#[derive(Debug)]
#[repr(align(128))]
struct Free(AtomicUsize);

/// One of [`Permits`], which is given back to its lane when it is dropped. None: it was forgotten.
#[derive(Debug)]
pub struct Permit(Option<Arc<Free>>);

impl Permits {
    /// So many permits.
    pub fn new(permits: usize) -> Self {
        let (each, mut more) = (permits / count(), permits % count());
        let share = || {
            let share = each + usize::from(more > 0);
            more = more.saturating_sub(1);
            Arc::new(Free(AtomicUsize::new(share)))
        };
        Self(PerLane::new(share))
    }

    /// Takes one: of this thread's lane if there is one, else of another.
    ///
    /// Looks twice before there is none: one may be given to a lane that was looked at, while the last of another is taken. Only if that
    /// happens twice in a row, none is found although one was free all the time.
    pub fn take(&self) -> Option<Permit> {
        let look = || self.0.from(own()).find(|free| free.take(1) == 1);
        let free = look().or_else(look)?;
        Some(Permit(Some(Arc::clone(free))))
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        self.0.iter().map(|free| free.0.load(SeqCst)).sum()
    }

    /// One more, which is taken.
    pub fn one_more(&self) -> Permit {
        Permit(Some(Arc::clone(self.0.own())))
    }

    /// So many more.
    pub fn add(&self, permits: usize) {
        self.0.own().0.fetch_add(permits, SeqCst);
    }

    /// Takes up to so many away for good, of those that are free. Says how many.
    pub fn remove(&self, permits: usize) -> usize {
        self.0.iter().fold(0, |removed, free| removed + free.take(permits - removed))
    }
}

impl Free {
    /// Takes up to so many. Says how many.
    fn take(&self, most: usize) -> usize {
        let taken = self.0.fetch_update(SeqCst, SeqCst, |free| (free > 0).then(|| free - free.min(most)));
        taken.map_or(0, |free| free.min(most))
    }
}

impl Permit {
    /// There is one less from now on.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(free) = &self.0 {
            free.0.fetch_add(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn all_permits_can_be_taken_by_one_and_each_comes_back() {
        let permits = Permits::new(5);
        let mut taken: Vec<Permit> = std::iter::from_fn(|| permits.take()).collect();
        assert_eq!((taken.len(), permits.free()), (5, 0));
        taken.pop();
        assert_eq!((permits.free(), permits.remove(3), permits.free()), (1, 1, 0));
        permits.add(2);
        assert_eq!(permits.remove(1), 1);
        if let Some(permit) = taken.pop() {
            permit.forget();
        }
        taken.clear();
        assert_eq!(permits.free(), 4, "1 that was added, and 3 of 4 that were taken");
        drop(permits.one_more());
        assert_eq!(permits.free(), 5);
    }

    #[test]
    fn there_are_never_more_than_there_are() {
        const PERMITS: usize = 3;
        let (permits, inside) = (Permits::new(PERMITS), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let Some(_permit) = permits.take() else { continue };
                        assert!(inside.fetch_add(1, SeqCst) < PERMITS);
                        thread::yield_now();
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        assert_eq!(permits.free(), PERMITS);
    }
}
