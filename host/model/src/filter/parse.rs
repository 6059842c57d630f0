//! JSON to a policy, or the first fault with its place.

use super::condition::{Affix, Comparison, Condition, Literal, Operator};
use super::error::{Fault, FilterError, Place};
use super::{CONDITIONS_MAX, Clause, DEPTH_MAX, Policy, number};
use serde_json::Value;

/// Reads the outermost policy.
pub(super) fn policy(value: &Value) -> Result<Policy, FilterError> {
    Parser { conditions: 0 }.policy(value, Place::Root, DEPTH_MAX)
}

struct Parser {
    /// How many there are so far.
    conditions: usize,
}

impl Parser {
    /// Reads a policy in which `levels` may lie within each other, itself counted.
    fn policy(&mut self, value: &Value, at: Place<'_>, levels: usize) -> Result<Policy, FilterError> {
        let wanted = "an object of attribute names";
        let object = value.as_object().ok_or_else(|| kind(value, at, wanted))?;
        let Some(below) = levels.checked_sub(1) else { return Err(at.fault(Fault::TooDeep)) };
        if object.is_empty() {
            return Err(at.fault(Fault::Empty));
        }
        let clauses = object.iter().map(|(name, value)| match name.as_str() {
            "$or" => self.or(value, at.name(name), below),
            _ => self.attribute(name, value, at.name(name)),
        });
        Ok(Policy(clauses.collect::<Result<_, _>>()?))
    }

    fn or(&mut self, value: &Value, at: Place<'_>, levels: usize) -> Result<Clause, FilterError> {
        let policies = list(value, at, "a list of policies")?.iter().enumerate();
        let policies = policies.map(|(index, value)| self.policy(value, at.index(index), levels));
        Ok(Clause::Or(policies.collect::<Result<_, _>>()?))
    }

    fn attribute(&mut self, name: &str, value: &Value, at: Place<'_>) -> Result<Clause, FilterError> {
        let conditions = list(value, at, "a list of conditions")?.iter().enumerate();
        let any = conditions.map(|(index, value)| self.condition(value, at.index(index)));
        Ok(Clause::Attribute { name: name.to_owned(), any: any.collect::<Result<_, _>>()? })
    }

    fn condition(&mut self, value: &Value, at: Place<'_>) -> Result<Condition, FilterError> {
        let Value::Object(object) = value else {
            return Ok(Condition::Is(self.literal(value, at, "a text, a number, a boolean or an object")?));
        };
        let (name, operand) =
            alone(object).ok_or_else(|| at.fault(Fault::SeveralConditions { count: object.len() }))?;
        let inner = at.name(name);
        if let Some(affix) = affix(name, operand, inner)? {
            self.count(at)?;
            return Ok(Condition::Affix(affix));
        }
        match name {
            "anything-but" => self.anything_but(operand, inner),
            "numeric" => self.numeric(operand, inner),
            "exists" => {
                self.count(at)?;
                let wanted = operand.as_bool().ok_or_else(|| kind(operand, inner, "true or false"))?;
                Ok(Condition::Exists(wanted))
            }
            "equals-ignore-case" => {
                self.count(at)?;
                Ok(Condition::IgnoreCase(text(operand, inner)?))
            }
            _ => Err(at.fault(Fault::UnknownCondition { name: name.to_owned() })),
        }
    }

    fn anything_but(&mut self, value: &Value, at: Place<'_>) -> Result<Condition, FilterError> {
        const WANTED: &str = "a text, a number, a boolean, a list of them, or an object with `prefix` or `suffix`";
        match value {
            Value::Object(object) => {
                self.count(at)?;
                let (name, operand) = alone(object).ok_or_else(|| kind(value, at, WANTED))?;
                let affix = affix(name, operand, at.name(name))?.ok_or_else(|| kind(value, at, WANTED))?;
                Ok(Condition::NotAffix(affix))
            }
            Value::Array(_) => {
                let literals = list(value, at, WANTED)?.iter().enumerate();
                let literals = literals
                    .map(|(index, value)| self.literal(value, at.index(index), "a text, a number or a boolean"));
                Ok(Condition::NoneOf(literals.collect::<Result<_, _>>()?))
            }
            _ => Ok(Condition::NoneOf(vec![self.literal(value, at, WANTED)?])),
        }
    }

    fn numeric(&mut self, value: &Value, at: Place<'_>) -> Result<Condition, FilterError> {
        let pairs = list(value, at, "a list such as [\">=\", 0, \"<\", 10]")?.chunks(2).enumerate();
        let bounds = pairs.map(|(pair, of)| {
            self.count(at)?;
            let (sign, with) = (at.index(2 * pair), at.index(2 * pair + 1));
            let operator = of[0].as_str().and_then(Operator::parse).ok_or_else(|| sign.fault(Fault::Operator))?;
            let number = of.get(1).ok_or_else(|| sign.fault(Fault::Unpaired))?;
            let Value::Number(number) = number else { return Err(kind(number, with, "a number")) };
            Ok(Comparison { operator, with: number::of_policy(number).map_err(|fault| with.fault(fault))? })
        });
        Ok(Condition::Numeric(bounds.collect::<Result<_, _>>()?))
    }

    fn literal(&mut self, value: &Value, at: Place<'_>, wanted: &'static str) -> Result<Literal, FilterError> {
        self.count(at)?;
        match value {
            Value::String(text) => Ok(Literal::Text(text.clone())),
            Value::Bool(wanted) => Ok(Literal::Bool(*wanted)),
            Value::Number(number) => number::of_policy(number).map(Literal::Number).map_err(|fault| at.fault(fault)),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(kind(value, at, wanted)),
        }
    }

    fn count(&mut self, at: Place<'_>) -> Result<(), FilterError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX { Err(at.fault(Fault::TooMany)) } else { Ok(()) }
    }
}

/// Reads `prefix` or `suffix`; none if the name is another.
fn affix(name: &str, value: &Value, at: Place<'_>) -> Result<Option<Affix>, FilterError> {
    match name {
        "prefix" => Ok(Some(Affix::Prefix(text(value, at)?))),
        "suffix" => Ok(Some(Affix::Suffix(text(value, at)?))),
        _ => Ok(None),
    }
}

/// The one member of an object, if it is one.
fn alone(object: &serde_json::Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = object.iter();
    let (name, value) = members.next()?;
    members.next().is_none().then_some((name, value))
}

fn text(value: &Value, at: Place<'_>) -> Result<String, FilterError> {
    value.as_str().map(str::to_owned).ok_or_else(|| kind(value, at, "a text"))
}

fn list<'v>(value: &'v Value, at: Place<'_>, wanted: &'static str) -> Result<&'v [Value], FilterError> {
    let list = value.as_array().ok_or_else(|| kind(value, at, wanted))?;
    if list.is_empty() { Err(at.fault(Fault::Empty)) } else { Ok(list) }
}

fn kind(value: &Value, at: Place<'_>, wanted: &'static str) -> FilterError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    at.fault(Fault::Kind { found, wanted })
}
