//! How large JSON is, without writing it.

use serde_json::Value;

/// The most bytes of a state's input or output, as JSON ("Service quotas of Step Functions": 256 KiB).
pub const PAYLOAD_MAX: usize = 256 * 1024;

/// The most levels that arrays and objects are within one another. AWS has no such quota; beyond it, what is written could not be
/// read again.
pub const DEPTH_MAX: usize = 100;

/// The bytes of a value as compact JSON; [`usize::MAX`] if it has more levels than [`DEPTH_MAX`], for which no limit has room.
#[must_use]
pub fn of(value: &Value) -> usize {
    within(value, DEPTH_MAX)
}

/// The bytes of several values.
#[must_use]
pub fn sum<'v>(values: impl IntoIterator<Item = &'v Value>) -> usize {
    values.into_iter().map(of).fold(0, usize::saturating_add)
}

/// That a value of this size is too large, after the words of what it is.
#[must_use]
pub fn excess(size: usize, max: usize) -> String {
    match size {
        usize::MAX => format!("has arrays and objects more than {DEPTH_MAX} levels deep within one another"),
        size => format!("has {size} bytes, and {max} at most are taken"),
    }
}

fn within(value: &Value, levels: usize) -> usize {
    let inner = |value: &Value| levels.checked_sub(1).map_or(usize::MAX, |levels| within(value, levels));
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => match number.as_u64() {
            Some(number) => digits(number),
            None => number.to_string().len(),
        },
        Value::String(text) => of_text(text),
        Value::Array(items) => listed(items.iter().map(inner)),
        Value::Object(fields) => {
            listed(fields.iter().map(|(name, value)| inner(value).saturating_add(of_text(name) + 1)))
        }
    }
}

/// With brackets around, and commas between.
fn listed(sizes: impl Iterator<Item = usize>) -> usize {
    let all = sizes.fold((2_usize, 0), |(sum, comma), size| (sum.saturating_add(size).saturating_add(comma), 1));
    all.0
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// With its quotes, and what has to be escaped.
fn of_text(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(extra).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_too_deep_has_no_size() {
        let nested = |levels: usize| {
            (0..levels).fold(json!(1), |inner, level| match level % 2 {
                0 => json!([inner]),
                _ => json!({ "a": [1, 2], "b": inner }),
            })
        };
        assert_eq!(of(&nested(DEPTH_MAX)), nested(DEPTH_MAX).to_string().len());
        assert_eq!(of(&nested(DEPTH_MAX + 1)), usize::MAX);
        assert_eq!(of(&json!([nested(DEPTH_MAX), 1])), usize::MAX);
    }

    #[test]
    fn the_size_is_that_of_the_text() {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(9),
            json!(10),
            json!(-5),
            json!(1.5),
            json!(u64::MAX),
            json!(""),
            json!("a\"b\\c\n\u{1}ü"),
            json!([]),
            json!([1, 2, [3]]),
            json!({}),
            json!({"a": 1, "b\"": [{"c": null}]}),
        ];
        for value in values {
            assert_eq!(of(&value), value.to_string().len(), "{value}");
        }
    }
}
