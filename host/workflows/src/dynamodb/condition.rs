//! `ConditionExpression`: what must hold of an item before it is written.
//!
//! "Condition and filter expressions, operators, and functions" of DynamoDB's developer guide. Values of different types are
//! never equal and have no order; a value that is not there is unequal to all, even to another one that is not there.

mod parse;

use super::attribute::{Attribute, Map};
use super::decimal::Decimal;
use super::parse::whole;
use super::path::Path;
use super::terms::Terms;
use crate::failure::Failure;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

/// A condition. It is not nested deeper than parentheses and `NOT` may be.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// One of them.
    Or(Vec<Condition>),
    /// All of them.
    And(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    /// Of the type with this name.
    HasType(Operand, &'static str),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Path(Path),
    Value(Arc<Attribute>),
    Size(Box<Operand>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Parses a `ConditionExpression`.
    ///
    /// # Errors
    /// What is wrong with it, as DynamoDB says it.
    pub(super) fn parse(text: &str, terms: &mut Terms) -> Result<Self, Failure> {
        whole("ConditionExpression", text, terms, parse::condition)
    }

    /// Whether it holds of an item. One that does not exist is an empty one.
    pub(super) fn holds(&self, item: &Map) -> bool {
        match self {
            Self::Or(conditions) => conditions.iter().any(|condition| condition.holds(item)),
            Self::And(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Not(condition) => !condition.holds(item),
            Self::Compare(left, comparator, right) => comparator.holds(left.of(item), right.of(item)),
            Self::Between(value, lower, upper) => {
                Comparator::GreaterOrEqual.holds(value.of(item), lower.of(item))
                    && Comparator::LessOrEqual.holds(value.of(item), upper.of(item))
            }
            Self::In(value, list) => list.iter().any(|one| Comparator::Equal.holds(value.of(item), one.of(item))),
            Self::Exists(path) => path.find(item).is_some(),
            Self::NotExists(path) => path.find(item).is_none(),
            Self::HasType(value, tag) => value.of(item).is_some_and(|value| value.tag() == *tag),
            Self::BeginsWith(value, start) => both(value, start, item, begins_with),
            Self::Contains(value, part) => both(value, part, item, contains),
        }
    }

    /// Fails as the service does if it does not hold.
    ///
    /// # Errors
    /// `DynamoDB.ConditionalCheckFailedException`.
    pub(super) fn check(&self, item: &Map) -> Result<(), Failure> {
        if self.holds(item) { Ok(()) } else { Err(super::fault::condition_failed()) }
    }
}

impl Operand {
    fn of<'i>(&'i self, item: &'i Map) -> Option<Cow<'i, Attribute>> {
        match self {
            Self::Path(path) => path.find(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(of) => length(&*of.of(item)?).map(|length| Cow::Owned(Attribute::N(Decimal::from(length)))),
        }
    }
}

impl Comparator {
    fn holds(self, left: Option<Cow<Attribute>>, right: Option<Cow<Attribute>>) -> bool {
        let (Some(left), Some(right)) = (left, right) else { return self == Self::Unequal };
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => order(&left, &right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(&left, &right).is_some_and(Ordering::is_le),
            Self::Greater => order(&left, &right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(&left, &right).is_some_and(Ordering::is_ge),
        }
    }
}

/// The order of two values, if they have one: numbers by value, texts by their UTF-8, binary by its bytes.
fn order(left: &Attribute, right: &Attribute) -> Option<Ordering> {
    match (left, right) {
        (Attribute::S(left), Attribute::S(right)) => Some(left.cmp(right)),
        (Attribute::N(left), Attribute::N(right)) => Some(left.cmp(right)),
        (Attribute::B(left), Attribute::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// `size`: the bytes of a text or binary, the elements of all that has some.
fn length(value: &Attribute) -> Option<usize> {
    match value {
        Attribute::S(text) => Some(text.len()),
        Attribute::B(bytes) => Some(bytes.len()),
        Attribute::L(list) => Some(list.len()),
        Attribute::M(map) => Some(map.len()),
        Attribute::Ss(set) => Some(set.len()),
        Attribute::Ns(set) => Some(set.len()),
        Attribute::Bs(set) => Some(set.len()),
        Attribute::N(_) | Attribute::Bool(_) | Attribute::Null => None,
    }
}

fn both(left: &Operand, right: &Operand, item: &Map, test: fn(&Attribute, &Attribute) -> bool) -> bool {
    left.of(item).zip(right.of(item)).is_some_and(|(left, right)| test(&left, &right))
}

fn begins_with(value: &Attribute, start: &Attribute) -> bool {
    match (value, start) {
        (Attribute::S(text), Attribute::S(start)) => text.starts_with(start),
        (Attribute::B(bytes), Attribute::B(start)) => bytes.starts_with(start),
        _ => false,
    }
}

/// Whether a text or binary has this part, a set this member, a list this element.
fn contains(value: &Attribute, part: &Attribute) -> bool {
    match (value, part) {
        (Attribute::S(text), Attribute::S(part)) => text.contains(part),
        (Attribute::B(bytes), Attribute::B(part)) => letters(bytes).contains(&letters(part)),
        (Attribute::Ss(set), Attribute::S(member)) => set.contains(member),
        (Attribute::Ns(set), Attribute::N(member)) => set.contains(member),
        (Attribute::Bs(set), Attribute::B(member)) => set.contains(member),
        (Attribute::L(list), element) => list.contains(element),
        _ => false,
    }
}

/// A letter a byte: the search in texts takes time that is linear in both, whatever they are.
fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests;
