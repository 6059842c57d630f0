//! `${NAME}` in strings: replaced from the environment, without telling anybody what came out.
//!
//! `${NAME:-default}` takes the default if the variable is not set or empty, `$${` stands for `${`. A name is letters, digits
//! and underscores. What replaces a variable is taken as it is, not looked through again.

use crate::environment::Environment;
use crate::source::{Span, slice};
use std::borrow::Cow;

/// What is wrong with one `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Which `${` of the text it is, from 0.
    pub(crate) nth: usize,
    /// The reference as written, from `${` on.
    pub(crate) reference: String,
    pub(crate) kind: MistakeKind,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MistakeKind {
    /// The variable is not set, and there is no default.
    Missing(String),
    /// There is no `}`.
    Unclosed,
    /// What stands between the braces is no name.
    Name,
}

/// Replaces the variables in a text.
pub(crate) fn interpolate<'t>(text: &'t str, environment: &dyn Environment) -> Result<Cow<'t, str>, Vec<Mistake>> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let (mut out, mut mistakes) = (String::with_capacity(text.len()), Vec::new());
    let (mut rest, mut nth) = (text, 0);
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start]);
            out.push('{');
            rest = &rest[start + 2..];
        } else {
            out.push_str(&rest[..start]);
            let reference = &rest[start..];
            let end = reference.find('}').map_or(reference.len(), |close| close + 1);
            match resolve(&reference[..end], environment) {
                Ok(value) => out.push_str(&value),
                Err(kind) => mistakes.push(Mistake { nth, reference: reference[..end].to_owned(), kind }),
            }
            nth += reference[..end].matches("${").count() - 1;
            rest = &reference[end..];
        }
        nth += 1;
    }
    out.push_str(rest);
    if mistakes.is_empty() { Ok(Cow::Owned(out)) } else { Err(mistakes) }
}

/// Resolves one reference, braces included.
fn resolve(reference: &str, environment: &dyn Environment) -> Result<String, MistakeKind> {
    let inner = reference.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).ok_or(MistakeKind::Unclosed)?;
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(MistakeKind::Name);
    }
    match (environment.get(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(MistakeKind::Missing(name.to_owned())),
    }
}

/// Finds where a mistake stands in the file. Escapes make the string as written differ from the string that it means; if
/// they hide the place, it is the whole string.
pub(crate) fn locate(file: &str, string: &Span, mistake: &Mistake) -> Span {
    let written = slice(file, string);
    match written.match_indices("${").nth(mistake.nth) {
        Some((offset, _)) if written[offset..].starts_with(&mistake.reference) => {
            let start = string.start + offset;
            start..start + mistake.reference.len()
        }
        _ => string.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/me".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOME}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once_and_escapes_are_kept() {
        for (text, expected) in [
            ("plain $ {text}", "plain $ {text}"),
            ("${HOME}/x", "/home/me/x"),
            ("a${HOME}b${EMPTY}c", "a/home/mebc"),
            ("${NONE:-default}", "default"),
            ("${EMPTY:-default}", "default"),
            ("${HOME:-default}", "/home/me"),
            ("${NONE:-}", ""),
            ("$${HOME}", "${HOME}"),
            ("$${HOME}${HOME}", "${HOME}/home/me"),
            ("${NESTED}", "${HOME}"),
        ] {
            assert_eq!(interpolate(text, &environment).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_mistake_is_found_where_it_stands() {
        let text = "$${X} ${NONE} ${HOME} ${a-${b} ${NO} ${open";
        let mistakes = interpolate(text, &environment).expect_err("there are four mistakes");
        let file = format!("key = \"{text}\"");
        let found: Vec<_> = mistakes.iter().map(|m| &file[locate(&file, &(6..file.len()), m)]).collect();
        assert_eq!(found, ["${NONE}", "${a-${b}", "${NO}", "${open"]);
        assert_eq!(mistakes[0].kind, MistakeKind::Missing("NONE".to_owned()));
        assert_eq!(mistakes[1].kind, MistakeKind::Name);
        assert_eq!(mistakes[3].kind, MistakeKind::Unclosed);
    }

    #[test]
    fn a_place_that_an_escape_hides_is_the_whole_string() {
        let mistakes = interpolate("${A}", &environment).expect_err("A is not set");
        let file = r#"k = "\u0024{A}""#;
        assert_eq!(locate(file, &(4..file.len()), &mistakes[0]), 4..file.len());
    }
}
