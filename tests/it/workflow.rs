//! Definitions of workflows through the real binary: tried with mocks, checked, drawn.

use crate::harness::flint;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The order workflow of the reference document, as printed there, as JSON.
const ORDER: &str = include_str!("../definitions/order.asl.json");

/// A folder with a definition and a file of mocks.
fn folder(definition: &str, mocks: &Value) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("machine.asl.json"), definition).expect("written");
    fs::write(folder.path().join("mocks.json"), mocks.to_string()).expect("written");
    folder
}

/// What `flint workflow run --json` prints, with waits skipped.
fn tried(definition: &str, input: &Value, mocks: &Value) -> Value {
    let folder = folder(definition, mocks);
    let input = input.to_string();
    let args =
        ["workflow", "run", "machine.asl.json", "--input", &input, "--mock", "mocks.json", "--skip-waits", "--json"];
    flint(folder.path(), args).ok().json()
}

fn order(mocks: &Value) -> Value {
    let mut all = json!({
        "validateOrder": {"echo": true}, "checkInventory": {"echo": true}, "processPayment": {"echo": true},
        "sendEmail": {"result": "sent"}, "updateAnalytics": {"result": "counted"}, "createShipment": {"result": "shipped"},
        "notifyOutOfStock": {"echo": true},
    });
    all.as_object_mut().expect("an object").extend(mocks.as_object().expect("an object").clone());
    tried(ORDER, &json!({"orderId": "o-1", "items": [{"productId": "p", "quantity": 1}]}), &all)
}

#[test]
fn the_order_workflow_takes_each_of_its_branches() {
    let failed = json!({"status": "FAILED", "error": "OrderProcessingFailed", "cause": "Order could not be processed", "output": null});
    let well = json!({"status": "SUCCEEDED", "error": null, "cause": null, "output": ["sent", "counted", "shipped"]});
    let busy = json!({"error": "Lambda.ServiceException", "cause": "busy"});
    for (mocks, states, expected) in [
        (json!({}), "ValidateOrder CheckInventory ProcessPayment ParallelProcessing", &well),
        (
            json!({"validateOrder": {"error": "ValidationError", "cause": "Invalid order data"}}),
            "ValidateOrder OrderFailed",
            &failed,
        ),
        (
            json!({"checkInventory": {"error": "OutOfStockError"}}),
            "ValidateOrder CheckInventory NotifyOutOfStock OrderFailed",
            &failed,
        ),
        (
            json!({"processPayment": {"error": "PaymentDeclinedError"}}),
            "ValidateOrder CheckInventory ProcessPayment OrderFailed",
            &failed,
        ),
        (
            json!({"validateOrder": [busy, busy, {"echo": true}]}),
            "ValidateOrder CheckInventory ProcessPayment ParallelProcessing",
            &well,
        ),
    ] {
        let mut report = order(&mocks);
        let history = report.as_object_mut().and_then(|report| report.remove("history")).expect("a history");
        assert_eq!(&report, expected, "{mocks}");
        let entered = history
            .as_array()
            .expect("events")
            .iter()
            .filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str());
        let entered: Vec<_> = entered.collect();
        assert!(entered.join(" ").starts_with(states), "{entered:?}");
        let ids: Vec<_> = history.as_array().expect("events").iter().map(|event| event["id"].as_u64()).collect();
        assert_eq!(ids, (1..=ids.len() as u64).map(Some).collect::<Vec<_>>());
    }
}

#[test]
fn an_error_that_nobody_expects_ends_the_order() {
    let report = order(&json!({"checkInventory": {"error": "Broken", "cause": "the shelf"}}));
    assert_eq!(
        (&report["status"], &report["error"], &report["cause"]),
        (&json!("FAILED"), &json!("Broken"), &json!("the shelf"))
    );
}

#[test]
fn people_read_what_happened_and_a_failure_ends_the_process_with_one() {
    let folder = folder(ORDER, &json!({}));
    let run = flint(folder.path(), ["workflow", "run", "machine.asl.json", "--skip-waits"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("LambdaFunctionFailed") && run.stdout.contains("There is no mock for `validateOrder`"),
        "{}",
        run.stdout
    );
}

#[test]
fn every_mistake_of_a_definition_is_told_with_its_line_and_state() {
    let definition = "{\n  \"StartAt\": \"A\",\n  \"States\": {\n    \"A\": { \"Type\": \"Pass\", \"Next\": \"C\" },\n    \"B\": { \"Type\": \"Tsk\", \"End\": true }\n  }\n}\n";
    let folder = folder(definition, &json!({}));
    for command in ["run", "check", "graph"] {
        let run = flint(folder.path(), ["workflow", command, "machine.asl.json", "--json"]);
        assert_eq!(run.code, Some(3), "{command}");
        let told: Vec<_> = run.json()["diagnostics"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|mistake| {
                json!([
                    mistake["code"],
                    mistake["line"],
                    mistake["column"],
                    mistake["state"],
                    mistake["path"],
                    mistake["text"]
                ])
            })
            .collect();
        let expected = [
            json!(["workflow/target", 4, 36, "A", "/States/A/Next", "\"C\""]),
            json!(["workflow/value", 5, 20, "B", "/States/B/Type", "\"Tsk\""]),
        ];
        assert_eq!(told, expected);
    }
    let told = flint(folder.path(), ["workflow", "check", "machine.asl.json"]).stderr;
    for part in [
        "error[workflow/target]: there is no state `C`",
        "machine.asl.json:4:36",
        "help: did you mean `Task`?",
        "2 mistakes",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn a_definition_is_drawn_for_terminals_for_mermaid_and_as_an_image() {
    let folder = folder(ORDER, &json!({}));
    let drawn =
        |format: &str| flint(folder.path(), ["workflow", "graph", "machine.asl.json", "--format", format]).ok().stdout;
    assert!(
        drawn("text")
            .contains("• ParallelProcessing (Parallel)\n  ┌ branch 1\n    • SendConfirmationEmail (Task, end)")
    );
    assert!(drawn("mermaid").starts_with("flowchart TD\n"));
    assert!(drawn("svg").starts_with("<svg xmlns="));
}

#[test]
fn arguments_that_make_no_sense_are_told() {
    let folder = folder(ORDER, &json!({"validateOrder": {"ecko": true}}));
    for (args, told) in [
        (&["none.json"][..], "can't read the definition none.json"),
        (&["machine.asl.json", "--input", "{"], "--input is not JSON"),
        (&["machine.asl.json", "--mock", "none.json"], "can't read the mocks none.json"),
        (&["machine.asl.json", "--mock", "mocks.json"], "unknown field `ecko`"),
    ] {
        let run = flint(folder.path(), ["workflow", "run"].iter().chain(args));
        assert_eq!(run.code, Some(1), "{args:?}");
        assert!(run.stderr.contains(told), "{told} is not in\n{}", run.stderr);
    }
}

/// Definitions that are to take all there is of something: each ends soon, with an answer.
#[test]
fn hostile_definitions_get_an_answer_in_time() {
    let jsonata = |expression: &str| {
        json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "Output": format!("{{% {expression} %}}"), "End": true}}}).to_string()
    };
    let began = Instant::now();
    for expression in [
        "($f := function($n) { $f($n + 1) }; $f(0))",
        "($f := function($s) { $f($s & $s) }; $f('xxxxxxxx'))",
        "$pad('x', 1000000000)",
        "[1..1000000000]",
        "$map([1..10000], function($a) { $map([1..10000], function($b) { $a * $b }) })",
    ] {
        let report = tried(&jsonata(expression), &json!({}), &json!({}));
        assert_eq!(
            (&report["status"], &report["error"]),
            (&json!("FAILED"), &json!("States.QueryEvaluationError")),
            "{expression}"
        );
    }
    let forever = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}, "B": {"Type": "Succeed"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "B"}], "Default": "A"}}}"#;
    let report = tried(forever, &json!({}), &json!({}));
    assert_eq!(
        (&report["error"], report["history"].as_array().map(Vec::len)),
        (&json!("States.Runtime"), Some(25_000))
    );
    let many: serde_json::Map<_, _> = (0..10_000)
        .map(|index| (format!("S{index}"), json!({"Type": "Pass", "Next": format!("S{}", index + 1)})))
        .chain([("S10000".to_owned(), json!({"Type": "Succeed"}))])
        .collect();
    let report = tried(&json!({"StartAt": "S0", "States": many}).to_string(), &json!({}), &json!({}));
    assert_eq!(report["status"], "SUCCEEDED");
    for (text, code) in [
        (" ".repeat(10 << 20), "workflow/too-large"),
        ("[".repeat(500_000), "workflow/json"),
        ("{\"StartAt\":".repeat(50_000), "workflow/json"),
    ] {
        let folder = folder(&text, &json!({}));
        let run = flint(folder.path(), ["workflow", "check", "machine.asl.json", "--json"]);
        assert_eq!((run.code, &run.json()["diagnostics"][0]["code"]), (Some(3), &json!(code)));
    }
    // Not a measure of speed: it would not end otherwise.
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
}
