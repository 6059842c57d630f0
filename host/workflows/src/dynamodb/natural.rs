//! Items as they lie in a store: natural JSON, so that functions read and write them as any other value.
//!
//! Texts, flags, null, lists and maps are those of JSON. A number is one of JSON if it survives: if what any reader of JSON
//! with doubles makes of it is still the same number. All else keeps the form of DynamoDB's API: `{"B": "aGk="}`,
//! `{"SS": ["a", "b"]}`, `{"N": "3.1415926535897932384626433832795028841"}`. A map of one member that would be mistaken for
//! such a form is wrapped, `{"M": {"B": "aGk="}}`. So whatever is written is read as the same attribute values.

use super::attribute::{Attribute, Map};
use super::decimal::Decimal;
use super::wire;
use serde_json::{Value, json};

/// The bytes of an item.
pub(super) fn write_item(item: &Map) -> Vec<u8> {
    Value::Object(members(item)).to_string().into_bytes()
}

/// Reads what a store holds.
///
/// # Errors
/// What keeps it from being an item, after "it".
pub(super) fn read_item(bytes: &[u8]) -> Result<Map, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => read_map(&members),
        Ok(_) => Err("is JSON, but no object".to_owned()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

fn members(map: &Map) -> serde_json::Map<String, Value> {
    map.iter().map(|(name, value)| (name.clone(), write(value))).collect()
}

fn write(value: &Attribute) -> Value {
    match value {
        Attribute::S(text) => json!(text),
        Attribute::N(number) => write_number(number),
        Attribute::Bool(flag) => json!(flag),
        Attribute::Null => Value::Null,
        Attribute::L(list) => list.iter().map(write).collect(),
        Attribute::M(map) => {
            let members = members(map);
            if Form::of(&members).is_some() { json!({ "M": members }) } else { Value::Object(members) }
        }
        Attribute::B(_) | Attribute::Ss(_) | Attribute::Ns(_) | Attribute::Bs(_) => wire::write(value),
    }
}

/// A number of JSON, if both its text and what the parser here makes of that text are the number. The parser may be off in
/// the last bit, so the second does not follow from the first.
fn write_number(number: &Decimal) -> Value {
    let is_it = |value: &Value| Decimal::parse(&value.to_string()).as_ref() == Ok(number);
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok().filter(is_it);
    let natural = parse(&number.to_string()).filter(|value| parse(&value.to_string()).is_some());
    natural.unwrap_or_else(|| wire::write(&Attribute::N(*number)))
}

fn read_map(members: &serde_json::Map<String, Value>) -> Result<Map, String> {
    members.iter().map(|(name, value)| Ok((name.clone(), read(value)?))).collect()
}

/// Recurses as deep as the parser of JSON does: 128 levels.
fn read(value: &Value) -> Result<Attribute, String> {
    Ok(match value {
        Value::Null => Attribute::Null,
        Value::Bool(flag) => Attribute::Bool(*flag),
        Value::String(text) => Attribute::S(text.clone()),
        Value::Number(number) => {
            let text = number.to_string();
            Attribute::N(Decimal::parse(&text).map_err(|reason| format!("has the number {text}: {reason}"))?)
        }
        Value::Array(list) => Attribute::L(list.iter().map(read).collect::<Result<_, _>>()?),
        Value::Object(members) => match Form::of(members) {
            Some(Form::Value(value)) => value,
            Some(Form::Map(members)) => Attribute::M(read_map(members)?),
            None => Attribute::M(read_map(members)?),
        },
    })
}

/// An object that is not the map that it looks like.
enum Form<'a> {
    /// What can't be said in JSON.
    Value(Attribute),
    /// A wrapped map.
    Map(&'a serde_json::Map<String, Value>),
}

impl<'a> Form<'a> {
    fn of(members: &'a serde_json::Map<String, Value>) -> Option<Self> {
        let mut each = members.iter();
        let ((tag, content), None) = (each.next()?, each.next()) else { return None };
        match (tag.as_str(), content) {
            ("M", Value::Object(members)) => Some(Self::Map(members)),
            ("N" | "B" | "SS" | "NS" | "BS", _) => wire::read(&json!({ tag: content })).ok().map(Self::Value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
