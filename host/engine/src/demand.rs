//! How many spare instances a function should have: a pure decision from what was seen.

use std::time::Duration;

/// Spares cover the arrivals of so long a time: many times what the refilling thread needs to wake up and make some.
const HORIZON: Duration = Duration::from_millis(20);

/// How fast the seen rate follows the real one, and how fast spares that are not needed are given up.
const MEMORY: Duration = Duration::from_secs(2);

/// A function that is called less often, in events a second, has no spare beyond its floor. Without that, what is left of a
/// rate would ask for one long after the last event: it is halved again and again, and never nothing.
const RARE: f64 = 1e-3;

/// What happened since the last look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Events that came.
    pub arrivals: u64,
    /// Events that found no spare.
    pub misses: u64,
    /// Since the last look.
    pub elapsed: Duration,
}

/// Between what the number of spares has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The `warm` setting: provisioned concurrency.
    pub floor: usize,
    /// The most that one function may have.
    pub ceiling: usize,
}

/// What is remembered of the arrivals at one function.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Demand {
    /// Events a second, averaged over [`MEMORY`].
    rate: f64,
    spares: usize,
}

impl Demand {
    /// Takes in what was seen and answers how many spares there should be.
    ///
    /// Grows at once: by doubling when events found no spare, else with the rate. Shrinks slowly.
    pub fn observe(&mut self, seen: Observed, bounds: Bounds) -> usize {
        let seconds = seen.elapsed.as_secs_f64().max(1e-3);
        let forgotten = (-seconds / MEMORY.as_secs_f64()).exp();
        #[expect(clippy::cast_precision_loss, reason = "a rate is a rough number")]
        let rate_now = seen.arrivals as f64 / seconds;
        self.rate = self.rate * forgotten + rate_now * (1.0 - forgotten);

        let needed = if self.rate < RARE { 0 } else { rounded_up(self.rate * HORIZON.as_secs_f64()) };
        let missed = usize::try_from(seen.misses).unwrap_or(usize::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        let kept = if missed > 0 {
            self.spares.saturating_mul(2).max(self.spares.saturating_add(missed))
        } else {
            rounded_down(self.spares as f64 * forgotten)
        };
        self.spares = needed.max(kept).min(bounds.ceiling).max(bounds.floor);
        self.spares
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is never negative")]
fn rounded_up(value: f64) -> usize {
    value.ceil() as usize
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is never negative")]
fn rounded_down(value: f64) -> usize {
    value.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { floor: 1, ceiling: 100 };

    fn seen(arrivals: u64, misses: u64, millis: u64) -> Observed {
        Observed { arrivals, misses, elapsed: Duration::from_millis(millis) }
    }

    #[test]
    fn a_function_that_nobody_calls_has_its_floor() {
        assert_eq!(Demand::default().observe(seen(0, 0, 1000), BOUNDS), 1);
        assert_eq!(Demand::default().observe(seen(0, 0, 1000), Bounds { floor: 7, ceiling: 3 }), 7);
    }

    #[test]
    fn misses_double_the_spares_up_to_the_ceiling() {
        let mut demand = Demand::default();
        let grown: Vec<_> = (0..9).map(|_| demand.observe(seen(2, 2, 1), BOUNDS)).collect();
        assert!(grown.windows(2).all(|w| w[1] >= (w[0] * 2).min(100)), "{grown:?}");
        assert_eq!(grown.last(), Some(&100));
    }

    #[test]
    fn spares_follow_the_rate_and_are_given_up_slowly() {
        let mut demand = Demand::default();
        for _ in 0..100 {
            demand.observe(seen(200, 0, 100), BOUNDS);
        }
        let busy = demand.observe(seen(200, 0, 100), BOUNDS);
        assert!((39..=41).contains(&busy), "2,000 a second for 20 ms: {busy}");
        let soon = demand.observe(seen(0, 0, 100), BOUNDS);
        assert!(soon > busy / 2, "{soon}");
        for _ in 0..300 {
            demand.observe(seen(0, 0, 100), BOUNDS);
        }
        assert_eq!(demand.observe(seen(0, 0, 100), BOUNDS), 1);
    }

    #[test]
    fn who_was_called_once_has_a_spare_for_a_while_and_then_none() {
        let bounds = Bounds { floor: 0, ceiling: 100 };
        let mut demand = Demand::default();
        assert_eq!(demand.observe(seen(1, 1, 250), bounds), 1);
        assert_eq!(demand.observe(seen(0, 0, 250), bounds), 1);
        let kept = (0..).take_while(|_| demand.observe(seen(0, 0, 250), bounds) > 0).take(1000).count();
        assert!(kept < 60 * 4, "{kept} reviews of a quarter of a second");
    }
}
