//! What expressions of states evaluate to, and how they fail.

mod hostile;

use super::*;
use crate::clock::{Clock, Patience};
use crate::scene::Variables;
use serde_json::json;
use std::collections::BTreeMap;

/// 2024-01-02T03:04:05.678Z.
const NOW: u64 = 1_704_164_645_678;

/// Each evaluation has its own limit alone.
const PATIENT: Patience = Patience { work: Duration::MAX, evaluations: Duration::MAX };

struct Stage {
    input: Value,
    result: Option<Value>,
    error: Option<Value>,
    context: Value,
    variables: Variables,
    clock: Clock,
}

impl Stage {
    fn new() -> Self {
        let input = json!({"order": {"id": 7, "a b": true, "none": null}, "lines": [{"x": 1}, {"x": 2}], "one": [5], "empty": [],
            "text": "hi", "big": 1e300, "point": 2.0, "object": {"k": [1, 2]}});
        let variables = BTreeMap::from([("name".to_owned(), json!("Ada")), ("list".to_owned(), json!([{"y": 3}]))]);
        let context = json!({"Execution": {"Id": "e1"}});
        Self { input, result: None, error: None, context, variables: Arc::new(variables), clock: Clock::live(PATIENT) }
    }

    fn scene(&self) -> Scene<'_> {
        let (result, error) = (self.result.as_ref(), self.error.as_ref());
        let (input, context, variables) = (&self.input, &self.context, &self.variables);
        Scene { input, result, error, context, variables, seed: 42, now: NOW, clock: &self.clock }
    }

    fn evaluate(&self, text: &str) -> Result<Value, String> {
        let outcome = Jsonata::parse(text)?.evaluate(&self.scene(), "Output");
        outcome.map_err(|trouble| {
            assert_eq!(trouble.error, QUERY_EVALUATION_ERROR);
            assert_eq!(trouble.location.as_deref(), Some("Output"));
            let start = format!("The JSONata expression '{text}' specified for the field 'Output' ");
            trouble
                .cause
                .strip_prefix(&start)
                .map_or_else(|| format!("other wording: {}", trouble.cause), str::to_owned)
        })
    }
}

fn values(cases: &[(&str, Value)]) {
    let stage = Stage::new();
    for (text, wanted) in cases {
        assert_eq!(stage.evaluate(text).as_ref(), Ok(wanted), "{text}");
    }
}

fn failures(cases: &[(&str, &str)]) {
    let stage = Stage::new();
    for (text, wanted) in cases {
        assert_eq!(stage.evaluate(text), Err((*wanted).to_owned()), "{text}");
    }
}

#[test]
fn an_expression_sees_the_states_and_the_variables() {
    values(&[
        ("$states.input.order.id", json!(7)),
        ("$states.input.order.`a b`", json!(true)),
        ("$states.input.order.none", Value::Null),
        ("$states.input.lines.x", json!([1, 2])),
        ("$states.input.lines[1].x", json!(2)),
        ("$states.input.one", json!([5])),
        ("$states.input.empty", json!([])),
        ("$states.input.object.k", json!([1, 2])),
        ("$states.input.point", json!(2)),
        ("$states.context.Execution.Id", json!("e1")),
        ("$name", json!("Ada")),
        ("$list.y", json!(3)),
        ("$name & '!'", json!("Ada!")),
        ("$keys($states)", json!(["input", "context"])),
        ("$exists($states.result)", json!(false)),
        ("($name := 'Bob'; $name)", json!("Bob")),
        ("{'a': $states.input.order.id + 1, 'b': [$name]}", json!({"a": 8, "b": ["Ada"]})),
    ]);
}

#[test]
fn a_result_and_an_error_are_there_only_when_they_are_present() {
    let stage = Stage { result: Some(json!({"r": [1]})), error: Some(json!({"Error": "E"})), ..Stage::new() };
    assert_eq!(stage.evaluate("$states.result.r"), Ok(json!([1])));
    assert_eq!(stage.evaluate("$states.errorOutput.Error & '!'"), Ok(json!("E!")));
    assert!(Stage::new().evaluate("$states.result.r").is_err());
}

/// The path that is walked over JSON must say what the evaluator says.
#[test]
fn a_shortcut_agrees_with_the_evaluator() {
    let stage = Stage::new();
    for text in [
        "input",
        "input.order",
        "input.text.x",
        "input.order.none.x",
        "input.lines",
        "input.lines.x",
        "input.none",
        "input.one",
        "input.empty",
        "input.empty.x",
        "context",
        "nothing",
        "input.big",
        "input.point",
        "input.order.id.x",
    ] {
        let short = stage.evaluate(&format!("$states.{text}")).map_err(|error| error.contains("nothing"));
        let long = stage.evaluate(&format!("($states).{text}")).map_err(|error| error.contains("nothing"));
        assert_eq!(short, long, "{text}");
    }
}

/// "Functions provided by Step Functions for JSONata".
#[test]
fn the_functions_of_aws_do_what_the_developer_guide_says() {
    values(&[
        ("$partition([1,2,3,4], 2)", json!([[1, 2], [3, 4]])),
        ("$partition([1,2,3,4,5,6,7,8,9], 4)", json!([[1, 2, 3, 4], [5, 6, 7, 8], [9]])),
        ("$range(0, 10, 2)", json!([0, 2, 4, 6, 8, 10])),
        ("$range(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("$range(3, 1, -1)", json!([3, 2, 1])),
        ("$hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        ("$hash('', 'MD5')", json!("d41d8cd98f00b204e9800998ecf8427e")),
        ("$substring($hash('', 'SHA-256'), 0, 8)", json!("e3b0c442")),
        ("$length($hash('a', 'SHA-384'))", json!(96)),
        ("$length($hash('a', 'SHA-512'))", json!(128)),
        ("$parse('{\"foo\": [1, 2.5]}')", json!({"foo": [1, 2.5]})),
        ("$parse('{\"foo\": \"bar\"}').foo", json!("bar")),
        ("$random(1) = $random(1)", json!(true)),
        ("$random() != $random()", json!(true)),
        ("$uuid() != $uuid()", json!(true)),
        ("$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)", json!(true)),
        ("[1,2] ~> $partition(1)", json!([[1], [2]])),
    ]);
}

#[test]
fn time_comes_from_the_scene() {
    values(&[
        ("$millis()", json!(NOW)),
        ("$now()", json!("2024-01-02T03:04:05.678Z")),
        ("$now('[Y]-[M01]')", json!("2024-01")),
        ("$map([1, 2], function($x) { $now('[Y]') })", json!(["2024", "2024"])),
        ("($f := $now; $f('[Y]'))", json!("2024")),
    ]);
}

#[test]
fn chance_is_the_same_for_the_same_scene_and_location() {
    let (stage, text) = (Stage::new(), "[$uuid(), $random(), $shuffle([1..20])]");
    assert_eq!(stage.evaluate(text), stage.evaluate(text));
    let parsed = Jsonata::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let at = |location| parsed.evaluate(&stage.scene(), location);
    assert_ne!(at("Output"), at("Arguments"));
    assert_ne!(at("Output"), parsed.evaluate(&Scene { seed: 43, ..stage.scene() }, "Output"));
}

#[test]
fn guarded_functions_keep_their_meaning() {
    values(&[
        ("$pad('x', 3) & '|'", json!("x  |")),
        ("$pad('x', -3, '#')", json!("##x")),
        ("('x').$pad(2, '-')", json!("x-")),
        ("$map(['a', 'b'], $pad(?, 2, '.'))", json!(["a.", "b."])),
        ("$join(['a', 'b'], ', ')", json!("a, b")),
        ("['a', 'b'] ~> $join", json!("ab")),
        ("$join('a')", json!("a")),
        ("$replace('hello', 'l', 'L')", json!("heLLo")),
        ("$replace('hello', /l/, 'L', 1)", json!("heLlo")),
        ("$replace('abc', /b/, function($m) { '<' & $m.match & '>' })", json!("a<b>c")),
        ("('abc').$replace(/(b)/, '$1$1')", json!("abbc")),
        ("($join := function($x) { 'own' }; $join([1]))", json!("own")),
        ("$exists($join($nothing))", json!(false)),
        ("$map([1], function($x) { $x * 2 })[]", json!([2])),
    ]);
}

#[test]
fn a_variable_may_have_the_name_of_a_guarded_function() {
    let variables = BTreeMap::from([("now".to_owned(), json!(5)), ("join".to_owned(), json!("j"))]);
    let stage = Stage { variables: Arc::new(variables), ..Stage::new() };
    assert_eq!(stage.evaluate("$now + 1"), Ok(json!(6)));
    assert_eq!(stage.evaluate("$join & $pad('x', 2)"), Ok(json!("jx ")));
}

#[test]
fn whole_numbers_come_out_as_integers() {
    let stage = Stage::new();
    for (text, wanted) in
        [("6 / 2", "3"), ("0.1 + 0.2", "0.30000000000000004"), ("1e300", "1e+300"), ("-0.5 * 2", "-1")]
    {
        assert_eq!(stage.evaluate(text).map(|value| value.to_string()), Ok(wanted.to_owned()), "{text}");
    }
}

#[test]
fn a_failure_is_told_in_the_words_of_aws() {
    let nothing = "returned nothing (undefined).";
    let unsupported = "returned an unsupported result type.";
    failures(&[
        ("$states.input.nothing", nothing),
        ("$missing", nothing),
        ("function($x) { $x }", unsupported),
        ("$sum", unsupported),
        ("{'f': $sum}", unsupported),
        ("/a/", unsupported),
        ("$states()", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "$eval('1')",
            "threw an error during evaluation. D3121: The function eval is not supported. Use the function parse to read JSON.",
        ),
        (
            "$hash('a', 'SHA-9')",
            "threw an error during evaluation. D3133: The algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512",
        ),
        (
            "$hash(1, 'MD5')",
            "threw an error during evaluation. T0410: Argument 1 of function \"hash\" does not match function signature",
        ),
        (
            "$partition([1], 0)",
            "threw an error during evaluation. D3130: The second argument of function partition must be a positive number",
        ),
    ]);
    let parse = Stage::new().evaluate("$parse('{')").unwrap_or_else(Value::String);
    assert!(parse.as_str().is_some_and(|cause| cause.contains("D3132: The text is not JSON")), "{parse}");
}

#[test]
fn text_that_is_no_jsonata_is_refused_with_its_code() {
    for (text, code) in [("1 +", "S0207"), ("'abc", "S0101"), ("2(3)", "T1006"), ("[1", "S0203")] {
        let refusal = Jsonata::parse(text).err().unwrap_or_default();
        assert!(refusal.starts_with(&format!("The JSONata expression '{text}' is not valid. {code}: ")), "{refusal}");
    }
}

#[test]
fn a_condition_is_a_boolean() {
    let stage = Stage::new();
    let truth = |text: &str| Jsonata::parse(text).map(|parsed| parsed.truth(&stage.scene(), "Choices/0/Condition"));
    assert_eq!(truth("$states.input.order.id = 7"), Ok(Ok(true)));
    for (text, was, json) in [
        ("'a'", "string", "\"a\""),
        ("1", "number", "1"),
        ("null", "null", "null"),
        ("[1]", "array", "[1]"),
        ("{'a':1}", "object", "{\"a\":1}"),
    ] {
        let cause = truth(text).map(|outcome| outcome.map_err(|trouble| trouble.cause));
        let wanted = format!(
            "The JSONata expression '{text}' specified for the field 'Choices/0/Condition' returned an unexpected result type. Expected 'boolean', but was '{was}' for value: {json}"
        );
        assert_eq!(cause, Ok(Err(wanted)));
    }
}

#[test]
fn expressions_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    shared::<Jsonata>();
}
