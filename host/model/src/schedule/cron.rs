//! Cron expressions: their fields, and the next tick in a zone.
//!
//! Intervals are searched by `croner` along real time. Fixed times are searched along the clock on the wall, without a zone, and each
//! is then placed in real time. `croner` would do both, but it calls fixed only what has one value in each field, so that
//! `0 2,14 * * *` would run twice on one day of the year and once on another.

use super::error::{Error, Field};
use crate::Timestamp;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::fmt;

/// An expression in its zone.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
    is_fixed: bool,
}

/// How an expression is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As on every Unix, with seconds in front if need be.
    Vixie,
    /// As in EventBridge: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based>.
    Amazon,
}

const NICKNAMES: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Reads the fields.
    pub(super) fn parse(text: &str, dialect: Dialect, zone: TimeZone) -> Result<Self, Error> {
        let fields = dialect.fields(spelled_out(text)?)?;
        for (field, found) in Field::ALL.into_iter().zip(fields) {
            dialect.check(field, found)?;
        }
        // Never fails, since each field was read by itself.
        let wanted = "a cron expression is needed";
        let pattern = dialect.pattern(fields).map_err(|_| Error::Fields { found: fields.len(), wanted })?;
        let [second, minute, hour, ..] = fields;
        let is_fixed = ![second, minute, hour].into_iter().any(|field| field.contains(['*', '/']));
        Ok(Self { pattern, zone, is_fixed })
    }

    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // Ticks are whole seconds, so what is after the second is after the moment.
        let second = i64::try_from(after.as_millis() / 1000).ok()?;
        let after = jiff::Timestamp::from_second(second).ok()?.to_zoned(self.zone.clone());
        let tick = if self.is_fixed { self.next_fixed(&after)? } else { self.next_interval(&after)? };
        u64::try_from(tick.as_millisecond()).ok().map(Timestamp::from_millis)
    }

    fn next_interval(&self, after: &Zoned) -> Option<jiff::Timestamp> {
        self.pattern.find_next_occurrence(after, false).ok().map(|tick| tick.timestamp())
    }

    /// Takes more than one step only in the second of two hours that are alike, where the times of the first are over, and for times
    /// of one gap, which are one tick.
    fn next_fixed(&self, after: &Zoned) -> Option<jiff::Timestamp> {
        let mut wall = after.datetime();
        loop {
            wall = self.pattern.find_next_occurrence(&wall, false).ok()?;
            let tick = self.moment(wall)?;
            if tick > after.timestamp() {
                return Some(tick);
            }
        }
    }

    /// When the clock on the wall shows this: the first time if it does twice, right after the gap if it never does.
    fn moment(&self, wall: DateTime) -> Option<jiff::Timestamp> {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(wall).ok()
            }
            AmbiguousOffset::Gap { after, .. } => {
                // By the clock as it will be, this is just before the change.
                let before = after.to_timestamp(wall).ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
        }
    }
}

/// Without the thousands of bits that croner keeps of the years.
impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cron").field("fields", &self.pattern.as_str()).field("zone", &self.zone).finish_non_exhaustive()
    }
}

fn spelled_out(text: &str) -> Result<&str, Error> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let nickname = NICKNAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    nickname.map(|(_, fields)| *fields).ok_or_else(|| Error::Nickname { name: text.to_owned() })
}

impl Dialect {
    /// All seven fields, what is left out filled in.
    fn fields(self, text: &str) -> Result<[&str; 7], Error> {
        let fields: Vec<_> = text.split_whitespace().collect();
        match (self, fields.as_slice()) {
            (Self::Vixie, &[minute, hour, day, month, weekday]) => Ok(["0", minute, hour, day, month, weekday, "*"]),
            (Self::Vixie, &[second, minute, hour, day, month, weekday]) => {
                Ok([second, minute, hour, day, month, weekday, "*"])
            }
            (Self::Amazon, &[minute, hour, day, month, weekday, year]) => {
                Ok(["0", minute, hour, day, month, weekday, year])
            }
            (Self::Vixie, others) => {
                let wanted = "a cron expression has 5 fields, or 6 with seconds in front";
                Err(Error::Fields { found: others.len(), wanted })
            }
            (Self::Amazon, others) => {
                let wanted = "cron() has 6 fields: minute, hour, day, month, day of the week and year";
                Err(Error::Fields { found: others.len(), wanted })
            }
        }
    }

    /// Reads one field by itself, since croner does not say which one is wrong.
    fn check(self, field: Field, found: &str) -> Result<(), Error> {
        let alone = Field::ALL.map(|one| if one == field { found } else { "*" });
        if is_meant(field, found) && self.pattern(alone).is_ok() {
            return Ok(());
        }
        Err(Error::Field { field, found: found.to_owned() })
    }

    fn pattern(self, fields: [&str; 7]) -> Result<croner::Cron, croner::errors::CronError> {
        let is_amazon = self == Self::Amazon;
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required);
        parser.alternative_weekdays(is_amazon).sloppy_ranges(is_amazon).build().parse(&fields.join(" "))
    }
}

/// Refuses what croner takes for something else than was meant. It replaces names by numbers wherever they are, so that `JAN` is an
/// hour too; empty entries of a list are passed over; `*/90` is every hour and not every 90 minutes; `L` is no day of the week.
fn is_meant(field: Field, text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let is_known = |word: &str| field.words().iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_entry = |entry: &str| {
        let is_nothing = entry.is_empty() || (field == Field::Weekday && entry.eq_ignore_ascii_case("L"));
        let step = entry.split_once('/').and_then(|(_, step)| step.parse().ok());
        !is_nothing && step.is_none_or(|step: u16| step <= field.step_max())
    };
    words.all(is_known) && text.strip_prefix('+').unwrap_or(text).split(',').all(is_entry)
}
