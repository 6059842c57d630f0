//! Definitions that are tried with mocks.

use super::*;
use crate::source;

/// Counts the time that is slept.
#[derive(Default)]
struct Clock {
    slept: Duration,
}

impl World for Clock {
    fn sleep(&mut self, time: Duration) {
        self.slept += time;
    }

    fn call(&mut self, _: &TaskOrder) -> Option<Result<Value, Failure>> {
        None
    }
}

fn tried(definition: &Value, mocks: &Value, skip_waits: bool) -> (Result<Report, String>, Duration) {
    let machine = source::load(&definition.to_string()).expect("it is valid");
    let options = Options { name: "m".to_owned(), now: 0, seed: 1, skip_waits, is_express: false };
    let mut clock = Clock::default();
    let report = run(Arc::new(machine), json!({"n": 1}), Mocks::read(mocks).expect("mocks"), &options, &mut clock);
    (report, clock.slept)
}

fn task(resource: &str) -> Value {
    json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "TimeoutSeconds": 5, "End": true}}})
}

#[test]
fn a_mock_is_found_by_state_function_and_resource() {
    let arn = "arn:aws:lambda:us-east-1:123456789:function:validateOrder";
    for key in ["A", arn, "validateOrder", "validate-order", "arn:aws:lambda:eu-west-1:1:function:validateOrder:7"] {
        let report = tried(&task(arn), &json!({key: {"echo": true}}), true).0.expect(key);
        assert_eq!(report.outcome, Outcome::Succeeded(json!({"n": 1})), "{key}");
    }
}

#[test]
fn a_task_without_a_mock_fails_and_says_so() {
    let report = tried(&task("resize"), &json!({}), true).0.expect("it ends");
    let Outcome::Failed(failure) = report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.error, "Lambda.ResourceNotFoundException");
    assert!(failure.cause.contains("no mock for `resize`"), "{}", failure.cause);
}

#[test]
fn answers_come_in_their_order_and_the_last_repeats() {
    let mut machine = task("f");
    machine["States"]["A"]["Retry"] = json!([{"ErrorEquals": ["E"], "IntervalSeconds": 1, "BackoffRate": 1}]);
    for mocks in [json!([{"error": "E"}, {"result": 2}]), json!({"sequence": [{"error": "E"}, {"result": 2}]})] {
        let report = tried(&machine, &json!({"f": mocks}), true).0.expect("it ends");
        assert_eq!(report.outcome, Outcome::Succeeded(json!(2)));
    }
    let report = tried(&machine, &json!({"f": [{"error": "E"}]}), true).0.expect("it ends");
    assert_eq!(report.outcome.status(), "FAILED");
}

#[test]
fn time_passes_or_is_skipped_and_what_happens_is_the_same() {
    let late = json!({"f": {"result": 1, "delay_seconds": 7}});
    let (waited, slept) = tried(&task("f"), &late, false);
    let (skipped, none) = tried(&task("f"), &late, true);
    assert_eq!((slept, none), (Duration::from_secs(5), Duration::ZERO));
    let (waited, skipped) = (waited.expect("it ends"), skipped.expect("it ends"));
    assert_eq!(waited.history, skipped.history);
    assert_eq!(skipped.to_json()["error"], "States.Timeout");
}

#[test]
fn invoke_puts_what_the_function_answers_into_its_payload() {
    let machine = json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "OutputPath": "$.Payload", "End": true}}});
    for mocks in [
        json!({"f": {"echo": true}}),
        json!({"A": {"result": {"n": 1}}}),
        json!({"A": {"result": {"Payload": {"n": 1}}}}),
    ] {
        let report = tried(&machine, &mocks, true).0.expect("it ends");
        assert_eq!(report.outcome, Outcome::Succeeded(json!({"n": 1})), "{mocks}");
    }
}

#[test]
fn mocks_that_make_no_sense_are_told() {
    let cases = [
        (json!([]), "mocks are a JSON object"),
        (json!({"f": 1}), "the mock `f` is no answer"),
        (json!({"f": {"resul": 1}}), "unknown field `resul`"),
        (json!({"f": {"echo": true, "result": 1}}), "has 2 of"),
        (json!({"f": {"echo": false}}), "`echo` of the mock `f` is `true`"),
        (json!({"f": []}), "the mock `f` has no answer"),
        (json!({"f": {"error": 1}}), "`error` of the mock `f` is a text"),
        (json!({"f": {"result": 1, "delay_seconds": -1}}), "`delay_seconds` of the mock `f`"),
    ];
    for (mocks, told) in cases {
        let message = Mocks::read(&mocks).expect_err("it makes no sense");
        assert!(message.contains(told), "{message}");
    }
}
