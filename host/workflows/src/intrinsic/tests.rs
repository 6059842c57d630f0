//! Calls are parsed, or refused with a sentence; they see their scene and nothing else.

mod arrays;
mod chances;
mod texts;
mod values;

use super::*;
use crate::clock::Clock;
use crate::scene::Variables;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Calls a function with this input.
fn call(text: &str, input: &Value) -> Result<Value, Trouble> {
    call_seeded(text, input, 1)
}

fn call_seeded(text: &str, input: &Value, seed: u64) -> Result<Value, Trouble> {
    let context = json!({"Execution": {"Name": "run"}});
    let variables: Variables = Arc::new(BTreeMap::from([("count".to_owned(), json!(3))]));
    let scene = Scene {
        input,
        result: None,
        error: None,
        context: &context,
        variables: &variables,
        seed,
        now: 0,
        clock: &Clock::default(),
    };
    Intrinsic::parse(text).unwrap().call(&scene)
}

/// Each call gives its value.
fn gives<const N: usize>(input: &Value, cases: [(&str, Value); N]) {
    for (text, expected) in cases {
        assert_eq!(call(text, input), Ok(expected), "{text}");
    }
}

/// Each call fails with `States.IntrinsicFailure` and this reason.
fn fails<const N: usize>(input: &Value, cases: [(&str, &str); N]) {
    for (text, reason) in cases {
        let cause = format!("The function '{text}' had the following error: {reason}");
        assert_eq!(call(text, input), Err(Trouble::new(name::INTRINSIC_FAILURE, cause)), "{text}");
    }
}

fn nested(levels: usize) -> String {
    format!("{}1{}", "States.Array(".repeat(levels), ")".repeat(levels))
}

#[test]
fn arguments_are_texts_numbers_words_paths_and_calls() {
    let input = json!({"a": [1, 2], "a,b": {")": 4}});
    let expected = json!(["it's", -1.5, true, null, [1, 2], 4, 2, "run", 3, [false]]);
    let text = r"States.Array('it\'s', -1.5,true , null, $.a, $['a,b'][')'], $.a.length(), $$.Execution.Name, $count, States.Array( false ) )";
    gives(&input, [(text, expected), (" States.Array ( ) ", json!([])), ("States.Array('a,)')", json!(["a,)"]))]);
}

#[test]
fn a_backslash_stands_before_quotes_braces_and_backslashes() {
    gives(&json!({}), [(r"States.JsonToString('\'\{\}\\')", json!(r#""'{}\\""#))]);
}

#[test]
fn a_text_that_is_not_a_call_is_refused_with_a_sentence() {
    let cases = [
        ("", "`` is neither a value nor a path nor a call: a call has parentheses, as in `States.UUID()`"),
        ("hello", "`hello` is neither a value nor a path nor a call: a call has parentheses, as in `States.UUID()`"),
        ("States.Arrray(1)", "`States.Arrray` is not an intrinsic function; did you mean `States.Array`?"),
        ("states.uuid()", "`states.uuid` is not an intrinsic function; did you mean `States.UUID`?"),
        ("ArrayLength($)", "`ArrayLength` is not an intrinsic function; did you mean `States.ArrayLength`?"),
        ("States.Xyz()", "`States.Xyz` is not an intrinsic function"),
        ("States.Array(1", "the parenthesis of `States.Array(` is not closed"),
        ("States.Array(1,", "the parenthesis of `States.Array(` is not closed"),
        ("States.Array(1,)", "`States.Array` has an empty argument"),
        ("States.Array('a)", "the quote before `a)` is not closed"),
        (r"States.Array('a\", "a backslash at the end means nothing"),
        (r"States.Array('\n')", r"`\n` means nothing: a backslash stands before `'`, `{`, `}` or another backslash"),
        ("States.Array('a' 'b')", "a comma or `)` is missing before `'b')`"),
        ("States.Array(1) + 1", "`+ 1` stands after the end of `States.Array(1)`"),
        (
            "States.Array({})",
            "`{}` is neither a value nor a path nor a call: a call has parentheses, as in `States.UUID()`",
        ),
    ];
    for (text, mistake) in cases {
        assert_eq!(Intrinsic::parse(text).unwrap_err(), mistake, "{text}");
    }
    assert!(Intrinsic::parse("States.Array($.a[)").unwrap_err().contains("is not a JSONPath"));
}

#[test]
fn a_call_has_as_many_arguments_as_its_function_takes() {
    let cases = [
        ("States.UUID(1)", "`States.UUID` takes no arguments, and 1 was given"),
        ("States.Format()", "`States.Format` takes at least 1 argument, and 0 were given"),
        ("States.ArrayLength()", "`States.ArrayLength` takes 1 argument, and 0 were given"),
        ("States.MathAdd(1, 2, 3)", "`States.MathAdd` takes 2 arguments, and 3 were given"),
        ("States.MathRandom(1)", "`States.MathRandom` takes 2 to 3 arguments, and 1 was given"),
    ];
    for (text, mistake) in cases {
        assert_eq!(Intrinsic::parse(text).unwrap_err(), mistake);
    }
}

#[test]
fn calls_are_nested_ten_levels_deep_at_most() {
    assert!(Intrinsic::parse(&nested(10)).is_ok());
    assert_eq!(Intrinsic::parse(&nested(11)).unwrap_err(), "intrinsic functions are nested 10 levels deep at most");
}

/// The example of the guide's introduction.
#[test]
fn nested_calls_take_an_arn_apart() {
    let part = |index: usize| {
        format!(
            "States.ArrayGetItem(States.StringSplit(States.ArrayGetItem(States.StringSplit($.Arn, '/'), 2), '.'), {index})"
        )
    };
    let text = format!("States.Format('{{}}.{{}}', {}, {})", part(0), part(1));
    assert_eq!(call(&text, &json!({"Arn": "arn:aws/recipe/1.2.3"})), Ok(json!("1.2")));
}

#[test]
fn a_call_knows_its_text_and_its_paths() {
    let text = "States.Format('{}{}', $.a, States.ArrayGetItem($b, $$.c))";
    let intrinsic = Intrinsic::parse(text).unwrap();
    let paths: Vec<_> = intrinsic.paths().into_iter().map(Path::text).collect();
    assert_eq!((intrinsic.text(), paths), (text, vec!["$.a", "$b", "$$.c"]));
}

#[test]
fn a_path_that_finds_nothing_is_a_runtime_error() {
    let cause = r#"The JSONPath '$.b' could not be found in the input '{"a":1}'"#;
    assert_eq!(call("States.Array($.a, $.b)", &json!({"a": 1})), Err(Trouble::runtime(cause)));
}
