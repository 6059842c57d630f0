//! Functions that make texts, or take them apart.

use super::{fails, gives};
use serde_json::json;

#[test]
fn a_template_takes_values_in_its_places() {
    gives(
        &json!({"name": "Arnav", "template": "Hello, my name is {}.", "slash": r"\{}\n"}),
        [
            ("States.Format('Hello, my name is {}.', $.name)", json!("Hello, my name is Arnav.")),
            ("States.Format($.template, $.name)", json!("Hello, my name is Arnav.")),
            ("States.Format('{}{}, {}, {} {}', 'a', 1, 1.50, true, null)", json!("a1, 1.5, true null")),
            (r#"States.Format('\{"a":"{}", \'b\': \{\}\}\\', $.name)"#, json!(r#"{"a":"Arnav", 'b': {}}\"#)),
            ("States.Format($.slash, 1)", json!(r"\1\n")),
            ("States.Format('{}', '{}')", json!("{}")),
            ("States.Format('a}ü')", json!("a}ü")),
        ],
    );
}

#[test]
fn a_template_shows_lists_and_objects_as_the_service_does() {
    let input = json!({"list": [1, "a"], "object": {"a": 1, "b": {"c": []}}});
    gives(&input, [("States.Format('{} {}', $.list, $.object)", json!("[1,\"a\"] {a=1, b={c=[]}}"))]);
}

#[test]
fn a_template_has_as_many_places_as_values() {
    fails(
        &json!({"list": [1]}),
        [
            ("States.Format('{} {}', 1)", "`{}` in the template: 2, values for them: 1"),
            ("States.Format('{}', 1, 2)", "`{}` in the template: 1, values for them: 2"),
            (r"States.Format('\{}', 1)", "`{}` in the template: 0, values for them: 1"),
            ("States.Format('{a}', 1)", "matching '}' not found for '{'"),
            ("States.Format('{', 1)", "matching '}' not found for '{'"),
            ("States.Format(5)", "argument 1 must be a string, and is 5"),
        ],
    );
}

#[test]
fn a_text_is_split_at_any_of_the_delimiters() {
    gives(
        &json!({"numbers": "1,2,3,4,5", "words": "This.is+a,test=string", "splitter": ".+,="}),
        [
            ("States.StringSplit($.numbers, ',')", json!(["1", "2", "3", "4", "5"])),
            ("States.StringSplit($.words, $.splitter)", json!(["This", "is", "a", "test", "string"])),
            ("States.StringSplit(',a,,b,', ',')", json!(["a", "b"])),
            ("States.StringSplit('ab', '')", json!(["ab"])),
            ("States.StringSplit('', ',')", json!([])),
        ],
    );
    fails(
        &json!({}),
        [
            ("States.StringSplit(1, ',')", "argument 1 must be a string, and is 1"),
            ("States.StringSplit('a', null)", "argument 2 must be a string, and is null"),
        ],
    );
}

#[test]
fn data_is_encoded_and_decoded() {
    gives(
        &json!({"input": "Data to encode", "base64": "RGF0YSB0byBl\r\nbmNvZGU="}),
        [
            ("States.Base64Encode($.input)", json!("RGF0YSB0byBlbmNvZGU=")),
            ("States.Base64Encode('')", json!("")),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU')", json!("Data to encode")),
            ("States.Base64Decode($.base64)", json!("Data to encode")),
        ],
    );
}

#[test]
fn what_is_not_base64_of_a_text_is_not_decoded() {
    fails(
        &json!({}),
        [
            ("States.Base64Decode('a-b_')", "the string is not Base64: Invalid symbol 45, offset 1."),
            ("States.Base64Decode('/w==')", "what the Base64 stands for is not UTF-8 text"),
            ("States.Base64Decode(1)", "argument 1 must be a string, and is 1"),
            ("States.Base64Encode($)", "argument 1 must be a string, and is an object"),
        ],
    );
}

/// The guide's example lacks a digit: "aaff4a450a104cd177d28d18d7485e8cae074b7".
#[test]
fn data_is_hashed_with_each_algorithm() {
    gives(
        &json!({"Data": "input data", "Algorithm": "SHA-1"}),
        [
            ("States.Hash($.Data, $.Algorithm)", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
            ("States.Hash($.Data, 'MD5')", json!("812f45842bc6d66ee14572ce20db8e86")),
            (
                "States.Hash($.Data, 'SHA-256')",
                json!("b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
            ),
            (
                "States.Hash($.Data, 'SHA-384')",
                json!(
                    "d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c756511b87525bdc835ebb27e1fb9e9374a15562"
                ),
            ),
            (
                "States.Hash($.Data, 'SHA-512')",
                json!(
                    "6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f47d4ce2deba23bf2954f0f1d593fc50283731a533d30d425402d4f91316d871303aac4"
                ),
            ),
        ],
    );
    fails(
        &json!({}),
        [
            ("States.Hash('a', 'sha1')", "`sha1` is not one of the algorithms MD5, SHA-1, SHA-256, SHA-384, SHA-512"),
            ("States.Hash($, 'MD5')", "argument 1 must be a string, and is an object"),
            ("States.Hash('a', 1)", "argument 2 must be a string, and is 1"),
        ],
    );
}

#[test]
fn a_text_of_ten_thousand_characters_is_the_longest_to_hash_encode_or_decode() {
    let reason = "the string has 10001 characters; it must not exceed 10000";
    let calls = ["States.Hash($, 'MD5')", "States.Base64Encode($)", "States.Base64Decode($)"];
    fails(&json!("ä".repeat(10_001)), calls.map(|call| (call, reason)));
    for call in calls {
        assert!(super::call(call, &json!("A".repeat(10_000))).is_ok(), "{call}");
    }
}
