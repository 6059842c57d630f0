//! Items in JSON: an array, the fields of an object, or a value in each line.

use super::failed;
use crate::scene::Trouble;
use serde_json::{Value, json};

type Boxed = Box<dyn Iterator<Item = Result<Value, Trouble>> + Send>;

/// The items of one JSON value, or of what is at a pointer in it.
pub(super) fn items(content: &[u8], pointer: Option<&str>) -> Result<Boxed, Trouble> {
    let mut value: Value =
        serde_json::from_slice(content).map_err(|error| failed(format!("The object is not JSON: {error}.")))?;
    let value = match pointer {
        None => value,
        Some(pointer) => match value.pointer_mut(pointer) {
            Some(value) => value.take(),
            None => return Err(failed(format!("The items pointer '{pointer}' finds nothing in the object."))),
        },
    };
    match value {
        Value::Array(items) => Ok(Box::new(items.into_iter().map(Ok))),
        Value::Object(fields) => {
            Ok(Box::new(fields.into_iter().map(|(key, value)| Ok(json!({"Key": key, "Value": value})))))
        }
        _ => Err(failed("Attempting to map over non-iterable node.")),
    }
}

/// The values of lines. Empty lines are none.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = Result<Value, Trouble>> + Send {
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(|(index, line)| {
        // An error within a line counts lines from 1, which is not the line of the object.
        serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or(&text);
            failed(format!("Line {} is not JSON: {what} at column {}.", index + 1, error.column()))
        })
    })
}
