//! Choice states: rules, and which of them matches.

mod compare;
mod decide;

use crate::jsonata::Jsonata;
use crate::template::Template;

pub use compare::{Comparison, Kind, Operand, Operator, Order, Test};

/// A Choice state.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The rules, in order: the first that matches decides.
    pub rules: Vec<Rule>,
    /// Where it goes on if none matches.
    pub default: Option<String>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// When it matches.
    pub condition: Condition,
    /// Where it goes on then.
    pub next: String,
    /// The variables that are set then.
    pub assign: Option<Template>,
    /// What the next state gets (JSONata).
    pub output: Option<Template>,
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// All of these.
    And(Vec<Condition>),
    /// Any of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A comparison of what is at a path (JSONPath).
    Compare(Comparison),
    /// An expression that is true or false (JSONata).
    Jsonata(Jsonata),
}
