//! Places of mistakes in a text, and texts that are no definition.

use super::*;

fn first(text: &str) -> (usize, usize, &'static str, String) {
    let mistakes = load(text).expect_err("there are mistakes");
    (mistakes[0].line, mistakes[0].column, mistakes[0].mistake.code, mistakes[0].mistake.message.clone())
}

#[test]
fn a_mistake_has_its_line_and_column() {
    let text = "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": { \"Type\": \"Pass\", \"Ned\": \"B\", \"End\": true }\n  }\n}";
    assert_eq!(first(text), (4, 28, "workflow/unknown-field", "a Pass state has no field `Ned`".to_owned()));
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let (line, column, code, message) = first("{\n  \"StartAt\": A }");
    assert_eq!((line, column, code), (2, 14, "workflow/json"), "{message}");
    assert_eq!(first("").2, "workflow/json");
    assert_eq!(first("{\"a\": 1,}").2, "workflow/json");
    assert_eq!(first("// no\n{}").2, "workflow/json");
}

#[test]
fn a_field_that_is_there_twice_is_a_mistake() {
    let text = r#"{"StartAt": "A", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
    assert_eq!(
        first(text),
        (1, 18, "workflow/json", "the field `StartAt` is there twice, and only one would count".to_owned())
    );
}

#[test]
fn large_and_deep_texts_are_refused_at_once() {
    assert_eq!(first(&" ".repeat(10 * 1024 * 1024)).2, "workflow/too-large");
    assert_eq!(first(&"[".repeat(1_000_000)).2, "workflow/json");
    assert_eq!(first(&"{\"a\":".repeat(100_000)).2, "workflow/json");
}

#[test]
fn what_is_worth_a_look_is_told_with_its_place_and_refuses_nothing() {
    let text = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::sq:sendMessage", "Next": "P",
              "Retry": [{"ErrorEquals": ["States.Timeot", "States.Http.StatusCode.429", "Mine"]}]},
        "P": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {
            "B": {"Type": "Task", "Resource": "${Validate}", "End": true,
                  "Catch": [{"ErrorEquals": ["Mine"], "Next": "C"}, {"ErrorEquals": ["States.QuorumMet"], "Next": "C"}]},
            "C": {"Type": "Pass", "End": true}}}]}}}"#;
    let machine = load(text).expect("it has no mistakes");
    let warnings = warnings(text, &machine);
    let told: Vec<_> = warnings
        .iter()
        .map(|located| (located.line, located.mistake.code, located.mistake.state.as_deref().unwrap_or_default()))
        .collect();
    let wanted = [
        (2, "workflow/unserved", "A"),
        (3, "workflow/error-equals", "A"),
        (5, "workflow/unserved", "B"),
        (6, "workflow/error-equals", "B"),
    ];
    assert_eq!(told, wanted);
    let helps = warnings[..2].iter().map(|located| located.mistake.help.as_deref().unwrap_or_default());
    let wanted = ["did you mean `arn:aws:states:::sqs:sendMessage`?", "did you mean `States.Timeout`?"];
    assert_eq!(helps.collect::<Vec<_>>(), wanted);
}
