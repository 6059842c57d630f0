//! What is wrong with a schedule.

use crate::duration::DurationError;
use std::fmt;

/// Says what is wrong with a schedule. A retry can't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such time zone.
    #[error("there is no time zone `{name}`; names are such as `UTC` and `Europe/Berlin`")]
    Zone {
        /// The name.
        name: String,
    },
    /// The expression is too long.
    #[error("a schedule has at most {} bytes", super::TEXT_MAX)]
    TooLong,
    /// An abbreviation that there is not.
    #[error("there is no `{name}`; there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    Nickname {
        /// The abbreviation.
        name: String,
    },
    /// A cron expression has too many fields, or too few.
    #[error("{wanted}, and there are {found} fields; a pace is written as `every 30s` or `rate(5 minutes)`")]
    Fields {
        /// How many there are.
        found: usize,
        /// How many there should be, in words.
        wanted: &'static str,
    },
    /// A field of a cron expression is wrong.
    #[error("the {field} can't be `{found}`: {}", .field.allowed())]
    Field {
        /// Which one.
        field: Field,
        /// What it is.
        found: String,
    },
    /// What follows `every`, or stands in `rate()`, is no duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A pace that is too quick, or in fractions of a millisecond.
    #[error("a pace is one second or more, in whole milliseconds")]
    Pace,
    /// A cron expression names a date that there never is, such as the 30th of February.
    #[error("there is no such date")]
    Never,
}

/// A field of a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The second.
    Second,
    /// The minute.
    Minute,
    /// The hour.
    Hour,
    /// The day of the month.
    Day,
    /// The month.
    Month,
    /// The day of the week.
    Weekday,
    /// The year, of Amazon's expressions alone.
    Year,
}

impl Field {
    /// In the order in which croner wants them.
    pub(super) const ALL: [Self; 7] =
        [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Weekday, Self::Year];

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of the month",
            Self::Month => "month",
            Self::Weekday => "day of the week",
            Self::Year => "year",
        }
    }

    /// What may stand in it.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0 to 59, with `*`, lists (1,2), ranges (1-5) and steps within them (*/10)",
            Self::Hour => "0 to 23, with `*`, lists (1,2), ranges (1-5) and steps within them (*/2)",
            Self::Day => "1 to 31, L or 15W, with `*`, `?`, lists (1,2), ranges (1-5) and steps within them (*/2)",
            Self::Month => "1 to 12 or JAN to DEC, with `*`, lists (1,2), ranges (1-5) and steps within them (*/2)",
            Self::Weekday => "numbers or SUN to SAT, with `*`, `?`, lists (MON,TUE), ranges (MON-FRI), FRI#2 and FRI#L",
            Self::Year => "1970 to 5000, with `*`, lists, ranges and steps",
        }
    }

    /// The longest step that leads to another value of it.
    pub(super) fn step_max(self) -> u16 {
        match self {
            Self::Second | Self::Minute => 59,
            Self::Hour => 23,
            Self::Day => 30,
            Self::Month => 11,
            Self::Weekday => 6,
            Self::Year => u16::MAX,
        }
    }

    /// The names and letters that it may have.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Day => &["L", "W", "LW"],
            Self::Month => &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
            Self::Weekday => &["L", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
            Self::Second | Self::Minute | Self::Hour | Self::Year => &[],
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
