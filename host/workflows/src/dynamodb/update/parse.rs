//! The text of an update: clauses, each of which comes once, in whatever order.

use super::super::parse::{Parsed, Parser, misplaced, wrong_type};
use super::{Action, Arc, Attribute, Change, Source, Term};

/// The clauses.
const CLAUSES: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

/// Reads all clauses.
pub(super) fn actions(parser: &mut Parser) -> Parsed<Vec<Action>> {
    let mut actions = Vec::new();
    let mut seen = Vec::new();
    while let Some(clause) = CLAUSES.into_iter().find(|clause| parser.takes_word(clause)) {
        if seen.contains(&clause) {
            return Err(format!("The \"{clause}\" section can only be used once in an update expression;"));
        }
        seen.push(clause);
        actions.push(action(parser, clause)?);
        while parser.takes(",") {
            actions.push(action(parser, clause)?);
        }
    }
    if actions.is_empty() { Err(parser.unexpected()) } else { Ok(actions) }
}

fn action(parser: &mut Parser, clause: &str) -> Parsed<Action> {
    let path = parser.path()?;
    let change = match clause {
        "SET" => {
            parser.expect("=")?;
            Change::Set(source(parser)?)
        }
        "ADD" => Change::Add(changing(parser, clause, &["N", "SS", "NS", "BS"])?),
        "DELETE" => Change::Delete(changing(parser, clause, &["SS", "NS", "BS"])?),
        _ => Change::Remove,
    };
    Ok(Action { path, change })
}

/// Reads the value of an `ADD` or `DELETE`.
fn changing(parser: &mut Parser, clause: &str, tags: &[&str]) -> Parsed<Arc<Attribute>> {
    let value = parser.value()?.ok_or_else(|| parser.unexpected())?;
    if tags.contains(&value.tag()) { Ok(value) } else { Err(wrong_type("operator", clause, value.tag())) }
}

fn source(parser: &mut Parser) -> Parsed<Source> {
    let left = term(parser)?;
    let (sign, source): (_, fn(Term, Term) -> Source) = match () {
        () if parser.takes("+") => ("+", Source::Sum),
        () if parser.takes("-") => ("-", Source::Difference),
        () => return Ok(Source::One(left)),
    };
    parser.operator()?;
    let right = term(parser)?;
    of_type(sign, "N", [&left, &right])?;
    Ok(source(left, right))
}

/// Reads a path, a `:value` or a function.
fn term(parser: &mut Parser) -> Parsed<Term> {
    match parser.function()? {
        Some("if_not_exists") => if_not_exists(parser),
        Some("list_append") => list_append(parser),
        Some(
            name @ ("size"
            | "attribute_exists"
            | "attribute_not_exists"
            | "attribute_type"
            | "begins_with"
            | "contains"),
        ) => Err(format!("The function is not allowed in an update expression; function: {name}")),
        Some(name) => Err(format!("Invalid function name; function: {name}")),
        None => match parser.value()? {
            Some(value) => Ok(Term::Value(value)),
            None => parser.path().map(Term::Path),
        },
    }
}

fn if_not_exists(parser: &mut Parser) -> Parsed<Term> {
    let (path, otherwise) = two(parser, "if_not_exists")?;
    match path {
        Term::Path(path) => Ok(Term::IfNotExists(path, Box::new(otherwise))),
        _ => Err("Operator or function requires a document path; operator or function: if_not_exists".to_owned()),
    }
}

/// Lists are not appended to lists that were appended: so it is there, and so a list can't grow with its text.
fn list_append(parser: &mut Parser) -> Parsed<Term> {
    let name = "list_append";
    let (left, right) = two(parser, name)?;
    if appends(&left) || appends(&right) {
        return Err(misplaced(name));
    }
    of_type(name, "L", [&left, &right])?;
    Ok(Term::ListAppend(Box::new(left), Box::new(right)))
}

fn appends(term: &Term) -> bool {
    match term {
        Term::ListAppend(..) => true,
        Term::IfNotExists(_, otherwise) => appends(otherwise),
        Term::Path(_) | Term::Value(_) => false,
    }
}

fn two(parser: &mut Parser, name: &str) -> Parsed<(Term, Term)> {
    let mut terms = parser.operands(name, 2..=2, term)?.into_iter();
    let (Some(left), Some(right)) = (terms.next(), terms.next()) else { return Err(parser.unexpected()) };
    Ok((left, right))
}

/// What is known to be of another type is refused before the item is looked at.
fn of_type<'o>(name: &str, wanted: &str, terms: impl IntoIterator<Item = &'o Term>) -> Parsed<()> {
    match terms.into_iter().filter_map(fixed).find(|tag| *tag != wanted) {
        Some(tag) => Err(wrong_type("operator or function", name, tag)),
        None => Ok(()),
    }
}

/// The type of a term, as far as it is known.
fn fixed(term: &Term) -> Option<&'static str> {
    match term {
        Term::Value(value) => Some(value.tag()),
        Term::ListAppend(..) => Some("L"),
        Term::Path(_) | Term::IfNotExists(..) => None,
    }
}
