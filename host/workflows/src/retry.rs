//! When a state is tried again ("Retrying after an error").

use crate::chance::Chance;
use crate::definition::Retrier;

/// The longest that a retry waits, in seconds, whatever its interval has grown to: a year, below which AWS keeps
/// `MaxDelaySeconds` too.
const DELAY_MAX: f64 = 31_622_400.0;

/// How long a state waits before it is tried again, in milliseconds, when this retrier has sent it round so often before;
/// `None`: not at all any more.
///
/// The interval grows by `BackoffRate` with each try, up to `MaxDelaySeconds`; with `JitterStrategy` `FULL`, the wait is a
/// random one between nothing and that.
#[must_use]
pub fn delay(retrier: &Retrier, tried: u32, random: u64) -> Option<u64> {
    if tried >= retrier.attempts {
        return None;
    }
    let grown = retrier.interval * retrier.backoff.powi(i32::try_from(tried).unwrap_or(i32::MAX));
    let most = retrier.delay_max.unwrap_or(DELAY_MAX).min(DELAY_MAX);
    let seconds = if grown.is_finite() { grown.min(most) } else { most };
    let share = if retrier.jitter { Chance::seeded(random).fraction() } else { 1.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and a year at most")]
    Some((seconds * share * 1_000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier() -> Retrier {
        Retrier {
            errors: vec!["States.ALL".to_owned()],
            interval: 3.0,
            attempts: 2,
            backoff: 1.5,
            delay_max: None,
            jitter: false,
        }
    }

    /// "The first retry attempt takes place three seconds after the Task state encounters an error. The second retry takes
    /// place 4.5 seconds after the first retry attempt."
    #[test]
    fn the_interval_grows_by_the_rate() {
        assert_eq!([0, 1, 2].map(|tried| delay(&retrier(), tried, 0)), [Some(3_000), Some(4_500), None]);
    }

    #[test]
    fn the_interval_stays_below_the_largest_delay() {
        let retrier = Retrier { attempts: u32::MAX, delay_max: Some(5.0), ..retrier() };
        assert_eq!(
            [0, 1, 2, 1_000, u32::MAX - 1].map(|tried| delay(&retrier, tried, 0)),
            [Some(3_000), Some(4_500), Some(5_000), Some(5_000), Some(5_000)]
        );
    }

    #[test]
    fn jitter_is_between_nothing_and_the_interval() {
        let retrier = Retrier { jitter: true, ..retrier() };
        let delays: Vec<_> = (0..1_000).map(|random| delay(&retrier, 0, random).unwrap_or(u64::MAX)).collect();
        let (least, most) = (delays.iter().min(), delays.iter().max());
        assert!(
            least.is_some_and(|least| *least < 30) && most.is_some_and(|most| (2_970..=3_000).contains(most)),
            "{least:?} {most:?}"
        );
    }

    #[test]
    fn no_attempt_means_no_retry() {
        assert_eq!(delay(&Retrier { attempts: 0, ..retrier() }, 0, 0), None);
    }
}
