//! Which tick fires now.
//!
//! What was dealt with is told by one moment, [`Decision::seen`], which the caller keeps in the commit that makes the tick a message. It
//! never goes back, and a tick fires only if it is later: so each fires once, over a restart, and whatever the clock does. The
//! price is paid by a clock that was ahead: what fired then is over, and nothing fires until that time has come. If it was so
//! by more than a day ([`is_ahead`]), that is too high a price: a schedule would be silent for years. Then it begins anew.

use super::Schedule;
use crate::Timestamp;
use std::time::Duration;

/// How late a tick may be and still be on time. Longer than a host is busy, shorter than it is away.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(60);

/// How far ahead of the clock a moment may be up to which ticks are dealt with. Longer than by what a clock is put right, be it
/// that of another time zone.
pub const AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether ticks are dealt with up to a moment that is so far ahead that the clock was wrong then; unless it is wrong now.
pub fn is_ahead(last: Timestamp, now: Timestamp) -> bool {
    last > now.saturating_add(AHEAD_MAX)
}

/// What becomes of ticks that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// They are passed over.
    Skip,
    /// They fire once, however many they were, in the place of the newest; or not at all if there is a tick that is on time.
    #[default]
    RunOnce,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The tick that fires now. There may be another, which the next decision tells.
    pub fire: Option<Timestamp>,
    /// When to decide again; none if there are no more ticks. May have passed already.
    pub next: Option<Timestamp>,
    /// How many ticks were passed over, counted up to [`COUNT_MAX`](super::COUNT_MAX).
    pub skipped: u64,
    /// All ticks up to this moment are dealt with: what to hand in the next time.
    pub seen: Timestamp,
}

impl Schedule {
    /// Decides which tick fires.
    ///
    /// Ticks that are at most `grace` late are on time, and each of them fires, oldest first. `last` is what the decision before
    /// answered as [`Decision::seen`]. A schedule that is new has none: it begins now, and missed nothing.
    pub fn decide(&self, last: Option<Timestamp>, now: Timestamp, missed: Missed, grace: Duration) -> Decision {
        let Some(last) = last else {
            return Decision { fire: None, next: self.next(now), skipped: 0, seen: now };
        };
        let too_late = last.max(before(now, grace));
        let passed = self.latest(last, too_late);
        let on_time = self.next(too_late).filter(|tick| *tick <= now);
        let newest = passed.map(|due| due.latest);
        let fire = on_time.or(newest.filter(|_| missed == Missed::RunOnce));
        let fires_late = fire.is_some() && fire == newest;
        let seen = fire.or(newest).unwrap_or(last);
        let skipped = passed.map_or(0, |due| due.count) - u64::from(fires_late);
        Decision { fire, next: self.next(seen), skipped, seen }
    }
}

/// The newest moment that is more than `grace` before now.
fn before(now: Timestamp, grace: Duration) -> Timestamp {
    let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(grace).saturating_sub(1))
}

#[cfg(test)]
mod tests;
