//! "Condition and filter expressions, operators, and functions" of DynamoDB's developer guide, rule by rule.

use super::super::natural;
use super::*;
use crate::failure::name;
use serde_json::{Value, json};

/// Whether a condition holds of an item in natural JSON. The values are those of the API.
fn holds(text: &str, item: &Value, values: &Value) -> Result<bool, Failure> {
    let names = json!({"#and": "and", "#dot": "a.b", "#long": "l".repeat(1_000)});
    let used: serde_json::Map<_, _> =
        names.as_object().expect("an object").clone().into_iter().filter(|(name, _)| text.contains(name)).collect();
    let names = (!used.is_empty()).then_some(Value::Object(used));
    let values = values.as_object().filter(|values| !values.is_empty()).map(|_| values);
    let mut terms = Terms::read(names.as_ref(), values)?;
    let condition = Condition::parse(text, &mut terms)?;
    terms.are_all_used()?;
    let item = natural::read_item(item.to_string().as_bytes()).expect("an item");
    Ok(condition.holds(&item))
}

fn check(item: &Value, cases: &[(&str, Value, bool)]) {
    for (text, values, wanted) in cases {
        assert_eq!(holds(text, item, values), Ok(*wanted), "{text} {values}");
    }
}

fn refuse(cases: &[(&str, Value, &str)]) {
    for (text, values, wanted) in cases {
        let failure = holds(text, &json!({"a": 1}), values).expect_err(text);
        assert_eq!(failure.error, "DynamoDB.AmazonDynamoDBException", "{text}");
        assert!(failure.cause.contains(wanted), "{text}: {}", failure.cause);
    }
}

fn item() -> Value {
    json!({
        "n": 1, "m": 2, "t": "cat", "b": {"B": "Y2F0"}, "yes": true, "none": null, "and": 7, "a.b": 8,
        "list": [2, "dog", [3, 4], {"SS": ["x"]}], "map": {"x": 1, "y": [-1, 2, {"z": "deep"}]},
        "ss": {"SS": ["dog", "cat"]}, "ns": {"NS": ["2", "4.0"]}, "bs": {"BS": ["aGk=", "Y2F0"]},
    })
}

/// "a = b — true if a is equal to b": of the same type and value; numbers by value, sets without order, lists with it.
#[test]
fn values_of_one_type_can_be_equal() {
    let equal = [
        ("n = :v", json!({"N": "1.000"})),
        ("t = :v", json!({"S": "cat"})),
        ("b = :v", json!({"B": "Y2F0"})),
        ("yes = :v", json!({"BOOL": true})),
        ("none = :v", json!({"NULL": true})),
        ("list[2] = :v", json!({"L": [{"N": "3"}, {"N": "4"}]})),
        (
            "map = :v",
            json!({"M": {"y": {"L": [{"N": "-1"}, {"N": "2"}, {"M": {"z": {"S": "deep"}}}]}, "x": {"N": "1"}}}),
        ),
        ("ss = :v", json!({"SS": ["cat", "dog"]})),
        ("ns = :v", json!({"NS": ["4", "2e0"]})),
        ("bs = :v", json!({"BS": ["Y2F0", "aGk="]})),
    ];
    for (left, right) in equal.iter().flat_map(|left| equal.iter().map(move |right| (left, right))) {
        let values = json!({ ":v": right.1 });
        assert_eq!(holds(left.0, &item(), &values), Ok(left.0 == right.0), "{} {}", left.0, right.1);
        let unequal = left.0.replace('=', "<>");
        assert_eq!(holds(&unequal, &item(), &values), Ok(left.0 != right.0), "{unequal} {}", right.1);
    }
    check(
        &item(),
        &[
            ("list[2] = :v", json!({":v": {"L": [{"N": "4"}, {"N": "3"}]}}), false),
            ("t = :v", json!({":v": {"S": "Cat"}}), false),
            ("n = m", json!({}), false),
            (":v = :w", json!({":v": {"N": "1"}, ":w": {"N": "10e-1"}}), true),
        ],
    );
}

/// "If an attribute does not exist": it equals nothing, not even another one that does not, and has no order.
#[test]
fn what_is_not_there_is_unequal_to_all() {
    for (comparator, wanted) in [("=", false), ("<>", true), ("<", false), ("<=", false), (">", false), (">=", false)] {
        check(
            &item(),
            &[
                (&format!("q {comparator} z"), json!({}), wanted),
                (&format!("q {comparator} n"), json!({}), wanted),
                (&format!(":v {comparator} map.q"), json!({":v": {"N": "1"}}), wanted),
                (&format!("list[9] {comparator} :v"), json!({":v": {"N": "1"}}), wanted),
                (&format!("size(n) {comparator} :v"), json!({":v": {"N": "1"}}), wanted),
            ],
        );
    }
    check(&item(), &[("q BETWEEN n AND m", json!({}), false), ("q IN (z, n)", json!({}), false)]);
}

/// "a < b, a <= b, a > b, a >= b": numbers by value, texts by their UTF-8, binary by unsigned bytes; nothing else.
#[test]
fn numbers_texts_and_binary_have_an_order() {
    let n = |text: &str| json!({":v": {"N": text}});
    let s = |text: &str| json!({":v": {"S": text}});
    check(
        &item(),
        &[
            ("n < :v", n("1.0000000000000000000000000000000000001"), true),
            ("n < :v", n("1"), false),
            ("n <= :v", n("1"), true),
            ("n >= :v", n("-9e125"), true),
            ("n > :v", n("10"), false),
            ("n<:v", s("2"), false),
            ("t < :v", s("dog"), true),
            ("t > :v", s("Zebra"), true),
            ("t < :v", s("ü"), true),
            ("b < :v", json!({":v": {"B": "/w=="}}), true),
            ("map.x < map.y[1]", json!({}), true),
            ("map.x<map.y[0]", json!({}), false),
            // A list of the item has no order; one of the request is a mistake.
            ("list < :v", n("1"), false),
            (":v < list", n("1"), false),
        ],
    );
    let list = json!({":v": {"L": []}});
    for comparator in ["<", "<=", ">", ">="] {
        let wanted = format!("operator or function: {comparator}, operand type: L");
        refuse(&[
            (&format!("a {comparator} :v"), list.clone(), &wanted),
            (&format!(":v {comparator} a"), list.clone(), &wanted),
        ]);
    }
    refuse(&[("a < :v", json!({":v": {"BOOL": true}}), "operand type: BOOL")]);
}

/// "a BETWEEN b AND c — true if a is greater than or equal to b, and less than or equal to c."
#[test]
fn between_has_both_ends() {
    let n = |low: &str, high: &str| json!({":l": {"N": low}, ":h": {"N": high}});
    check(
        &item(),
        &[
            ("n BETWEEN :l AND :h", n("1", "1"), true),
            ("n between :l And :h", n("0", "2"), true),
            ("n BETWEEN :l AND :h", n("2", "3"), false),
            ("m BETWEEN n AND #and", json!({}), true),
            ("m BETWEEN #and AND n", json!({}), false),
            ("n BETWEEN :l AND :h", json!({":l": {"S": "0"}, ":h": {"S": "2"}}), false),
            ("size(t) BETWEEN :l AND :h", n("3", "3"), true),
        ],
    );
    refuse(&[
        ("a BETWEEN :l AND :h", n("2", "1"), "requires upper bound to be greater than or equal to lower bound"),
        ("a BETWEEN :l AND :h", json!({":l": {"N": "2"}, ":h": {"S": "x"}}), "requires same data type"),
        ("a BETWEEN :l AND :h", json!({":l": {"L": []}, ":h": {"L": []}}), "operand type: L"),
        ("a BETWEEN :l OR :h", n("1", "2"), "Syntax error; token: \"OR\", near: \":l OR :h\""),
    ]);
}

/// "a IN (b, c, d) — true if a is equal to any value in the list. The list can contain up to 100 values."
#[test]
fn in_is_equal_to_one() {
    let all: serde_json::Map<_, _> = (0..100).map(|n| (format!(":v{n}"), json!({"N": n.to_string()}))).collect();
    let list = all.keys().cloned().collect::<Vec<_>>().join(", ");
    check(
        &item(),
        &[
            (&format!("#and IN ({list})"), Value::Object(all.clone()), true),
            ("t in (n, :v)", json!({":v": {"S": "cat"}}), true),
            ("ss IN (:v)", json!({":v": {"SS": ["dog", "cat"]}}), true),
            ("n IN (:v)", json!({":v": {"S": "1"}}), false),
            ("size(t) IN (:v)", json!({":v": {"N": "3"}}), true),
        ],
    );
    refuse(&[
        (&format!("a IN ({list}, a)"), Value::Object(all), "number of operands: 101"),
        ("a IN ()", json!({}), "Syntax error"),
        ("a IN :v", json!({":v": {"N": "1"}}), "Syntax error"),
    ]);
}

/// "attribute_exists (path)", "attribute_not_exists (path)", "attribute_type (path, type)".
#[test]
fn attributes_exist_and_have_types() {
    let none = json!({});
    check(
        &item(),
        &[
            ("attribute_exists(n)", none.clone(), true),
            ("attribute_exists (none)", none.clone(), true),
            ("attribute_exists(q)", none.clone(), false),
            ("attribute_exists(map.y[2].z)", none.clone(), true),
            ("attribute_exists(map.y[3])", none.clone(), false),
            ("attribute_exists(map[0])", none.clone(), false),
            ("attribute_exists(list.x)", none.clone(), false),
            ("attribute_exists(#dot)", none.clone(), true),
            ("attribute_not_exists(q)", none.clone(), true),
            ("attribute_not_exists(n)", none.clone(), false),
            ("attribute_not_exists(#long)", none.clone(), true),
        ],
    );
    let types = [
        ("n", "N"),
        ("t", "S"),
        ("b", "B"),
        ("yes", "BOOL"),
        ("none", "NULL"),
        ("list", "L"),
        ("map", "M"),
        ("ss", "SS"),
        ("ns", "NS"),
        ("bs", "BS"),
        ("q", ""),
    ];
    for (attribute, of) in types {
        for (_, wanted) in &types[..10] {
            let values = json!({":t": {"S": wanted}});
            check(&item(), &[(&format!("attribute_type({attribute}, :t)"), values, of == *wanted)]);
        }
    }
    refuse(&[
        (
            "attribute_exists(:v)",
            json!({":v": {"N": "1"}}),
            "requires a document path; operator or function: attribute_exists",
        ),
        ("attribute_type(a, :v)", json!({":v": {"S": "DOG"}}), "Invalid attribute type name found; type: DOG"),
        ("attribute_type(a, :v)", json!({":v": {"N": "1"}}), "attribute_type, operand type: N"),
        ("attribute_type(a, b)", none.clone(), "Incorrect operand type"),
        ("attribute_exists(a, b)", none.clone(), "number of operands: 2"),
        ("ATTRIBUTE_EXISTS(a)", none, "Invalid function name; function: ATTRIBUTE_EXISTS"),
    ]);
}

/// "begins_with (path, substr)", "contains (path, operand)", "size (path)".
#[test]
fn parts_and_sizes() {
    let s = |text: &str| json!({":v": {"S": text}});
    let n = |text: &str| json!({":v": {"N": text}});
    let b = |text: &str| json!({":v": {"B": text}});
    check(
        &item(),
        &[
            ("begins_with(t, :v)", s("ca"), true),
            ("begins_with(t, :v)", s(""), true),
            ("begins_with(t, :v)", s("at"), false),
            ("begins_with(b, :v)", b("Y2E="), true),
            ("begins_with(b, :v)", s("ca"), false),
            ("begins_with(n, :v)", s("1"), false),
            ("begins_with(q, :v)", s("1"), false),
            ("begins_with(:v, t)", s("cats"), true),
            ("contains(t, :v)", s("at"), true),
            ("contains(t, :v)", s("ct"), false),
            ("contains(b, :v)", b("YXQ="), true),
            ("contains(b, :v)", b("/w=="), false),
            ("contains(ss, :v)", s("dog"), true),
            ("contains(ss, :v)", s("do"), false),
            ("contains(ns, :v)", n("4"), true),
            ("contains(ns, :v)", s("4"), false),
            ("contains(bs, :v)", b("aGk="), true),
            ("contains(list, :v)", n("2.0"), true),
            ("contains(list, :v)", json!({":v": {"SS": ["x"]}}), true),
            ("contains(list, :v)", json!({":v": {"L": [{"N": "3"}, {"N": "4"}]}}), true),
            ("contains(list, :v)", n("3"), false),
            ("contains(map, :v)", s("x"), false),
            ("size(t) = :v", n("3"), true),
            ("size(b) = :v", n("3"), true),
            ("size(list) = :v", n("4"), true),
            ("size(map) >= size(ss)", json!({}), true),
            ("size(map.y[2]) = n", json!({}), true),
            ("size(bs) <> :v", s("2"), true),
            ("size(:v) = :w", json!({":v": {"S": "x"}, ":w": {"N": "1"}}), true),
        ],
    );
    check(&json!({"u": "ü"}), &[("size(u) = :v", n("2"), true)]);
    refuse(&[
        ("begins_with(a, :v)", n("2"), "begins_with, operand type: N"),
        ("size(a)", json!({}), "not allowed to be used this way in an expression; function: size"),
        ("size(a, b) = :v", n("1"), "number of operands: 2"),
        ("size(:v) = :v", n("1"), "size, operand type: N"),
        ("attribute_exists(a) < :v", n("1"), "Syntax error"),
        (
            ":v < attribute_exists(a)",
            n("1"),
            "not allowed to be used this way in an expression; function: attribute_exists",
        ),
        ("dog(a) = :v", n("1"), "Invalid function name; function: dog"),
        ("if_not_exists(a, :v)", n("1"), "not allowed in a condition expression"),
        ("contains(a, a)", json!({}), "must be distinct from the remaining operands"),
        ("a = a", json!({}), "operator: =, first operand: [a]"),
    ]);
}

/// "= <> < <= > >=, IN, BETWEEN, functions, parentheses, NOT, AND, OR": the order of evaluation.
#[test]
fn not_binds_more_than_and_and_that_more_than_or() {
    let none = json!({});
    // n < m holds, m < n does not.
    check(
        &item(),
        &[
            ("n < m AND m < n", none.clone(), false),
            ("n < m OR m < n", none.clone(), true),
            ("NOT n < m", none.clone(), false),
            ("not Not NOT m < n", none.clone(), true),
            ("n < m OR n < m AND m < n", none.clone(), true),
            ("(n < m OR n < m) AND m < n", none.clone(), false),
            ("m < n AND n < m OR n < m", none.clone(), true),
            ("NOT m < n AND m < n", none.clone(), false),
            ("NOT (m < n AND m < n)", none.clone(), true),
            ("NOT n < m OR n < m", none.clone(), true),
            ("m BETWEEN n AND #and AND n < m", none.clone(), true),
            ("NOT m BETWEEN n AND #and", none.clone(), false),
            ("NOT attribute_exists(q) and not(attribute_exists(z)or m<n)", none.clone(), true),
            ("n<m AND(n<m OR(m<n))", none.clone(), true),
        ],
    );
    refuse(&[
        ("a < b AND", none.clone(), "token: \"<EOF>\""),
        ("AND a < b", none.clone(), "reserved keyword: AND"),
        ("a < b c", none.clone(), "Syntax error; token: \"c\", near: \"b c\""),
        ("(a < b", none.clone(), "<EOF>"),
        ("a < b)", none.clone(), "token: \")\""),
        ("a", none.clone(), "Syntax error"),
        ("(a) = b", none.clone(), "Syntax error"),
        ("a < > b", none.clone(), "Syntax error"),
        ("a == b", none, "Syntax error"),
    ]);
}

/// "Expression attribute names" and "values", and "Item attributes" for document paths.
#[test]
fn names_and_values_are_defined_and_used() {
    let v = json!({":v": {"N": "7"}});
    check(
        &item(),
        &[
            ("#and = :v", v.clone(), true),
            ("#dot > :v", v.clone(), true),
            ("#and = :v OR #dot = :v", v.clone(), true),
            ("map . y [ 1 ] < :v", v.clone(), true),
        ],
    );
    refuse(&[
        ("a = :w", v.clone(), "attribute value used in expression is not defined; attribute value: :w"),
        ("#q = :v", v.clone(), "name used in the document path is not defined; attribute name: #q"),
        ("attribute_exists(a)", v.clone(), "ExpressionAttributeValues unused in expressions: keys: {:v}"),
        ("a = :v", json!({":v": {"N": "1"}, "v": {"N": "1"}}), "contains invalid key: Syntax error; key: \"v\""),
        ("a = :v", json!({":v": {"N": "x"}}), "cannot be converted to a numeric value: x"),
        ("_a = :v", v.clone(), "Syntax error; token: \"_\""),
        ("1a = :v", v.clone(), "Syntax error; token: \"1\""),
        ("a-b = :v", v.clone(), "Syntax error; token: \"-\""),
        ("a@b = :v", v.clone(), "Syntax error; token: \"@\""),
        ("ä = :v", v.clone(), "Syntax error; token: \"ä\""),
        ("# = :v", v.clone(), "Syntax error; token: \"#\""),
        ("a[:v] = :v", v.clone(), "Syntax error; token: \":v\""),
        ("a[1 = :v", v.clone(), "Syntax error"),
        ("a[-1] = :v", v.clone(), "Syntax error"),
        ("a[99999999999] = :v", v.clone(), "not within the allowable range"),
        ("a. = :v", v, "Syntax error"),
    ]);
    let names = json!({"#a": "a", "#b": "b"});
    let mut terms = Terms::read(Some(&names), None).expect("names");
    Condition::parse("attribute_exists(#a)", &mut terms).expect("a condition");
    let failure = terms.are_all_used().expect_err("one is not used");
    assert!(failure.cause.contains("ExpressionAttributeNames unused in expressions: keys: {#b}"), "{}", failure.cause);
    for (names, wanted) in [
        (json!({}), "must not be empty"),
        (json!({"a": "b"}), "invalid key"),
        (json!({"#a": ""}), "invalid value"),
        (json!({"#a": "x".repeat(65_536)}), "less than 65536 bytes"),
    ] {
        let failure = Terms::read(Some(&names), None).err().expect(wanted);
        assert!(failure.cause.contains(wanted), "{}", failure.cause);
    }
    let failure = Terms::read(Some(&json!({"#a": 1})), None).err().expect("no text");
    assert_eq!(failure.error, name::RUNTIME);
}

/// "The maximum length of any expression string is 4 KB … of operators or functions is 300", and no text is too deep.
#[test]
fn an_expression_has_bounds() {
    let none = || json!({});
    let nested = |open: &str, count: usize, close: &str| format!("{}a < b{}", open.repeat(count), close.repeat(count));
    refuse(&[
        ("", none(), "The expression can not be empty"),
        (" \t\n", none(), "The expression can not be empty"),
        (&nested("(", 2_000, ")"), none(), "nested more than 64 levels deep"),
        (&"(".repeat(4_096), none(), "nested more than 64 levels deep"),
        (&nested("NOT ", 1_000, ""), none(), "nested more than 64 levels deep"),
        (&format!("a < {}", "b".repeat(4_093)), none(), "expression size: 4097"),
        (&format!("a<b{}", " OR a<b".repeat(200)), none(), "at most 300"),
        (&format!("a{} = b", ".a".repeat(32)), none(), "too many nesting elements"),
        (&"size(".repeat(800), none(), "Syntax error"),
        (&format!("begins_with({}", "contains(".repeat(400)), none(), "not allowed to be used this way"),
    ]);
    check(
        &json!({"a": 1, "b": 2}),
        &[
            (&format!("a < {}", "b".repeat(4_092)), none(), false),
            (&nested("(", 64, ")"), none(), true),
            (&nested("NOT ", 64, ""), none(), true),
            (&format!("a<b{}", " OR a<b".repeat(149)), none(), true),
            (&format!("a{} = b", ".a".repeat(31)), none(), false),
        ],
    );
}

/// A search that takes the product of both lengths takes a second each time, and an expression has room for hundreds.
#[test]
fn a_search_in_binary_takes_linear_time() {
    let item = [("a".to_owned(), Attribute::B(vec![0; 400_000]))].into_iter().collect();
    let part = Arc::new(Attribute::B([vec![0; 200_000], vec![1]].concat()));
    let path = Path { head: Arc::from("a"), tail: Vec::new() };
    let search = Condition::Contains(Operand::Path(path), Operand::Value(part));
    let began = std::time::Instant::now();
    assert!(!Condition::Or(vec![search; 60]).holds(&item));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "([ab#:()\\[\\].,<>=+-]|[0-9]{1,3}| AND | OR |NOT |BETWEEN| IN |size\\(|contains\\(|#n|:v|é){0,40}") {
        let mut terms = Terms::read(Some(&json!({"#n": "a"})), Some(&json!({":v": {"N": "1"}}))).expect("terms");
        if let Ok(condition) = Condition::parse(&text, &mut terms) {
            condition.holds(&Map::new());
        }
        let _ = whole("ProjectionExpression", &text, &mut terms, super::super::parse::projection);
    }
}
