//! Reading the fields of an object, and noting what is wrong with them.

use crate::jsonata::{self, Jsonata};
use crate::mistake::{Mistake, Place};
use crate::path::Path;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most mistakes that are told.
const MISTAKES_MAX: usize = 1_000;
/// Most bytes of what is told about one: it may quote what is wrong.
const MESSAGE_MAX: usize = 1_000;
/// Most names among which somebody's meaning is looked for.
const NAMES_MAX: usize = 1_000;

/// What was found wrong so far, and where the reader is.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    all: Vec<Mistake>,
    /// The state that is being read.
    pub(super) state: Option<String>,
}

impl Mistakes {
    pub(super) fn add(&mut self, code: &'static str, place: &Place, message: impl Into<String>, help: Option<String>) {
        if !self.has_room() {
            return;
        }
        let (message, place, state) = (shortened(message.into()), place.clone(), self.state.clone());
        self.all.push(Mistake { code, message, place, state, help });
    }

    /// What templates found wrong with their expressions.
    pub(super) fn add_expressions(&mut self, found: Vec<(Place, String)>) {
        for (place, message) in found {
            self.add_expression(&place, message);
        }
    }

    /// What is wrong with an expression.
    pub(super) fn add_expression(&mut self, place: &Place, message: String) {
        let help = message.contains(jsonata::NO_DOCUMENT).then(|| "use `$states.input`, or a variable".to_owned());
        self.add("workflow/expression", place, message, help);
    }

    /// That an expression asks `$states` for what there is not where it stands; `result` is what there is besides the
    /// input and the context.
    pub(super) fn add_states(&mut self, expression: &Jsonata, result: Option<&str>, place: &Place) {
        let places = [
            ("result", "in `Output` and `Assign` of a Task, Parallel or Map state"),
            ("errorOutput", "in `Output` and `Assign` of a catcher"),
        ];
        for (field, there) in places {
            if result != Some(field) && expression.asks_states_for(field) {
                let text = expression.text();
                let message =
                    format!("The JSONata expression '{text}' asks for `$states.{field}`, which is {there} only");
                self.add("workflow/expression", place, message, None);
            }
        }
    }

    /// Whether more are told. Who has so many can mend those first.
    pub(super) fn has_room(&self) -> bool {
        self.all.len() < MISTAKES_MAX
    }

    pub(super) fn into_all(self) -> Vec<Mistake> {
        self.all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// The fields of an object that is being read.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    pub(super) place: Place,
    /// The fields that were asked for: what it may have. Those that are not for it have the reason.
    known: BTreeMap<&'static str, Option<String>>,
}

impl<'a> Fields<'a> {
    /// The fields of a value, if it is an object.
    pub(super) fn of(value: &'a Value, place: &Place, what: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self { object, place: place.clone(), known: BTreeMap::new() }),
            other => {
                mistakes.add("workflow/type", place, format!("{what} is an object, not {}", a(other)), None);
                None
            }
        }
    }

    /// Whether the field is there; it may be.
    pub(super) fn has(&mut self, name: &'static str) -> bool {
        self.get(name).is_some()
    }

    /// The field, if it is there; it may be.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.insert(name, None);
        self.object.get(name)
    }

    /// Says that the field must not be there, and why.
    pub(super) fn forbid(&mut self, name: &'static str, why: &str) {
        self.known.entry(name).or_insert_with(|| Some(why.to_owned()));
    }

    /// The place of a field.
    pub(super) fn at(&self, name: &str) -> Place {
        self.place.field(name)
    }

    /// A field that has to be there.
    pub(super) fn required(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<&'a Value> {
        let found = self.get(name);
        if found.is_none() {
            mistakes.add("workflow/missing-field", &self.place, format!("the field `{name}` is missing"), None);
        }
        found
    }

    pub(super) fn text(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<&'a str> {
        let value = self.get(name)?;
        self.wrong_unless(value.as_str(), name, "a text", value, mistakes)
    }

    pub(super) fn flag(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<bool> {
        let value = self.get(name)?;
        self.wrong_unless(value.as_bool(), name, "`true` or `false`", value, mistakes)
    }

    pub(super) fn list(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<&'a Vec<Value>> {
        let value = self.get(name)?;
        self.wrong_unless(value.as_array(), name, "an array", value, mistakes)
    }

    /// A number within a range; whole ones only, if `is_whole`.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: (f64, f64),
        is_whole: bool,
        mistakes: &mut Mistakes,
    ) -> Option<f64> {
        let value = self.get(name)?;
        let kind = if is_whole { "a whole number" } else { "a number" };
        let number = value.as_f64().filter(|number| !is_whole || number.fract() == 0.0);
        let number = self.wrong_unless(number, name, kind, value, mistakes)?;
        if number < range.0 || number > range.1 {
            let message = format!("`{name}` is between {} and {}, not {number}", range.0, range.1);
            mistakes.add("workflow/range", &self.at(name), message, None);
            return None;
        }
        Some(number)
    }

    /// One of some words.
    pub(super) fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
        mistakes: &mut Mistakes,
    ) -> Option<&'static str> {
        let text = self.text(name, mistakes)?;
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            let message = format!("`{name}` is one of {}, not `{text}`", listed(words));
            mistakes.add("workflow/value", &self.at(name), message, suggestion(text, words.iter().copied()));
        }
        found
    }

    /// A path.
    pub(super) fn path(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Path> {
        let text = self.text(name, mistakes)?;
        Path::parse(text).map_err(|message| mistakes.add("workflow/path", &self.at(name), message, None)).ok()
    }

    /// A path that identifies a single node ("Reference Paths"): of the input, the context or a variable.
    pub(super) fn reference_path(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Path> {
        let path = self.path(name, mistakes)?;
        self.single(&path, name, mistakes).then_some(path)
    }

    /// Notes that a path may find several nodes.
    pub(super) fn single(&self, path: &Path, name: &str, mistakes: &mut Mistakes) -> bool {
        if !path.is_single() {
            let message =
                format!("`{}` may find several nodes: `{name}` has a path of names and indices only", path.text());
            mistakes.add("workflow/path", &self.at(name), message, None);
        }
        path.is_single()
    }

    /// An expression of JSONata, if the field is a text in `{% … %}`.
    pub(super) fn expression(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<Jsonata> {
        let text = jsonata::text_of(self.get(name)?.as_str()?)?;
        let wrong = |message| mistakes.add_expression(&self.at(name), message);
        let expression = Jsonata::parse(text).map_err(wrong).ok()?;
        mistakes.add_states(&expression, None, &self.at(name));
        Some(expression)
    }

    /// Notes that two fields stand side by side of which one excludes the other.
    pub(super) fn exclusive(&mut self, names: &[&'static str], mistakes: &mut Mistakes) {
        let found: Vec<_> = names.iter().copied().filter(|name| self.has(name)).collect();
        if let [first, second, ..] = found[..] {
            let message = format!("`{first}` and `{second}` exclude each other");
            mistakes.add("workflow/conflict", &self.at(second), message, Some("remove one of them".to_owned()));
        }
    }

    /// Notes each field that the object must not have. `what` names the object, such as `a Task state`.
    pub(super) fn finish(self, what: &str, mistakes: &mut Mistakes) {
        for name in self.object.keys() {
            let place = self.place.field(name);
            match self.known.get(name.as_str()) {
                Some(None) => {}
                Some(Some(why)) => {
                    mistakes.add("workflow/field", &place, format!("`{name}` is not for {what}: {why}"), None)
                }
                None => {
                    let known = self.known.iter().filter(|(_, why)| why.is_none()).map(|(name, _)| *name);
                    let help = suggestion(name, known);
                    mistakes.add("workflow/unknown-field", &place, format!("{what} has no field `{name}`"), help);
                }
            }
        }
    }

    fn wrong_unless<T>(
        &self,
        found: Option<T>,
        name: &str,
        kind: &str,
        value: &Value,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        if found.is_none() {
            mistakes.add("workflow/type", &self.at(name), format!("`{name}` is {kind}, not {}", a(value)), None);
        }
        found
    }
}

/// What a value is, with its article.
pub(super) fn a(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Names, as a sentence lists them.
pub(super) fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What somebody may have meant.
pub(super) fn suggestion<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    let best = known
        .take(NAMES_MAX)
        .map(|name| (near(name), name))
        .filter(|(near, _)| *near > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    best.map(|(_, name)| format!("did you mean `{name}`?"))
}

fn shortened(message: String) -> String {
    match message.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}
