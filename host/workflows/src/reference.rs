//! Reference paths, which name the one place that `ResultPath` writes to.
//!
//! They are made of names and indices only ("Reference Paths" of the Amazon States Language).

use crate::failure::name;
use crate::path::dialect;
use crate::scene::Trouble;
use serde_json::{Map, Value};

/// How many steps a path has at most. JSON that is nested much deeper can't be read again.
const STEPS_MAX: usize = 100;

/// A path to one place of a state's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePath {
    text: String,
    steps: Vec<Step>,
}

/// One step of a path, from a value into what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

impl ReferencePath {
    /// Parses a path such as `$`, `$.a.b`, `$['a']` or `$.a[0]`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let steps = parse(text).map_err(|reason| format!("`{text}` is not a reference path: {reason}"))?;
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The path `$`.
    #[must_use]
    pub fn whole() -> Self {
        Self { text: "$".to_owned(), steps: Vec::new() }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts a result into an input. `$` replaces all of it; fields that are missing on the way are made, as objects.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` for an item that does not exist, and for a step into what is neither an object nor
    /// an array.
    pub fn put(&self, mut input: Value, result: Value) -> Result<Value, Trouble> {
        match write(&mut input, &self.steps, result) {
            Ok(()) => Ok(input),
            Err(reason) => {
                let cause = format!("Unable to apply ResultPath '{}' to the input '{input}': {reason}", self.text);
                Err(Trouble::new(name::RESULT_PATH_MATCH_FAILURE, cause))
            }
        }
    }
}

/// Writes a result to where the steps lead. Changes nothing if it fails.
fn write(place: &mut Value, steps: &[Step], result: Value) -> Result<(), String> {
    match (steps, place) {
        ([], place) => *place = result,
        ([Step::Field(name), rest @ ..], Value::Object(fields)) => match fields.get_mut(name) {
            Some(field) => write(field, rest, result)?,
            None => _ = fields.insert(name.clone(), made(rest, result)?),
        },
        ([Step::Field(name), ..], other) => return Err(format!("{} has no field `{name}`", kind(other))),
        ([Step::Index(index), rest @ ..], Value::Array(items)) => {
            let count = items.len();
            let item =
                items.get_mut(*index).ok_or_else(|| format!("there is no item {index} in an array of {count}"))?;
            write(item, rest, result)?;
        }
        ([Step::Index(index), ..], other) => return Err(format!("{} has no item {index}", kind(other))),
    }
    Ok(())
}

/// A result within an object for each step that leads to it.
fn made(steps: &[Step], result: Value) -> Result<Value, String> {
    steps.iter().rev().try_fold(result, |inner, step| match step {
        Step::Field(name) => Ok(Value::Object(Map::from_iter([(name.clone(), inner)]))),
        Step::Index(index) => Err(format!("there is no array with an item {index}")),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The steps of a path.
fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.strip_prefix('$').ok_or("it starts with `$`")?;
    match rest.chars().next() {
        Some('$') => return Err("the context object (`$$`) can't be written to".to_owned()),
        Some('.' | '[') | None => {}
        Some(_) => return Err("`$` is followed by `.` or `[`; variables are set by `Assign`".to_owned()),
    }
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if rest.starts_with('[') { bracket(rest)? } else { dotted(rest)? };
        steps.push(step);
        rest = after;
    }
    match steps.len() {
        0..=STEPS_MAX => Ok(steps),
        count => Err(format!("it has {count} steps, and may have {STEPS_MAX}")),
    }
}

/// Reads `.name`, and what follows. A dot before a bracket is allowed, as AWS does.
fn dotted(text: &str) -> Result<(Step, &str), String> {
    let inner = text.strip_prefix('.').ok_or_else(|| format!("`.` or `[` is missing before `{text}`"))?;
    if inner.starts_with('[') {
        return bracket(inner);
    }
    let (name, rest) = inner.split_at(dialect::name_end(inner));
    match refusal(name) {
        _ if name.is_empty() && rest.starts_with('.') => Err("`..` can mean many places".to_owned()),
        _ if name.is_empty() => Err("a name is missing after `.`".to_owned()),
        Some(reason) => Err(reason.to_owned()),
        None => Ok((Step::Field(dialect::unescaped(name)), rest)),
    }
}

/// Reads `['name']` or `[0]`, and what follows.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let inner = text[1..].trim_start();
    let unclosed = || format!("`{text}` is not closed");
    if inner.starts_with(['\'', '"']) {
        let (name, rest) = quoted(inner).ok_or_else(unclosed)?;
        return match rest.trim_start().strip_prefix(']') {
            Some(rest) => Ok((Step::Field(name), rest)),
            None if rest.trim_start().starts_with(',') => Err("`,` (a union) means many places".to_owned()),
            None => Err(unclosed()),
        };
    }
    let (index, rest) = inner.split_once(']').ok_or_else(unclosed)?;
    let index = index.trim();
    if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
        let reason = refusal(index)
            .map_or_else(|| format!("`[{index}]` is neither a name in quotes nor an index"), str::to_owned);
        return Err(reason);
    }
    index.parse().map(|index| (Step::Index(index), rest)).map_err(|_| format!("the index {index} is too large"))
}

/// Reads a name in quotes, and what follows. A backslash takes the meaning of the letter after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.char_indices();
    let (_, quote) = letters.next()?;
    let mut name = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.push(letters.next()?.1),
            letter if letter == quote => return Some((name, &text[at + 1..])),
            letter => name.push(letter),
        }
    }
    None
}

/// Why what stands in a path is more than a name or an index, if it is.
fn refusal(text: &str) -> Option<&'static str> {
    let reason = |letter| match letter {
        '?' | '@' => Some("`?` and `@` (a filter) mean many places"),
        '*' => Some("`*` means many places"),
        ':' => Some("`:` (a slice) means many places"),
        ',' => Some("`,` (a union) means many places"),
        '(' | ')' => Some("it can't call a function"),
        '-' if text.starts_with('-') && text[1..].parse::<usize>().is_ok() => {
            Some("an index counts from 0, not from the end")
        }
        _ => None,
    };
    let mut is_escaped = false;
    let is_plain = |letter: &char| {
        let was = is_escaped;
        is_escaped = *letter == '\\' && !was;
        !was
    };
    text.chars().filter(is_plain).find_map(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn put(path: &str, input: Value, result: Value) -> Result<Value, Trouble> {
        ReferencePath::parse(path).unwrap().put(input, result)
    }

    #[test]
    fn a_result_is_put_where_the_path_leads() {
        let cases = [
            ("$", json!({"a": 1}), json!(7)),
            ("$.a", json!({"a": 1, "b": 2}), json!({"a": 7, "b": 2})),
            ("$.c", json!({"a": 1}), json!({"a": 1, "c": 7})),
            ("$.a.b.c", json!({}), json!({"a": {"b": {"c": 7}}})),
            ("$.a.b", json!({"a": {"c": 1}}), json!({"a": {"c": 1, "b": 7}})),
            ("$['a b'][\"c\"]", json!({}), json!({"a b": {"c": 7}})),
            ("$.['it\\'s']", json!({}), json!({"it's": 7})),
            ("$.a-b.ü", json!({}), json!({"a-b": {"ü": 7}})),
            ("$.a[1]", json!({"a": [1, 2, 3]}), json!({"a": [1, 7, 3]})),
            ("$[0].a", json!([{}, {}]), json!([{"a": 7}, {}])),
        ];
        for (path, input, expected) in cases {
            assert_eq!(put(path, input, json!(7)), Ok(expected), "{path}");
        }
    }

    #[test]
    fn a_path_that_does_not_fit_the_input_is_a_match_failure() {
        let cases = [
            ("$.a", json!("text"), "a string has no field `a`"),
            ("$.a.b", json!({"a": [1]}), "an array has no field `b`"),
            ("$.a.b", json!({"a": null}), "null has no field `b`"),
            ("$.a[0]", json!({"a": {}}), "an object has no item 0"),
            ("$.a[2]", json!({"a": [1, 2]}), "there is no item 2 in an array of 2"),
            ("$.a.b[0]", json!({}), "there is no array with an item 0"),
        ];
        for (path, input, reason) in cases {
            let cause = format!("Unable to apply ResultPath '{path}' to the input '{input}': {reason}");
            assert_eq!(put(path, input, json!(7)), Err(Trouble::new(name::RESULT_PATH_MATCH_FAILURE, cause)));
        }
    }

    #[test]
    fn a_path_that_is_not_one_place_to_write_to_is_refused() {
        let cases = [
            ("a", "it starts with `$`"),
            ("$$", "the context object"),
            ("$$.a", "the context object"),
            ("$name.a", "variables are set by `Assign`"),
            ("$..a", "`..` can mean many places"),
            ("$.*", "`*` means many places"),
            ("$.a[*]", "`*` means many places"),
            ("$.a[?(@.b > 1)]", "(a filter)"),
            ("$.a[0:2]", "(a slice)"),
            ("$.a[0,1]", "(a union)"),
            ("$['a','b']", "(a union)"),
            ("$.a[-1]", "an index counts from 0"),
            ("$.a.length()", "can't call a function"),
            ("$.", "a name is missing"),
            ("$.a.", "a name is missing"),
            ("$.a[", "is not closed"),
            ("$.a['b", "is not closed"),
            ("$.a[b]", "neither a name in quotes nor an index"),
            ("$.a[]", "neither a name in quotes nor an index"),
            ("$['a']b", "`.` or `[` is missing"),
            ("$.a[99999999999999999999]", "too large"),
        ];
        for (path, reason) in cases {
            let mistake = ReferencePath::parse(path).unwrap_err();
            assert!(mistake.starts_with(&format!("`{path}` is not a reference path: ")), "{mistake}");
            assert!(mistake.contains(reason), "{mistake}");
        }
    }

    #[test]
    fn a_path_has_a_hundred_steps_at_most() {
        let path = |steps| format!("${}", ".a".repeat(steps));
        assert!(ReferencePath::parse(&path(100)).is_ok());
        assert!(ReferencePath::parse(&path(101)).unwrap_err().contains("it has 101 steps, and may have 100"));
    }

    #[test]
    fn a_path_keeps_its_text() {
        assert_eq!(ReferencePath::parse("$.a['b']").unwrap().text(), "$.a['b']");
        assert_eq!(ReferencePath::parse("$"), Ok(ReferencePath::whole()));
    }
}
