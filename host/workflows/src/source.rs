//! A definition's text: strict JSON, with the line and column of everything in it.

use crate::definition::{self, Machine};
use crate::mistake::{Mistake, Place, Step};
use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Number, Value};
use std::ops::Range;

/// The largest definition, in bytes ("Service quotas of Step Functions": 1 MB).
pub const DEFINITION_MAX: usize = 1024 * 1024;

/// Up to which column letters are counted, rather than bytes.
const COLUMN_MAX: usize = 4_096;
/// Most fields that are told to be there twice.
const DOUBLES_MAX: usize = 100;

/// A mistake, and where it is in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The mistake.
    pub mistake: Mistake,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
}

/// Reads a state machine from its text.
///
/// # Errors
/// Every mistake, in the order in which they stand in the text.
pub fn load(text: &str) -> Result<Machine, Vec<Located>> {
    load_for(text, |_| Vec::new())
}

/// Reads a state machine from its text, and looks for what else is wrong with it where it is to run.
///
/// # Errors
/// Every mistake, in the order in which they stand in the text.
pub fn load_for(text: &str, more: impl FnOnce(&Machine) -> Vec<Mistake>) -> Result<Machine, Vec<Located>> {
    let wrong = |range, code, message| vec![Lines::of(text).locate(range, mistake(code, message))];
    if text.len() > DEFINITION_MAX {
        let message = format!("the definition has {} bytes, and {DEFINITION_MAX} at most are read", text.len());
        return Err(wrong(0..0, "workflow/too-large", message));
    }
    let options = CollectOptions::default();
    let parsed = parse_to_ast(text, &options, &strict()).map_err(|error| {
        let (range, kind) = (error.range(), error.kind().to_string());
        let message = match kind.contains("nesting depth") {
            true => "it has values within values deeper than is read, which is about 500 levels".to_owned(),
            false => format!("it is not JSON: {kind}"),
        };
        wrong(range.start..range.end, "workflow/json", message)
    })?;
    let Some(root) = parsed.value else {
        return Err(wrong(0..0, "workflow/json", "it is empty, and a state machine is a JSON object".to_owned()));
    };
    let mut doubles = Vec::new();
    let value = to_value(&root, &mut doubles);
    let found = match definition::read(&value) {
        Ok(machine) => {
            let found = more(&machine);
            if doubles.is_empty() && found.is_empty() {
                return Ok(machine);
            }
            found
        }
        Err(found) => found,
    };
    let lines = Lines::of(text);
    let doubles = doubles.into_iter().take(DOUBLES_MAX).map(|(name, range)| {
        let message = format!("the field `{name}` is there twice, and only one would count");
        lines.locate(range, mistake("workflow/json", message))
    });
    let found = found.into_iter().map(|mistake| lines.locate(range_of(&root, &mistake.place, mistake.code), mistake));
    let mut mistakes: Vec<_> = doubles.chain(found).collect();
    mistakes.sort_by_key(|located| located.span.start);
    mistakes.dedup();
    Err(mistakes)
}

/// What in the text of a state machine is worth a look, though it keeps it from nothing: [`Machine::warnings`].
#[must_use]
pub fn warnings(text: &str, machine: &Machine) -> Vec<Located> {
    let Ok(parsed) = parse_to_ast(text, &CollectOptions::default(), &strict()) else { return Vec::new() };
    let Some(root) = parsed.value else { return Vec::new() };
    let lines = Lines::of(text);
    let locate = |warning: Mistake| lines.locate(range_of(&root, &warning.place, warning.code), warning);
    let mut warnings: Vec<_> = machine.warnings().into_iter().map(locate).collect();
    warnings.sort_by_key(|located| located.span.start);
    warnings
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn mistake(code: &'static str, message: String) -> Mistake {
    Mistake { code, message, place: Place::default(), state: None, help: None }
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        Self { text, starts: starts.collect() }
    }

    fn locate(&self, span: Range<usize>, mistake: Mistake) -> Located {
        let start = (0..=span.start.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let line = self.starts.partition_point(|at| *at <= start);
        let line_start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        // Of a line that is longer than anybody reads, letters are taken for bytes.
        let before = &self.text[line_start..start];
        let column = if before.len() > COLUMN_MAX { before.len() } else { before.chars().count() } + 1;
        Located { mistake, line, column, span }
    }
}

fn to_value(node: &Node, doubles: &mut Vec<(String, Range<usize>)>) -> Value {
    match node {
        Node::StringLit(text) => Value::String(text.value.to_string()),
        Node::NumberLit(number) => number.value.parse().map_or(Value::Null, |number: Number| Value::Number(number)),
        Node::BooleanLit(flag) => Value::Bool(flag.value),
        Node::NullKeyword(_) => Value::Null,
        Node::Array(array) => Value::Array(array.elements.iter().map(|item| to_value(item, doubles)).collect()),
        Node::Object(object) => {
            let mut fields = Map::new();
            for field in &object.properties {
                let name = field.name.as_str().to_owned();
                if fields.contains_key(&name) {
                    let range = field.name.range();
                    doubles.push((name.clone(), range.start..range.end));
                }
                fields.insert(name, to_value(&field.value, doubles));
            }
            Value::Object(fields)
        }
    }
}

/// The text that a place means: the name of a field that is not known, else the value, or what is nearest to it.
fn range_of(root: &Node, place: &Place, code: &str) -> Range<usize> {
    let mut node = root;
    let steps = place.steps();
    for (index, step) in steps.iter().enumerate() {
        let next = match (step, node) {
            (Step::Field(name), Node::Object(object)) => {
                let found = object.properties.iter().find(|field| {
                    let written = field.name.as_str();
                    written == name || written.strip_suffix(".$") == Some(name)
                });
                let is_last = index + 1 == steps.len();
                match found {
                    Some(field) if is_last && names_field(code) => {
                        let range = field.name.range();
                        return range.start..range.end;
                    }
                    found => found.map(|field| &field.value),
                }
            }
            (Step::Item(index), Node::Array(array)) => array.elements.get(*index),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    let range = node.range();
    match node {
        // Of a whole object, its first line says enough.
        Node::Object(_) | Node::Array(_) => range.start..range.start + 1,
        _ => range.start..range.end,
    }
}

/// Whether mistakes of this kind are about the name of a field.
fn names_field(code: &str) -> bool {
    matches!(
        code,
        "workflow/unknown-field"
            | "workflow/field"
            | "workflow/conflict"
            | "workflow/name"
            | "workflow/unreachable"
            | "workflow/variable"
    )
}

#[cfg(test)]
mod tests;
