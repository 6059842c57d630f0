//! Functions about text.

use super::given::{Given, Outcome};
use serde_json::Value;

/// `States.StringSplit(text, delimiters)`: what stands between any of the delimiting characters. Empty pieces are dropped.
pub(super) fn split(given: &Given) -> Outcome {
    let (text, delimiters) = (given.text(0)?, given.text(1)?);
    let pieces = text.split(|letter| delimiters.contains(letter)).filter(|piece| !piece.is_empty());
    Ok(pieces.map(Value::from).collect())
}
