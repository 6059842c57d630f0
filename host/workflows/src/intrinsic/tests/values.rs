//! Functions about JSON and numbers.

use super::{fails, gives};
use serde_json::json;

#[test]
fn objects_are_merged_and_the_second_wins() {
    let input = json!({"json1": {"a": {"a1": 1, "a2": 2}, "b": 2}, "json2": {"a": {"a3": 1, "a4": 2}, "c": 3}});
    let merged = json!({"a": {"a3": 1, "a4": 2}, "b": 2, "c": 3});
    gives(&input, [("States.JsonMerge($.json1, $.json2, false)", merged)]);
    fails(
        &input,
        [
            ("States.JsonMerge($, $, true)", "deep merging is not supported: argument 3 must be false"),
            ("States.JsonMerge($, $, 'false')", "argument 3 must be false, and is a string"),
            ("States.JsonMerge(1, $, false)", "argument 1 must be an object, and is 1"),
            ("States.JsonMerge($, null, false)", "argument 2 must be an object, and is null"),
        ],
    );
}

#[test]
fn json_and_text_become_each_other() {
    gives(
        &json!({"escapedJsonString": r#"{"foo": "bar"}"#, "unescapedJson": {"foo": "bar"}, "big": 12_345_678_901_234_567_890_u64}),
        [
            ("States.StringToJson($.escapedJsonString)", json!({"foo": "bar"})),
            ("States.StringToJson(' 1 ')", json!(1)),
            ("States.JsonToString($.unescapedJson)", json!(r#"{"foo":"bar"}"#)),
            ("States.JsonToString(null)", json!("null")),
            ("States.JsonToString($.big)", json!("12345678901234567890")),
        ],
    );
}

#[test]
fn a_text_that_is_not_json_is_refused() {
    fails(
        &json!({}),
        [
            ("States.StringToJson('a')", "the string is not JSON: expected value at line 1 column 1"),
            ("States.StringToJson($)", "argument 1 must be a string, and is an object"),
        ],
    );
}

#[test]
fn whole_numbers_are_added() {
    gives(
        &json!({"value1": 111, "step": -1}),
        [
            ("States.MathAdd($.value1, $.step)", json!(110)),
            ("States.MathAdd(1.5, 2.4)", json!(4)),
            ("States.MathAdd(2147483647, 1)", json!(2_147_483_648_i64)),
            ("States.MathAdd(-2147483648, 0)", json!(-2_147_483_648_i64)),
        ],
    );
}

#[test]
fn what_is_added_has_32_bits() {
    fails(
        &json!({}),
        [
            ("States.MathAdd(2147483648, 1)", "argument 1 must be from -2147483648 to 2147483647, and is 2147483648"),
            ("States.MathAdd(1, -2147483649)", "argument 2 must be from -2147483648 to 2147483647, and is -2147483649"),
            ("States.MathAdd('1', 1)", "argument 1 must be an integer, and is a string"),
        ],
    );
}
