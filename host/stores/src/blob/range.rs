//! Which part of a blob is read. Pure.

use std::ops;

/// A part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// The bytes from the first number to before the second, counted from 0; those of them that there are.
    Span(ops::Range<u64>),
    /// So many bytes at the end, or all if there are not so many.
    Last(u64),
}

impl Range {
    /// All of it.
    pub const ALL: Self = Self::from(0);

    /// All bytes from this one on.
    pub const fn from(start: u64) -> Self {
        Self::Span(start..u64::MAX)
    }

    /// The bytes that a content of this size has of the range: never more, and where there are none, none at its end.
    pub fn of(&self, size: u64) -> ops::Range<u64> {
        match self {
            Self::Span(span) => {
                let start = span.start.min(size);
                start..span.end.clamp(start, size)
            }
            Self::Last(count) => size.saturating_sub(*count)..size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_where_the_content_ends() {
        for (range, size, span) in [
            (Range::ALL, 0, 0..0),
            (Range::ALL, 5, 0..5),
            (Range::from(5), 5, 5..5),
            (Range::from(9), 5, 5..5),
            (Range::Span(1..3), 5, 1..3),
            (Range::Span(1..9), 5, 1..5),
            (Range::Span(3..3), 5, 3..3),
            (Range::Span(ops::Range { start: 3, end: 1 }), 5, 3..3),
            (Range::Last(0), 5, 5..5),
            (Range::Last(2), 5, 3..5),
            (Range::Last(u64::MAX), 5, 0..5),
        ] {
            assert_eq!(range.of(size), span, "{range:?} of {size}");
        }
    }
}
