//! The order of two JSON numbers, without loss beyond 2^53.

use serde_json::Number;
use std::cmp::Ordering;

/// Above every whole number that JSON's reader keeps exactly (2^64).
const WHOLE_END: f64 = 18_446_744_073_709_551_616.0;

/// The order of two numbers.
pub(super) fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => Some(mixed(left, right.as_f64()?)),
        (None, Some(right)) => Some(mixed(right, left.as_f64()?).reverse()),
        (None, None) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The order of a whole number and a double, which is never NaN in JSON.
fn mixed(whole: i128, double: f64) -> Ordering {
    if double.abs() >= WHOLE_END {
        return if double > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^64")]
    let floor = double.floor() as i128;
    let fraction = if double.fract() == 0.0 { Ordering::Equal } else { Ordering::Less };
    whole.cmp(&floor).then(fraction)
}
