//! Comparisons of a Choice state in JSONPath: what is compared, how, and whether it holds.
//!
//! Types never convert: a value of another type than the operator's makes a comparison false, and is no error.

mod numeric;
mod wildcard;

use crate::moment;
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use serde_json::Value;
use std::cmp::Ordering;

/// A comparison of what is at a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Where the value is.
    pub variable: Path,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// This value.
    Fixed(Value),
    /// What is at a path (`StringEqualsPath` and the like).
    Path(Path),
    /// Whether the test is to be true (`IsNull` and the like).
    Flag(bool),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// As one of two values that have an order: `StringEquals`, `NumericLessThan`, `TimestampGreaterThanEquals`.
    Order(Kind, Order),
    /// `StringMatches`.
    Matches,
    /// `BooleanEquals`.
    BooleanEquals,
    /// `IsNull` and the like.
    Is(Test),
}

/// The type of values that have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Texts, by their code points.
    String,
    /// Numbers.
    Numeric,
    /// Texts that are moments, by what they mean.
    Timestamp,
}

/// How the left value has to stand to the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The same.
    Equals,
    /// Before it.
    LessThan,
    /// After it.
    GreaterThan,
    /// Before it, or the same.
    LessThanEquals,
    /// After it, or the same.
    GreaterThanEquals,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// `null`.
    Null,
    /// There at all.
    Present,
    /// A number.
    Numeric,
    /// A text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A text that is a moment.
    Timestamp,
}

impl Operator {
    /// Reads the name of an operator, and whether its operand is a path, as in `StringEqualsPath`.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, bool)> {
        if let Some(operator) = Self::with_value(name) {
            return Some((operator, false));
        }
        match Self::with_value(name.strip_suffix("Path")?)? {
            operator @ (Self::Order(..) | Self::BooleanEquals) => Some((operator, true)),
            Self::Matches | Self::Is(_) => None,
        }
    }

    /// The name, as a definition writes it; of an operand that is a path, without `Path`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Order(kind, order) => format!("{kind:?}{order:?}"),
            Self::Matches => "StringMatches".to_owned(),
            Self::BooleanEquals => "BooleanEquals".to_owned(),
            Self::Is(test) => format!("Is{test:?}"),
        }
    }

    fn with_value(name: &str) -> Option<Self> {
        match name {
            "StringMatches" => return Some(Self::Matches),
            "BooleanEquals" => return Some(Self::BooleanEquals),
            _ => {}
        }
        if let Some(test) = name.strip_prefix("Is") {
            return Test::parse(test).map(Self::Is);
        }
        let kinds = [("String", Kind::String), ("Numeric", Kind::Numeric), ("Timestamp", Kind::Timestamp)];
        kinds.into_iter().find_map(|(prefix, kind)| {
            let order = Order::parse(name.strip_prefix(prefix)?)?;
            Some(Self::Order(kind, order))
        })
    }
}

impl Order {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Equals" => Self::Equals,
            "LessThan" => Self::LessThan,
            "GreaterThan" => Self::GreaterThan,
            "LessThanEquals" => Self::LessThanEquals,
            "GreaterThanEquals" => Self::GreaterThanEquals,
            _ => return None,
        })
    }

    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Equals => ordering.is_eq(),
            Self::LessThan => ordering.is_lt(),
            Self::GreaterThan => ordering.is_gt(),
            Self::LessThanEquals => ordering.is_le(),
            Self::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

impl Kind {
    /// The order of two values of this type; `None`: one of them is of another.
    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            Self::String => Some(left.as_str()?.cmp(right.as_str()?)),
            Self::Numeric => match (left, right) {
                (Value::Number(left), Value::Number(right)) => numeric::order(left, right),
                _ => None,
            },
            Self::Timestamp => Some(moment::instant(left.as_str()?)?.cmp(&moment::instant(right.as_str()?)?)),
        }
    }
}

impl Test {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Null" => Self::Null,
            "Present" => Self::Present,
            "Numeric" => Self::Numeric,
            "String" => Self::String,
            "Boolean" => Self::Boolean,
            "Timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    fn passes(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Present => true,
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().and_then(moment::instant).is_some(),
        }
    }
}

impl Comparison {
    /// Whether it holds.
    ///
    /// # Errors
    /// `States.Runtime` where a path finds nothing (but for `IsPresent`), and for a pattern with an open backslash.
    pub fn holds(&self, scene: &Scene) -> Result<bool, Trouble> {
        if self.operator == Operator::Is(Test::Present) {
            return Ok(self.variable.find(scene)?.is_some() == self.is_wanted());
        }
        let value = get(&self.variable, scene)?;
        if let Operator::Is(test) = self.operator {
            return Ok(test.passes(&value) == self.is_wanted());
        }
        match &self.operand {
            Operand::Fixed(operand) => self.operator.compare(&value, operand),
            Operand::Path(path) => self.operator.compare(&value, &get(path, scene)?),
            Operand::Flag(flag) => self.operator.compare(&value, &Value::Bool(*flag)),
        }
    }

    /// Whether a test is to be true.
    fn is_wanted(&self) -> bool {
        !matches!(self.operand, Operand::Flag(false) | Operand::Fixed(Value::Bool(false)))
    }
}

impl Operator {
    fn compare(self, value: &Value, operand: &Value) -> Result<bool, Trouble> {
        Ok(match self {
            Self::Order(kind, order) => kind.order(value, operand).is_some_and(|ordering| order.allows(ordering)),
            Self::BooleanEquals => value.is_boolean() && value == operand,
            Self::Is(test) => test.passes(value),
            Self::Matches => match (value.as_str(), operand.as_str()) {
                (Some(value), Some(pattern)) => wildcard::matches(pattern, value).ok_or_else(|| {
                    Trouble::runtime(format!(
                        "Invalid pattern '{pattern}': a backslash in StringMatches escapes `*` or `\\`."
                    ))
                })?,
                _ => false,
            },
        })
    }
}

/// The value at a path of a comparison.
fn get(path: &Path, scene: &Scene) -> Result<Value, Trouble> {
    path.find(scene)?.ok_or_else(|| {
        let text = path.text();
        Trouble::runtime(format!(
            "Invalid path '{text}': The choice state's condition path references an invalid value."
        ))
    })
}

#[cfg(test)]
mod tests;
