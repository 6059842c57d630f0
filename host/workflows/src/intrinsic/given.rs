//! The arguments of a call that have their values, and what functions ask of them.

use serde_json::{Map, Value};

/// The largest payload, in bytes.
const PAYLOAD_MAX: usize = 256 * 1024;

/// The longest text that is hashed, encoded or decoded, in characters.
const TEXT_MAX: usize = 10_000;

/// A value, or a sentence that says why there is none.
pub(super) type Outcome = Result<Value, String>;

/// What a function gets. Reading an argument fails with a sentence for people if it is of another type.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// The values of the arguments. Their number is one that the function takes.
    pub(super) values: Vec<Value>,
    /// How the first argument is written, if it is a string in quotes.
    pub(super) literal: Option<&'a str>,
    /// What is random in the call.
    pub(super) seed: u64,
}

impl Given<'_> {
    /// The argument at this index, whatever it is.
    pub(super) fn any(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Null)
    }

    pub(super) fn array(&self, index: usize) -> Result<&[Value], String> {
        self.any(index).as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(index, "an array"))
    }

    /// An array that is not larger than a payload may be.
    pub(super) fn payload(&self, index: usize) -> Result<&[Value], String> {
        let items = self.array(index)?;
        match self.any(index).to_string().len() {
            0..=PAYLOAD_MAX => Ok(items),
            size => Err(format!("the array has {size} bytes; it must not exceed {PAYLOAD_MAX}")),
        }
    }

    pub(super) fn object(&self, index: usize) -> Result<&Map<String, Value>, String> {
        self.any(index).as_object().ok_or_else(|| self.wrong(index, "an object"))
    }

    pub(super) fn text(&self, index: usize) -> Result<&str, String> {
        self.any(index).as_str().ok_or_else(|| self.wrong(index, "a string"))
    }

    /// A text that is not longer than what is hashed, encoded or decoded.
    pub(super) fn short_text(&self, index: usize) -> Result<&str, String> {
        let text = self.text(index)?;
        match text.chars().count() {
            0..=TEXT_MAX => Ok(text),
            length => Err(format!("the string has {length} characters; it must not exceed {TEXT_MAX}")),
        }
    }

    /// A whole number; a decimal one is rounded to the nearest, a half upwards (so the service was seen to do).
    pub(super) fn rounded(&self, index: usize) -> Result<i64, String> {
        let value = self.any(index);
        let nearest = || crate::number::whole(&Value::from((value.as_f64()? + 0.5).floor()));
        value.as_i64().or_else(nearest).ok_or_else(|| self.wrong(index, "an integer"))
    }

    /// That an argument is not what it must be.
    pub(super) fn wrong(&self, index: usize, wanted: &str) -> String {
        format!("argument {} must be {wanted}, and is {}", index + 1, kind(self.any(index)))
    }
}

/// What a value is, for people.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
