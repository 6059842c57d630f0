//! Drawings of state machines: for terminals, as Mermaid, and as SVG; with the states of an execution marked.

mod layers;
mod layout;
mod marks;
mod mermaid;
mod svg;
mod text;

use crate::choice::{Comparison, Condition, Operand};
use crate::definition::{Graph, Kind, Next, State};
use std::collections::BTreeMap;

use layers::layers;

pub use marks::Marking;
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

/// What became of states in an execution, by their names.
pub type Marks = BTreeMap<String, Mark>;

/// What became of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is being worked on.
    Running,
    /// It was left well.
    Succeeded,
    /// It failed.
    Failed,
    /// It failed, and the failure was caught.
    Caught,
    /// It was given up since something else failed.
    Aborted,
}

impl Mark {
    /// A sign that needs no colour.
    fn sign(self) -> &'static str {
        match self {
            Self::Running => "▶",
            Self::Succeeded => "✔",
            Self::Failed => "✘",
            Self::Caught => "↷",
            Self::Aborted => "■",
        }
    }

    /// The colours of its box and of its border.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("#dbeafe", "#1d4ed8"),
            Self::Succeeded => ("#dcfce7", "#15803d"),
            Self::Failed => ("#fee2e2", "#b91c1c"),
            Self::Caught => ("#ffedd5", "#c2410c"),
            Self::Aborted => ("#e5e7eb", "#4b5563"),
        }
    }
}

/// Where a state leads, and why.
fn arrows(state: &State) -> Vec<(&str, String)> {
    let mut arrows = Vec::new();
    if let Kind::Choice(choice) = &state.kind {
        for rule in &choice.rules {
            arrows.push((rule.next.as_str(), condition(&rule.condition)));
        }
        arrows.extend(choice.default.iter().map(|default| (default.as_str(), "otherwise".to_owned())));
    }
    if let Next::To(next) = &state.next {
        arrows.push((next, String::new()));
    }
    arrows
        .extend(state.catch.iter().map(|catcher| (catcher.next.as_str(), format!("on {}", catcher.errors.join(", ")))));
    arrows
}

/// The states that a state leads to.
fn targets(state: &State) -> impl Iterator<Item = &str> {
    let choice = match &state.kind {
        Kind::Choice(choice) => Some(choice),
        _ => None,
    };
    let chosen = choice.into_iter().flat_map(|choice| {
        let rules = choice.rules.iter().map(|rule| rule.next.as_str());
        rules.chain(choice.default.as_deref())
    });
    let next = match &state.next {
        Next::To(next) => Some(next.as_str()),
        Next::End => None,
    };
    chosen.chain(next).chain(state.catch.iter().map(|catcher| catcher.next.as_str()))
}

/// A condition in a few words.
fn condition(condition: &Condition) -> String {
    let part = |part: &Condition| match part {
        Condition::And(_) | Condition::Or(_) => format!("({})", self::condition(part)),
        part => self::condition(part),
    };
    let joined = |all: &[Condition], word: &str| all.iter().map(part).collect::<Vec<_>>().join(word);
    match condition {
        Condition::And(all) => joined(all, " and "),
        Condition::Or(any) => joined(any, " or "),
        Condition::Not(not) => format!("not ({})", self::condition(not)),
        Condition::Jsonata(expression) => expression.text().to_owned(),
        Condition::Compare(Comparison { variable, operator, operand }) => {
            let operand = match operand {
                Operand::Fixed(value) => value.to_string(),
                Operand::Path(path) => path.text().to_owned(),
                Operand::Flag(flag) => flag.to_string(),
            };
            format!("{} {} {operand}", variable.text(), operator.name())
        }
    }
}

/// The type of a state, as its definition writes it.
fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Task(_) => "Task",
        Kind::Parallel(_) => "Parallel",
        Kind::Map(_) => "Map",
        Kind::Choice(_) => "Choice",
        Kind::Wait(_) => "Wait",
        Kind::Pass(_) => "Pass",
        Kind::Succeed => "Succeed",
        Kind::Fail(_) => "Fail",
    }
}

/// The graphs within a state, each with what it is called.
fn within(state: &State) -> Vec<(String, &Graph)> {
    match &state.kind {
        Kind::Parallel(branches) => branches
            .iter()
            .enumerate()
            .map(|(index, branch)| (format!("branch {}", index + 1), branch.as_ref()))
            .collect(),
        Kind::Map(map) => vec![("each item".to_owned(), map.processor.as_ref())],
        _ => Vec::new(),
    }
}

/// A text in one line, and not too long.
fn short(text: &str, most: usize) -> String {
    let line: String = text.chars().map(visible).collect();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A letter, or a space for what is none: what a terminal obeys, what turns lines around, and what XML does not allow.
fn visible(letter: char) -> char {
    match letter {
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => ' ',
        letter if letter.is_control() => ' ',
        letter => letter,
    }
}

#[cfg(test)]
mod tests;
