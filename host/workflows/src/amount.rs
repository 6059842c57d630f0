//! Numbers and texts that are known when a state is entered.

use crate::definition::{Amount, Text};
use crate::failure::name;
use crate::jsonata;
use crate::number;
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use serde_json::Value;

/// A text, such as the error of a Fail state.
///
/// # Errors
/// What kept an expression from having a value, or that its value is no text.
pub fn text(text: &Text, scene: &Scene, field: &str) -> Result<String, Trouble> {
    let value = match text {
        Text::Fixed(text) => return Ok(text.clone()),
        Text::Template(template) => template.evaluate(scene, field).map_err(|trouble| of_path_field(trouble, field))?,
    };
    match (value, text) {
        (Value::String(text), _) => Ok(text),
        (value, Text::Template(crate::template::Template::Jsonata(expression))) => {
            Err(jsonata::unexpected(expression.text(), field, "string", &value))
        }
        (value, _) => Err(Trouble::runtime(format!("The {field}Path parameter does not reference a text: {value}"))),
    }
}

/// The field of a path that finds nothing is called `ErrorPath` then, without `.$`.
fn of_path_field(trouble: Trouble, field: &str) -> Trouble {
    let cause = trouble.cause.replace(&format!("'{field}.$'"), &format!("'{field}Path'"));
    Trouble { cause, ..trouble }
}

/// A whole number that is not negative, such as `TimeoutSeconds`.
///
/// # Errors
/// What kept an expression from having a value, or that its value is no such number.
pub fn count(amount: &Amount, scene: &Scene, field: &str) -> Result<u64, Trouble> {
    let value = value(amount, scene, field)?;
    let whole = number::whole(&value).ok_or_else(|| wrong(amount, field, "integer", "number", &value))?;
    u64::try_from(whole).map_err(|_| negative(amount, field))
}

/// A whole number that is positive, such as `TimeoutSeconds`.
///
/// # Errors
/// Those of [`count`], and that it is 0.
pub fn positive(amount: &Amount, scene: &Scene, field: &str) -> Result<u64, Trouble> {
    match count(amount, scene, field)? {
        0 => Err(of_language(amount, field, format!("{field} must be positive."))),
        number => Ok(number),
    }
}

/// A whole number that is positive, of a Map state.
///
/// # Errors
/// Those of [`map_count`], and that it is 0.
pub fn map_positive(amount: &Amount, scene: &Scene, field: &str) -> Result<u64, Trouble> {
    match map_count(amount, scene, field)? {
        0 => Err(of_language(amount, field, format!("{field} must be positive."))),
        number => Ok(number),
    }
}

/// A whole number that is not negative, of a Map state: at a path, it may be a text of digits, as the service was seen to do.
///
/// # Errors
/// Those of [`count`].
pub fn map_count(amount: &Amount, scene: &Scene, field: &str) -> Result<u64, Trouble> {
    u64::try_from(map_number(amount, scene, field)?).map_err(|_| negative(amount, field))
}

/// The same, also below zero.
///
/// # Errors
/// Those of [`count`].
pub fn map_number(amount: &Amount, scene: &Scene, field: &str) -> Result<i64, Trouble> {
    let value = value(amount, scene, field)?;
    let found = match (amount, &value) {
        (Amount::Path(_), Value::String(digits)) => digits.parse().ok(),
        _ => number::whole(&value),
    };
    found.ok_or_else(|| wrong(amount, field, "integer", "number", &value))
}

/// A number of percents. At a path, it may be a text of digits.
///
/// # Errors
/// What kept an expression from having a value, or that its value is not between 0 and 100.
pub fn percentage(amount: &Amount, scene: &Scene, field: &str) -> Result<f64, Trouble> {
    let value = value(amount, scene, field)?;
    let number = match (amount, &value) {
        (Amount::Path(_), Value::String(digits)) => digits.parse().ok(),
        _ => value.as_f64(),
    };
    let number: f64 = number.ok_or_else(|| wrong(amount, field, "float", "number", &value))?;
    if (0.0..=100.0).contains(&number) {
        return Ok(number);
    }
    Err(of_language(amount, field, format!("{field} must be between 0 and 100.")))
}

/// The seconds of a Wait state.
///
/// # Errors
/// What kept an expression from having a value, or that its value is no such number.
pub fn wait_seconds(amount: &Amount, scene: &Scene) -> Result<u64, Trouble> {
    let Amount::Path(path) = amount else { return count(amount, scene, "Seconds") };
    let missing =
        || Trouble::runtime(format!("The SecondsPath parameter does not reference an input value: {}", path.text()));
    let value = path.find(scene)?.ok_or_else(missing)?;
    let told = |what: &str| {
        Trouble::runtime(format!("The SecondsPath parameter {what}: {} == {}", path.text(), shown(&value)))
    };
    let whole = value.as_i64().ok_or_else(|| told("cannot be parsed as a long value"))?;
    u64::try_from(whole).map_err(|_| told("references a negative value"))
}

fn value(amount: &Amount, scene: &Scene, field: &str) -> Result<Value, Trouble> {
    match amount {
        Amount::Fixed(number) => Ok(number::plain(*number)),
        Amount::Path(path) => path.get(scene),
        Amount::Jsonata(expression) => expression.evaluate(scene, field),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wrong(amount: &Amount, field: &str, kind: &str, expected: &str, value: &Value) -> Trouble {
    match amount {
        Amount::Jsonata(expression) => jsonata::unexpected(expression.text(), field, expected, value),
        Amount::Path(path) => Trouble::runtime(refers_to(path, field, kind, value)),
        Amount::Fixed(_) => Trouble::runtime(format!("{field} is not a valid {kind}: {value}")),
    }
}

fn refers_to(path: &Path, field: &str, kind: &str, value: &Value) -> String {
    format!("The {field}Path field refers to value \"{}\" which is not a valid {kind}: {}", shown(value), path.text())
}

fn negative(amount: &Amount, field: &str) -> Trouble {
    of_language(amount, field, format!("{field} cannot be negative."))
}

fn of_language(amount: &Amount, field: &str, cause: String) -> Trouble {
    match amount {
        Amount::Jsonata(_) => Trouble::new(name::QUERY_EVALUATION_ERROR, cause).at(field),
        _ => Trouble::runtime(cause),
    }
}
