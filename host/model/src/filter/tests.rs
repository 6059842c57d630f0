//! Policies and what passes them, as tables.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn filter(policy: &Value) -> Filter {
    Filter::parse(policy).unwrap_or_else(|error| panic!("{policy}: {error}"))
}

fn passes(policy: &Value, attributes: &[(&str, &str)]) -> bool {
    let find = |wanted: &str| attributes.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    filter(policy).matches(find)
}

#[test]
fn a_condition_passes_what_it_says_and_nothing_else() {
    for (condition, passing, failing) in [
        (json!("a"), &["a"][..], &["A", "", "aa"][..]),
        (json!(""), &[""], &["a"]),
        (json!(5), &["5", "5.0", "05", "5e0"], &["5.01", "five", ""]),
        (json!(0.3), &["0.3", "0.30"], &["0.30000000000000004"]),
        (json!(u64::MAX), &["18446744073709551615"], &["18446744073709551614"]),
        (json!(true), &["true"], &["True", "1", "false"]),
        (json!(false), &["false"], &["true", ""]),
        (json!({"prefix": "or"}), &["or", "order"], &["Order", "o", "door"]),
        (json!({"suffix": ".png"}), &[".png", "a.png"], &["a.png.txt"]),
        (json!({"equals-ignore-case": "Straße É"}), &["straße é", "STRAßE É"], &["strasse é", "straße", "straße é "]),
        (json!({"anything-but": "a"}), &["b", "", "A"], &["a"]),
        (json!({"anything-but": 5}), &["a", "6"], &["5", "5.0"]),
        (json!({"anything-but": ["a", 5, true]}), &["b", "false"], &["a", "5.0", "true"]),
        (json!({"anything-but": {"prefix": "test-"}}), &["", "a"], &["test-", "test-a"]),
        (json!({"anything-but": {"suffix": ".tmp"}}), &["", "a"], &["a.tmp"]),
        (json!({"numeric": ["=", 1.5]}), &["1.5", "1.50", "15e-1"], &["1.51", "a"]),
        (json!({"numeric": [">=", 0, "<", 10]}), &["0", "-0", "9.999999999999999999"], &["10", "-0.1", "", "ten"]),
        (json!({"numeric": [">", -1, "<=", 1]}), &["-0.99", "1"], &["-1", "1.0000000000000000000001"]),
        (json!({"numeric": ["<", 1e20]}), &["99999999999999999999"], &["100000000000000000000"]),
        (json!({"exists": true}), &["", "a"], &[]),
        (json!({"exists": false}), &[], &["", "a"]),
    ] {
        let policy = json!({ "name": [condition] });
        for (values, expected) in [(passing, true), (failing, false)] {
            for value in values {
                assert_eq!(passes(&policy, &[("other", "a"), ("name", value)]), expected, "{policy} {value:?}");
            }
        }
    }
}

#[test]
fn an_attribute_that_is_absent_passes_only_where_that_is_wanted() {
    for (condition, expected) in [
        (json!(""), false),
        (json!({"prefix": ""}), false),
        (json!({"anything-but": "a"}), false),
        (json!({"anything-but": {"prefix": "a"}}), false),
        (json!({"exists": true}), false),
        (json!({"exists": false}), true),
    ] {
        assert_eq!(passes(&json!({ "name": [condition] }), &[("Name", "a")]), expected, "{condition}");
    }
}

#[test]
fn conditions_are_alternatives_names_are_not_and_or_is_between_policies() {
    let policy = json!({
        "type": ["created", {"prefix": "paid"}],
        "$or": [{"region": ["eu"]}, {"price": [{"numeric": [">", 100]}], "$or": [{"vip": [true]}, {"test": [{"exists": false}]}]}],
    });
    for (attributes, expected) in [
        (&[("type", "created"), ("region", "eu")][..], true),
        (&[("type", "paid-late"), ("region", "eu")], true),
        (&[("type", "deleted"), ("region", "eu")], false),
        (&[("region", "eu")], false),
        (&[("type", "created")], false),
        (&[("type", "created"), ("region", "us")], false),
        (&[("type", "created"), ("price", "100.01")], true),
        (&[("type", "created"), ("price", "100.01"), ("test", "")], false),
        (&[("type", "created"), ("price", "100.01"), ("test", ""), ("vip", "true")], true),
        (&[("type", "created"), ("price", "100"), ("vip", "true")], false),
    ] {
        assert_eq!(passes(&policy, attributes), expected, "{attributes:?}");
    }
}

#[test]
fn a_fault_is_told_with_its_place_and_what_may_stand_there() {
    let kind = |found, wanted| Fault::Kind { found, wanted };
    let many: Vec<_> = (0..=CONDITIONS_MAX).collect();
    let mut deep = json!({"a": ["b"]});
    for _ in 0..DEPTH_MAX {
        deep = json!({ "$or": [deep] });
    }
    for (policy, at, fault) in [
        (json!("a"), "$", kind("a text", "an object of attribute names")),
        (json!({}), "$", Fault::Empty),
        (json!({"a": "b"}), "$.a", kind("a text", "a list of conditions")),
        (json!({"a": []}), "$.a", Fault::Empty),
        (json!({"a b": [null]}), "$[\"a b\"][0]", kind("null", "a text, a number, a boolean or an object")),
        (json!({"a": ["b", ["c"]]}), "$.a[1]", kind("a list", "a text, a number, a boolean or an object")),
        (json!({"a": [{}]}), "$.a[0]", Fault::SeveralConditions { count: 0 }),
        (json!({"a": [{"prefix": "b", "suffix": "c"}]}), "$.a[0]", Fault::SeveralConditions { count: 2 }),
        (json!({"a": [{"like": "b"}]}), "$.a[0]", Fault::UnknownCondition { name: "like".to_owned() }),
        (json!({"a": [{"prefix": 1}]}), "$.a[0].prefix", kind("a number", "a text")),
        (json!({"a": [{"exists": "yes"}]}), "$.a[0].exists", kind("a text", "true or false")),
        (json!({"a": [{"equals-ignore-case": ["b"]}]}), "$.a[0].equals-ignore-case", kind("a list", "a text")),
        (json!({"a": [{"anything-but": []}]}), "$.a[0].anything-but", Fault::Empty),
        (json!({"a": [{"anything-but": {"prefix": 1}}]}), "$.a[0].anything-but.prefix", kind("a number", "a text")),
        (
            json!({"a": [{"anything-but": ["b", null]}]}),
            "$.a[0].anything-but[1]",
            kind("null", "a text, a number or a boolean"),
        ),
        (
            json!({"a": [{"anything-but": {"numeric": ["=", 1]}}]}),
            "$.a[0].anything-but",
            kind("an object", "a text, a number, a boolean, a list of them, or an object with `prefix` or `suffix`"),
        ),
        (json!({"price": [{"numeric": [">=", "0"]}]}), "$.price[0].numeric[1]", kind("a text", "a number")),
        (json!({"price": [{"numeric": [">=", 0, "<"]}]}), "$.price[0].numeric[2]", Fault::Unpaired),
        (json!({"price": [{"numeric": ["~", 0]}]}), "$.price[0].numeric[0]", Fault::Operator),
        (json!({"price": [{"numeric": ["=", 1e300]}]}), "$.price[0].numeric[1]", Fault::Number),
        (json!({"price": [0.123_456_789_012_345_6]}), "$.price[0]", Fault::Number),
        (json!({"$or": {"a": ["b"]}}), "$.$or", kind("an object", "a list of policies")),
        (json!({"$or": [{"a": ["b"]}, {}]}), "$.$or[1]", Fault::Empty),
        (json!({ "a": many }), "$.a[150]", Fault::TooMany),
        (json!({"a": [{ "anything-but": many }]}), "$.a[0].anything-but[150]", Fault::TooMany),
        (deep, "$.$or[0].$or[0].$or[0].$or[0].$or[0]", Fault::TooDeep),
    ] {
        assert_eq!(Filter::parse(&policy), Err(FilterError { at: at.to_owned(), fault }), "{policy}");
    }
    let error = Filter::parse(&json!({"a": [{"like": "b"}]})).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "$.a[0]: there is no condition `like`; there are prefix, suffix, anything-but, numeric, exists, equals-ignore-case"
    );
}

#[test]
fn a_policy_of_toml_is_the_same_and_is_listed_as_it_was_parsed() {
    let policy =
        json!({"$or": [{"x": [true]}, {"y": [{"exists": false}]}], "price": [{"numeric": [">=", 0.5]}], "type": ["a"]});
    let text = r#"
        type = ["a"]
        price = [{ numeric = [">=", 0.5] }]
        "$or" = [{ x = [true] }, { y = [{ exists = false }] }]
    "#;
    let read: Value = toml::from_str(text).expect("TOML");
    assert_eq!(filter(&read), filter(&policy));
    assert_eq!(serde_json::to_value(filter(&policy)).expect("JSON"), policy);
}

/// JSON of the words that policies are made of, so that parsing gets somewhere.
fn anything() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] =
        &["$or", "a", "prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case", "<", ">=", ""];
    let word = proptest::sample::select(WORDS);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 1..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_policy_and_no_attribute_makes_filtering_panic(policy in anything(), attribute in "[0-9.eE-]{0,9}|.*") {
        for policy in [json!({ "a": [policy] }), policy] {
            if let Ok(filter) = Filter::parse(&policy) {
                let _whatever = (filter.matches(|_| Some(&attribute)), filter.matches(|_| None));
            }
        }
    }
}
