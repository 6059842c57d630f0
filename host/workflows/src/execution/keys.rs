//! The keys of heads, journals, items and definitions in the store, and the names of what they are of.
//!
//! An execution's name is what its starter says. The map run of its task 7 is `NAME:7`, the execution of that run's item 2
//! `NAME:7:2`, and so on: whether a name has an odd number of parts tells what it is of.

use super::ExecutionError;
use crate::run::Ticket;

/// The longest name of an execution, in characters ("Service quotas": 80).
pub const NAME_MAX: usize = 80;

/// Whether a text can be the name of an execution.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !text.is_empty() && text.len() <= NAME_MAX && text.chars().all(is_allowed)
}

/// Checks the name of an execution that somebody starts.
pub(super) fn check_name(name: &str) -> Result<(), ExecutionError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(ExecutionError::Name { name: name.to_owned() }),
    }
}

/// The name of the map run that is a task of an execution.
pub(super) fn map_run(execution: &str, task: Ticket) -> String {
    format!("{execution}:{}", task.0)
}

/// The execution and its task that a map run is.
pub(super) fn task_of(map: &str) -> Option<(&str, Ticket)> {
    let (execution, task) = map.rsplit_once(':')?;
    Some((execution, Ticket(task.parse().ok()?)))
}

/// The name of the execution of a map run's item.
pub(super) fn item(map: &str, index: usize) -> String {
    format!("{map}:{index}")
}

/// What is known about an execution: those of items stand apart, as they are not listed.
pub(super) fn head(workflow: &str, name: &str) -> String {
    match name.contains(':') {
        true => format!("{workflow}/c/{name}"),
        false => format!("{}{name}", heads(workflow)),
    }
}

/// What the keys of all heads start with, without those of items.
pub(super) fn heads(workflow: &str) -> String {
    format!("{workflow}/x/")
}

/// What is known about a map run.
pub(super) fn map_head(workflow: &str, map: &str) -> String {
    format!("{workflow}/m/{map}")
}

/// Some items of a map run: they are in their order.
pub(super) fn items(workflow: &str, map: &str, number: u64) -> String {
    format!("{}{number:010}", all_items(workflow, map))
}

/// What the keys of all items of a map run start with.
pub(super) fn all_items(workflow: &str, map: &str) -> String {
    format!("{workflow}/i/{map}/")
}

/// A record of a journal: they are in their order.
pub(super) fn record(workflow: &str, name: &str, number: u64) -> String {
    format!("{}{number:010}", journal(workflow, name))
}

/// What the keys of all records of a journal start with.
pub(super) fn journal(workflow: &str, name: &str) -> String {
    format!("{workflow}/j/{name}/")
}

/// What is noted about a task of an execution.
pub(super) fn mark(workflow: &str, execution: &str, task: Ticket) -> String {
    format!("{workflow}/s/{}", map_run(execution, task))
}

/// What the keys start with of all that an execution leaves but its head.
pub(super) fn remains(workflow: &str, name: &str) -> [String; 6] {
    [
        journal(workflow, name),
        format!("{workflow}/j/{name}:"),
        format!("{workflow}/i/{name}:"),
        format!("{workflow}/m/{name}:"),
        format!("{workflow}/c/{name}:"),
        format!("{workflow}/s/{name}:"),
    ]
}

/// A definition with which executions were started.
pub(super) fn definition(workflow: &str, hash: &str) -> String {
    format!("{workflow}/d/{hash}")
}
