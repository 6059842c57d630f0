//! The keys of heads, journals and definitions in the store.

use super::ExecutionError;

/// The longest name of an execution, in characters ("Service quotas": 80).
pub const NAME_MAX: usize = 80;

/// Whether a text can be the name of an execution.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !text.is_empty() && text.len() <= NAME_MAX && text.chars().all(is_allowed)
}

/// Checks the name of an execution.
pub(super) fn check_name(name: &str) -> Result<(), ExecutionError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(ExecutionError::Name { name: name.to_owned() }),
    }
}

/// What is known about an execution.
pub(super) fn head(workflow: &str, name: &str) -> String {
    format!("{}{name}", heads(workflow))
}

/// What the keys of all heads start with.
pub(super) fn heads(workflow: &str) -> String {
    format!("{workflow}/x/")
}

/// A record of a journal: they are in their order.
pub(super) fn record(workflow: &str, name: &str, number: u64) -> String {
    format!("{}{number:010}", journal(workflow, name))
}

/// What the keys of all records of a journal start with.
pub(super) fn journal(workflow: &str, name: &str) -> String {
    format!("{workflow}/j/{name}/")
}

/// A definition with which executions were started.
pub(super) fn definition(workflow: &str, hash: &str) -> String {
    format!("{workflow}/d/{hash}")
}
