//! The values of attributes, as DynamoDB has them.

use super::decimal::Decimal;
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// How deep lists and maps may be nested ("Nested attribute depth" of DynamoDB's limits).
pub(super) const DEPTH_MAX: usize = 32;

/// How large an item may be: 400 KB, names and values ("Item size").
pub(super) const SIZE_MAX: usize = 400 << 10;

/// Attributes by their names: an item, or a value of type M.
pub(super) type Map = IndexMap<String, Attribute>;

/// The value of an attribute. Sets have no order, so that equal ones are equal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    S(String),
    N(Decimal),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<Attribute>),
    M(Map),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Decimal>),
    Bs(BTreeSet<Vec<u8>>),
}

impl Attribute {
    /// The name of its type.
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// Its size in bytes, as "DynamoDB item sizes and formats" of the developer guide counts.
    pub(super) fn size(&self) -> usize {
        let number = |number: &Decimal| number.digit_count().div_ceil(2) + 1;
        match self {
            Self::S(text) => text.len(),
            Self::N(value) => number(value),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(list) => 3 + list.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(map) => 3 + map.len() + size(map),
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(number).sum(),
            Self::Bs(set) => set.iter().map(Vec::len).sum(),
        }
    }

    /// How deep lists and maps are nested in it: a scalar or a set not at all, an empty list one deep.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::L(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            Self::M(map) => 1 + map.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// The size of an item in bytes.
pub(super) fn size(map: &Map) -> usize {
    map.iter().map(|(name, value)| name.len() + value.size()).sum()
}
