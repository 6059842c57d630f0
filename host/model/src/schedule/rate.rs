//! A steady pace.
//!
//! Ticks are the multiples of the period since 1970, so a host that starts again goes on where it was, and two hosts agree.

use super::error::Error;
use crate::{Timestamp, duration};
use std::time::Duration;

/// The quickest pace. What is quicker than that is a loop, and not a schedule.
const PERIOD_MIN: Duration = Duration::from_secs(1);

/// Ticks at a steady pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// At least [`PERIOD_MIN`].
    period_ms: u64,
}

impl Rate {
    /// Reads the period: `30s`, `5 minutes`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let period = duration::parse(text)?;
        let period_ms = u64::try_from(period.as_millis()).map_err(|_| Error::Pace)?;
        let is_whole = Duration::from_millis(period_ms) == period;
        if period >= PERIOD_MIN && is_whole { Ok(Self { period_ms }) } else { Err(Error::Pace) }
    }

    pub(super) fn next(self, after: Timestamp) -> Option<Timestamp> {
        let tick = (after.as_millis() / self.period_ms).checked_add(1)?.checked_mul(self.period_ms)?;
        Some(Timestamp::from_millis(tick))
    }
}
