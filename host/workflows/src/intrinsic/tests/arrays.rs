//! Functions about arrays.

use super::{call, fails, gives};
use serde_json::json;

#[test]
fn an_array_holds_its_arguments() {
    gives(&json!({"Id": 123_456}), [("States.Array($.Id)", json!([123_456])), ("States.Array()", json!([]))]);
}

#[test]
fn an_array_is_partitioned_and_its_last_part_may_be_shorter() {
    let parts = json!([[1, 2, 3, 4], [5, 6, 7, 8], [9]]);
    gives(
        &json!({"inputArray": [1, 2, 3, 4, 5, 6, 7, 8, 9], "none": []}),
        [
            ("States.ArrayPartition($.inputArray,4)", parts.clone()),
            ("States.ArrayPartition($.inputArray, 4.4)", parts.clone()),
            ("States.ArrayPartition($.inputArray, 3.5)", parts),
            ("States.ArrayPartition($.none, 4)", json!([])),
        ],
    );
}

#[test]
fn a_part_has_at_least_one_item() {
    fails(
        &json!([1]),
        [
            ("States.ArrayPartition($, 0)", "argument 2 must be a positive integer, and is 0"),
            ("States.ArrayPartition($, -1)", "argument 2 must be a positive integer, and is -1"),
            ("States.ArrayPartition($, 0.4)", "argument 2 must be a positive integer, and is 0.4"),
            ("States.ArrayPartition($, 'a')", "argument 2 must be an integer, and is a string"),
            ("States.ArrayPartition('a', 1)", "argument 1 must be an array, and is a string"),
        ],
    );
}

#[test]
fn an_array_that_is_searched_or_partitioned_is_not_larger_than_a_payload() {
    let reason = "the array has 262145 bytes; it must not exceed 262144";
    let cases = [("States.ArrayPartition($, 1)", reason), ("States.ArrayContains($, 1)", reason)];
    fails(&json!(["a".repeat(262_141)]), cases);
    assert_eq!(call("States.ArrayContains($, 1)", &json!(["a".repeat(262_140)])), Ok(json!(false)));
}

#[test]
fn an_array_contains_values_that_are_equal() {
    gives(
        &json!({"inputArray": [1, 2, 3, 4, 5, {"a": [null]}], "lookingFor": 5, "object": {"a": [null]}}),
        [
            ("States.ArrayContains($.inputArray, $.lookingFor)", json!(true)),
            ("States.ArrayContains($.inputArray, $.object)", json!(true)),
            ("States.ArrayContains($.inputArray, '5')", json!(false)),
        ],
    );
    fails(&json!({}), [("States.ArrayContains($, 1)", "argument 1 must be an array, and is an object")]);
}

#[test]
fn a_range_leads_from_its_first_number_to_its_last() {
    gives(
        &json!({}),
        [
            ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
            ("States.ArrayRange(1, 8, 3)", json!([1, 4, 7])),
            ("States.ArrayRange(0.6, 3.4, 1.2)", json!([1, 2, 3])),
            ("States.ArrayRange(3, -3, -3)", json!([3, 0, -3])),
            ("States.ArrayRange(1, 1, 5)", json!([1])),
            ("States.ArrayRange(1, 2, -1)", json!([])),
            ("States.ArrayRange(9223372036854775806, 9223372036854775807, 2)", json!([i64::MAX - 1])),
            ("States.ArrayRange(0, -9223372036854775808, -9223372036854775808)", json!([0, i64::MIN])),
        ],
    );
}

#[test]
fn a_range_has_a_step() {
    fails(
        &json!({}),
        [
            ("States.ArrayRange(1, 9, 0)", "the step must not be 0"),
            ("States.ArrayRange(1, 9, 0.2)", "the step must not be 0"),
            ("States.ArrayRange('1', 9, 1)", "argument 1 must be an integer, and is a string"),
            ("States.ArrayRange(1, null, 1)", "argument 2 must be an integer, and is null"),
            ("States.ArrayRange(1, 9, 1e300)", "argument 3 must be an integer, and is 1e+300"),
        ],
    );
}

#[test]
fn an_array_range_has_a_thousand_items_at_most() {
    let longest = call("States.ArrayRange(1, 1000, 1)", &json!({}));
    assert_eq!(longest.map(|items| items.as_array().map(Vec::len)), Ok(Some(1000)));
    let whole = "States.ArrayRange(-9223372036854775808, 9223372036854775807, 1)";
    fails(
        &json!({}),
        [
            ("States.ArrayRange(0, 1000, 1)", "the range has 1001 items; it must not exceed 1000"),
            (whole, "the range has 18446744073709551616 items; it must not exceed 1000"),
        ],
    );
}

#[test]
fn an_item_is_got_by_its_index() {
    let input = json!({"inputArray": [1, 2, 3, 4, 5, 6, 7, 8, 9], "index": 5});
    gives(&input, [("States.ArrayGetItem($.inputArray, $.index)", json!(6))]);
    fails(
        &input,
        [
            ("States.ArrayGetItem($.inputArray, 9)", "there is no item 9 in an array of 9"),
            ("States.ArrayGetItem($.inputArray, -1)", "there is no item -1 in an array of 9"),
            ("States.ArrayGetItem($.inputArray, 1.5)", "argument 2 must be an integer, and is 1.5"),
            ("States.ArrayGetItem($.index, 0)", "argument 1 must be an array, and is 5"),
        ],
    );
}

#[test]
fn an_array_has_a_length() {
    let input = json!({"inputArray": [1, 2, 3, 4, 5, 6, 7, 8, 9]});
    gives(&input, [("States.ArrayLength($.inputArray)", json!(9)), ("States.ArrayLength(States.Array())", json!(0))]);
    fails(&input, [("States.ArrayLength($)", "argument 1 must be an array, and is an object")]);
}

#[test]
fn what_is_unique_keeps_its_order() {
    gives(&json!([1, 2, 3, 3, 3, 3, 3, 3, 4]), [("States.ArrayUnique($)", json!([1, 2, 3, 4]))]);
    let objects = json!([{"b": 1, "a": 2}, "x", {"a": 2, "b": 1}, "x", null]);
    gives(&objects, [("States.ArrayUnique($)", json!([{"b": 1, "a": 2}, "x", null]))]);
    fails(&json!(true), [("States.ArrayUnique($)", "argument 1 must be an array, and is true")]);
}
