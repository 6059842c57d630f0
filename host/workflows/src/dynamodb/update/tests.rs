//! "Update expressions" of DynamoDB's developer guide, rule by rule.

use super::super::{natural, wire};
use super::*;
use serde_json::{Value, json};

/// What an update makes of an item in natural JSON, or of none; the key attribute is `id`. The values are those of the API.
fn update(text: &str, item: Option<&Value>, values: &Value) -> Result<Value, String> {
    let schema = Schema { partition: "id".to_owned(), sort: None };
    let values = values.as_object().filter(|values| !values.is_empty()).map(|_| values);
    let names = json!({"#set": "set", "#dot": "a.b", "#id": "id"});
    let used: serde_json::Map<_, _> =
        names.as_object().expect("an object").clone().into_iter().filter(|(name, _)| text.contains(name)).collect();
    let names = (!used.is_empty()).then_some(Value::Object(used));
    let mut terms = Terms::read(names.as_ref(), values).map_err(|failure| failure.cause)?;
    let update = Update::parse(text, &mut terms, &schema).map_err(|failure| failure.cause)?;
    let item = item.map(|item| natural::read_item(item.to_string().as_bytes()).expect("an item"));
    let key = [("id".to_owned(), Attribute::S("k".to_owned()))].into_iter().collect();
    let changed = update.apply(item.as_ref(), &key)?;
    Ok(serde_json::from_slice(&natural::write_item(&changed)).expect("JSON"))
}

fn check(item: &Value, cases: &[(&str, Value, Value)]) {
    for (text, values, wanted) in cases {
        assert_eq!(update(text, Some(item), values).as_ref(), Ok(wanted), "{text}");
    }
}

fn refuse(item: &Value, cases: &[(&str, Value, &str)]) {
    for (text, values, wanted) in cases {
        let message = update(text, Some(item), values).expect_err(text);
        assert!(message.contains(wanted), "{text}: {message}");
    }
}

fn one() -> Value {
    json!({":v": {"N": "1"}})
}

const NO_PLACE: &str = "The document path provided in the update expression is invalid for update";

/// "SET — modifying or adding item attributes", "Adding nested map attributes", "Adding elements to a list".
#[test]
fn set_puts_what_is_there_or_not() {
    let item = json!({"a": "x", "m": {"b": 3, "l": ["p", {"q": [3, 5, 7]}]}, "l": [1, 2, 3]});
    check(
        &item,
        &[
            ("SET a = :v", one(), json!({"a": 1, "m": item["m"], "l": item["l"]})),
            ("set z=:v,y=:v", one(), json!({"a": "x", "m": item["m"], "l": item["l"], "z": 1, "y": 1})),
            ("SET m.b = :v", one(), json!({"a": "x", "m": {"b": 1, "l": item["m"]["l"]}, "l": item["l"]})),
            ("SET m.c = a", json!({}), json!({"a": "x", "m": {"b": 3, "l": item["m"]["l"], "c": "x"}, "l": item["l"]})),
            (
                "SET m.l[1].q[1] = :v",
                one(),
                json!({"a": "x", "m": {"b": 3, "l": ["p", {"q": [3, 1, 7]}]}, "l": item["l"]}),
            ),
            ("SET l[1] = :v", one(), json!({"a": "x", "m": item["m"], "l": [1, 1, 3]})),
            ("SET #dot = :v, #set = :v", one(), json!({"a": "x", "m": item["m"], "l": item["l"], "a.b": 1, "set": 1})),
            // "If the element does not already exist, SET appends the new element at the end of the list. If you add multiple
            // elements in a single SET operation, the elements are sorted in order by element number."
            ("SET l[7] = :v", one(), json!({"a": "x", "m": item["m"], "l": [1, 2, 3, 1]})),
            (
                "SET l[84] = :a, l[37] = :b, l[0] = :c, l[50] = :d",
                json!({":a": {"S": "a"}, ":b": {"S": "b"}, ":c": {"S": "c"}, ":d": {"S": "d"}}),
                json!({"a": "x", "m": item["m"], "l": ["c", 2, 3, "b", "d", "a"]}),
            ),
        ],
    );
    for path in ["a.c", "l.c", "q.c", "a[0]", "m[0]", "q[0]", "m.l[2].q", "m.l[0].q"] {
        refuse(&item, &[(&format!("SET {path} = :v"), one(), NO_PLACE)]);
    }
    assert_eq!(update("SET q.c = :v", None, &one()), Err(NO_PLACE.to_owned()));
}

/// "All paths read the item as it was": an attribute that is set is read as it was before.
#[test]
fn all_is_read_before_anything_is_written() {
    check(
        &json!({"a": 1, "b": 2}),
        &[
            ("SET a = b, b = a", json!({}), json!({"a": 2, "b": 1})),
            ("REMOVE a SET c = a", json!({}), json!({"b": 2, "c": 1})),
            ("SET c = b REMOVE b", json!({}), json!({"a": 1, "c": 2})),
            ("SET a = a", json!({}), json!({"a": 1, "b": 2})),
            ("ADD a :v SET b = a + a", one(), json!({"a": 2, "b": 2})),
        ],
    );
    let missing = "refers to an attribute that does not exist in the item";
    refuse(
        &json!({"a": 1}),
        &[
            ("SET x = :v, y = x", one(), missing),
            ("SET y = x", json!({}), missing),
            ("SET y = x + a", json!({}), missing),
            ("SET y = a[0]", json!({}), missing),
        ],
    );
    // The key of a new item is not there yet.
    let message = update("SET y = id", None, &json!({})).expect_err("no item");
    assert!(message.contains(missing), "{message}");
    assert_eq!(update("SET y = if_not_exists(id, :v)", None, &one()), Ok(json!({"id": "k", "y": 1})));
}

/// "Incrementing and decrementing numeric attributes": `+` and `-` of exactly two operands.
#[test]
fn numbers_are_added_and_subtracted() {
    let big = json!({":v": {"N": "99999999999999999999999999999999999999"}});
    check(
        &json!({"n": 5, "m": 0.1}),
        &[
            ("SET n = n + :v", one(), json!({"n": 6, "m": 0.1})),
            ("SET n = :v - n", one(), json!({"n": -4, "m": 0.1})),
            ("SET n = n-n", json!({}), json!({"n": 0, "m": 0.1})),
            ("SET n = m+m", json!({}), json!({"n": 0.2, "m": 0.1})),
            ("SET n = if_not_exists(q, :v) + n", one(), json!({"n": 6, "m": 0.1})),
            ("SET n = :v - n", big.clone(), json!({"n": {"N": "99999999999999999999999999999999999994"}, "m": 0.1})),
        ],
    );
    refuse(
        &json!({"n": 5, "t": "x", "m": 0.1}),
        &[
            ("SET a = n + n + n", json!({}), "Syntax error; token: \"+\""),
            ("SET a = n + :v", json!({":v": {"S": "x"}}), "operator or function: +, operand type: S"),
            ("SET a = :v - n", json!({":v": {"L": []}}), "operator or function: -, operand type: L"),
            ("SET a = n + t", json!({}), "An operand in the update expression has an incorrect data type"),
            ("SET a = :v + m", big, "more than 38 significant digits"),
            ("SET a = :v + :v", json!({":v": {"N": "9e125"}}), "Number overflow"),
            ("SET a = if_not_exists(n, n + n)", json!({}), "Syntax error; token: \"+\""),
            ("SET a = (n + n)", json!({}), "Syntax error; token: \"(\""),
        ],
    );
}

/// "list_append (list1, list2)" and "if_not_exists (path, value)". Names of functions are case-sensitive.
#[test]
fn functions_of_set() {
    let list = json!({":v": {"L": [{"N": "9"}]}});
    let item = json!({"l": [1], "n": 5});
    check(
        &item,
        &[
            ("SET l = list_append(l, :v)", list.clone(), json!({"l": [1, 9], "n": 5})),
            ("SET l = list_append(:v, l)", list.clone(), json!({"l": [9, 1], "n": 5})),
            ("SET k = list_append(l, l)", json!({}), json!({"l": [1], "n": 5, "k": [1, 1]})),
            ("SET k = list_append(if_not_exists(k, :v), l)", list.clone(), json!({"l": [1], "n": 5, "k": [9, 1]})),
            ("SET n = if_not_exists(n, :v)", list.clone(), json!({"l": [1], "n": 5})),
            ("SET k = if_not_exists(q, :v)", list.clone(), json!({"l": [1], "n": 5, "k": [9]})),
            ("SET k = if_not_exists(q, if_not_exists(r, n))", json!({}), json!({"l": [1], "n": 5, "k": 5})),
        ],
    );
    refuse(
        &item,
        &[
            ("SET l = LIST_APPEND(l, l)", json!({}), "Invalid function name; function: LIST_APPEND"),
            ("SET l = list_append(l)", json!({}), "list_append, number of operands: 1"),
            ("SET l = list_append(l, :v)", one(), "list_append, operand type: N"),
            ("SET l = list_append(l, n)", json!({}), "incorrect data type"),
            ("SET l = list_append(q, l)", json!({}), "does not exist in the item"),
            (
                "SET l = list_append(list_append(l, l), l)",
                json!({}),
                "not allowed to be used this way in an expression",
            ),
            (
                "SET l = list_append(l, if_not_exists(q, list_append(l, l)))",
                json!({}),
                "not allowed to be used this way",
            ),
            ("SET l = if_not_exists(:v, l)", one(), "requires a document path; operator or function: if_not_exists"),
            ("SET l = size(l)", json!({}), "not allowed in an update expression; function: size"),
            ("SET a = f(b,c,d)", json!({}), "Invalid function name; function: f"),
            ("SET a = _f(b)", json!({}), "Syntax error; token: \"_\""),
        ],
    );
}

/// "REMOVE — deleting attributes from an item", "Removing elements from a list": the remaining elements are shifted.
#[test]
fn remove_takes_away_what_is_there() {
    let item = json!({"a": 1, "m": {"x": 3}, "l": [2, 3, 4, 5, 6, 7], "k": [[1, 2], [3, 4]]});
    let with = |name: &str, value: Value| {
        let mut item = item.clone();
        item[name] = value;
        item
    };
    check(
        &item,
        &[
            ("REMOVE a", json!({}), json!({"m": item["m"], "l": item["l"], "k": item["k"]})),
            ("REMOVE m.x", json!({}), with("m", json!({}))),
            ("REMOVE l[1], l[3]", json!({}), with("l", json!([2, 4, 6, 7]))),
            ("REMOVE l[3], l[1], l[10]", json!({}), with("l", json!([2, 4, 6, 7]))),
            ("REMOVE k[1][0], k[0][1]", json!({}), with("k", json!([[1], [4]]))),
            ("REMOVE k[0], k[1][0]", json!({}), with("k", json!([[4]]))),
            // What is not there is ignored, if there is something that could hold it.
            ("REMOVE q, m.y, l[17]", json!({}), item.clone()),
            // An index is the one of before.
            ("REMOVE l[1] SET l[3] = :v", json!({":v": {"N": "17"}}), with("l", json!([2, 4, 17, 6, 7]))),
            ("SET l[9] = :v REMOVE l[0], l[6]", json!({":v": {"N": "17"}}), with("l", json!([3, 4, 5, 6, 7, 17]))),
        ],
    );
    for path in ["a.c", "l.c", "q.c", "a[0]", "m[0]", "q[0]"] {
        refuse(&item, &[(&format!("REMOVE {path}"), json!({}), NO_PLACE)]);
    }
    // Of an item that does not exist anything may be removed.
    for path in ["a", "a.c", "a[0]"] {
        assert_eq!(update(&format!("REMOVE {path}"), None, &json!({})), Ok(json!({"id": "k"})), "{path}");
    }
}

/// "ADD — updating numbers and sets": a number to a number, members to a set, or either where nothing is.
#[test]
fn add_counts_and_joins() {
    let ss = |members: &[&str]| json!({"SS": members});
    let item = json!({"n": 3, "t": "x", "s": ss(&["a", "b"]), "l": [1], "m": {"n": 1}});
    let with = |name: &str, value: Value| {
        let mut item = item.clone();
        item[name] = value;
        item
    };
    check(
        &item,
        &[
            ("ADD n :v", json!({":v": {"N": "-4"}}), with("n", json!(-1))),
            ("add q :v", one(), with("q", json!(1))),
            ("ADD q :v", json!({":v": ss(&["z"])}), with("q", ss(&["z"]))),
            ("ADD s :v", json!({":v": ss(&["b", "c"])}), with("s", ss(&["a", "b", "c"]))),
            ("ADD m.n :v, m.k :v", one(), with("m", json!({"n": 2, "k": 1}))),
        ],
    );
    assert_eq!(update("ADD n :v", None, &one()), Ok(json!({"id": "k", "n": 1})));
    let mismatch = "An operand in the update expression has an incorrect data type";
    refuse(
        &item,
        &[
            ("ADD n :v", json!({":v": {"S": "x"}}), "operator: ADD, operand type: S"),
            ("ADD l :v", json!({":v": {"L": []}}), "operator: ADD, operand type: L"),
            ("ADD t :v", one(), mismatch),
            ("ADD s :v", one(), mismatch),
            ("ADD s :v", json!({":v": {"NS": ["1"]}}), mismatch),
            ("ADD l :v", json!({":v": ss(&["a"])}), mismatch),
            ("ADD n t", json!({}), "Syntax error; token: \"t\""),
            ("ADD q.n :v", one(), NO_PLACE),
        ],
    );
}

/// "DELETE — removing elements from a set": the attribute goes with the last member.
#[test]
fn delete_takes_members_away() {
    let set = |members: &[&str]| json!({":v": {"SS": members}});
    let item = json!({"s": {"SS": ["a", "b"]}, "n": {"NS": ["1", "2"]}, "b": {"BS": ["aGk="]}, "t": "x"});
    let with = |name: &str, value: Value| {
        let mut item = item.clone();
        item[name] = value;
        item
    };
    let without = |name: &str| {
        let mut item = item.clone();
        item.as_object_mut().expect("an object").remove(name);
        item
    };
    check(
        &item,
        &[
            ("DELETE s :v", set(&["b", "z"]), with("s", json!({"SS": ["a"]}))),
            ("DELETE s :v", set(&["z"]), item.clone()),
            ("DELETE s :v", set(&["a", "b"]), without("s")),
            ("delete n :v", json!({":v": {"NS": ["2.0"]}}), with("n", json!({"NS": ["1"]}))),
            ("DELETE b :v", json!({":v": {"BS": ["aGk="]}}), without("b")),
            ("DELETE q :v", set(&["a"]), item.clone()),
        ],
    );
    refuse(
        &item,
        &[
            ("DELETE s :v", json!({":v": {"S": "a"}}), "operator: DELETE, operand type: S"),
            ("DELETE s :v", one(), "operator: DELETE, operand type: N"),
            ("DELETE t :v", set(&["x"]), "incorrect data type"),
            ("DELETE s :v", json!({":v": {"NS": ["1"]}}), "incorrect data type"),
            ("DELETE s :v", set(&[]), "may not be empty"),
            ("DELETE q.s :v", set(&["a"]), NO_PLACE),
        ],
    );
}

/// "An update expression consists of one or more clauses … Each of these can appear only once."
#[test]
fn a_clause_comes_once() {
    check(
        &json!({"a": 1, "s": {"SS": ["x"]}}),
        &[(
            "REMOVE a ADD n :v SET b = :v DELETE s :s",
            json!({":v": {"N": "1"}, ":s": {"SS": ["x"]}}),
            json!({"n": 1, "b": 1}),
        )],
    );
    refuse(
        &json!({"a": 1}),
        &[
            ("SET a = :v SET b = :v", one(), "The \"SET\" section can only be used once in an update expression;"),
            ("SET a = :v REMOVE c set b = :v", one(), "The \"SET\" section can only be used once"),
            ("REMOVE a REMOVE b", json!({}), "The \"REMOVE\" section"),
            ("HELLO b = :v", one(), "Syntax error; token: \"HELLO\""),
            ("SET", json!({}), "token: \"<EOF>\""),
            ("SET a", json!({}), "token: \"<EOF>\""),
            ("SET a = :v,", one(), "token: \"<EOF>\""),
            ("SET a = :v b = :v", one(), "Syntax error; token: \"b\", near: \":v b =\""),
            ("SET :v = a", one(), "Syntax error; token: \":v\""),
            ("SET set = :v", one(), "Attribute name is a reserved keyword; reserved keyword: set"),
            ("", json!({}), "The expression can not be empty"),
            ("SET a = :w", one(), "is not defined; attribute value: :w"),
            ("SET #q = :v", one(), "is not defined; attribute name: #q"),
        ],
    );
}

/// "Two document paths overlap with each other", and conflict if no item can have both.
#[test]
fn paths_are_apart() {
    let both = [
        ("a", "a"),
        ("a", "a.b"),
        ("a.b", "a"),
        ("a.b", "a.b"),
        ("a.b", "a.b.c.d"),
        ("a", "a[1]"),
        ("a[1]", "a[1]"),
        ("a[1][1]", "a[1]"),
        ("a[1]", "a[1].b[2]"),
        ("#dot", "#dot"),
        ("#set.b", "#set"),
    ];
    for (one, two) in both {
        for text in [format!("SET {one} = :v, {two} = :v"), format!("REMOVE {one} SET {two} = :v")] {
            refuse(&json!({}), &[(&text, self::one(), "Two document paths overlap with each other")]);
        }
    }
    let message = update("SET a.b[3] = :v, a.b = :v", None, &one()).expect_err("both");
    assert!(message.contains("path one: [a, b, [3]], path two: [a, b]"), "{message}");
    for (one, two) in [("a.b", "a[1]"), ("a[1]", "a.b"), ("a.b.c", "a.b[2]")] {
        refuse(
            &json!({}),
            &[(&format!("REMOVE {one}, {two}"), json!({}), "Two document paths conflict with each other")],
        );
    }
    check(
        &json!({"a": {"x": 3, "y": 4, "c": {"y": 3}}, "b": [1, 2]}),
        &[(
            "SET a.b = :v, a.c.d = :v, b[0] = :v REMOVE a.x, b[1], #dot",
            one(),
            json!({"a": {"y": 4, "c": {"y": 3, "d": 1}, "b": 1}, "b": [1]}),
        )],
    );
}

/// "You cannot use an update expression to change the key."
#[test]
fn the_key_stays() {
    let set = json!({":v": {"SS": ["x"]}});
    refuse(
        &json!({"id": "k"}),
        &[
            ("SET id = :v", one(), "Cannot update attribute id. This attribute is part of the key"),
            ("SET #id = :v", one(), "Cannot update attribute id."),
            ("SET id.x = :v", one(), "Cannot update attribute id."),
            ("REMOVE id", json!({}), "Cannot update attribute id."),
            ("ADD id :v", one(), "Cannot update attribute id."),
            ("DELETE id :v", set, "Cannot update attribute id."),
        ],
    );
    check(&json!({"id": "k"}), &[("SET other = id", json!({}), json!({"id": "k", "other": "k"}))]);
}

/// "Item size: 400 KB". A short text that makes much of a long value is stopped on the way.
#[test]
fn an_item_has_a_size() {
    let long = |length: usize| json!({":v": {"S": "x".repeat(length)}});
    let sets = (0..500).map(|n| format!("a{n}=:v")).collect::<Vec<_>>().join(",");
    let appended = (0..100).map(|n| format!("a{n}=list_append(l,l)")).collect::<Vec<_>>().join(",");
    let item = json!({"l": ["x".repeat(150_000)]});
    for (text, values) in [
        (format!("SET {sets}"), long(200_000)),
        (format!("ADD {}", sets.replace('=', " ")), json!({":v": {"SS": ["x".repeat(200_000)]}})),
        ("SET a = :v, b = :v".to_owned(), long(200_000)),
        (format!("SET {appended}"), json!({})),
    ] {
        refuse(&item, &[(&text, values, "Item size to update has exceeded the maximum allowed size")]);
    }
    update("SET a = :v", Some(&item), &long(200_000)).expect("it fits");
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "(SET |REMOVE |ADD |DELETE )([ab#:()\\[\\].,=+-]|[0-9]|SET |ADD |if_not_exists\\(|list_append\\(|#n|:v| = |, ){0,30}") {
        let schema = Schema { partition: "id".to_owned(), sort: None };
        let mut terms = Terms::read(Some(&json!({"#n": "a"})), Some(&json!({":v": {"N": "1"}}))).expect("terms");
        if let Ok(update) = Update::parse(&text, &mut terms, &schema) {
            let item = json!({"a": {"a": [1, 2, {"b": 1}], "b": 2}, "b": [[1, 2], {"SS": ["x"]}]});
            let item = natural::read_item(item.to_string().as_bytes()).expect("an item");
            let changed = update.apply(Some(&item), &item);
            // What is not changed stays.
            if let Ok(changed) = changed && !text.contains('b') {
                proptest::prop_assert_eq!(wire::write_map(&changed)["b"].clone(), wire::write_map(&item)["b"].clone());
            }
        }
    }
}
