//! The functions that Step Functions adds to JSONata ("Functions provided by Step Functions for JSONata" in the developer guide),
//! and those of the language whose values come from the scene.

use super::convert::from_json;
use super::meter::{Meter, SLOT, at};
use crate::chance::Chance;
use crate::scene::Scene;
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::cell::RefCell;
use std::rc::Rc;

type Outcome = Result<JValue, EvaluatorError>;

/// Makes the functions known to an evaluator.
pub(super) fn register(
    evaluator: &mut Evaluator,
    scene: &Scene<'_>,
    location: &str,
    meter: &Meter,
) -> Result<(), EvaluatorError> {
    let metered = meter.clone();
    evaluator.register_fn("partition", move |given: &[JValue]| partition(at(given, 0), at(given, 1), &metered))?;
    let metered = meter.clone();
    evaluator.register_fn("range", move |given: &[JValue]| range(given, &metered))?;
    let metered = meter.clone();
    evaluator.register_fn("parse", move |given: &[JValue]| parse(at(given, 0), &metered))?;
    evaluator.register_fn("hash", |given: &[JValue]| hash(at(given, 0), at(given, 1)))?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        fail("D3121: The function eval is not supported. Use the function parse to read JSON.")
    })?;
    #[expect(clippy::cast_precision_loss, reason = "JSONata counts milliseconds in doubles")]
    let now = scene.now as f64;
    evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::Number(now)))?;
    register_chance(evaluator, Chance::new(scene.seed, location))
}

fn register_chance(evaluator: &mut Evaluator, chance: Chance) -> Result<(), EvaluatorError> {
    let shared = Rc::new(RefCell::new(chance));
    let chance = Rc::clone(&shared);
    evaluator.register_fn("uuid", move |_: &[JValue]| Ok(JValue::from(chance.borrow_mut().uuid())))?;
    let chance = Rc::clone(&shared);
    evaluator.register_fn_override("random", move |given: &[JValue]| match at(given, 0) {
        JValue::Undefined => Ok(JValue::Number(chance.borrow_mut().fraction())),
        JValue::Number(seed) => Ok(JValue::Number(Chance::new(seed.floor().to_bits(), "").fraction())),
        _ => mismatch("random", 1),
    })?;
    evaluator.register_fn_override("shuffle", move |given: &[JValue]| match at(given, 0) {
        JValue::Array(items) => {
            let mut items = items.to_vec();
            for place in (1..items.len()).rev() {
                let other = shared.borrow_mut().below(place as u64 + 1);
                items.swap(place, usize::try_from(other).unwrap_or(place));
            }
            Ok(JValue::array(items))
        }
        JValue::Undefined => Ok(JValue::Undefined),
        other => Ok(JValue::array(vec![other.clone()])),
    })
}

/// `$partition(array, size)`: the array in pieces of this size, the last of which may be shorter.
fn partition(array: &JValue, size: &JValue, meter: &Meter) -> Outcome {
    let items = match array {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items.to_vec(),
        other => vec![other.clone()],
    };
    let Some(size) = size.as_f64() else { return mismatch("partition", 2) };
    if size < 1.0 {
        return fail("D3130: The second argument of function partition must be a positive number");
    }
    meter.charge(items.len() * SLOT * 3)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be positive, and saturates"
    )]
    let pieces = items.chunks(size as usize);
    Ok(JValue::array(pieces.map(|piece| JValue::array(piece.to_vec())).collect()))
}

/// `$range(start, end, step)`: the numbers from the first to the second, both included. What is not whole is rounded down, as
/// in all functions that want whole numbers.
fn range(given: &[JValue], meter: &Meter) -> Outcome {
    if given.iter().any(JValue::is_undefined) {
        return Ok(JValue::Undefined);
    }
    let whole = |place| at(given, place).as_f64().map(f64::floor);
    let (Some(start), Some(end)) = (whole(0), whole(1)) else { return mismatch("range", 1) };
    let step = if given.len() > 2 { whole(2) } else { Some(1.0) };
    let Some(step) = step else { return mismatch("range", 3) };
    if step == 0.0 || !step.is_finite() {
        return fail("D3131: The third argument of function range must be a number other than 0");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and that is too many")]
    let count = ((end - start) / step + 1.0).max(0.0) as usize;
    if count > meter.sequence {
        return fail(&format!("D2015: The maximum sequence length of {} was exceeded.", meter.sequence));
    }
    meter.charge(count * SLOT)?;
    #[expect(clippy::cast_precision_loss, reason = "no more than a sequence has items")]
    let numbers = (0..count).map(|place| JValue::Number(start + place as f64 * step));
    Ok(JValue::sequence(numbers.collect()).unwrap_sequence())
}

/// `$parse(text)`: the value that a text of JSON says.
fn parse(text: &JValue, meter: &Meter) -> Outcome {
    match text {
        JValue::Undefined => Ok(JValue::Undefined),
        JValue::String(text) => {
            // The densest JSON, `[[],[]…`, takes some twenty times its length.
            meter.charge(text.len().saturating_mul(if text.len() > 1 << 16 { 20 } else { 1 }))?;
            let value =
                serde_json::from_str(text).or_else(|error| fail(&format!("D3132: The text is not JSON: {error}")))?;
            Ok(from_json(&value))
        }
        _ => mismatch("parse", 1),
    }
}

/// `$hash(text, algorithm)`: the digest in hexadecimal.
fn hash(text: &JValue, algorithm: &JValue) -> Outcome {
    let text = match text {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::String(text) => text.as_bytes(),
        _ => return mismatch("hash", 1),
    };
    let Some(algorithm) = algorithm.as_str() else { return mismatch("hash", 2) };
    let digest = match algorithm {
        "MD5" => Md5::digest(text).to_vec(),
        "SHA-1" => Sha1::digest(text).to_vec(),
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-384" => Sha384::digest(text).to_vec(),
        "SHA-512" => Sha512::digest(text).to_vec(),
        _ => return fail("D3133: The algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512"),
    };
    Ok(JValue::from(const_hex::encode(digest)))
}

fn mismatch<T>(function: &str, place: usize) -> Result<T, EvaluatorError> {
    fail(&format!("T0410: Argument {place} of function \"{function}\" does not match function signature"))
}

fn fail<T>(message: &str) -> Result<T, EvaluatorError> {
    Err(EvaluatorError::EvaluationError(message.to_owned()))
}
