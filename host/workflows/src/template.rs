//! Values with expressions in them: payload templates of JSONPath, and JSON with `{% … %}` of JSONata.

use crate::chance;
use crate::definition::Language;
use crate::failure::name;
use crate::intrinsic::Intrinsic;
use crate::jsonata::{self, Jsonata};
use crate::mistake::Place;
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use crate::size;
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashSet;

/// The most bytes that the expressions of a template make: far more than may be passed on, since that is looked at when all is
/// made.
const MADE_MAX: usize = 16 << 20;

/// A value with expressions in it, parsed.
#[derive(Clone, Debug)]
pub enum Template {
    /// As it is written.
    Fixed(Value),
    /// The fields, of which at least one has an expression in it.
    Object(Vec<(String, Template)>),
    /// The items, of which at least one has an expression in it.
    Array(Vec<Template>),
    /// What is at a path.
    Path(Path),
    /// What an intrinsic function gives.
    Intrinsic(Intrinsic),
    /// What an expression gives.
    Jsonata(Jsonata),
}

impl Template {
    /// Parses a value, and notes what is wrong with each expression in it.
    ///
    /// Of JSONPath, an expression is the text of a field whose name ends in `.$` ("Payload templates"); of JSONata, any text
    /// between `{%` and `%}`.
    pub fn parse(value: &Value, language: Language, place: &Place, mistakes: &mut Vec<(Place, String)>) -> Self {
        match (value, language) {
            (Value::Object(fields), _) => {
                let field = |(name, value): (&String, &Value)| {
                    let place = place.field(name);
                    match (language, name.strip_suffix(".$")) {
                        (Language::JsonPath, Some(name)) => (name.to_owned(), Self::dynamic(value, &place, mistakes)),
                        _ => (name.clone(), Self::parse(value, language, &place, mistakes)),
                    }
                };
                let fields: Vec<_> = fields.iter().map(field).collect();
                note_doubles(&fields, place, mistakes);
                let is_fixed = fields.iter().all(|(_, field)| matches!(field, Self::Fixed(_)));
                if is_fixed { Self::Fixed(value.clone()) } else { Self::Object(fields) }
            }
            (Value::Array(items), _) => {
                let item = |(index, item)| Self::parse(item, language, &place.item(index), mistakes);
                let items: Vec<_> = items.iter().enumerate().map(item).collect();
                let is_fixed = items.iter().all(|item| matches!(item, Self::Fixed(_)));
                if is_fixed { Self::Fixed(value.clone()) } else { Self::Array(items) }
            }
            (Value::String(text), Language::Jsonata) => match jsonata::text_of(text).map(Jsonata::parse) {
                Some(Ok(expression)) => Self::Jsonata(expression),
                Some(Err(mistake)) => Self::mistaken(place, mistake, mistakes),
                None if is_half_open(text) => {
                    let mistake = format!(
                        "`{text}` is no expression: `{{%` stands at the very start of a text, `%}}` at its very end"
                    );
                    Self::mistaken(place, mistake, mistakes)
                }
                None => Self::Fixed(value.clone()),
            },
            _ => Self::Fixed(value.clone()),
        }
    }

    /// The value of a field whose name ends in `.$`.
    fn dynamic(value: &Value, place: &Place, mistakes: &mut Vec<(Place, String)>) -> Self {
        match value {
            Value::String(text) => {
                Self::path_or_intrinsic(text).unwrap_or_else(|mistake| Self::mistaken(place, mistake, mistakes))
            }
            _ => {
                let mistake = "a field whose name ends in `.$` has a path or an intrinsic function, as text";
                Self::mistaken(place, mistake.to_owned(), mistakes)
            }
        }
    }

    /// Parses a path (`$…`) or an intrinsic function (`States.…`).
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, for people.
    pub fn path_or_intrinsic(text: &str) -> Result<Self, String> {
        match text.starts_with('$') {
            true => Path::parse(text).map(Self::Path),
            false => Intrinsic::parse(text).map(Self::Intrinsic),
        }
    }

    fn mistaken(place: &Place, mistake: String, mistakes: &mut Vec<(Place, String)>) -> Self {
        mistakes.push((place.clone(), mistake));
        Self::Fixed(Value::Null)
    }

    /// The text that a field of this object has, if it is written there and no expression.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        match self {
            Self::Fixed(value) => value.get(field)?.as_str(),
            Self::Object(fields) => match fields.iter().find(|(name, _)| name == field)? {
                (_, Self::Fixed(value)) => value.as_str(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value with what its expressions give in their places. `location` names the field that it is of, such as `Arguments`.
    ///
    /// # Errors
    /// What kept an expression from having a value; that all of them together make too much.
    pub fn evaluate(&self, scene: &Scene, location: &str) -> Result<Value, Trouble> {
        self.make(scene, location, &Allowance::new())
    }

    fn make(&self, scene: &Scene, location: &str, allowance: &Allowance) -> Result<Value, Trouble> {
        match self {
            Self::Array(items) => {
                let item = |(index, item): (usize, &Self)| item.make(scene, &format!("{location}[{index}]"), allowance);
                return items.iter().enumerate().map(item).collect::<Result<_, _>>().map(Value::Array);
            }
            Self::Object(fields) => {
                let field = |(name, field): &(String, Self)| {
                    Ok((name.clone(), field.make(scene, &format!("{location}/{name}"), allowance)?))
                };
                return fields.iter().map(field).collect::<Result<_, _>>().map(Value::Object);
            }
            Self::Fixed(value) => Ok(value.clone()),
            Self::Path(path) => path.find(scene)?.ok_or_else(|| missing(path, scene, location)),
            Self::Intrinsic(intrinsic) => {
                let seed = chance::seed_at(scene.seed, location);
                intrinsic.call(&Scene { seed, ..*scene }).map_err(|trouble| trouble.at(location))
            }
            Self::Jsonata(expression) => expression.evaluate(scene, location),
        }
        .and_then(|value| allowance.take(value, location))
    }
}

/// What the expressions of a template may make, all together: each of them has limits of its own, and a definition may
/// have tens of thousands.
struct Allowance {
    bytes: Cell<usize>,
}

impl Allowance {
    fn new() -> Self {
        Self { bytes: Cell::new(MADE_MAX) }
    }

    fn take(&self, value: Value, location: &str) -> Result<Value, Trouble> {
        let field = location.split(['/', '[']).next().unwrap_or(location);
        let Some(left) = self.bytes.get().checked_sub(size::of(&value)) else {
            let cause = format!(
                "The result of the field '{field}' has a size exceeding the maximum number of bytes service limit."
            );
            return Err(Trouble::new(name::DATA_LIMIT_EXCEEDED, cause));
        };
        self.bytes.set(left);
        Ok(value)
    }
}

/// Whether a text opens or closes an expression of JSONata without doing both, which AWS refuses. With spaces around all of it,
/// it is a text like any other.
fn is_half_open(text: &str) -> bool {
    text.starts_with("{%") != text.ends_with("%}")
}

/// Notes fields that are the same without the `.$`.
fn note_doubles(fields: &[(String, Template)], place: &Place, mistakes: &mut Vec<(Place, String)>) {
    let mut seen = HashSet::new();
    for (name, _) in fields.iter().filter(|(name, _)| !seen.insert(name)) {
        let mistake = format!("`{name}` and `{name}.$` are one field: remove one of them");
        mistakes.push((place.field(&format!("{name}.$")), mistake));
    }
}

/// That nothing is at a path of a payload template, in AWS's words.
///
/// The specification has `States.ParameterPathFailure` for it, but the service was never seen to raise that: its histories
/// tell `States.Runtime` with this cause, for `Parameters`, `ResultSelector`, `ItemSelector` and `Assign` alike. So nothing
/// here raises it either; `Catch` and `Retry` may still name it.
fn missing(path: &Path, scene: &Scene, location: &str) -> Trouble {
    let field = location.rsplit('/').next().unwrap_or(location);
    let text = path.text();
    Trouble::runtime(format!(
        "The JSONPath '{text}' specified for the field '{field}.$' could not be found in the input '{}'",
        scene.input
    ))
}

#[cfg(test)]
mod tests;
