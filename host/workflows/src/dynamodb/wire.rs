//! Attribute values as DynamoDB's API writes them: `{"S": "text"}`, `{"L": [{"N": "1"}]}`.

use super::attribute::{Attribute, DEPTH_MAX, Map};
use super::decimal::Decimal;
use super::fault::{invalid, unfit};
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Reads an attribute value.
///
/// # Errors
/// `States.Runtime` if it has not the shape of one, and what DynamoDB says of a number that is none, of an empty set and the
/// like.
pub(super) fn read(value: &Value) -> Result<Attribute, Failure> {
    nested(value, 0)
}

/// Reads attribute values by their names.
///
/// # Errors
/// As [`read`].
pub(super) fn read_map(members: &serde_json::Map<String, Value>) -> Result<Map, Failure> {
    map(members, 0)
}

fn nested(value: &Value, depth: usize) -> Result<Attribute, Failure> {
    let object = value.as_object().ok_or_else(|| unfit("The value of an attribute must be an OBJECT"))?;
    let mut members = object.iter();
    let (Some((tag, content)), None) = (members.next(), members.next()) else {
        let how = if object.is_empty() { "is empty" } else { "has more than one datatypes set" };
        return Err(invalid(format!(
            "Supplied AttributeValue {how}, must contain exactly one of the supported datatypes"
        )));
    };
    match (tag.as_str(), content) {
        ("S", Value::String(text)) => Ok(Attribute::S(text.clone())),
        ("N", Value::String(text)) => number(text).map(Attribute::N),
        ("B", Value::String(text)) => binary(text).map(Attribute::B),
        ("BOOL", Value::Bool(flag)) => Ok(Attribute::Bool(*flag)),
        ("NULL", Value::Bool(true)) => Ok(Attribute::Null),
        ("NULL", Value::Bool(false)) => Err(parameters("Null attribute value types must have the value of true")),
        ("L", Value::Array(list)) => list_of(list, depth + 1).map(Attribute::L),
        ("M", Value::Object(members)) => map(members, depth + 1).map(Attribute::M),
        ("SS", Value::Array(list)) => set(tag, list, |text| Ok(text.to_owned())).map(Attribute::Ss),
        ("NS", Value::Array(list)) => set(tag, list, number).map(Attribute::Ns),
        ("BS", Value::Array(list)) => set(tag, list, binary).map(Attribute::Bs),
        _ => Err(unfit(misfit(tag))),
    }
}

fn list_of(list: &[Value], depth: usize) -> Result<Vec<Attribute>, Failure> {
    within(depth)?;
    list.iter().map(|value| nested(value, depth)).collect()
}

fn map(members: &serde_json::Map<String, Value>, depth: usize) -> Result<Map, Failure> {
    within(depth)?;
    members.iter().map(|(name, value)| Ok((name.clone(), nested(value, depth)?))).collect()
}

fn within(depth: usize) -> Result<(), Failure> {
    if depth > DEPTH_MAX { Err(invalid("Nesting Levels have exceeded supported limits")) } else { Ok(()) }
}

fn number(text: &str) -> Result<Decimal, Failure> {
    Decimal::parse(text).map_err(invalid)
}

fn binary(text: &str) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(text).map_err(|_| invalid("Invalid Base64 in a value of type B or BS"))
}

fn set<T: Ord>(tag: &str, list: &[Value], read: impl Fn(&str) -> Result<T, Failure>) -> Result<BTreeSet<T>, Failure> {
    let text = |value: &Value| value.as_str().map(&read).unwrap_or_else(|| Err(unfit(misfit(tag))));
    let set = list.iter().map(text).collect::<Result<BTreeSet<T>, Failure>>()?;
    match set.len() {
        0 => Err(parameters(format!("A set ({tag}) may not be empty"))),
        count if count < list.len() => Err(parameters(format!("Input collection ({tag}) contains duplicates"))),
        _ => Ok(set),
    }
}

fn parameters(message: impl std::fmt::Display) -> Failure {
    invalid(format!("One or more parameter values were invalid: {message}"))
}

/// What is wrong with the content of this field.
fn misfit(tag: &str) -> String {
    let wanted = match tag {
        "S" | "N" | "B" => "a STRING",
        "BOOL" | "NULL" => "a BOOLEAN",
        "L" => "an ARRAY",
        "SS" | "NS" | "BS" => "an ARRAY of STRING",
        "M" => "an OBJECT",
        _ => return format!("The field '{tag}' is not supported by Step Functions: it is no type of an attribute"),
    };
    format!("The value for the field '{tag}' must be {wanted}")
}

/// Writes an attribute value.
pub(super) fn write(value: &Attribute) -> Value {
    let content = match value {
        Attribute::S(text) => json!(text),
        Attribute::N(number) => json!(number.to_string()),
        Attribute::B(bytes) => json!(STANDARD.encode(bytes)),
        Attribute::Bool(flag) => json!(flag),
        Attribute::Null => json!(true),
        Attribute::L(list) => list.iter().map(write).collect(),
        Attribute::M(map) => write_map(map),
        Attribute::Ss(set) => json!(set),
        Attribute::Ns(set) => set.iter().map(ToString::to_string).collect(),
        Attribute::Bs(set) => set.iter().map(|bytes| STANDARD.encode(bytes)).collect(),
    };
    Value::Object([(value.tag().to_owned(), content)].into_iter().collect())
}

/// Writes attribute values by their names.
pub(super) fn write_map(map: &Map) -> Value {
    Value::Object(map.iter().map(|(name, value)| (name.clone(), write(value))).collect())
}
