//! Functions about numbers.

use super::given::{Given, Outcome};
use serde_json::Value;

/// `States.MathAdd(one, other)`: the sum of two whole numbers of 32 bits.
pub(super) fn add(given: &Given) -> Outcome {
    let narrow =
        |index| i32::try_from(given.rounded(index)?).map_err(|_| given.wrong(index, "from -2147483648 to 2147483647"));
    Ok(Value::from(i64::from(narrow(0)?) + i64::from(narrow(1)?)))
}
