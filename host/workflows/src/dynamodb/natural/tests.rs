//! Items as they lie in a store, there and back.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn natural(wire: Value) -> Value {
    write(&wire::read(&wire).expect("a value"))
}

#[test]
fn what_json_has_is_natural_and_all_else_keeps_its_form() {
    let same = |wire: Value| (wire.clone(), wire);
    let cases = [
        (json!({"S": "x"}), json!("x")),
        (json!({"N": "1.50"}), json!(1.5)),
        (json!({"N": "-7e2"}), json!(-700)),
        (json!({"N": "9007199254740993"}), json!(9_007_199_254_740_993_i64)),
        (json!({"N": "1e100"}), json!(1e100)),
        (json!({"N": "0.1"}), json!(0.1)),
        (json!({"BOOL": false}), json!(false)),
        (json!({"NULL": true}), json!(null)),
        (json!({"L": [{"S": "a"}, {"N": "1"}, {"L": []}]}), json!(["a", 1, []])),
        (json!({"M": {"a": {"S": "b"}, "c": {"M": {}}}}), json!({"a": "b", "c": {}})),
        same(json!({"N": "3.1415926535897932384626433832795028841"})),
        same(json!({"N": "99999999999999999999"})),
        same(json!({"B": "aGk="})),
        same(json!({"SS": ["a", "b"]})),
        same(json!({"NS": ["-1", "0.5"]})),
        same(json!({"BS": ["", "aGk="]})),
        // These would be mistaken.
        (json!({"M": {"B": {"S": "aGk="}}}), json!({"M": {"B": "aGk="}})),
        (json!({"M": {"N": {"S": "1"}}}), json!({"M": {"N": "1"}})),
        (json!({"M": {"SS": {"L": [{"S": "a"}]}}}), json!({"M": {"SS": ["a"]}})),
        (json!({"M": {"M": {"M": {}}}}), json!({"M": {"M": {}}})),
        // These would not.
        (json!({"M": {"B": {"S": "not Base64!"}}}), json!({"B": "not Base64!"})),
        (json!({"M": {"N": {"N": "1"}}}), json!({"N": 1})),
        (json!({"M": {"SS": {"L": []}}}), json!({"SS": []})),
        (json!({"M": {"M": {"S": "a"}}}), json!({"M": "a"})),
        (json!({"M": {"S": {"S": "a"}}}), json!({"S": "a"})),
        (json!({"M": {"B": {"S": "aGk="}, "c": {"NULL": true}}}), json!({"B": "aGk=", "c": null})),
    ];
    for (wire, wanted) in cases {
        assert_eq!(natural(wire.clone()).to_string(), wanted.to_string(), "{wire}");
    }
}

#[test]
fn what_functions_write_is_an_item() {
    let item = read_item(br#"{"a": [1, 2.5e3, true, null], "M": {"x": {"S": "y"}}, "N": {"N": 1}}"#).expect("an item");
    let wanted = json!({
        "a": {"L": [{"N": "1"}, {"N": "2500"}, {"BOOL": true}, {"NULL": true}]},
        "M": {"M": {"x": {"M": {"S": {"S": "y"}}}}},
        "N": {"M": {"N": {"N": "1"}}},
    });
    assert_eq!(wire::write_map(&item), wanted);
    // A whole item is never wrapped, and never a form.
    let item = read_item(br#"{"M": {"a": 1}}"#).expect("an item");
    assert_eq!(wire::write_map(&item), json!({"M": {"M": {"a": {"N": "1"}}}}));
    assert_eq!(write_item(&item), br#"{"M":{"a":1}}"#);
}

#[test]
fn what_is_no_item_is_told() {
    let deep = "[".repeat(1_000_000);
    for (bytes, wanted) in [
        (b"".as_slice(), "is not JSON"),
        (b"\x01\0\0\0\0\0\0\0", "is not JSON"),
        (b"[1]", "no object"),
        (b"\"x\"", "no object"),
        (b"{\"n\": 1e300}", "has the number 1e+300: Number overflow"),
        (deep.as_bytes(), "is not JSON"),
    ] {
        let message = read_item(bytes).expect_err(wanted);
        assert!(message.contains(wanted), "{message}");
    }
}

/// Numbers of up to 38 digits, many of them near to what a double can hold.
fn number() -> impl Strategy<Value = Decimal> {
    let texts = prop_oneof![
        "-?[0-9]{1,3}",
        "-?[0-9]{0,20}[.][0-9]{1,18}",
        "-?[1-9][0-9]{10,37}e-?[0-9]{1,2}",
        "[0-9]e-?1[0-2][0-9]"
    ];
    let doubles = any::<f64>().prop_map(|double| format!("{double:e}"));
    prop_oneof![texts, doubles].prop_filter_map("out of range", |text| Decimal::parse(&text).ok())
}

/// Names and texts that forms are made of, too.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[BMN]|SS|NS|BS|S|L", "[a-c]?", "aGk=|[0-9]", any::<String>()]
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..4);
    fn set<T: Ord + std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = BTreeSet<T>> {
        proptest::collection::btree_set(of, 1..4)
    }
    let leaf = prop_oneof![
        text().prop_map(Attribute::S),
        number().prop_map(Attribute::N),
        bytes().prop_map(Attribute::B),
        any::<bool>().prop_map(Attribute::Bool),
        Just(Attribute::Null),
        set(text()).prop_map(Attribute::Ss),
        set(number()).prop_map(Attribute::Ns),
        set(bytes()).prop_map(Attribute::Bs),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Attribute::L),
            proptest::collection::vec((text(), inner), 0..3)
                .prop_map(|members| Attribute::M(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_item_is_read_as_it_was_written(members in proptest::collection::vec((text(), attribute()), 0..4)) {
        let item: Map = members.into_iter().collect();
        prop_assert_eq!(read_item(&write_item(&item)), Ok(item.clone()));
        // And by way of the API.
        let Value::Object(members) = wire::write_map(&item) else { unreachable!("a map is an object") };
        prop_assert_eq!(wire::read_map(&members), Ok(item));
    }

    #[test]
    fn any_json_is_an_item_or_none(text in r#"[\[\]{}",:SNBM0-9e.-]{0,40}"#) {
        if let Ok(item) = read_item(text.as_bytes()) {
            prop_assert_eq!(read_item(&write_item(&item)), Ok(item));
        }
    }
}
