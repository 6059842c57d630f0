//! `States.Format(template, …)`: a text with values in it.

use super::given::{Given, Outcome};
use serde_json::Value;

/// `States.Format(template, …)`: the template with an argument in the place of each `{}`.
///
/// In a template that is written in quotes, a backslash takes a brace's meaning; in one that comes from data, it is a
/// backslash. A brace that is opened and not closed is an error, as it is in AWS.
pub(super) fn format(given: &Given) -> Outcome {
    let template = given.text(0)?;
    let template = given.literal.map_or_else(|| template.replace('\\', r"\\"), str::to_owned);
    let pieces = pieces(&template)?;
    let (gaps, arguments) = (pieces.len() - 1, given.values.len() - 1);
    if gaps != arguments {
        return Err(format!("`{{}}` in the template: {gaps}, values for them: {arguments}"));
    }
    let values = (1..=arguments).map(|index| shown(given.any(index)));
    let values = values.chain(std::iter::once(String::new()));
    let whole: String = pieces.into_iter().zip(values).map(|(piece, value)| piece + &value).collect();
    Ok(Value::String(whole))
}

/// What stands before, between and after the `{}` of a template: one piece more than there are `{}`.
fn pieces(template: &str) -> Result<Vec<String>, String> {
    let (mut done, mut piece) = (Vec::new(), String::new());
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => piece.extend(letters.next()),
            '{' if letters.next() == Some('}') => done.push(std::mem::take(&mut piece)),
            '{' => return Err("matching '}' not found for '{'".to_owned()),
            letter => piece.push(letter),
        }
    }
    done.push(piece);
    Ok(done)
}

/// A value as it stands in the text.
///
/// The guide allows strings, numbers, booleans and null; the service was seen to take an object too, as `{a=1, b=[]}`.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        value => value.to_string(),
    }
}
