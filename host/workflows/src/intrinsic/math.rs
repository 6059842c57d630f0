//! Functions about numbers.

use super::given::{Given, Outcome};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// `States.MathRandom(start, end[, seed])`: a whole number from the start up to, but not, the end.
pub(super) fn random(given: &Given) -> Outcome {
    let (start, end) = (given.rounded(0)?, given.rounded(1)?);
    let seed = if given.values.len() > 2 { given.rounded(2)?.cast_unsigned() } else { given.seed };
    if start >= end {
        return Err(format!("the start number ({start}) must be less than the end number ({end})"));
    }
    Ok(Value::from(StdRng::seed_from_u64(seed).random_range(start..end)))
}

/// `States.MathAdd(one, other)`: the sum of two whole numbers of 32 bits.
pub(super) fn add(given: &Given) -> Outcome {
    let narrow =
        |index| i32::try_from(given.rounded(index)?).map_err(|_| given.wrong(index, "from -2147483648 to 2147483647"));
    Ok(Value::from(i64::from(narrow(0)?) + i64::from(narrow(1)?)))
}
