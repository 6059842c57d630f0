//! Paths as people write them for Step Functions, in the words of RFC 9535.

use super::filter;
use std::fmt::Write;

/// A part of a path: a name after a dot, or anything else.
enum Step<'a> {
    /// `.name`, without the dot. A backslash takes the meaning of the letter after it.
    Name(&'a str),
    /// `..name`, without the dots.
    Below(&'a str),
    /// `[…]`, `.*` or `..*` as it stands.
    Other(&'a str),
}

/// The steps of what follows a path's root.
fn steps(text: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A dot before a bracket says nothing (`$.a.['b']`).
        rest = rest.strip_prefix('.').filter(|rest| rest.starts_with('[')).unwrap_or(rest);
        let dots = rest.len() - rest.trim_start_matches('.').len();
        let name_end = dots + name_end(&rest[dots..]);
        let end = if dots == 0 { bracket_end(rest) } else { name_end };
        let (step, after) = rest.split_at(end.max(1).min(rest.len()));
        let name = &step[dots.min(step.len())..];
        steps.push(match dots {
            1 if !name.is_empty() && name != "*" => Step::Name(name),
            2 if !name.is_empty() && name != "*" => Step::Below(name),
            _ => Step::Other(step),
        });
        rest = after;
    }
    steps
}

/// Where a name ends that starts a text: at a dot or a bracket without a backslash before it.
pub(crate) fn name_end(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = !is_escaped && matches!(letter, '.' | '[');
        is_escaped = !is_escaped && letter == '\\';
        ends
    });
    end.unwrap_or(text.len())
}

/// A name without the backslashes that take a letter's meaning (`store\.book`).
pub(crate) fn unescaped(name: &str) -> String {
    let mut letters = name.chars();
    let mut plain = String::with_capacity(name.len());
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

/// Where a bracket that opens at the start is closed: not within quotes, nor by one that was opened within it.
pub(super) fn bracket_end(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0, None, false);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 && quote.is_none() {
            return at + letter.len_utf8();
        }
    }
    text.len()
}

/// What follows a path's root, as RFC 9535 wants it: a name that it does not take after a dot goes into brackets.
pub(super) fn translate(text: &str) -> String {
    let mut standard = "$".to_owned();
    for step in steps(text) {
        // Writing to a string does not fail.
        _ = match step {
            Step::Name(name) if is_shorthand(name) => write!(standard, ".{name}"),
            Step::Name(name) => write!(standard, "[{}]", quoted(name)),
            Step::Below(name) if is_shorthand(name) => write!(standard, "..{name}"),
            Step::Below(name) => write!(standard, "..[{}]", quoted(name)),
            Step::Other(step) if step.starts_with("[?") => {
                write!(standard, "{}", with_backslashes(&filter::translate(step)))
            }
            Step::Other(step) => write!(standard, "{}", with_backslashes(step)),
        };
    }
    standard
}

/// A step whose backslashes within quotes are as RFC 9535 wants them: one before a letter that needs none is a letter itself.
fn with_backslashes(step: &str) -> String {
    let mut standard = String::with_capacity(step.len());
    let (mut letters, mut quote) = (step.chars(), None);
    while let Some(letter) = letters.next() {
        standard.push(letter);
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if letter == open => quote = None,
            (Some(open), '\\') => {
                let Some(next) = letters.next() else { break };
                if next != open && !"\\/bfnrtu".contains(next) {
                    standard.push('\\');
                }
                standard.push(next);
            }
            _ => {}
        }
    }
    standard
}

/// Whether RFC 9535 takes the name after a dot.
fn is_shorthand(name: &str) -> bool {
    let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii();
    name.starts_with(is_first) && name.chars().all(|letter| is_first(letter) || letter.is_ascii_digit())
}

/// A name after a dot, in quotes.
fn quoted(name: &str) -> String {
    format!("'{}'", unescaped(name).replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Whether a path means one place at most: names and single indices only.
pub(super) fn is_definite(text: &str) -> bool {
    steps(text).iter().all(|step| match step {
        Step::Name(_) => true,
        Step::Below(_) => false,
        Step::Other(step) => is_single(step),
    })
}

/// Whether brackets hold one name or one index.
fn is_single(step: &str) -> bool {
    let Some(inner) = step.strip_prefix('[').and_then(|step| step.strip_suffix(']')) else { return false };
    let inner = inner.trim();
    let is_index =
        inner.strip_prefix('-').unwrap_or(inner).bytes().all(|byte| byte.is_ascii_digit()) && !inner.is_empty();
    is_index || (inner.starts_with(['\'', '"']) && quote_end(inner) == inner.len())
}

/// Where the quotes that open at the start are closed.
fn quote_end(text: &str) -> usize {
    let mut letters = text.char_indices();
    let Some((_, open)) = letters.next() else { return 0 };
    let mut escaped = false;
    for (at, letter) in letters {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == open => return at + 1,
            _ => {}
        }
    }
    0
}
