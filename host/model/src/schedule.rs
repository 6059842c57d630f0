//! Schedules: an expression and a time zone to ticks, and which tick fires now. Pure.
//!
//! | expression | ticks |
//! | --- | --- |
//! | `30 3 * * MON-FRI` | cron: minute, hour, day of the month, month, day of the week (0 or 7 is Sunday) |
//! | `*/10 30 3 * * 1` | the same with seconds first |
//! | `@hourly` | also `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually` |
//! | `cron(0 12 ? * 2 *)` | as Amazon writes it: minute first, Sunday is 1, a year at the end, steps such as `0/10` |
//! | `every 30s`, `rate(5 minutes)` | at a steady pace, counted from 1970-01-01T00:00:00Z |
//!
//! Fields of cron take `*`, lists, ranges, steps and names; days of the month `?`, `L` (the last) and `W` (the nearest weekday);
//! days of the week `?`, `5#2` (the second Friday), `5#L` (the last) and `+` in front (both days have to hold, where otherwise one
//! of them is enough).
//!
//! **When clocks change.** An expression whose seconds, minutes and hours have neither `*` nor a step means fixed times, all
//! others mean intervals; Vixie cron tells them apart by the `*`.
//! - A fixed time that is skipped ticks right after the gap, once for all that fall into it. One that comes twice ticks the
//!   first time. So a daily job runs once a day, on each day.
//! - Intervals follow the clock on the wall: none in the gap, all of them in both of the hours that are alike.
//!
//! A pace knows no zone and no such change.
//!
//! `croner` searches the calendar and `jiff` knows the zones, whose data is in the binary. Time comes in
//! as an argument. Deliberately absent: clocks, timers, stores, and what becomes of a tick.

mod cron;
mod decide;
mod error;
mod rate;
#[cfg(test)]
mod tests;

pub use decide::{AHEAD_MAX, Decision, GRACE_DEFAULT, Missed, is_ahead};
pub use error::{Error, Field};

use crate::Timestamp;
use cron::{Cron, Dialect};
use jiff::tz::TimeZone;
use rate::Rate;
use std::fmt;

/// The zone of an expression that names none.
pub const ZONE_DEFAULT: &str = "UTC";

/// The longest expression, in bytes.
pub const TEXT_MAX: usize = 256;

/// How far ticks are counted. More have passed if the host was away for long, and nobody needs to know how many.
pub const COUNT_MAX: u64 = 1_000;

/// When something is due, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    ticks: Ticks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ticks {
    Cron(Box<Cron>),
    Rate(Rate),
}

/// Ticks that have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The newest.
    pub latest: Timestamp,
    /// How many there were, at least one, counted up to [`COUNT_MAX`].
    pub count: u64,
}

impl Schedule {
    /// Reads an expression. The zone is the name of the IANA: `Europe/Berlin`, [`ZONE_DEFAULT`].
    ///
    /// # Errors
    /// [`Error`] says which field is wrong and what it may be.
    pub fn parse(text: &str, zone: &str) -> Result<Self, Error> {
        let zone = TimeZone::get(zone).map_err(|_| Error::Zone { name: zone.to_owned() })?;
        let text = text.trim();
        if text.len() > TEXT_MAX {
            return Err(Error::TooLong);
        }
        let ticks = Ticks::parse(text, zone)?;
        let schedule = Self { text: text.to_owned(), ticks };
        if schedule.next(Timestamp::default()).is_none() {
            return Err(Error::Never);
        }
        Ok(schedule)
    }

    /// The first tick after a moment, that moment itself not counted; none if there are no more.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.ticks {
            Ticks::Cron(cron) => cron.next(after),
            Ticks::Rate(rate) => rate.next(after),
        }
    }

    /// The ticks after one moment and up to another, the latter counted; none if there is none.
    pub fn latest(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        let mut due: Option<Due> = None;
        for count in 1..=COUNT_MAX {
            let from = due.map_or(after, |due| due.latest);
            let Some(latest) = self.next(from).filter(|tick| *tick <= until) else { return due };
            due = Some(Due { latest, count });
        }
        due.map(|due| Due { latest: self.newest(due.latest, until), ..due })
    }

    /// The newest tick up to a moment, given one of them: halves the time between, where counting would take a step a tick.
    fn newest(&self, given: Timestamp, until: Timestamp) -> Timestamp {
        let (mut newest, mut none_after) = (given, until);
        while newest < none_after {
            let half = (none_after.as_millis() - newest.as_millis()) / 2;
            let middle = Timestamp::from_millis(newest.as_millis() + half);
            match self.next(middle).filter(|tick| *tick <= until) {
                Some(tick) => newest = tick,
                None => none_after = middle,
            }
        }
        newest
    }
}

impl Ticks {
    fn parse(text: &str, zone: TimeZone) -> Result<Self, Error> {
        let call = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(pace) = call("rate").or_else(|| text.strip_prefix("every ")) {
            return Ok(Self::Rate(Rate::parse(pace)?));
        }
        let cron = match call("cron") {
            Some(inner) => Cron::parse(inner, Dialect::Amazon, zone)?,
            None => Cron::parse(text, Dialect::Vixie, zone)?,
        };
        Ok(Self::Cron(Box::new(cron)))
    }
}

/// The expression as it was written.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
