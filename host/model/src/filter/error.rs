//! What is wrong with a policy, and where.

use super::{CONDITIONS_MAX, DEPTH_MAX};
use std::fmt;

/// Says what is wrong with a policy. A retry can't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct FilterError {
    /// Where in the policy, as a path: `$.price[0].numeric[1]`.
    pub at: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong at a place of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something of another kind has to stand there.
    #[error("{wanted} is needed, and this is {found}")]
    Kind {
        /// What there is, with its article: `a number`.
        found: &'static str,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A list or policy without an entry. Who wants everything has no filter.
    #[error("at least one entry is needed")]
    Empty,
    /// A condition that no filter has.
    #[error("there is no condition `{name}`; there are {}", OPERATORS.join(", "))]
    UnknownCondition {
        /// Its name.
        name: String,
    },
    /// An object with no condition, or several.
    #[error(
        "a condition is an object with one name, and this has {count}; several conditions stand in the list one by one"
    )]
    SeveralConditions {
        /// How many names it has.
        count: usize,
    },
    /// A sign between numbers that there is not.
    #[error("one of <, <=, =, >=, > is needed")]
    Operator,
    /// A sign without its number.
    #[error("a number is needed after the sign")]
    Unpaired,
    /// A number that could only be compared after it was rounded.
    #[error("a number has at most 15 digits, or is a whole one of 64 bits")]
    Number,
    /// Too many conditions in all.
    #[error("a policy has at most {CONDITIONS_MAX} conditions")]
    TooMany,
    /// Too many policies within each other.
    #[error("at most {DEPTH_MAX} policies may lie within each other")]
    TooDeep,
}

/// The conditions that are objects.
pub(super) const OPERATORS: &[&str] = &["prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case"];

/// A place in a policy, told from the inside out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Root,
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(super) fn name<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place::Name(self, name)
    }

    pub(super) fn index(&self, index: usize) -> Place<'_> {
        Place::Index(self, index)
    }

    pub(super) fn fault(&self, fault: Fault) -> FilterError {
        FilterError { at: self.to_string(), fault }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_alphanumeric() || "_-$".contains(c);
        match self {
            Self::Root => f.write_str("$"),
            Self::Name(above, name) if !name.is_empty() && name.chars().all(is_plain) => write!(f, "{above}.{name}"),
            Self::Name(above, name) => write!(f, "{above}[{name:?}]"),
            Self::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}
