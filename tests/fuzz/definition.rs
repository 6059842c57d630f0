//! Definitions of workflows: what is read runs to its end, whatever it gets and whatever its tasks answer.

use crate::{Script, fuzz, text};
use flint_workflows::definition::Machine;
use flint_workflows::failure::Failure;
use flint_workflows::run::TaskOrder;
use flint_workflows::source::{self, DEFINITION_MAX};
use flint_workflows::trial::{self, Mocks, Options, World};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Far more than any run takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many places of a definition are changed: few of those that are changed much are right.
const CHANGES: &[usize] = &[0, 1, 1, 1, 1, 2, 2, 3, 4, 24];

/// Names of fields, states and types, and what stands in them.
const PIECES: &[&str] = &[
    "StartAt",
    "States",
    "Type",
    "Next",
    "End",
    "Default",
    "Choices",
    "Branches",
    "Catch",
    "Retry",
    "ErrorEquals",
    "Result",
    "Parameters",
    "Arguments",
    "Output",
    "Assign",
    "InputPath",
    "OutputPath",
    "ResultPath",
    "ResultSelector",
    "ItemsPath",
    "Items",
    "ItemSelector",
    "ItemProcessor",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "ProcessorConfig",
    "Mode",
    "MaxConcurrency",
    "ToleratedFailureCount",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Seconds",
    "SecondsPath",
    "Timestamp",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Variable",
    "And",
    "Not",
    "NumericEqualsPath",
    "StringMatches",
    "IsPresent",
    "Condition",
    "QueryLanguage",
    "Version",
    "Comment",
    "Error",
    "Cause",
    "ErrorPath",
    "Resource",
    "Pass",
    "Task",
    "Choice",
    "Wait",
    "Succeed",
    "Fail",
    "Parallel",
    "Map",
    "JSONata",
    "JSONPath",
    "DISTRIBUTED",
    "INLINE",
    "STANDARD",
    "FULL",
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "A",
    "B",
    "I",
    "x.$",
    "a",
    "$",
    "$$",
    "$.a",
    "$.a[0]",
    "$..*",
    "$.a[*].b",
    "$.a[?@.b > 1]",
    "$.a[-1:]",
    "$$.Execution.Input",
    "$$.Task.Token",
    "$v",
    "$$.Map.Item.Index",
    "$.a.length()",
    "$[?(@",
    "$['a', \"b\"]",
    "States.UUID()",
    "States.Array($, $.a)",
    "States.ArrayRange(0, 30, 1)",
    "States.Format('{}', $.a)",
    "States.StringToJson('{')",
    "States.MathRandom(1, 9)",
    "States.JsonMerge($, $, false)",
    "States.Hash('a', 'MD5')",
    "States.ArrayPartition($.a, 2)",
    "States.Format('\\\\{{}', $)",
    "{% $states.input %}",
    "{% $states.context.Execution.Name %}",
    "{% $states.errorOutput.Error %}",
    "{% $x := 1 %}",
    "{% $v %}",
    "{% [1..9] %}",
    "{% $uuid() & $now() %}",
    "{% $map([1..9], function($x) { $x * 2 }) %}",
    "{% 1/0 %}",
    "{% $partition([1..9], 2) %}",
    "{% $parse('[1]') %}",
    "{% ( %}",
    "{%",
    "arn:aws:lambda:us-east-1:1:function:f:1",
    "f",
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:::dynamodb:putItem",
    "arn:aws:states:::s3:getObject",
    "arn:aws:states:::states:startExecution.sync:2",
    "arn:aws:states:us-east-1:1:activity:a",
    "2026-01-02T03:04:05Z",
    "é\u{0}\u{202e}",
    "",
];

/// Definitions that are right: those of the repository, and those of the cases for the rules of the specification.
static SEEDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON") };
    let orders = ["approval-request/approval", "foreman/works", "validate-order/order"];
    let mut seeds: Vec<_> = orders.iter().map(|name| read(&root.join(format!("functions/{name}.asl.json")))).collect();
    let mut cases: Vec<_> = std::fs::read_dir(root.join("host/workflows/tests/spec"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    for file in cases {
        let Value::Array(cases) = read(&file) else { continue };
        seeds.extend(cases.into_iter().filter_map(|mut case| Some(case.get_mut("definition")?.take())));
    }
    assert!(seeds.len() > 300, "{} seeds", seeds.len());
    seeds
});

fn seed(script: &mut Script) -> &'static Value {
    let seeds = &*SEEDS;
    &seeds[usize::from(u16::from_be_bytes([script.byte(), script.byte()])) % seeds.len()]
}

/// A value that may be anything.
fn value(script: &mut Script, depth: usize) -> Value {
    match script.byte() % if depth == 0 { 7 } else { 10 } {
        0 => Value::Null,
        1 => json!(script.byte().is_multiple_of(2)),
        2 => json!(i32::from(script.byte()) - 3),
        3 => json!(f64::from(script.byte()) / 3.0 - 5.0),
        4 => json!(script.choose(&[i64::MAX, i64::MIN, 0, 99_999_999, 1 << 53, -1])),
        5 | 6 => json!(script.choose(PIECES)),
        7 => (0..script.byte() % 4).map(|_| value(script, depth - 1)).collect(),
        8 => {
            let fields = (0..script.byte() % 5).map(|_| (script.choose(PIECES).to_owned(), value(script, depth - 1)));
            Value::Object(fields.collect())
        }
        _ => node(&mut seed(script).clone(), script).clone(),
    }
}

/// A place in a value.
fn node<'v>(within: &'v mut Value, script: &mut Script) -> &'v mut Value {
    let mut at = within;
    for _ in 0..script.byte() % 12 {
        let pick = usize::from(script.byte());
        let count = match at {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        if count == 0 {
            return at;
        }
        at = match at {
            Value::Array(items) => &mut items[pick % count],
            Value::Object(fields) => fields.values_mut().nth(pick % count).expect("it is there"),
            _ => unreachable!("it has something within"),
        };
    }
    at
}

/// Changes something somewhere.
fn change(definition: &mut Value, script: &mut Script) {
    let what = script.byte();
    let new = value(script, 2);
    let at = node(definition, script);
    match (what % 8, at) {
        (0, Value::Object(fields)) => {
            let names: Vec<_> = fields.keys().cloned().collect();
            if let Some(name) = names.get(usize::from(script.byte()) % names.len().max(1)) {
                fields.shift_remove(name);
            }
        }
        (1, Value::Array(items)) => {
            items.truncate(usize::from(script.byte()) % 4);
        }
        (2 | 3, Value::Object(fields)) => _ = fields.insert(script.choose(PIECES).to_owned(), new),
        (2 | 3, Value::Array(items)) => items.push(new),
        (4, at) => {
            let inner = at.take();
            *at = if what >= 128 { json!([inner]) } else { json!({ "A": inner }) };
        }
        (_, at) => *at = new,
    }
}

/// The text of a definition that was changed, or of anything else.
fn definition(input: &[u8], script: &mut Script) -> String {
    match script.byte() {
        0 => text(input.get(1..).unwrap_or_default(), PIECES),
        1 => value(script, 6).to_string(),
        _ => {
            let mut definition = seed(script).clone();
            for _ in 0..script.choose(CHANGES) {
                change(&mut definition, script);
            }
            definition.to_string()
        }
    }
}

/// Tasks answer what they got, something, or an error; after a while, all of them answer.
struct Services {
    answers: Vec<u8>,
    asked: usize,
}

impl World for Services {
    fn sleep(&mut self, _: Duration) {}

    fn call(&mut self, order: &TaskOrder) -> Option<Result<Value, Failure>> {
        self.asked += 1;
        let answer = self.answers.get(self.asked.checked_rem(self.answers.len())?)?;
        Some(match answer % 8 {
            0 if self.asked < 100 => Err(Failure::new("States.TaskFailed", "it fails")),
            1 if self.asked < 100 => Err(Failure::new("E", "")),
            2 if self.asked < 100 => Err(Failure::new("", "")),
            3 => Ok(Value::Null),
            4 => Ok(json!({"a": [1, {"b": 2}], "Payload": 5})),
            5 => return None,
            _ => Ok(order.input.clone()),
        })
    }
}

fn runs(machine: Arc<Machine>, script: &mut Script) {
    let given = match script.byte() % 4 {
        0 => json!({"a": [{"b": 1}, {"b": 2}], "l": [1, 2, 3], "n": 1, "t": "text"}),
        1 => json!([1, "two", null, {"a": 3}]),
        _ => value(script, 4),
    };
    let mocks = match script.byte() % 3 {
        0 => {
            json!({"A": {"result": [1, 2]}, "f": [{"echo": true}, {"error": "E", "cause": "c", "delay_seconds": 2.5}]})
        }
        _ => json!({}),
    };
    let mocks = Mocks::read(&mocks).expect("they are right");
    let mut services = Services { answers: script.raw(16), asked: 0 };
    let options =
        Options { name: "fuzz".to_owned(), now: 1_770_000_000_000, seed: 7, skip_waits: true, is_express: false };
    // It may wait for ever for a token, and says so.
    let Ok(report) = trial::run(machine, given, mocks, &options, &mut services) else { return };
    assert!(report.history.len() <= 25_001, "{} events", report.history.len());
    let ids = report
        .history
        .iter()
        .enumerate()
        .all(|(index, happened)| happened.id == index as u64 + 1 && happened.previous < happened.id);
    assert!(ids, "{:?}", report.history);
    let ends = report.history.iter().filter(|happened| happened.kind.starts_with("Execution")).count();
    assert_eq!(ends, 2, "it starts and ends: {:?}", report.outcome);
    assert!(report.to_json().is_object());
}

#[test]
fn a_definition_is_refused_with_the_places_of_its_mistakes_or_runs_to_its_end() {
    static TRIED: AtomicUsize = AtomicUsize::new(0);
    static RIGHT: AtomicUsize = AtomicUsize::new(0);
    fuzz!("definition", |input| {
        TRIED.fetch_add(1, Ordering::Relaxed);
        let mut script = Script::of(input);
        let begun = Instant::now();
        let text = definition(input, &mut script);
        match source::load(&text) {
            Ok(machine) => {
                RIGHT.fetch_add(1, Ordering::Relaxed);
                runs(Arc::new(machine), &mut script);
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty(), "{text}");
                for located in &mistakes {
                    assert!(text.len() > DEFINITION_MAX || text.get(located.span.clone()).is_some(), "{located:?}");
                    assert!(located.line > 0 && located.column > 0, "{located:?}");
                }
            }
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}: {text}", begun.elapsed());
    });
    let (tried, right) = (TRIED.load(Ordering::Relaxed), RIGHT.load(Ordering::Relaxed));
    assert!(right * 10 > tried, "{right} of {tried} were right: what is tried shows little");
}

#[test]
fn what_seeds_say_is_read_and_run_as_it_is() {
    let mut read = 0;
    for seed in &*SEEDS {
        let Ok(machine) = source::load(&seed.to_string()) else { continue };
        read += 1;
        let machine = Arc::new(machine);
        for script in [&[0, 1, 6, 6][..], &[1, 0, 0, 1, 2, 3], &[2, 8, 3, 1]] {
            runs(machine.clone(), &mut Script::of(script));
        }
    }
    assert!(read * 2 > SEEDS.len(), "{read} of {} are right", SEEDS.len());
}
