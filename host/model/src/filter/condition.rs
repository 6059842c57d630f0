//! One condition on one attribute.

use super::number;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// What an attribute has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Is(Literal),
    Affix(Affix),
    IgnoreCase(String),
    NoneOf(Vec<Literal>),
    NotAffix(Affix),
    /// All of them.
    Numeric(Vec<Comparison>),
    Exists(bool),
}

/// A value that is written out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(Decimal),
    Bool(bool),
}

/// One end of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Affix {
    Prefix(String),
    Suffix(String),
}

/// One bound of a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) with: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Condition {
    /// Says whether an attribute passes, or its absence.
    pub(super) fn passes(&self, attribute: Option<&str>) -> bool {
        if let Self::Exists(wanted) = self {
            return attribute.is_some() == *wanted;
        }
        attribute.is_some_and(|text| self.holds(text))
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Is(literal) => literal.is(text),
            Self::Affix(affix) => affix.is_of(text),
            Self::IgnoreCase(wanted) => lowercase(wanted).eq(lowercase(text)),
            Self::NoneOf(literals) => !literals.iter().any(|literal| literal.is(text)),
            Self::NotAffix(affix) => !affix.is_of(text),
            Self::Numeric(bounds) => {
                number::parse(text).is_some_and(|number| bounds.iter().all(|bound| bound.holds(number)))
            }
            Self::Exists(wanted) => *wanted,
        }
    }
}

impl Literal {
    fn is(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Number(wanted) => number::parse(text) == Some(*wanted),
            Self::Bool(wanted) => text == if *wanted { "true" } else { "false" },
        }
    }
}

impl Affix {
    fn is_of(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
        }
    }
}

impl Comparison {
    fn holds(&self, number: Decimal) -> bool {
        let order = number.cmp(&self.with);
        match self.operator {
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Greater => order == Ordering::Greater,
        }
    }
}

impl Operator {
    /// Reads one of the signs.
    pub(super) fn parse(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "=" => Self::Equal,
            ">=" => Self::GreaterOrEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }
}

/// Letter by letter, so that nothing is allocated. A final sigma is then a sigma like any other, which is what one wants here.
fn lowercase(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}
