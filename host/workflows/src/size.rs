//! How large JSON is, without writing it.

use serde_json::Value;

/// The most bytes of a state's input or output, as JSON ("Service quotas of Step Functions": 256 KiB).
pub const PAYLOAD_MAX: usize = 256 * 1024;

/// The bytes of a value as compact JSON.
#[must_use]
pub fn of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => match number.as_u64() {
            Some(number) => digits(number),
            None => number.to_string().len(),
        },
        Value::String(text) => of_text(text),
        Value::Array(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>().saturating_sub(1),
        Value::Object(fields) => {
            2 + fields.iter().map(|(name, value)| of_text(name) + of(value) + 2).sum::<usize>().saturating_sub(1)
        }
    }
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
