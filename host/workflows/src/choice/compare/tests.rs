//! Each operator, on values of its own type and of others.

use super::*;
use crate::clock::Clock;
use serde_json::json;

/// Whether `{"x": value}` holds, compared with a fixed operand or with what is at `$.y`.
fn compare(value: Option<Value>, name: &str, operand: Value) -> Result<bool, Trouble> {
    let (operator, is_path) = Operator::parse(name).expect("the operator exists");
    let mut input = json!({"y": operand});
    if let Some(value) = value {
        input["x"] = value;
    }
    let operand = match operand {
        _ if is_path => Operand::Path(Path::parse("$.y").expect("the path is valid")),
        Value::Bool(flag) if matches!(operator, Operator::Is(_)) => Operand::Flag(flag),
        operand => Operand::Fixed(operand),
    };
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
    Comparison { variable: Path::parse("$.x").expect("the path is valid"), operator, operand }.holds(&scene)
}

fn check(cases: &[(Value, &str, Value, bool)]) {
    for (value, name, operand, wanted) in cases {
        assert_eq!(compare(Some(value.clone()), name, operand.clone()), Ok(*wanted), "{value} {name} {operand}");
    }
}

#[test]
fn every_operator_has_its_names() {
    let orders = ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"];
    for kind in ["String", "Numeric", "Timestamp"] {
        for order in orders {
            let name = format!("{kind}{order}");
            let (operator, is_path) = Operator::parse(&name).expect(&name);
            assert!(!is_path);
            assert_eq!(Operator::parse(&format!("{name}Path")), Some((operator, true)));
        }
    }
    assert_eq!(Operator::parse("BooleanEqualsPath"), Some((Operator::BooleanEquals, true)));
    assert_eq!(Operator::parse("StringMatches"), Some((Operator::Matches, false)));
    assert_eq!(Operator::parse("IsPresent"), Some((Operator::Is(Test::Present), false)));
    for name in
        ["", "Path", "String", "StringMatchesPath", "IsNullPath", "BooleanLessThan", "Is", "StringEqualsPathPath"]
    {
        assert_eq!(Operator::parse(name), None, "{name}");
    }
}

#[test]
fn values_of_one_type_have_an_order() {
    check(&[
        (json!("a"), "StringEquals", json!("a"), true),
        (json!("a"), "StringEquals", json!("A"), false),
        (json!("a"), "StringLessThan", json!("b"), true),
        (json!("b"), "StringLessThan", json!("b"), false),
        (json!("b"), "StringLessThanEqualsPath", json!("b"), true),
        (json!("B"), "StringGreaterThan", json!("a"), false),
        (json!("b"), "StringGreaterThanEqualsPath", json!("a"), true),
        (json!(1), "NumericEquals", json!(1.0), true),
        (json!(1.5), "NumericGreaterThan", json!(1), true),
        (json!(-1.5), "NumericLessThan", json!(-1), true),
        (json!(-1), "NumericGreaterThan", json!(-1.5), true),
        (json!(2), "NumericLessThanEquals", json!(2), true),
        (json!(0.1), "NumericLessThan", json!(0.2), true),
        (json!(true), "BooleanEquals", json!(true), true),
        (json!(true), "BooleanEqualsPath", json!(false), false),
    ]);
}

#[test]
fn large_numbers_are_compared_exactly() {
    check(&[
        (json!(9_007_199_254_740_993_u64), "NumericEquals", json!(9_007_199_254_740_992_u64), false),
        (json!(9_007_199_254_740_993_u64), "NumericGreaterThan", json!(9_007_199_254_740_992.0), true),
        (json!(u64::MAX), "NumericGreaterThan", json!(i64::MAX), true),
        (json!(u64::MAX), "NumericLessThan", json!(18_446_744_073_709_551_616.0), true),
        (json!(i64::MIN), "NumericGreaterThan", json!(-1e300), true),
        (json!(i64::MIN), "NumericEquals", json!(-9_223_372_036_854_775_808.0), true),
        (json!(u64::MAX), "NumericLessThan", json!(1e300), true),
    ]);
}

#[test]
fn moments_are_compared_by_what_they_mean() {
    check(&[
        (json!("2026-01-02T03:04:05Z"), "TimestampEquals", json!("2026-01-02T05:04:05.000+02:00"), true),
        (json!("2026-01-02T03:04:05.0000001Z"), "TimestampGreaterThan", json!("2026-01-02T03:04:05Z"), true),
        (json!("2026-01-02T03:04:05Z"), "TimestampLessThanPath", json!("2026-01-02T03:04:06Z"), true),
        (json!("1900-01-01T00:00:00Z"), "TimestampLessThan", json!("1901-01-01T00:00:00Z"), true),
        (json!("2026-01-02"), "TimestampLessThan", json!("2026-01-03"), false),
    ]);
}

#[test]
fn types_never_convert() {
    check(&[
        (json!(1), "StringEquals", json!("1"), false),
        (json!("1"), "NumericEquals", json!(1), false),
        (json!("1"), "NumericEqualsPath", json!("1"), false),
        (json!("true"), "BooleanEquals", json!(true), false),
        (json!(null), "BooleanEqualsPath", json!(null), false),
        (json!(1), "StringMatches", json!("*"), false),
        (json!(0), "TimestampEquals", json!("1970-01-01T00:00:00Z"), false),
        (json!(null), "StringLessThanEquals", json!("a"), false),
    ]);
}

#[test]
fn a_test_tells_the_type() {
    let values = [json!(null), json!(1), json!("a"), json!(true), json!("2026-01-02T03:04:05Z"), json!([])];
    let table = [
        ("IsNull", [true, false, false, false, false, false]),
        ("IsNumeric", [false, true, false, false, false, false]),
        ("IsString", [false, false, true, false, true, false]),
        ("IsBoolean", [false, false, false, true, false, false]),
        ("IsTimestamp", [false, false, false, false, true, false]),
        ("IsPresent", [true; 6]),
    ];
    for (name, row) in table {
        for (value, is) in values.iter().zip(row) {
            assert_eq!(compare(Some(value.clone()), name, json!(true)), Ok(is), "{value} {name}");
            assert_eq!(compare(Some(value.clone()), name, json!(false)), Ok(!is), "{value} not {name}");
        }
    }
}

#[test]
fn a_path_that_finds_nothing_is_an_error_unless_that_is_the_question() {
    assert_eq!(compare(None, "IsPresent", json!(true)), Ok(false));
    assert_eq!(compare(None, "IsPresent", json!(false)), Ok(true));
    let cause = "Invalid path '$.x': The choice state's condition path references an invalid value.";
    for (name, operand) in [("IsNull", json!(true)), ("StringEquals", json!("a")), ("NumericLessThanPath", json!(1))] {
        assert_eq!(compare(None, name, operand), Err(Trouble::runtime(cause)), "{name}");
    }
}

#[test]
fn a_wildcard_stands_for_any_text() {
    let cases = [
        ("log-*.txt", "log-2026.txt", true),
        ("log-*.txt", "log-.txt", true),
        ("log-*.txt", "log-2026.csv", false),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("ab*ba", "aba", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("**a**", "bab", true),
        ("zebra\\*", "zebra*", true),
        ("zebra\\*", "zebras", false),
        ("a\\\\*", "a\\b", true),
        ("a\\\\\\*", "a\\*", true),
        ("ü*?.", "üöä?.", true),
    ];
    for (pattern, text, wanted) in cases {
        assert_eq!(compare(Some(json!(text)), "StringMatches", json!(pattern)), Ok(wanted), "{pattern} {text}");
    }
}

#[test]
fn an_open_backslash_is_an_error() {
    for pattern in ["a\\", "a\\b*"] {
        let trouble = compare(Some(json!("a")), "StringMatches", json!(pattern)).expect_err(pattern);
        assert_eq!(trouble.error, "States.Runtime");
    }
}

/// 2,000 wildcards in 200,000 letters that almost match: what backtracks would not end.
#[test]
fn many_wildcards_take_linear_time() {
    let text = "a".repeat(200_000);
    let pattern = "a*".repeat(2_000) + "b";
    assert_eq!(wildcard::matches(&pattern, &text), Some(false));
    assert_eq!(wildcard::matches(&(pattern + "*"), &(text + "b!")), Some(true));
}
