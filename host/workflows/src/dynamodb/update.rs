//! `UpdateExpression`: how an item changes.
//!
//! "Update expressions" of DynamoDB's developer guide. All that is read is read of the item as it was, and an index means an
//! element of the list as it was, whatever the order of the actions.

mod apply;
mod parse;

use super::attribute::Attribute;
use super::fault::invalid;
use super::key::Schema;
use super::parse::whole;
use super::path::Path;
use super::selection::Selection;
use super::terms::Terms;
use crate::failure::Failure;
use std::sync::Arc;

/// An update: its actions, and what they change.
#[derive(Clone, Debug)]
pub(super) struct Update {
    actions: Vec<Action>,
    changed: Selection,
}

/// A change of one attribute.
#[derive(Clone, Debug)]
struct Action {
    path: Path,
    change: Change,
}

/// What becomes of the attribute.
#[derive(Clone, Debug)]
enum Change {
    /// `SET`.
    Set(Source),
    /// `REMOVE`.
    Remove,
    /// `ADD`: a number to a number, a set to a set, or either where nothing is.
    Add(Arc<Attribute>),
    /// `DELETE`: these members of a set.
    Delete(Arc<Attribute>),
}

/// What `SET` sets.
#[derive(Clone, Debug)]
enum Source {
    One(Term),
    Sum(Term, Term),
    Difference(Term, Term),
}

/// A value.
#[derive(Clone, Debug)]
enum Term {
    Path(Path),
    Value(Arc<Attribute>),
    IfNotExists(Path, Box<Term>),
    ListAppend(Box<Term>, Box<Term>),
}

impl Update {
    /// Parses an `UpdateExpression`.
    ///
    /// # Errors
    /// What is wrong with it, as DynamoDB says it: among others that it changes the key.
    pub(super) fn parse(text: &str, terms: &mut Terms, schema: &Schema) -> Result<Self, Failure> {
        let update = whole("UpdateExpression", text, terms, |parser| {
            let actions = parse::actions(parser)?;
            let changed = Selection::of(actions.iter().map(|action| &action.path))?;
            Ok(Self { actions, changed })
        })?;
        match update.actions.iter().find(|action| schema.names().any(|name| name == &*action.path.head)) {
            Some(Action { path, .. }) => Err(invalid(format!(
                "One or more parameter values were invalid: Cannot update attribute {}. This attribute is part of the key",
                path.head
            ))),
            None => Ok(update),
        }
    }

    /// What it changes.
    pub(super) fn changed(&self) -> &Selection {
        &self.changed
    }

    /// Whether there is an item afterwards if there was none before: removing alone makes none.
    pub(super) fn creates(&self) -> bool {
        self.actions.iter().any(|action| matches!(action.change, Change::Set(_) | Change::Add(_)))
    }
}

#[cfg(test)]
mod tests;
