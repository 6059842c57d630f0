//! The text of a condition. From the weakest: `OR`, `AND`, `NOT`, then comparisons, functions and parentheses.

use super::super::parse::{Parsed, Parser, misplaced, wrong_type};
use super::{Attribute, Comparator, Condition, Operand, order};
use std::cmp::Ordering;

/// The comparators, as they are written.
const COMPARATORS: [(&str, Comparator); 6] = [
    ("=", Comparator::Equal),
    ("<>", Comparator::Unequal),
    ("<", Comparator::Less),
    ("<=", Comparator::LessOrEqual),
    (">", Comparator::Greater),
    (">=", Comparator::GreaterOrEqual),
];

/// The values that stand behind `IN` at most.
const LIST_MAX: usize = 100;

/// The names of the types, as `attribute_type` knows them.
const TAGS: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

/// Reads a condition.
pub(super) fn condition(parser: &mut Parser) -> Parsed<Condition> {
    joined(parser, "OR", Condition::Or, |parser| joined(parser, "AND", Condition::And, negation))
}

/// Reads conditions with this word between them.
fn joined(
    parser: &mut Parser,
    word: &str,
    join: fn(Vec<Condition>) -> Condition,
    read: fn(&mut Parser) -> Parsed<Condition>,
) -> Parsed<Condition> {
    let first = read(parser)?;
    let mut conditions = vec![];
    while parser.takes_word(word) {
        parser.operator()?;
        conditions.push(read(parser)?);
    }
    if conditions.is_empty() {
        return Ok(first);
    }
    conditions.insert(0, first);
    Ok(join(conditions))
}

fn negation(parser: &mut Parser) -> Parsed<Condition> {
    if !parser.takes_word("NOT") {
        return single(parser);
    }
    parser.operator()?;
    parser.deeper(negation).map(|condition| Condition::Not(Box::new(condition)))
}

/// Reads a condition in parentheses, a function or a comparison.
fn single(parser: &mut Parser) -> Parsed<Condition> {
    if parser.takes("(") {
        let inner = parser.deeper(condition)?;
        parser.expect(")")?;
        return Ok(inner);
    }
    let left = match parser.function()? {
        Some("size") => size(parser)?,
        Some(name) => return function(parser, name),
        None => plain(parser)?,
    };
    comparison(parser, left)
}

fn function(parser: &mut Parser, name: &str) -> Parsed<Condition> {
    match name {
        "attribute_exists" => existence(parser, name, Condition::Exists),
        "attribute_not_exists" => existence(parser, name, Condition::NotExists),
        "attribute_type" => {
            let (value, wanted) = two(parser, name)?;
            Ok(Condition::HasType(value, tag(&wanted)?))
        }
        "begins_with" => {
            let (value, start) = two(parser, name)?;
            let wrong = [&value, &start].into_iter().filter_map(fixed).find(|tag| !["S", "B"].contains(tag));
            match wrong {
                Some(tag) => Err(wrong_type("operator or function", name, tag)),
                None => Ok(Condition::BeginsWith(value, start)),
            }
        }
        "contains" => two(parser, name).map(|(value, part)| Condition::Contains(value, part)),
        "if_not_exists" | "list_append" => {
            Err(format!("The function is not allowed in a condition expression; function: {name}"))
        }
        _ => Err(format!("Invalid function name; function: {name}")),
    }
}

fn existence(parser: &mut Parser, name: &str, of: fn(super::Path) -> Condition) -> Parsed<Condition> {
    match parser.operands(name, 1..=1, operand)?.pop() {
        Some(Operand::Path(path)) => Ok(of(path)),
        _ => Err(format!("Operator or function requires a document path; operator or function: {name}")),
    }
}

fn two(parser: &mut Parser, name: &str) -> Parsed<(Operand, Operand)> {
    let mut operands = parser.operands(name, 2..=2, operand)?.into_iter();
    let (Some(left), Some(right)) = (operands.next(), operands.next()) else { return Err(parser.unexpected()) };
    distinct(name, &left, &right)?;
    Ok((left, right))
}

/// The type that the second operand of `attribute_type` names.
fn tag(operand: &Operand) -> Parsed<&'static str> {
    let function = "attribute_type";
    let Operand::Value(value) = operand else {
        return Err(wrong_type("operator or function", function, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"));
    };
    let Attribute::S(name) = &**value else {
        return Err(wrong_type("operator or function", function, value.tag()));
    };
    TAGS.into_iter()
        .find(|tag| tag == name)
        .ok_or_else(|| format!("Invalid attribute type name found; type: {name}, valid types: {{{}}}", TAGS.join(",")))
}

/// Reads what follows the left operand of a comparison.
fn comparison(parser: &mut Parser, left: Operand) -> Parsed<Condition> {
    if parser.takes_word("BETWEEN") {
        return between(parser, left);
    }
    if parser.takes_word("IN") {
        return list(parser, left);
    }
    let Some((sign, comparator)) = COMPARATORS.into_iter().find(|(sign, _)| parser.takes(sign)) else {
        return Err(match left {
            Operand::Size(_) => misplaced("size"),
            _ => parser.unexpected(),
        });
    };
    parser.operator()?;
    let right = operand(parser)?;
    distinct(sign, &left, &right)?;
    if !matches!(comparator, Comparator::Equal | Comparator::Unequal) {
        has_order(sign, [&left, &right])?;
    }
    Ok(Condition::Compare(left, comparator, right))
}

fn between(parser: &mut Parser, value: Operand) -> Parsed<Condition> {
    parser.operator()?;
    let lower = operand(parser)?;
    if !parser.takes_word("AND") {
        return Err(parser.unexpected());
    }
    let upper = operand(parser)?;
    has_order("BETWEEN", [&value, &lower, &upper])?;
    if let (Operand::Value(lower), Operand::Value(upper)) = (&lower, &upper) {
        bounds(lower, upper)?;
    }
    Ok(Condition::Between(value, lower, upper))
}

/// Bounds between which nothing can be are a mistake.
fn bounds(lower: &Attribute, upper: &Attribute) -> Parsed<()> {
    match order(lower, upper) {
        None => Err("The BETWEEN operator requires same data type for lower and upper bounds".to_owned()),
        Some(Ordering::Greater) => {
            Err("The BETWEEN operator requires upper bound to be greater than or equal to lower bound".to_owned())
        }
        Some(_) => Ok(()),
    }
}

fn list(parser: &mut Parser, value: Operand) -> Parsed<Condition> {
    parser.operator()?;
    parser.expect("(")?;
    let list = parser.operands("IN", 1..=LIST_MAX, operand)?;
    Ok(Condition::In(value, list))
}

fn operand(parser: &mut Parser) -> Parsed<Operand> {
    match parser.function()? {
        Some("size") => size(parser),
        Some(name) => Err(misplaced(name)),
        None => plain(parser),
    }
}

/// Reads a path or a `:value`.
fn plain(parser: &mut Parser) -> Parsed<Operand> {
    match parser.value()? {
        Some(value) => Ok(Operand::Value(value)),
        None => parser.path().map(Operand::Path),
    }
}

/// Reads what stands behind `size(`.
fn size(parser: &mut Parser) -> Parsed<Operand> {
    let of = parser.operands("size", 1..=1, plain)?.pop().ok_or_else(|| parser.unexpected())?;
    match fixed(&of) {
        Some(tag @ ("N" | "BOOL" | "NULL")) => Err(wrong_type("operator or function", "size", tag)),
        _ => Ok(Operand::Size(Box::new(of))),
    }
}

/// The type of an operand that is no path.
fn fixed(operand: &Operand) -> Option<&'static str> {
    match operand {
        Operand::Path(_) => None,
        Operand::Value(value) => Some(value.tag()),
        Operand::Size(_) => Some("N"),
    }
}

fn has_order<'o>(name: &str, operands: impl IntoIterator<Item = &'o Operand>) -> Parsed<()> {
    match operands.into_iter().filter_map(fixed).find(|tag| !["S", "N", "B"].contains(tag)) {
        Some(tag) => Err(wrong_type("operator or function", name, tag)),
        None => Ok(()),
    }
}

/// A path is not compared with itself.
fn distinct(name: &str, left: &Operand, right: &Operand) -> Parsed<()> {
    match (left, right) {
        (Operand::Path(left), Operand::Path(right)) if left == right => Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: {name}, first operand: {left}"
        )),
        _ => Ok(()),
    }
}
