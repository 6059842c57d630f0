//! A broken definition for each rule, and what is told about it.

use super::*;
use serde_json::json;

/// A machine with this state, which leads to `Z`, and whatever else it names.
fn machine(state: Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state, "Z": {"Type": "Succeed"}}})
}

fn task(fields: Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "f", "Next": "Z"});
    state.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    machine(state)
}

fn jsonata(fields: Value) -> Value {
    let mut state = json!({"QueryLanguage": "JSONata", "Next": "Z"});
    state.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    machine(state)
}

fn rule(rule: Value) -> Value {
    machine(json!({"Type": "Choice", "Choices": [rule], "Default": "Z"}))
}

fn map(fields: Value) -> Value {
    let processor = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let mut state = json!({"Type": "Map", "ItemProcessor": processor, "Next": "Z"});
    state.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    machine(state)
}

/// A definition, the code of its one mistake, its place, and a part of what is told.
type Case = (Value, &'static str, &'static str, &'static str);

fn refused(cases: Vec<Case>) {
    for (definition, code, place, told) in cases {
        let mistakes = read(&definition).expect_err(&definition.to_string());
        let [mistake] = &mistakes[..] else { panic!("{definition}: {mistakes:#?}") };
        assert_eq!(
            (mistake.code, mistake.place.to_string().as_str()),
            (code, place),
            "{definition}: {}",
            mistake.message
        );
        let whole = format!("{} {}", mistake.message, mistake.help.as_deref().unwrap_or_default());
        assert!(whole.contains(told), "{whole}");
    }
}

#[test]
fn a_machine_has_a_start_and_states() {
    refused(vec![
        (json!([]), "workflow/type", "/", "a state machine is an object, not an array"),
        (json!({"States": {"A": {"Type": "Succeed"}}}), "workflow/missing-field", "/", "`StartAt`"),
        (json!({"StartAt": "A"}), "workflow/missing-field", "/", "`States`"),
        (
            json!({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}),
            "workflow/target",
            "/StartAt",
            "there is no state `B`",
        ),
        (
            json!({"StartAt": "A", "Version": "2.0", "States": {"A": {"Type": "Succeed"}}}),
            "workflow/value",
            "/Version",
            "1.0",
        ),
        (
            json!({"StartAt": "A", "Timeout": 1, "States": {"A": {"Type": "Succeed"}}}),
            "workflow/unknown-field",
            "/Timeout",
            "TimeoutSeconds",
        ),
        (
            json!({"StartAt": "A", "TimeoutSeconds": 0, "States": {"A": {"Type": "Succeed"}}}),
            "workflow/range",
            "/TimeoutSeconds",
            "between 1",
        ),
        (
            json!({"StartAt": "A", "QueryLanguage": "JMESPath", "States": {"A": {"Type": "Succeed"}}}),
            "workflow/value",
            "/QueryLanguage",
            "`JSONPath`, `JSONata`",
        ),
    ]);
}

#[test]
fn a_state_has_a_type_and_leads_somewhere() {
    refused(vec![
        (machine(json!({"Next": "Z"})), "workflow/missing-field", "/States/A", "`Type`"),
        (machine(json!({"Type": "Pas", "Next": "Z"})), "workflow/value", "/States/A/Type", "did you mean `Pass`?"),
        (machine(json!({"Type": "Pass"})), "workflow/missing-field", "/States/A", "neither of `Next`, `End`"),
        (
            machine(json!({"Type": "Pass", "Next": "Z", "End": true})),
            "workflow/conflict",
            "/States/A/End",
            "exclude each other",
        ),
        (machine(json!({"Type": "Pass", "Next": "Y"})), "workflow/target", "/States/A/Next", "there is no state `Y`"),
        (machine(json!({"Type": "Pass", "End": true})), "workflow/unreachable", "/States/Z", "nothing leads to"),
        (
            machine(json!({"Type": "Pass", "Next": "Z", "Reslt": 1})),
            "workflow/unknown-field",
            "/States/A/Reslt",
            "did you mean `Result`?",
        ),
        (
            machine(json!({"Type": "Pass", "Next": "Z", "Retry": []})),
            "workflow/unknown-field",
            "/States/A/Retry",
            "a Pass state has no field",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Succeed", "Next": "A"}}}),
            "workflow/field",
            "/States/A/Next",
            "it ends what it is in",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}),
            "workflow/no-end",
            "/States",
            "no state ends it",
        ),
    ]);
}

#[test]
fn the_fields_of_a_language_stay_in_it() {
    refused(vec![
        (
            jsonata(json!({"Type": "Pass", "InputPath": "$.a"})),
            "workflow/field",
            "/States/A/InputPath",
            "it is of JSONPath",
        ),
        (jsonata(json!({"Type": "Pass", "Result": 1})), "workflow/field", "/States/A/Result", "use `Output`"),
        (
            machine(json!({"Type": "Pass", "Output": 1, "Next": "Z"})),
            "workflow/field",
            "/States/A/Output",
            "it is of JSONata",
        ),
        (task(json!({"Arguments": {}})), "workflow/field", "/States/A/Arguments", "it is of JSONata"),
        (
            jsonata(json!({"Type": "Wait", "SecondsPath": "$.a", "Seconds": 1})),
            "workflow/field",
            "/States/A/SecondsPath",
            "it is of JSONPath",
        ),
        (
            json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}}}),
            "workflow/query-language",
            "/States/A/QueryLanguage",
            "can't be in JSONPath",
        ),
        (
            jsonata(json!({"Type": "Pass", "Output": {"a": "{% $states.input. %}"}})),
            "workflow/expression",
            "/States/A/Output/a",
            "",
        ),
        (
            task(json!({"Parameters": {"a.$": "b"}})),
            "workflow/expression",
            "/States/A/Parameters/a.$",
            "neither a value nor a path",
        ),
        (task(json!({"InputPath": "a"})), "workflow/path", "/States/A/InputPath", "a path starts with `$`"),
        (task(json!({"ResultPath": "$$.a"})), "workflow/path", "/States/A/ResultPath", ""),
        (task(json!({"Assign": {"states": 1}})), "workflow/variable", "/States/A/Assign/states", "is taken"),
        (task(json!({"Assign": {"1a": 1}})), "workflow/variable", "/States/A/Assign/1a", "a letter first"),
    ]);
}

#[test]
fn a_task_has_a_resource_and_sensible_times() {
    refused(vec![
        (machine(json!({"Type": "Task", "Next": "Z"})), "workflow/missing-field", "/States/A", "`Resource`"),
        (
            task(json!({"Resource": "arn:aws:states:::sqs:deleteMessage"})),
            "workflow/resource",
            "/States/A/Resource",
            "is no resource",
        ),
        (
            task(json!({"TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t"})),
            "workflow/conflict",
            "/States/A/TimeoutSecondsPath",
            "exclude each other",
        ),
        (
            task(json!({"TimeoutSeconds": "1"})),
            "workflow/type",
            "/States/A/TimeoutSeconds",
            "a whole number, not the text `1`",
        ),
        (
            task(json!({"TimeoutSeconds": 5, "HeartbeatSeconds": 5})),
            "workflow/range",
            "/States/A/HeartbeatSeconds",
            "smaller than",
        ),
        (
            task(json!({"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q"}})),
            "workflow/arguments",
            "/States/A/Parameters",
            "lacks `MessageBody`",
        ),
    ]);
}

#[test]
fn retriers_and_catchers_are_checked() {
    let retry = |retrier: Value| task(json!({"Retry": [retrier]}));
    refused(vec![
        (retry(json!({})), "workflow/missing-field", "/States/A/Retry[0]", "`ErrorEquals`"),
        (retry(json!({"ErrorEquals": []})), "workflow/empty", "/States/A/Retry[0]/ErrorEquals", "names no error"),
        (
            retry(json!({"ErrorEquals": ["States.ALL", "E"]})),
            "workflow/error-equals",
            "/States/A/Retry[0]/ErrorEquals",
            "stands alone",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "MaxAttempts": -1})),
            "workflow/range",
            "/States/A/Retry[0]/MaxAttempts",
            "between 0",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "IntervalSeconds": 0})),
            "workflow/range",
            "/States/A/Retry[0]/IntervalSeconds",
            "between 1",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "BackoffRate": 0.5})),
            "workflow/range",
            "/States/A/Retry[0]/BackoffRate",
            "between 1",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "MaxDelaySeconds": 31_622_401})),
            "workflow/range",
            "/States/A/Retry[0]/MaxDelaySeconds",
            "between 1",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "JitterStrategy": "SOME"})),
            "workflow/value",
            "/States/A/Retry[0]/JitterStrategy",
            "`FULL`, `NONE`",
        ),
        (
            retry(json!({"ErrorEquals": ["E"], "Next": "Z"})),
            "workflow/unknown-field",
            "/States/A/Retry[0]/Next",
            "a retrier has no field",
        ),
        (
            task(json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}, {"ErrorEquals": ["E"], "Next": "Z"}]})),
            "workflow/error-equals",
            "/States/A/Catch[0]/ErrorEquals",
            "stands in the last one",
        ),
        (task(json!({"Catch": [{"ErrorEquals": ["E"]}]})), "workflow/missing-field", "/States/A/Catch[0]", "`Next`"),
        (
            task(json!({"Catch": [{"ErrorEquals": ["E"], "Next": "Q"}]})),
            "workflow/target",
            "/States/A/Catch[0]/Next",
            "there is no state `Q`",
        ),
    ]);
}

#[test]
fn rules_of_choices_are_checked() {
    refused(vec![
        (
            machine(json!({"Type": "Choice", "Choices": [], "Default": "Z"})),
            "workflow/empty",
            "/States/A/Choices",
            "no rule",
        ),
        (
            rule(json!({"Variable": "$.a", "Next": "Z"})),
            "workflow/operator",
            "/States/A/Choices[0]",
            "compares nothing",
        ),
        (
            rule(json!({"Variable": "$.a", "StringEquals": "a", "IsNull": true, "Next": "Z"})),
            "workflow/operator",
            "/States/A/Choices[0]",
            "has one operator",
        ),
        (
            rule(json!({"StringEquals": "a", "Next": "Z"})),
            "workflow/missing-field",
            "/States/A/Choices[0]",
            "`Variable`",
        ),
        (
            rule(json!({"Variable": "$.a", "StringEquals": 1, "Next": "Z"})),
            "workflow/type",
            "/States/A/Choices[0]/StringEquals",
            "a text, not the number 1",
        ),
        (
            rule(json!({"Variable": "$.a", "TimestampEquals": "now", "Next": "Z"})),
            "workflow/type",
            "/States/A/Choices[0]/TimestampEquals",
            "a moment",
        ),
        (
            rule(json!({"Variable": "$.a", "StringEqualsPath": "b", "Next": "Z"})),
            "workflow/path",
            "/States/A/Choices[0]/StringEqualsPath",
            "starts with `$`",
        ),
        (
            rule(json!({"Variable": "$.a", "StringEqual": "a", "StringEquals": "a", "Next": "Z"})),
            "workflow/unknown-field",
            "/States/A/Choices[0]/StringEqual",
            "did you mean `StringEquals`?",
        ),
        (
            rule(json!({"Not": {"Variable": "$.a", "IsNull": true, "Next": "Z"}, "Next": "Z"})),
            "workflow/field",
            "/States/A/Choices[0]/Not/Next",
            "in the rule itself",
        ),
        (rule(json!({"And": [], "Next": "Z"})), "workflow/empty", "/States/A/Choices[0]/And", "no rule"),
        (
            rule(json!({"Condition": "{% true %}", "Variable": "$.a", "IsNull": true, "Next": "Z"})),
            "workflow/field",
            "/States/A/Choices[0]/Condition",
            "it is of JSONata",
        ),
    ]);
}

#[test]
fn waits_fails_and_maps_are_checked() {
    refused(vec![
        (machine(json!({"Type": "Wait", "Next": "Z"})), "workflow/missing-field", "/States/A", "one of `Seconds`"),
        (
            machine(json!({"Type": "Wait", "Seconds": 1, "SecondsPath": "$.a", "Next": "Z"})),
            "workflow/conflict",
            "/States/A/SecondsPath",
            "exclude",
        ),
        (
            machine(json!({"Type": "Wait", "Seconds": -1, "Next": "Z"})),
            "workflow/range",
            "/States/A/Seconds",
            "between 0",
        ),
        (
            machine(json!({"Type": "Wait", "Timestamp": "2026-01-01", "Next": "Z"})),
            "workflow/timestamp",
            "/States/A/Timestamp",
            "RFC 3339",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}}}),
            "workflow/conflict",
            "/States/A/ErrorPath",
            "exclude",
        ),
        (map(json!({"Iterator": {}})), "workflow/conflict", "/States/A/Iterator", "exclude"),
        (map(json!({"Items": []})), "workflow/field", "/States/A/Items", "use `ItemsPath`"),
        (map(json!({"Label": "l"})), "workflow/field", "/States/A/Label", "DISTRIBUTED"),
        (map(json!({"MaxConcurrency": -1})), "workflow/range", "/States/A/MaxConcurrency", "between 0"),
        (
            map(json!({"ToleratedFailurePercentage": 101})),
            "workflow/range",
            "/States/A/ToleratedFailurePercentage",
            "between 0 and 100",
        ),
        (
            machine(json!({"Type": "Parallel", "Branches": [], "Next": "Z"})),
            "workflow/empty",
            "/States/A/Branches",
            "no branch",
        ),
    ]);
}

#[test]
fn names_and_variables_are_used_once() {
    let inner = |state: Value| {
        let branch = json!({"StartAt": "I", "States": {"I": state}});
        machine(json!({"Type": "Parallel", "Branches": [branch], "Assign": {"v": 1}, "Next": "Z"}))
    };
    refused(vec![
        (
            inner(json!({"Type": "Pass", "Next": "Z"})),
            "workflow/target",
            "/States/A/Branches[0]/States/I/Next",
            "in another graph",
        ),
        (
            inner(json!({"Type": "Pass", "Assign": {"v": 2}, "End": true})),
            "workflow/variable",
            "/States/A/Branches[0]/States/I/Assign/v",
            "not set",
        ),
    ]);
    let twice = json!({"StartAt": "A", "States": {"A": {"Type": "Parallel", "End": true,
        "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]}}});
    refused(vec![(twice, "workflow/name", "/States/A/Branches[0]/States/A", "used once")]);
    let long = "x".repeat(81);
    refused(vec![(
        json!({"StartAt": long, "States": {long.clone(): {"Type": "Succeed"}}}),
        "workflow/name",
        &*format!("/States/{long}").leak(),
        "80 characters",
    )]);
}

#[test]
fn every_mistake_is_told_at_once() {
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "f", "TimeoutSeconds": 0, "Next": "B"},
        "B": {"Type": "Wait", "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Next": "Nowhere"}]},
    }});
    let mistakes = read(&definition).expect_err("it has mistakes");
    let found: Vec<_> = mistakes.iter().map(|mistake| (mistake.state.as_deref().unwrap_or(""), mistake.code)).collect();
    for expected in [
        ("A", "workflow/range"),
        ("B", "workflow/missing-field"),
        ("C", "workflow/missing-field"),
        ("C", "workflow/operator"),
    ] {
        assert!(found.contains(&expected), "{found:?}");
    }
}

#[test]
fn a_large_definition_is_read_and_a_deep_one_too() {
    let states: serde_json::Map<_, _> = (0..10_000)
        .map(|index| (format!("S{index}"), json!({"Type": "Pass", "Next": format!("S{}", index + 1)})))
        .chain([("S10000".to_owned(), json!({"Type": "Succeed"}))])
        .collect();
    let machine = read(&json!({"StartAt": "S0", "States": states})).expect("it is valid");
    assert_eq!(machine.graph.states.len(), 10_001);
    let deep = (0..100).fold(json!({"StartAt": "L", "States": {"L": {"Type": "Succeed"}}}), |inner, level| {
        json!({"StartAt": format!("P{level}"), "States": {format!("P{level}"): {"Type": "Parallel", "Branches": [inner], "End": true}}})
    });
    read(&deep).expect("it is valid");
}

#[test]
fn the_buckets_of_distributed_maps_are_known_unless_they_are_computed() {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let buckets = |language: &str, reads: Value, writes: Value| {
        let arguments = if language == "JSONata" { "Arguments" } else { "Parameters" };
        let definition = map(json!({"QueryLanguage": language, "ItemProcessor": processor,
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", arguments: reads},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", arguments: writes}}));
        let machine = read(&definition).expect("a machine");
        let told = |at: BucketAt| format!("{} {}", at.bucket, at.place);
        machine.buckets().into_iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        buckets("JSONata", json!({"Bucket": "in", "Prefix": "{% $p %}"}), json!({"Bucket": "out"})),
        ["in /States/A/ItemReader/Arguments/Bucket", "out /States/A/ResultWriter/Arguments/Bucket"]
    );
    assert_eq!(
        buckets("JSONPath", json!({"Bucket.$": "$.from"}), json!({"Bucket": "out", "Prefix.$": "$.p"})),
        ["out /States/A/ResultWriter/Parameters/Bucket"]
    );
    assert!(buckets("JSONata", json!({"Bucket": "{% $from %}"}), json!({"Bucket": "{% $to %}"})).is_empty());
}
