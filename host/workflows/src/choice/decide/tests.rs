//! Which rule decides.

use crate::choice::{Choice, Comparison, Condition, Operand, Operator, Rule};
use crate::clock::Clock;
use crate::jsonata::Jsonata;
use crate::path::Path;
use crate::scene::{Scene, Trouble};
use serde_json::{Value, json};

const YES: &str = "$.yes";
const NO: &str = "$.no";
const GONE: &str = "$.gone";

fn is(path: &str) -> Condition {
    let variable = Path::parse(path).expect("the path is valid");
    Condition::Compare(Comparison { variable, operator: Operator::BooleanEquals, operand: Operand::Fixed(json!(true)) })
}

fn jsonata(text: &str) -> Condition {
    Condition::Jsonata(Jsonata::parse(text).expect("the expression is valid"))
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// The number of the rule that matches.
fn decide(conditions: Vec<Condition>) -> Result<Option<String>, Trouble> {
    let rule = |(index, condition): (usize, _)| Rule { condition, next: index.to_string(), assign: None, output: None };
    let choice = Choice { rules: conditions.into_iter().enumerate().map(rule).collect(), default: None };
    let input = json!({"yes": true, "no": false});
    let variables = Default::default();
    let scene = Scene {
        input: &input,
        result: None,
        error: None,
        context: &Value::Null,
        variables: &variables,
        seed: 0,
        now: 0,
        clock: &Clock::default(),
    };
    choice.decide(&scene).map(|rule| rule.map(|rule| rule.next.clone()))
}

#[test]
fn the_first_rule_that_holds_decides() {
    let cases = [
        (vec![], None),
        (vec![is(NO)], None),
        (vec![is(NO), is(YES), is(GONE)], Some("1")),
        (vec![Condition::And(vec![is(YES), is(NO), is(GONE)]), is(YES)], Some("1")),
        (vec![Condition::Or(vec![is(NO), is(YES), is(GONE)])], Some("0")),
        (vec![Condition::Or(vec![is(NO)]), Condition::And(vec![is(YES), not(is(NO))])], Some("1")),
        (vec![not(is(YES)), not(Condition::And(vec![is(NO)]))], Some("1")),
        (vec![jsonata("false"), jsonata("true")], Some("1")),
    ];
    for (index, (conditions, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(decide(conditions), Ok(wanted.map(str::to_owned)), "case {index}");
    }
}

#[test]
fn a_condition_that_cannot_be_told_fails_the_choice() {
    let trouble = decide(vec![is(NO), is(GONE), is(YES)]).expect_err("nothing is there");
    let cause = "Invalid path '$.gone': The choice state's condition path references an invalid value.";
    assert_eq!(trouble, Trouble::runtime(cause));
}

#[test]
fn a_failing_expression_tells_its_rule() {
    let trouble = decide(vec![jsonata("false"), jsonata("$error('no')")]).expect_err("it fails");
    assert_eq!(trouble.location.as_deref(), Some("Choices[1]/Condition"));
}
