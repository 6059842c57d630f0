//! The text of a call, read from left to right.

use super::{Argument, Call, function};
use crate::path::Path;
use serde_json::Value;

/// How deep calls may be nested.
const DEPTH_MAX: usize = 10;

/// Parses a text that is one call and nothing else.
pub(super) fn whole(text: &str) -> Result<Call, String> {
    let mut reader = Reader { text, at: 0 };
    let call = reader.call(1)?;
    match reader.rest() {
        "" => Ok(call),
        rest => Err(format!("`{rest}` stands after the end of `{}`", call.text)),
    }
}

/// A text and how far it is read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// What is not read yet, without white space in front.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// Whether this comes next. If it does, it is read.
    fn takes(&mut self, wanted: char) -> bool {
        let is_next = self.rest().starts_with(wanted);
        self.at += if is_next { wanted.len_utf8() } else { 0 };
        is_next
    }

    /// Reads `Name(argument, …)`. The depth of the outermost call is 1.
    fn call(&mut self, depth: usize) -> Result<Call, String> {
        let rest = self.rest();
        let start = self.at;
        let end = rest.find(['(', ')', ',', '\'']).unwrap_or(rest.len());
        let name = rest[..end].trim_end();
        if !rest[end..].starts_with('(') {
            return Err(format!(
                "`{name}` is neither a value nor a path nor a call: a call has parentheses, as in `States.UUID()`"
            ));
        }
        if depth > DEPTH_MAX {
            return Err(format!("intrinsic functions are nested {DEPTH_MAX} levels deep at most"));
        }
        let function = function::find(name)?;
        self.at += end + 1;
        let arguments = self.arguments(name, depth)?;
        function.check(arguments.len())?;
        Ok(Call { function, arguments, text: self.text[start..self.at].to_owned(), position: start })
    }

    /// Reads what follows an opening parenthesis, and the closing one.
    fn arguments(&mut self, name: &str, depth: usize) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        if self.takes(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument(name, depth)?);
            if self.takes(')') {
                return Ok(arguments);
            }
            if !self.takes(',') {
                return Err(match self.rest() {
                    "" => unclosed(name),
                    rest => format!("a comma or `)` is missing before `{rest}`"),
                });
            }
        }
    }

    fn argument(&mut self, name: &str, depth: usize) -> Result<Argument, String> {
        let rest = self.rest();
        match rest.chars().next() {
            None => Err(unclosed(name)),
            Some(',' | ')') => Err(format!("`{name}` has an empty argument")),
            Some('\'') => self.literal(),
            Some('$') => self.path(),
            Some(_) => match self.fixed() {
                Some(value) => Ok(Argument::Fixed(value)),
                None => self.call(depth + 1).map(Argument::Call),
            },
        }
    }

    /// Reads a string in single quotes, in which a backslash stands before a quote, a brace or a backslash.
    fn literal(&mut self) -> Result<Argument, String> {
        let body = &self.rest()[1..];
        let mut value = String::new();
        let mut letters = body.char_indices();
        while let Some((end, letter)) = letters.next() {
            match letter {
                '\'' => {
                    self.at += 1 + end + 1;
                    return Ok(Argument::Text { value, raw: body[..end].to_owned() });
                }
                '\\' => value.push(escaped(letters.next().map(|(_, letter)| letter))?),
                letter => value.push(letter),
            }
        }
        Err(format!("the quote before `{body}` is not closed"))
    }

    /// Reads a path, which ends at a comma or a closing parenthesis that is its own neither in brackets nor in parentheses.
    fn path(&mut self) -> Result<Argument, String> {
        let rest = self.rest();
        let end = path_end(rest);
        self.at += end;
        Path::parse(rest[..end].trim_end()).map(Argument::Path)
    }

    /// Reads a number, `true`, `false` or `null`, if one comes next.
    fn fixed(&mut self) -> Option<Value> {
        let rest = self.rest();
        let word = rest.split([',', ')']).next()?.trim_end();
        let value = serde_json::from_str(word).ok();
        let value = value.filter(|value| matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null))?;
        self.at += word.len();
        Some(value)
    }
}

/// What a letter after a backslash stands for.
fn escaped(letter: Option<char>) -> Result<char, String> {
    match letter {
        Some(letter @ ('\'' | '\\' | '{' | '}')) => Ok(letter),
        Some(letter) => {
            Err(format!(r"`\{letter}` means nothing: a backslash stands before `'`, `{{`, `}}` or another backslash"))
        }
        None => Err("a backslash at the end means nothing".to_owned()),
    }
}

/// Where a path ends that starts this text.
fn path_end(text: &str) -> usize {
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(letter),
            (None, '[' | '(') => depth += 1,
            (None, ',' | ')') if depth == 0 => return at,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.len()
}

fn unclosed(name: &str) -> String {
    format!("the parenthesis of `{name}(` is not closed")
}
