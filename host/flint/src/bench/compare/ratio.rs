//! How many times as much: of what was measured in rounds, and how sure that is.

use serde::Serialize;

/// How many times as much there is of something as of something else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Ratio {
    pub(super) measured: f64,
    /// Between which two it lies (see [`median_interval`]); none: it was not measured in rounds, or in too few.
    pub(super) between: Option<(f64, f64)>,
}

impl Ratio {
    /// Nothing beside something.
    pub(super) const ZERO: Self = Self { measured: 0.0, between: None };

    /// Of pairs that were measured in a round each: the median of their ratios; if they are too few, that of all rounds together.
    pub(super) fn of(rounds: impl IntoIterator<Item = (f64, f64)>, together: (f64, f64)) -> Self {
        // Where there was nothing of the other, nothing is told.
        let ratio = |(own, other)| (other > 0.0).then(|| own / other);
        let mut ratios: Vec<_> = rounds.into_iter().filter_map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        match median_interval(&ratios) {
            Some(between) => Self { measured: median(&ratios), between: Some(between) },
            None => ratio(together).map_or(Self::ZERO, |measured| Self { measured, between: None }),
        }
    }
}

/// How sure it has to be that the median lies within its interval.
const CONFIDENCE: f64 = 0.95;

/// Between which two of these sorted figures the median lies of what they were drawn from, independently; none if they are too few.
///
/// The interval of the sign test, which asks nothing else of how they are distributed: as many are left out at each end as are still sure
/// enough, by how often as many coins show the same side (W. J. Conover, Practical Nonparametric Statistics, section 3.2).
fn median_interval(sorted: &[f64]) -> Option<(f64, f64)> {
    let count = sorted.len();
    // That no coin shows one side, or none the other; then at most one, and so on.
    let (mut exactly, mut at_most) = (2.0 * 0.5_f64.powf(count as f64), 0.0);
    let sure_enough = (0..count.div_ceil(2)).take_while(|shown| {
        at_most += exactly;
        exactly *= (count - shown) as f64 / (shown + 1) as f64;
        at_most <= 1.0 - CONFIDENCE
    });
    let left_out = sure_enough.count().checked_sub(1)?;
    Some((*sorted.get(left_out)?, *sorted.iter().nth_back(left_out)?))
}

/// Of sorted figures; nothing of none.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.get(sorted.len().saturating_sub(1) / 2..=sorted.len() / 2).unwrap_or_default();
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_within_what_is_left_when_the_ends_are_left_out_that_chance_allows() {
        let of = |count: u32| median_interval(&(1..=count).map(f64::from).collect::<Vec<_>>());
        assert_eq!([of(0), of(1), of(5), of(6)], [None, None, None, Some((1.0, 6.0))]);
        // As tables of the sign test have it.
        assert_eq!([of(8), of(9), of(12)], [Some((1.0, 8.0)), Some((2.0, 8.0)), Some((3.0, 10.0))]);
        assert_eq!([of(20), of(100)], [Some((6.0, 15.0)), Some((40.0, 61.0))]);
        let (low, high) = of(5000).expect("an interval");
        assert!(low < high, "{low} {high}");
        assert_eq!([median(&[]), median(&[1.0]), median(&[1.0, 2.0]), median(&[1.0, 2.0, 9.0])], [0.0, 1.0, 1.5, 2.0]);
    }

    #[test]
    fn each_round_is_compared_with_that_of_the_other() {
        let other = [10.0, 20.0, 10.0, 20.0, 10.0, 20.0];
        let rounds = |own: &[f64]| own.iter().copied().zip(other).collect::<Vec<_>>();
        let many = Ratio::of(rounds(&[12.0, 28.0, 13.0, 26.0, 14.0, 30.0]), (1.0, 1.0));
        assert_eq!(many, Ratio { measured: 1.35, between: Some((1.2, 1.5)) });
        let few = Ratio::of(rounds(&[20.0, 60.0]), (80.0, 30.0));
        assert_eq!(few, Ratio { measured: 80.0 / 30.0, between: None }, "of too few all together");
        let with_one_of_none = [(30.0, 0.0)].into_iter().chain([(30.0, 10.0); 6]);
        let told = Ratio { measured: 3.0, between: Some((3.0, 3.0)) };
        assert_eq!(Ratio::of(with_one_of_none, (1.0, 1.0)), told, "where the other has nothing, nothing is told");
        assert_eq!(Ratio::of([(30.0, 0.0); 6], (30.0, 0.0)), Ratio::ZERO);
    }
}
