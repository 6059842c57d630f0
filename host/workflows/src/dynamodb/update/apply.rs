//! What an update makes of an item.

use super::super::attribute::{Attribute, Map, SIZE_MAX, size};
use super::super::path::Path;
use super::{Change, Source, Term, Update};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Update {
    /// The item afterwards, of the item before. A new one starts as its key, which is not to be read yet.
    ///
    /// # Errors
    /// As DynamoDB says it: a path that leads nowhere, a value of the wrong type, an item that would be too large.
    pub(in super::super) fn apply(&self, old: Option<&Map>, key: &Map) -> Result<Map, String> {
        let nothing = Map::new();
        let item = old.unwrap_or(&nothing);
        let (mut puts, mut removals) = (Vec::new(), Vec::new());
        let mut left = SIZE_MAX;
        for action in &self.actions {
            match action.change.outcome(&action.path, item)? {
                Outcome::Put(value) => {
                    left = left.checked_sub(value.size()).ok_or_else(too_large)?;
                    puts.push((&action.path, value));
                }
                Outcome::Remove => removals.push(&action.path),
                Outcome::Keep if old.is_none() || action.path.has_place(item) => {}
                Outcome::Keep => return Err(Path::no_place()),
            }
        }
        let changed = changed(old.unwrap_or(key), puts, removals)?;
        if size(&changed) > SIZE_MAX { Err(too_large()) } else { Ok(changed) }
    }
}

/// Puts in ascending order, so that elements beyond the end of a list come in the order of their indices; removes behind that
/// and in descending order, so that each index still means what it did.
fn changed(item: &Map, mut puts: Vec<(&Path, Attribute)>, mut removals: Vec<&Path>) -> Result<Map, String> {
    puts.sort_by_key(|(path, _)| *path);
    removals.sort();
    let mut changed = item.clone();
    puts.into_iter().try_for_each(|(path, value)| path.put(&mut changed, value))?;
    removals.into_iter().rev().for_each(|path| path.remove(&mut changed));
    Ok(changed)
}

/// What becomes of an attribute.
enum Outcome {
    Put(Attribute),
    /// It is there, and goes.
    Remove,
    /// It is not there, and was to go.
    Keep,
}

impl Change {
    fn outcome(&self, path: &Path, item: &Map) -> Result<Outcome, String> {
        match (self, path.find(item)) {
            (Self::Set(source), _) => source.value(item).map(Outcome::Put),
            (Self::Remove | Self::Delete(_), None) => Ok(Outcome::Keep),
            (Self::Remove, Some(_)) => Ok(Outcome::Remove),
            (Self::Add(value), None) => Ok(Outcome::Put((**value).clone())),
            (Self::Add(value), Some(old)) => sum(old, value).map(Outcome::Put),
            (Self::Delete(value), Some(old)) => difference(old, value),
        }
    }
}

impl Source {
    fn value(&self, item: &Map) -> Result<Attribute, String> {
        match self {
            Self::One(term) => term.value(item).map(Cow::into_owned),
            Self::Sum(left, right) => match (&*left.value(item)?, &*right.value(item)?) {
                (Attribute::N(left), Attribute::N(right)) => left.plus(*right).map(Attribute::N),
                _ => Err(wrong_type()),
            },
            Self::Difference(left, right) => match (&*left.value(item)?, &*right.value(item)?) {
                (Attribute::N(left), Attribute::N(right)) => left.minus(*right).map(Attribute::N),
                _ => Err(wrong_type()),
            },
        }
    }
}

impl Term {
    fn value<'i>(&'i self, item: &'i Map) -> Result<Cow<'i, Attribute>, String> {
        match self {
            Self::Path(path) => path.find(item).map(Cow::Borrowed).ok_or_else(|| {
                "The provided expression refers to an attribute that does not exist in the item".to_owned()
            }),
            Self::Value(value) => Ok(Cow::Borrowed(value)),
            Self::IfNotExists(path, otherwise) => match path.find(item) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => otherwise.value(item),
            },
            Self::ListAppend(left, right) => match (left.value(item)?.into_owned(), &*right.value(item)?) {
                (Attribute::L(mut list), Attribute::L(more)) => {
                    list.extend_from_slice(more);
                    Ok(Cow::Owned(Attribute::L(list)))
                }
                _ => Err(wrong_type()),
            },
        }
    }
}

fn sum(old: &Attribute, value: &Attribute) -> Result<Attribute, String> {
    Ok(match (old, value) {
        (Attribute::N(old), Attribute::N(value)) => Attribute::N(old.plus(*value)?),
        (Attribute::Ss(old), Attribute::Ss(value)) => Attribute::Ss(old | value),
        (Attribute::Ns(old), Attribute::Ns(value)) => Attribute::Ns(old | value),
        (Attribute::Bs(old), Attribute::Bs(value)) => Attribute::Bs(old | value),
        _ => return Err(wrong_type()),
    })
}

fn difference(old: &Attribute, value: &Attribute) -> Result<Outcome, String> {
    Ok(match (old, value) {
        (Attribute::Ss(old), Attribute::Ss(value)) => rest(old - value, Attribute::Ss),
        (Attribute::Ns(old), Attribute::Ns(value)) => rest(old - value, Attribute::Ns),
        (Attribute::Bs(old), Attribute::Bs(value)) => rest(old - value, Attribute::Bs),
        _ => return Err(wrong_type()),
    })
}

/// There are no empty sets: the attribute goes with its last member.
fn rest<T>(set: BTreeSet<T>, of: fn(BTreeSet<T>) -> Attribute) -> Outcome {
    if set.is_empty() { Outcome::Remove } else { Outcome::Put(of(set)) }
}

fn wrong_type() -> String {
    "An operand in the update expression has an incorrect data type".to_owned()
}

fn too_large() -> String {
    "Item size to update has exceeded the maximum allowed size".to_owned()
}
