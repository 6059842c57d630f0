//! Whole requests: parameters, keys, answers.

use super::*;
use crate::failure::name;

fn schema() -> Schema {
    Schema { partition: "id".to_owned(), sort: None }
}

fn pair() -> Schema {
    Schema { partition: "pk".to_owned(), sort: Some("sk".to_owned()) }
}

const INVALID: &str = "DynamoDB.AmazonDynamoDBException";

/// What a request writes (`null` if it deletes, none if it keeps) and answers, of a value in natural JSON.
fn run(operation: Operation, arguments: &Value, value: Option<&Value>) -> Result<(Option<Value>, Value), Failure> {
    let bytes = value.map(|value| value.to_string().into_bytes());
    let change = Request::read(operation, arguments, &schema())?.apply(bytes.as_deref())?;
    let written = match change.write {
        Write::Keep => None,
        Write::Delete => Some(Value::Null),
        Write::Put(bytes) => Some(serde_json::from_slice(&bytes).expect("JSON")),
    };
    Ok((written, change.answer))
}

/// The arguments of a request for the item "k" of the table "t", with these too.
fn with(more: Value) -> Value {
    let mut arguments = json!({"TableName": "t", "Key": {"id": {"S": "k"}}});
    let more = more.as_object().expect("an object").clone();
    arguments.as_object_mut().expect("an object").extend(more);
    arguments
}

fn refuse(operation: Operation, arguments: &Value, error: &str, wanted: &str) {
    let failure = run(operation, arguments, None).expect_err(wanted);
    assert_eq!(failure.error, error, "{arguments}");
    assert!(failure.cause.contains(wanted), "{arguments}: {}", failure.cause);
}

/// "Transfer data records" of Step Functions' developer guide, and what the service answers: no `Item` if there is none.
#[test]
fn get_answers_the_item() {
    let item = json!({"id": "k", "n": 1, "m": {"x": [1, "two"]}});
    let wire = json!({"id": {"S": "k"}, "n": {"N": "1"}, "m": {"M": {"x": {"L": [{"N": "1"}, {"S": "two"}]}}}});
    let get = |more: Value, value: Option<&Value>| run(Operation::GetItem, &with(more), value);
    assert_eq!(get(json!({}), Some(&item)), Ok((None, json!({"Item": wire}))));
    assert_eq!(get(json!({"ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL"}), None), Ok((None, json!({}))));
    // A function that wrote the value need not know of the key.
    assert_eq!(
        get(json!({}), Some(&json!({"n": 1}))),
        Ok((None, json!({"Item": {"n": {"N": "1"}, "id": {"S": "k"}}})))
    );
}

/// "Projection expressions": what is there of what is asked for, in the maps and lists that it is in.
#[test]
fn a_projection_has_the_structure_of_the_item() {
    let item = json!({"id": "k", "a": {"b": [2, 4, {"x": "hi", "y": "yo"}], "c": 5}, "b": "hello"});
    let cases = [
        ("a.c , b", json!({"a": {"M": {"c": {"N": "5"}}}, "b": {"S": "hello"}})),
        ("a.b[2].y", json!({"a": {"M": {"b": {"L": [{"M": {"y": {"S": "yo"}}}]}}}})),
        ("a.b[1],a.b[0]", json!({"a": {"M": {"b": {"L": [{"N": "2"}, {"N": "4"}]}}}})),
        ("a.x, a.b[0], x, a.b[3].x", json!({"a": {"M": {"b": {"L": [{"N": "2"}]}}}})),
        ("x", json!({})),
        ("a[0]", json!({})),
        ("a.b.x", json!({})),
        ("b.c", json!({})),
        ("id", json!({"id": {"S": "k"}})),
    ];
    for (text, wanted) in cases {
        let answer = run(Operation::GetItem, &with(json!({"ProjectionExpression": text})), Some(&item));
        assert_eq!(answer, Ok((None, json!({"Item": wanted}))), "{text}");
    }
    for (text, wanted) in [
        ("a, a.b", "Invalid ProjectionExpression: Two document paths overlap with each other"),
        ("a.b, a[1]", "Two document paths conflict with each other"),
        ("a,", "Syntax error"),
        ("a,,b", "Syntax error"),
        ("a b", "Syntax error"),
        (":v", "Syntax error"),
        ("", "The expression can not be empty"),
    ] {
        refuse(Operation::GetItem, &with(json!({"ProjectionExpression": text})), INVALID, wanted);
    }
}

/// PutItem: "creates a new item, or replaces an old item"; ReturnValues is NONE or ALL_OLD.
#[test]
fn put_replaces_the_item() {
    let put = |more: Value, value: Option<&Value>| {
        let mut arguments =
            json!({"TableName": "t", "Item": {"id": {"S": "k"}, "n": {"N": "1.0"}, "s": {"SS": ["x"]}}});
        arguments.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        run(Operation::PutItem, &arguments, value)
    };
    let (item, old) = (json!({"id": "k", "n": 1, "s": {"SS": ["x"]}}), json!({"id": "k", "o": true}));
    let told = json!({"Attributes": {"id": {"S": "k"}, "o": {"BOOL": true}}});
    assert_eq!(put(json!({}), None), Ok((Some(item.clone()), json!({}))));
    assert_eq!(put(json!({"ReturnValues": "NONE"}), Some(&old)), Ok((Some(item.clone()), json!({}))));
    assert_eq!(put(json!({"ReturnValues": "ALL_OLD"}), None), Ok((Some(item.clone()), json!({}))));
    assert_eq!(put(json!({"ReturnValues": "ALL_OLD"}), Some(&old)), Ok((Some(item.clone()), told)));
    // The idiom for "only if there is none".
    let fresh =
        json!({"ConditionExpression": "attribute_not_exists(id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    assert_eq!(put(fresh.clone(), None), Ok((Some(item), json!({}))));
    for old in [old, json!({"written by": "a function"})] {
        let failure = put(fresh.clone(), Some(&old)).expect_err("there is one");
        assert_eq!(failure.error, "DynamoDB.ConditionalCheckFailedException");
        assert!(failure.cause.starts_with("The conditional request failed (Service: "), "{}", failure.cause);
    }
}

/// DeleteItem: "idempotent; running it multiple times on the same item does not result in an error response".
#[test]
fn delete_removes_the_item() {
    let delete = |more: Value, value: Option<&Value>| run(Operation::DeleteItem, &with(more), value);
    let old = json!({"id": "k", "n": 1});
    let told = json!({"Attributes": {"id": {"S": "k"}, "n": {"N": "1"}}});
    assert_eq!(delete(json!({}), Some(&old)), Ok((Some(Value::Null), json!({}))));
    assert_eq!(delete(json!({"ReturnValues": "ALL_OLD"}), Some(&old)), Ok((Some(Value::Null), told)));
    assert_eq!(delete(json!({"ReturnValues": "ALL_OLD"}), None), Ok((None, json!({}))));
    let condition = |wanted: &str| {
        json!({"ConditionExpression": "#n = :n", "ExpressionAttributeNames": {"#n": "n"},
               "ExpressionAttributeValues": {":n": {"N": wanted}}})
    };
    assert_eq!(delete(condition("1"), Some(&old)), Ok((Some(Value::Null), json!({}))));
    for value in [Some(&old), None] {
        let failure = delete(condition("2"), value).expect_err("it is not 2");
        assert_eq!(failure.error, "DynamoDB.ConditionalCheckFailedException");
    }
}

/// UpdateItem: "edits an existing item's attributes, or adds a new item to the table if it does not already exist".
#[test]
fn update_changes_or_creates_the_item() {
    let update = |text: &str, value: Option<&Value>| {
        let values = json!({":v": {"N": "1"}});
        let mut more = json!({"UpdateExpression": text, "ReturnValues": "ALL_NEW"});
        if text.contains(":v") {
            more["ExpressionAttributeValues"] = values;
        }
        run(Operation::UpdateItem, &with(more), value)
    };
    let new = json!({"Attributes": {"id": {"S": "k"}, "n": {"N": "1"}}});
    assert_eq!(update("SET n = :v", None), Ok((Some(json!({"id": "k", "n": 1})), new.clone())));
    assert_eq!(update("ADD n :v", None), Ok((Some(json!({"id": "k", "n": 1})), new)));
    assert_eq!(
        update("SET n = :v", Some(&json!({"m": 2}))).expect("an update").0,
        Some(json!({"m": 2, "id": "k", "n": 1}))
    );
    // What only takes away makes no item.
    assert_eq!(update("REMOVE n", None), Ok((None, json!({}))));
    // Nothing at all does.
    let key = json!({"Attributes": {"id": {"S": "k"}}});
    let nothing = with(json!({"ReturnValues": "ALL_NEW"}));
    assert_eq!(run(Operation::UpdateItem, &nothing, None), Ok((Some(json!({"id": "k"})), key)));
    let conditional = with(json!({"UpdateExpression": "SET n = :v", "ConditionExpression": "n < :v",
                                  "ExpressionAttributeValues": {":v": {"N": "1"}}}));
    assert_eq!(
        run(Operation::UpdateItem, &conditional, Some(&json!({"n": 0}))).expect("it holds").0,
        Some(json!({"n": 1, "id": "k"}))
    );
    let failure = run(Operation::UpdateItem, &conditional, Some(&json!({"n": 1}))).expect_err("it does not hold");
    assert_eq!(failure.error, "DynamoDB.ConditionalCheckFailedException");
}

/// UpdateItem's ReturnValues: "ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATED_NEW". What is updated is told alone, where it is nested.
#[test]
fn update_answers_what_is_asked_for() {
    let old = json!({"id": "k", "a": {"b": "dog", "c": [1, 2, 3]}, "d": "cat"});
    let cases = [
        ("SET d = :v", "NONE", json!(null)),
        ("SET d = :v", "UPDATED_OLD", json!({"d": {"S": "cat"}})),
        ("SET d = :v", "UPDATED_NEW", json!({"d": {"N": "9"}})),
        ("SET x = :v", "UPDATED_OLD", json!(null)),
        ("SET x = :v, d = :v", "UPDATED_OLD", json!({"d": {"S": "cat"}})),
        ("REMOVE d SET x = :v", "UPDATED_NEW", json!({"x": {"N": "9"}})),
        ("SET a.b = :v", "UPDATED_OLD", json!({"a": {"M": {"b": {"S": "dog"}}}})),
        (
            "SET a.b = :v, a.c[1] = :v",
            "UPDATED_OLD",
            json!({"a": {"M": {"b": {"S": "dog"}, "c": {"L": [{"N": "2"}]}}}}),
        ),
        ("SET a.c[1] = :v", "UPDATED_NEW", json!({"a": {"M": {"c": {"L": [{"N": "9"}]}}}})),
        // As the service was seen to do: the path is looked up in the new item.
        ("SET a.c[100] = :v", "UPDATED_NEW", json!(null)),
        ("REMOVE a.c[1] SET a.x = :v", "UPDATED_NEW", json!({"a": {"M": {"c": {"L": [{"N": "3"}]}, "x": {"N": "9"}}}})),
    ];
    for (text, returns, wanted) in cases {
        let arguments = with(
            json!({"UpdateExpression": text, "ReturnValues": returns, "ExpressionAttributeValues": {":v": {"N": "9"}}}),
        );
        let (_, answer) = run(Operation::UpdateItem, &arguments, Some(&old)).expect(text);
        let wanted = if wanted.is_null() { json!({}) } else { json!({"Attributes": wanted}) };
        assert_eq!(answer, wanted, "{text} {returns}");
    }
    let all = |returns: &str, value: Option<&Value>| {
        let arguments = with(json!({"UpdateExpression": "REMOVE a SET d = :v", "ReturnValues": returns,
                                    "ExpressionAttributeValues": {":v": {"N": "9"}}}));
        run(Operation::UpdateItem, &arguments, value).expect(returns).1
    };
    assert_eq!(all("ALL_OLD", None), json!({}));
    assert_eq!(all("UPDATED_OLD", None), json!({}));
    assert_eq!(all("ALL_NEW", Some(&old)), json!({"Attributes": {"id": {"S": "k"}, "d": {"N": "9"}}}));
    assert_eq!(all("ALL_OLD", Some(&old))["Attributes"]["d"], json!({"S": "cat"}));
}

/// "Partition keys and sort keys": a key is one or two attributes of type S, N or B that are not empty.
#[test]
fn a_key_has_one_text_whatever_order_it_is_written_in() {
    let key = |schema: &Schema, key: Value| {
        let arguments = json!({"TableName": "t", "Key": key});
        Request::read(Operation::GetItem, &arguments, schema).map(|request| request.key().to_owned())
    };
    for (value, wanted) in [
        (json!({"S": "a/b~c"}), "a/b~c"),
        (json!({"N": "1.50e3"}), "1500"),
        (json!({"N": "-0.10"}), "-0.1"),
        (json!({"B": "aGk="}), "aGk="),
    ] {
        assert_eq!(key(&schema(), json!({ "id": value })).as_deref(), Ok(wanted));
    }
    let two = |left: &str, right: &str| json!({"sk": {"S": right}, "pk": {"S": left}});
    assert_eq!(key(&pair(), json!({"pk": {"S": "a"}, "sk": {"N": "7"}})).as_deref(), Ok("a/7"));
    assert_eq!(key(&pair(), json!({"sk": {"N": "7"}, "pk": {"S": "a"}})).as_deref(), Ok("a/7"));
    let texts = [
        ("a/b", "c"),
        ("a", "b/c"),
        ("a~1b", "c"),
        ("a~", "1b/c"),
        ("a/", "b~c"),
        ("a", "/b~c"),
        ("a~0", "c"),
        ("a~", "0/c"),
    ];
    let keys: std::collections::BTreeSet<_> =
        texts.map(|(left, right)| key(&pair(), two(left, right))).into_iter().map(Result::unwrap).collect();
    assert_eq!(keys.len(), texts.len(), "{keys:?}");
    assert!(keys.contains("a~1b/c") && keys.iter().all(|key| key.matches('/').count() == 1), "{keys:?}");
    // Of an item the same.
    let item = json!({"TableName": "t", "Item": {"x": {"S": "y"}, "sk": {"S": "b/c"}, "pk": {"S": "a"}}});
    let request = Request::read(Operation::PutItem, &item, &pair()).expect("an item");
    assert_eq!(request.key(), "a/b~1c");
}

#[test]
fn what_is_no_key_of_the_table_is_refused() {
    let mismatch = "The provided key element does not match the schema";
    for (key, wanted) in [
        (json!({}), mismatch),
        (json!({"other": {"S": "k"}}), mismatch),
        (json!({"id": {"S": "k"}, "other": {"S": "k"}}), mismatch),
        (json!({"id": {"BOOL": true}}), mismatch),
        (json!({"id": {"S": ""}}), "cannot contain an empty value. Key: id"),
        (json!({"id": {"B": ""}}), "cannot contain an empty value. Key: id"),
        (json!({"id": {"S": "k".repeat(2_049)}}), "maximum size limit of 2048 bytes"),
        (json!(null), "Value null at 'key' failed to satisfy constraint: Member must not be null"),
    ] {
        for operation in [Operation::GetItem, Operation::UpdateItem, Operation::DeleteItem] {
            refuse(operation, &with(json!({ "Key": key })), INVALID, wanted);
        }
    }
    for (item, wanted) in [
        (json!({"n": {"N": "1"}}), "Missing the key id in the item"),
        (json!({"id": {"L": []}}), "Type mismatch for key id"),
        (json!({"id": {"S": ""}}), "cannot contain an empty value"),
        (json!(null), "Value null at 'item' failed to satisfy constraint: Member must not be null"),
    ] {
        refuse(Operation::PutItem, &json!({"TableName": "t", "Item": item}), INVALID, wanted);
    }
}

#[test]
fn a_table_is_the_last_part_of_its_name() {
    let of = |name: Value| table(&json!({ "TableName": name })).map(str::to_owned);
    assert_eq!(of(json!("Orders-2.x_y")).as_deref(), Ok("Orders-2.x_y"));
    assert_eq!(of(json!("arn:aws:dynamodb:eu-west-1:1:table/Orders")).as_deref(), Ok("Orders"));
    for (name, error, wanted) in [
        (json!("/t"), INVALID, "Value '/t' at 'tableName' failed to satisfy constraint"),
        (json!(""), INVALID, "regular expression pattern: [a-zA-Z0-9_.-]+"),
        (json!("arn:aws:dynamodb:eu-west-1:1:table/t/index/i"), INVALID, "'tableName'"),
        (json!(null), INVALID, "Value null at 'tableName'"),
        (json!(1), name::RUNTIME, "The value for the field 'TableName' must be a STRING"),
    ] {
        let failure = of(name).expect_err(wanted);
        assert_eq!(failure.error, error);
        assert!(failure.cause.contains(wanted), "{}", failure.cause);
    }
    assert_eq!(table_not_found().error, "DynamoDB.ResourceNotFoundException");
}

/// As Step Functions and DynamoDB were recorded to refuse parameters.
#[test]
fn parameters_are_those_of_the_operation() {
    use Operation::{DeleteItem, GetItem, PutItem, UpdateItem};
    let names = json!({"#n": "n"});
    let unsupported = "is not supported by Step Functions";
    let cases = [
        (GetItem, json!({"Limit": 1}), name::RUNTIME, unsupported),
        (GetItem, json!({"ReturnValues": "NONE"}), name::RUNTIME, unsupported),
        (GetItem, json!({"ConditionExpression": "a = b"}), name::RUNTIME, unsupported),
        (PutItem, json!({"Key": {"id": {"S": "k"}}}), name::RUNTIME, "The field 'Key' is not supported"),
        (DeleteItem, json!({"UpdateExpression": "REMOVE a"}), name::RUNTIME, unsupported),
        (
            GetItem,
            json!({"AttributesToGet": ["a"]}),
            name::RUNTIME,
            "legacy parameter, which is not served here: use 'ProjectionExpression'",
        ),
        (UpdateItem, json!({"AttributeUpdates": {}}), name::RUNTIME, "use 'UpdateExpression'"),
        (UpdateItem, json!({"Expected": {}}), name::RUNTIME, "use 'ConditionExpression'"),
        (DeleteItem, json!({"ConditionalOperator": "AND"}), name::RUNTIME, "use 'ConditionExpression'"),
        (GetItem, json!({"ConsistentRead": "yes"}), name::RUNTIME, "must be a BOOLEAN"),
        (GetItem, json!({"Key": "k"}), name::RUNTIME, "The value for the field 'Key' must be an OBJECT"),
        (GetItem, json!({"Key": {"id": "k"}}), name::RUNTIME, "The value of an attribute must be an OBJECT"),
        (GetItem, json!({"Key": {"id": {"N": 1}}}), name::RUNTIME, "The value for the field 'N' must be a STRING"),
        (GetItem, json!({"Key": {"id": {"T": "k"}}}), name::RUNTIME, "The field 'T' is not supported"),
        (GetItem, json!({"Key": {"id": {}}}), INVALID, "Supplied AttributeValue is empty"),
        (GetItem, json!({"Key": {"id": {"S": "k", "N": "1"}}}), INVALID, "more than one datatypes set"),
        (UpdateItem, json!({"UpdateExpression": 1}), name::RUNTIME, "must be a STRING"),
        (
            UpdateItem,
            json!({"ReturnValues": "DOG"}),
            INVALID,
            "Value 'DOG' at 'returnValues' failed to satisfy constraint",
        ),
        (UpdateItem, json!({"ReturnValues": "none"}), INVALID, "enum value set"),
        (DeleteItem, json!({"ReturnValues": "ALL_NEW"}), INVALID, "Return values set to invalid value"),
        (DeleteItem, json!({"ReturnValues": "UPDATED_OLD"}), INVALID, "Return values set to invalid value"),
        (DeleteItem, json!({"ReturnItemCollectionMetrics": "x"}), INVALID, "'returnItemCollectionMetrics'"),
        (GetItem, json!({"ReturnConsumedCapacity": "x"}), INVALID, "[INDEXES, TOTAL, NONE]"),
        (UpdateItem, json!({"ReturnValuesOnConditionCheckFailure": "x"}), INVALID, "[ALL_OLD, NONE]"),
        (GetItem, json!({"ExpressionAttributeNames": names}), INVALID, "unused in expressions: keys: {#n}"),
        (
            UpdateItem,
            json!({"ExpressionAttributeValues": {":v": {"N": "1"}}}),
            INVALID,
            "unused in expressions: keys: {:v}",
        ),
        (UpdateItem, json!({"ExpressionAttributeValues": {}}), INVALID, "must not be empty"),
        (UpdateItem, json!({"ExpressionAttributeValues": "x"}), name::RUNTIME, "must be an OBJECT"),
    ];
    for (operation, more, error, wanted) in cases {
        refuse(operation, &with(more), error, wanted);
    }
    refuse(GetItem, &json!([1]), name::RUNTIME, "must be an OBJECT");
}

/// "Data types", and "Nested attribute depth: 32".
#[test]
fn values_are_those_of_the_api() {
    let nested = |depth: usize| (0..depth).fold(json!({"S": "x"}), |inner, _| json!({"L": [inner]}));
    let runtime = [
        (json!({"S": 1}), "'S' must be a STRING"),
        (json!({"BOOL": "true"}), "'BOOL' must be a BOOLEAN"),
        (json!({"NULL": 1}), "'NULL' must be a BOOLEAN"),
        (json!({"L": {}}), "'L' must be an ARRAY"),
        (json!({"M": []}), "'M' must be an OBJECT"),
        (json!({"SS": "x"}), "'SS' must be an ARRAY of STRING"),
        (json!({"NS": [1]}), "'NS' must be an ARRAY of STRING"),
        (json!({"L": [{"M": {"x": {"N": 1}}}]}), "'N' must be a STRING"),
    ];
    let invalid = [
        (json!({"N": "dog"}), "numeric value: dog"),
        (json!({"B": "?"}), "Invalid Base64"),
        (json!({"NULL": false}), "must have the value of true"),
        (json!({"SS": []}), "may not be empty"),
        (json!({"SS": ["a", "a"]}), "contains duplicates"),
        (json!({"NS": ["1", "1.0"]}), "contains duplicates"),
        (json!({"L": [{}]}), "is empty"),
        (nested(33), "Nesting Levels have exceeded supported limits"),
        (json!({"S": "x".repeat(410_000)}), "Item size has exceeded the maximum allowed size"),
    ];
    let all = runtime.map(|case| (case, name::RUNTIME)).into_iter().chain(invalid.map(|case| (case, INVALID)));
    for ((value, wanted), error) in all {
        let arguments = json!({"TableName": "t", "Item": {"id": {"S": "k"}, "v": value}});
        refuse(Operation::PutItem, &arguments, error, wanted);
    }
    let arguments = json!({"TableName": "t", "Item": {"id": {"S": "k"}, "v": nested(32)}});
    let (item, _) = run(Operation::PutItem, &arguments, None).expect("32 levels");
    // Nor does an update go deeper.
    let deeper = with(
        json!({"UpdateExpression": "SET w = list_append(:v, :v)", "ExpressionAttributeValues": {":v": nested(32)}}),
    );
    run(Operation::UpdateItem, &deeper, item.as_ref()).expect("as deep as before");
    let deeper = with(json!({"UpdateExpression": "SET v[0] = :v", "ExpressionAttributeValues": {":v": nested(32)}}));
    let failure = run(Operation::UpdateItem, &deeper, item.as_ref()).expect_err("one too deep");
    assert!(failure.cause.contains("Nesting Levels"), "{}", failure.cause);
}

#[test]
fn a_value_that_is_no_item_is_told() {
    for (value, wanted) in [
        (b"\x05\0\0\0\0\0\0\0".as_slice(), "is not JSON"),
        (b"[1]", "is JSON, but no object"),
        (b"{\"id\": \"other\"}", "has another value of the key attribute id"),
        (b"{\"id\": 1}", "has another value of the key attribute id"),
    ] {
        for operation in [Operation::GetItem, Operation::UpdateItem, Operation::DeleteItem] {
            let request = Request::read(operation, &with(json!({})), &schema()).expect("a request");
            let failure = request.apply(Some(value)).expect_err(wanted);
            assert_eq!(failure.error, INVALID);
            assert!(failure.cause.contains("The value of the key 'k' is no item of this table"), "{}", failure.cause);
            assert!(failure.cause.contains(wanted), "{}", failure.cause);
        }
    }
}

#[test]
fn a_cause_is_short_whatever_the_arguments_are() {
    let long = "ü".repeat(100_000);
    for arguments in
        [with(json!({"Key": {"id": {"N": long}}})), with(json!({ long.clone(): 1 })), json!({"TableName": long})]
    {
        let failure = run(Operation::GetItem, &arguments, None).expect_err("it is invalid");
        assert!(failure.cause.chars().count() < 1_200);
    }
}
