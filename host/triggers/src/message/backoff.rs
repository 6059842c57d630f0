//! When a message that failed comes again. Pure.

use std::time::Duration;

/// Exponential back-off: `first` after the first failure, twice as long after each further one, `most` at most; and each
/// time up to a quarter more or less, so that what failed together does not come again together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    /// How long to wait after a message was received `receives` times; `jitter` is between 0 and 1.
    pub fn delay(&self, receives: u32, jitter: f64) -> Duration {
        let doublings = receives.saturating_sub(1).min(63);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let millis = u64::try_from(self.first.as_millis()).unwrap_or(u64::MAX).saturating_mul(factor);
        let plain = Duration::from_millis(millis).min(self.most);
        plain.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_doubles_up_to_its_bound_and_is_spread_by_a_quarter() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(10) };
        for (receives, jitter, millis) in [
            (1, 0.5, 1_000),
            (2, 0.5, 2_000),
            (4, 0.5, 8_000),
            (5, 0.5, 10_000),
            (u32::MAX, 0.5, 10_000),
            (0, 0.5, 1_000),
        ] {
            assert_eq!(backoff.delay(receives, jitter), Duration::from_millis(millis), "{receives}");
        }
        assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(750));
        assert_eq!(backoff.delay(1, 1.0), Duration::from_millis(1_250));
        assert_eq!(Backoff { first: Duration::ZERO, ..backoff }.delay(9, 1.0), Duration::ZERO);
    }
}
