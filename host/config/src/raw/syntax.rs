//! Text that is not TOML.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Position, Span, line_of, slice};
use toml::de::{DeTable, DeValue, Error};

/// What the parser found, as diagnostics. Names that are given twice are among them.
pub(crate) fn errors(text: &str, tree: &DeTable<'_>, errors: &[Error]) -> Vec<Diagnostic> {
    errors.iter().map(|error| diagnose(text, tree, error)).collect()
}

fn diagnose(text: &str, tree: &DeTable<'_>, error: &Error) -> Diagnostic {
    let at = error.span().unwrap_or(text.len()..text.len());
    let (at, message) = (at.start.min(text.len())..at.end.min(text.len()), error.message());
    if message != "duplicate key" {
        let (what, wanted) = message.split_once(", expected ").unwrap_or((message, ""));
        let label = if wanted.is_empty() { "here".to_owned() } else { format!("expected {wanted}") };
        return Diagnostic::new(Code::Syntax, at, format!("this is not TOML: {what}"), label).help(help(what));
    }
    let name = slice(text, &at).trim_matches(['"', '\'']).to_owned();
    let first = first_place(text, tree, &name, &at);
    Diagnostic::new(Code::DuplicateName, at, format!("`{name}` is there twice"), "a second time")
        .also(first, "first here")
        .help("keep one of them".to_owned())
}

/// Says what to do about the mistakes that are made most.
fn help(what: &str) -> String {
    let help = match what {
        "string values must be quoted" => "write the value in quotes: \"value\"",
        _ if what.contains("string") => "a text starts and ends with the same quotes, on one line",
        _ if what.contains("inline table") => "an inline table is { key = \"value\", other = \"value\" }",
        _ if what.contains("array") => "a list is [\"one\", \"two\"]",
        _ if what.contains("table") => "a section starts with [name], a list of sections with [[name]]",
        _ => "a line is key = \"value\", a section starts with [name]; see https://toml.io/en/v1.1.0",
    };
    help.to_owned()
}

/// Finds where a name was first given: for a header the same header before, else the nearest key of that name before.
fn first_place(text: &str, tree: &DeTable<'_>, name: &str, second: &Span) -> Option<Span> {
    let line = line_of(text, second.start).trim();
    if line.starts_with('[') {
        let header = |line: &str| line.split('#').next().map(|header| header.replace(' ', ""));
        let mut start = 0;
        let place = text[..second.start].split_inclusive('\n').find_map(|earlier| {
            let at = start + earlier.find(name).unwrap_or_default();
            start += earlier.len();
            (header(earlier.trim()) == header(line)).then(|| at..at + name.len())
        });
        return place.filter(|place| place.end <= second.start);
    }
    let mut places = Vec::new();
    places_of(tree, name, &mut places);
    places.into_iter().filter(|place| place.end <= second.start).max_by_key(|place| place.start)
}

fn places_of(table: &DeTable<'_>, name: &str, places: &mut Vec<Span>) {
    for (key, value) in table {
        if key.get_ref() == name {
            places.push(key.span());
        }
        places_in(value.get_ref(), name, places);
    }
}

fn places_in(value: &DeValue<'_>, name: &str, places: &mut Vec<Span>) {
    match value {
        DeValue::Table(table) => places_of(table, name, places),
        DeValue::Array(items) => items.iter().for_each(|item| places_in(item.get_ref(), name, places)),
        _ => {}
    }
}

/// Keeps of what was found in a broken file only what the break can't have caused: not on its lines, not in the section of a
/// broken header, and nothing that is said to be missing.
pub(crate) fn only_elsewhere(text: &str, found: Vec<Diagnostic>, syntax: &[Diagnostic]) -> Vec<Diagnostic> {
    if syntax.is_empty() {
        return found;
    }
    let line = |diagnostic: &Diagnostic| Position::of(text, diagnostic.span().start).line;
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let broken: Vec<_> = syntax
        .iter()
        .map(|error| {
            let first = line(error);
            let below = text.lines().skip(first).take_while(|line| !is_header(line)).count();
            let header = is_header(line_of(text, error.span().start));
            first..=first + if header { below } else { 0 }
        })
        .collect();
    let keep = |d: &Diagnostic| d.code() != Code::MissingKey && !broken.iter().any(|lines| lines.contains(&line(d)));
    found.into_iter().filter(keep).collect()
}
