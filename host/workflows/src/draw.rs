//! Drawings of state machines: for terminals, as Mermaid, and as SVG; with the states of an execution marked.

mod mermaid;
mod svg;
mod text;

use crate::choice::{Comparison, Condition, Operand};
use crate::definition::{Graph, Kind, Next, State};
use crate::history::Happened;
use serde_json::Value;
use std::collections::BTreeMap;

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

/// The marks of an execution's states, from what happened in it.
#[must_use]
pub fn marks(history: &[Happened]) -> Marks {
    let mut marks = Marks::new();
    let mut failed = false;
    for happened in history {
        let name = happened.details.as_ref().and_then(|details| details.get("name")).and_then(Value::as_str);
        match (happened.kind, name) {
            ("FailStateEntered", Some(name)) => _ = marks.insert(name.to_owned(), Mark::Failed),
            (kind, Some(name)) if kind.ends_with("StateEntered") => _ = marks.insert(name.to_owned(), Mark::Running),
            (kind, Some(name)) if kind.ends_with("StateExited") => {
                let mark = if failed { Mark::Caught } else { Mark::Succeeded };
                marks.insert(name.to_owned(), mark);
            }
            _ => {}
        }
        failed = happened.kind.ends_with("Failed") || happened.kind.ends_with("TimedOut");
        let end = match happened.kind {
            "ExecutionFailed" | "ExecutionTimedOut" => Mark::Failed,
            "ExecutionAborted" => Mark::Aborted,
            _ => continue,
        };
        marks.values_mut().filter(|mark| **mark == Mark::Running).for_each(|mark| *mark = end);
    }
    marks
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

/// A condition in a few words.
fn condition(condition: &Condition) -> String {
    let joined = |all: &[Condition], word: &str| all.iter().map(self::condition).collect::<Vec<_>>().join(word);
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

/// The states of a graph by how many steps they are away from its start, at the least; each only once.
fn layers(graph: &Graph) -> Vec<Vec<&str>> {
    let mut layers = Vec::new();
    let mut seen = std::collections::HashSet::from([graph.start.as_str()]);
    let mut layer = vec![graph.start.as_str()];
    while !layer.is_empty() {
        let targets =
            layer.iter().filter_map(|name| graph.states.get(*name)).flat_map(arrows).map(|(target, _)| target);
        let next: Vec<_> = targets.filter(|target| graph.states.contains_key(*target) && seen.insert(target)).collect();
        layers.push(std::mem::replace(&mut layer, next));
    }
    layers
}

/// A text in one line, and not too long.
fn short(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
