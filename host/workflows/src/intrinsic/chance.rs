//! What is random, and yet the same each time that an execution is replayed.

use super::given::{Given, Outcome};
use crate::chance::Chance;
use serde_json::Value;

/// `States.UUID()`: a random UUID (RFC 9562, version 4).
#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
pub(super) fn uuid(given: &Given) -> Outcome {
    Ok(Value::String(Chance::seeded(given.seed).uuid()))
}

/// `States.MathRandom(start, end[, seed])`: a whole number from the start up to, but not, the end.
pub(super) fn number(given: &Given) -> Outcome {
    let (start, end) = (given.rounded(0)?, given.rounded(1)?);
    let seed = if given.values.len() > 2 { given.rounded(2)?.cast_unsigned() } else { given.seed };
    if start >= end {
        return Err(format!("the start number ({start}) must be less than the end number ({end})"));
    }
    let above = Chance::seeded(seed).below(end.abs_diff(start));
    Ok(Value::from(start.wrapping_add_unsigned(above)))
}
