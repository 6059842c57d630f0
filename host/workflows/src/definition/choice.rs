//! Reading Choice states.

use super::Language;
use super::fields::{Fields, Mistakes, a, listed, suggestion};
use super::flow;
use crate::choice::{Choice, Comparison, Condition, Operand, Operator, Rule};
use crate::mistake::Place;
use crate::moment;
use crate::path::Path;
use serde_json::Value;

/// Reads the rules and the default.
pub(super) fn read(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<Choice> {
    let default = fields.text("Default", mistakes).map(str::to_owned);
    fields.required("Choices", mistakes);
    let (list, place) = (fields.list("Choices", mistakes)?, fields.at("Choices"));
    if list.is_empty() {
        mistakes.add("workflow/empty", &place, "`Choices` has no rule", None);
    }
    let mut rules = Vec::new();
    for (index, value) in list.iter().enumerate() {
        rules.extend(rule(value, &place.item(index), language, mistakes));
    }
    Some(Choice { rules, default })
}

fn rule(value: &Value, place: &Place, language: Language, mistakes: &mut Mistakes) -> Option<Rule> {
    let mut fields = Fields::of(value, place, "a rule", mistakes)?;
    fields.text("Comment", mistakes);
    fields.required("Next", mistakes);
    let next = fields.text("Next", mistakes).map(str::to_owned);
    let assign = flow::assign(&mut fields, "rule", language, mistakes);
    let condition;
    let mut output = None;
    match language {
        Language::Jsonata => {
            output = flow::output(&mut fields, "rule", mistakes);
            condition = expression(&mut fields, mistakes);
            for name in ["Variable", "And", "Or", "Not"] {
                fields.forbid(name, "it is of JSONPath, and the state is in JSONata: use `Condition`");
            }
            fields.finish("a rule in JSONata", mistakes);
        }
        Language::JsonPath => {
            let names = ["Comment", "Next", "Assign", "Output", "Condition"];
            for name in ["Output", "Condition"] {
                if fields.has(name) {
                    let message = format!("`{name}` is not for a rule: it is of JSONata, and the state is in JSONPath");
                    mistakes.add("workflow/field", &fields.at(name), message, None);
                }
            }
            condition = comparison(value, place, &names, mistakes);
        }
    }
    Some(Rule { condition: condition?, next: next?, assign, output })
}

fn expression(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<Condition> {
    let value = fields.required("Condition", mistakes)?;
    if let Value::Bool(constant) = value {
        let text = if *constant { "true" } else { "false" };
        return crate::jsonata::Jsonata::parse(text).ok().map(Condition::Jsonata);
    }
    if !flow::is_expression(value) {
        let message = format!("`Condition` is an expression in `{{% … %}}`, or true or false, not {}", a(value));
        mistakes.add("workflow/type", &fields.at("Condition"), message, None);
        return None;
    }
    fields.expression("Condition", mistakes).map(Condition::Jsonata)
}

/// Reads what a rule compares; `beside` are the fields that it may have besides.
fn comparison(value: &Value, place: &Place, beside: &[&str], mistakes: &mut Mistakes) -> Option<Condition> {
    let Value::Object(object) = value else {
        mistakes.add("workflow/type", place, format!("a rule is an object, not {}", a(value)), None);
        return None;
    };
    let fields: Vec<_> =
        object.iter().filter(|(name, _)| !beside.contains(&name.as_str()) && *name != "Comment").collect();
    let combiner = fields.iter().find(|(name, _)| ["And", "Or", "Not"].contains(&name.as_str()));
    if let Some((name, inner)) = combiner {
        for (other, _) in fields.iter().filter(|(other, _)| other != name) {
            mistakes.add(
                "workflow/conflict",
                &place.field(other),
                format!("`{name}` and `{other}` exclude each other"),
                None,
            );
        }
        return combined(name, inner, &place.field(name), mistakes);
    }
    compared(&fields, place, beside.is_empty(), mistakes)
}

fn combined(name: &str, inner: &Value, place: &Place, mistakes: &mut Mistakes) -> Option<Condition> {
    let nested = |value: &Value, place: &Place, mistakes: &mut Mistakes| {
        for name in ["Next", "Assign"] {
            if value.get(name).is_some() {
                let message = format!("`{name}` stands in the rule itself, not within `And`, `Or` or `Not`");
                mistakes.add("workflow/field", &place.field(name), message, None);
            }
        }
        comparison(value, place, &["Next", "Assign"], mistakes)
    };
    if name == "Not" {
        return nested(inner, place, mistakes).map(|condition| Condition::Not(Box::new(condition)));
    }
    let Value::Array(list) = inner else {
        mistakes.add("workflow/type", place, format!("`{name}` is an array of rules, not {}", a(inner)), None);
        return None;
    };
    if list.is_empty() {
        mistakes.add("workflow/empty", place, format!("`{name}` has no rule"), None);
    }
    let mut conditions = Vec::new();
    for (index, value) in list.iter().enumerate() {
        conditions.extend(nested(value, &place.item(index), mistakes));
    }
    Some(if name == "And" { Condition::And(conditions) } else { Condition::Or(conditions) })
}

fn compared(
    fields: &[(&String, &Value)],
    place: &Place,
    _is_nested: bool,
    mistakes: &mut Mistakes,
) -> Option<Condition> {
    let mut variable = None;
    let mut found: Vec<(&String, Operator, bool, &Value)> = Vec::new();
    for (name, value) in fields {
        if *name == "Variable" {
            variable = Some(path(value, &place.field(name), mistakes));
        } else if let Some((operator, is_path)) = Operator::parse(name) {
            found.push((name, operator, is_path, value));
        } else {
            let known = [
                "Variable",
                "And",
                "Or",
                "Not",
                "Next",
                "StringEquals",
                "StringMatches",
                "NumericEquals",
                "NumericGreaterThan",
                "NumericLessThan",
                "NumericGreaterThanEquals",
                "NumericLessThanEquals",
                "BooleanEquals",
                "TimestampEquals",
                "TimestampLessThan",
                "TimestampGreaterThan",
                "IsNull",
                "IsPresent",
                "IsNumeric",
                "IsString",
                "IsBoolean",
                "IsTimestamp",
                "StringLessThan",
                "StringGreaterThan",
            ];
            let help = suggestion(name, known.into_iter());
            mistakes.add("workflow/unknown-field", &place.field(name), format!("a rule has no field `{name}`"), help);
        }
    }
    if variable.is_none() {
        mistakes.add("workflow/missing-field", place, "the field `Variable` is missing", None);
    }
    let [(name, operator, is_path, value)] = found[..] else {
        let message = match found.len() {
            0 => "the rule compares nothing: an operator such as `StringEquals` is missing".to_owned(),
            _ => format!(
                "a rule has one operator, not {}",
                listed(&found.iter().map(|found| found.0.as_str()).collect::<Vec<_>>())
            ),
        };
        mistakes.add("workflow/operator", place, message, Some("combine several with `And`".to_owned()));
        return None;
    };
    let operand = operand(name, operator, is_path, value, &place.field(name), mistakes)?;
    Some(Condition::Compare(Comparison { variable: variable??, operator, operand }))
}

fn operand(
    name: &str,
    operator: Operator,
    is_path: bool,
    value: &Value,
    place: &Place,
    mistakes: &mut Mistakes,
) -> Option<Operand> {
    if is_path {
        return path(value, place, mistakes).map(Operand::Path);
    }
    let kind = match operator {
        Operator::Is(_) | Operator::BooleanEquals => value.is_boolean().then_some(()).ok_or("`true` or `false`"),
        _ if name.starts_with("Numeric") => value.is_number().then_some(()).ok_or("a number"),
        _ if name.starts_with("Timestamp") => {
            value.as_str().and_then(moment::parse).map(|_| ()).ok_or("a moment such as `2026-08-18T17:33:00Z`")
        }
        _ => value.is_string().then_some(()).ok_or("a text"),
    };
    if let Err(kind) = kind {
        mistakes.add("workflow/type", place, format!("`{name}` is {kind}, not {}", a(value)), None);
        return None;
    }
    Some(match (operator, value) {
        (Operator::Is(_), Value::Bool(flag)) => Operand::Flag(*flag),
        _ => Operand::Fixed(value.clone()),
    })
}

fn path(value: &Value, place: &Place, mistakes: &mut Mistakes) -> Option<Path> {
    let Some(text) = value.as_str() else {
        mistakes.add("workflow/type", place, format!("a path is a text, not {}", a(value)), None);
        return None;
    };
    Path::parse(text).map_err(|message| mistakes.add("workflow/path", place, message, None)).ok()
}
