//! Numbers, of which JSON has one kind and computers have several.

use serde_json::{Number, Value};

/// The largest whole number up to which each is a double of its own.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A number as JSON: whole ones without a point. What JSON can't say (infinite, or none) is `null`.
#[must_use]
pub fn plain(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A whole number, also one that is written with a point (`2.0`).
#[must_use]
pub fn whole(value: &Value) -> Option<i64> {
    let exact = |number: f64| (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    value.as_i64().or_else(|| value.as_f64().and_then(exact).map(|number| number as i64))
}
