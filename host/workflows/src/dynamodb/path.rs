//! Document paths: `a.b[3].c`.

use super::attribute::{Attribute, Map};
use std::fmt;
use std::sync::Arc;

/// How many elements a path has at most ("Document path depth" of DynamoDB's limits).
pub(super) const ELEMENTS_MAX: usize = 32;

/// A part of a path. Names are shared: an expression may use a long one a thousand times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    Name(Arc<str>),
    Index(usize),
}

/// Where a value is in an item: a name, and what follows it. Paths are ordered by their elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) head: Arc<str>,
    pub(super) tail: Vec<Element>,
}

impl Path {
    /// All elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = Element> {
        std::iter::once(Element::Name(self.head.clone())).chain(self.tail.iter().cloned())
    }

    /// What is there.
    pub(super) fn find<'i>(&self, item: &'i Map) -> Option<&'i Attribute> {
        self.walk(item, &self.tail)
    }

    /// Whether there is something that can hold a value there: a map for a name, a list for an index.
    pub(super) fn has_place(&self, item: &Map) -> bool {
        let Some((last, between)) = self.tail.split_last() else { return true };
        matches!(
            (self.walk(item, between), last),
            (Some(Attribute::M(_)), Element::Name(_)) | (Some(Attribute::L(_)), Element::Index(_))
        )
    }

    /// Puts a value there: into a map, or into a list, at whose end it comes if the index is beyond.
    ///
    /// # Errors
    /// There is nothing that could hold it.
    pub(super) fn put(&self, item: &mut Map, value: Attribute) -> Result<(), String> {
        let Some((last, between)) = self.tail.split_last() else {
            item.insert(self.head.to_string(), value);
            return Ok(());
        };
        match (self.walk_mut(item, between), last) {
            (Some(Attribute::M(map)), Element::Name(name)) => {
                map.insert(name.to_string(), value);
            }
            (Some(Attribute::L(list)), Element::Index(index)) => match list.get_mut(*index) {
                Some(place) => *place = value,
                None => list.push(value),
            },
            _ => return Err(Self::no_place()),
        }
        Ok(())
    }

    /// What DynamoDB says of a path that leads nowhere.
    pub(super) fn no_place() -> String {
        "The document path provided in the update expression is invalid for update".to_owned()
    }

    /// Removes what is there, if anything is.
    pub(super) fn remove(&self, item: &mut Map) {
        let Some((last, between)) = self.tail.split_last() else {
            item.shift_remove(&*self.head);
            return;
        };
        match (self.walk_mut(item, between), last) {
            (Some(Attribute::M(map)), Element::Name(name)) => {
                map.shift_remove(&**name);
            }
            (Some(Attribute::L(list)), Element::Index(index)) if *index < list.len() => {
                list.remove(*index);
            }
            _ => {}
        }
    }

    fn walk<'i>(&self, item: &'i Map, between: &[Element]) -> Option<&'i Attribute> {
        between.iter().try_fold(item.get(&*self.head)?, |value, element| match (value, element) {
            (Attribute::M(map), Element::Name(name)) => map.get(&**name),
            (Attribute::L(list), Element::Index(index)) => list.get(*index),
            _ => None,
        })
    }

    fn walk_mut<'i>(&self, item: &'i mut Map, between: &[Element]) -> Option<&'i mut Attribute> {
        between.iter().try_fold(item.get_mut(&*self.head)?, |value, element| match (value, element) {
            (Attribute::M(map), Element::Name(name)) => map.get_mut(&**name),
            (Attribute::L(list), Element::Index(index)) => list.get_mut(*index),
            _ => None,
        })
    }
}

/// As DynamoDB's messages have paths: `[a, b, [3]]`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}", self.head)?;
        for element in &self.tail {
            match element {
                Element::Name(name) => write!(formatter, ", {name}")?,
                Element::Index(index) => write!(formatter, ", [{index}]")?,
            }
        }
        write!(formatter, "]")
    }
}
