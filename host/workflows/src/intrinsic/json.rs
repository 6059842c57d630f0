//! Functions about JSON.

use super::given::{Given, Outcome};
use serde_json::Value;

/// `States.JsonMerge(one, other, false)`: the fields of both, those of the other where both have one.
pub(super) fn merge(given: &Given) -> Outcome {
    let (one, other) = (given.object(0)?, given.object(1)?);
    match given.any(2) {
        Value::Bool(false) => {
            let mut merged = one.clone();
            merged.extend(other.clone());
            Ok(Value::Object(merged))
        }
        Value::Bool(true) => Err("deep merging is not supported: argument 3 must be false".to_owned()),
        _ => Err(given.wrong(2, "false")),
    }
}

/// `States.StringToJson(text)`: the value that the text stands for.
pub(super) fn from_text(given: &Given) -> Outcome {
    let text = given.text(0)?;
    // So the service was seen to do.
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|error| format!("the string is not JSON: {error}"))
}

/// `States.JsonToString(value)`: the value as text, without white space.
#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
pub(super) fn to_text(given: &Given) -> Outcome {
    Ok(Value::String(given.any(0).to_string()))
}
