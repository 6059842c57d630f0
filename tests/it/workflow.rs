//! Definitions of workflows through the real binary: tried with mocks, checked, drawn.

mod functions;
mod hostile;
mod map;
mod services;

use crate::harness::{Host, Launch, eventually, flint, guest};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The order workflow of the reference document, as printed there, as JSON.
const ORDER: &str = include_str!("../../functions/validate-order/order.asl.json");

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
fn a_service_that_no_platform_serves_is_tried_and_warned_of() {
    let definition = json!({"StartAt": "A", "States": {"A": {
        "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": true,
        "Retry": [{"ErrorEquals": ["States.Timeot"]}],
    }}})
    .to_string();
    let report = tried(&definition, &json!({}), &json!({"A": {"result": {"JobRunState": "SUCCEEDED"}}}));
    assert_eq!(report["output"], json!({"JobRunState": "SUCCEEDED"}));
    let report = tried(&definition, &json!({}), &json!({}));
    assert!(report["cause"].as_str().is_some_and(|cause| cause.contains("no mock for")), "{report}");
    let folder = folder(&definition, &json!({}));
    let run = flint(folder.path(), ["workflow", "check", "machine.asl.json", "--json"]).ok().json();
    let told = run["diagnostics"].as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|warning| json!([warning["severity"], warning["code"], warning["state"]])).collect();
    assert_eq!(told, [json!(["warning", "workflow/unserved", "A"]), json!(["warning", "workflow/error-equals", "A"])]);
    let told = flint(folder.path(), ["workflow", "check", "machine.asl.json"]).ok().stdout;
    for part in ["warning[workflow/unserved]: ", "help: did you mean `States.Timeout`?", "is valid: 1 state"] {
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

/// A platform with the function `relay`, which does as its input says, and a workflow.
fn platform(definition: &Value) -> Launch {
    let config = format!(
        "{}\n[workflow.steps]\ndefinition = \"steps.asl.json\"\n\n[queue.letters]\n",
        guest::function("relay", "timeout = \"2s\"\ngrants = { invoke = {} }\n")
    );
    let launch = Launch::config(&config);
    fs::write(launch.folder().join("steps.asl.json"), definition.to_string()).expect("written");
    launch
}

/// A state that calls `relay`.
fn relay(task: &Value, next: &str) -> Value {
    json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789:function:relay", "Parameters": task, "Next": next})
}

/// An execution, when it has ended.
fn ended(host: &Host, name: &str) -> Value {
    eventually("an execution to end", || {
        let execution = host.flint(["workflow", "describe", "steps", name, "--json"]).ok().json();
        (execution["status"] != "RUNNING").then_some(execution)
    })
}

/// Steps that succeed, fail and are caught, trap, wait, and go side by side.
fn steps() -> Value {
    let catch = |error: &str, next: &str| json!([{"ErrorEquals": [error], "Next": next, "ResultPath": "$.caught"}]);
    let mut fails = relay(&json!({"do": "fail"}), "Traps");
    fails["Catch"] = catch("AsAsked", "Traps");
    let mut traps = relay(&json!({"do": "trap"}), "Waits");
    traps["Catch"] = catch("States.TaskFailed", "Waits");
    let branch = |name: &str| {
        let mut state = relay(&json!({"do": "sleep", "ms": 20}), "");
        let fields = state.as_object_mut().expect("an object");
        fields.remove("Next");
        fields.insert("End".to_owned(), json!(true));
        json!({"StartAt": name, "States": {name: state}})
    };
    json!({"StartAt": "Fails", "States": {
        "Fails": fails, "Traps": traps,
        "Waits": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [branch("Left"), branch("Right")], "ResultPath": "$.both", "Next": "Tell"},
        "Tell": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": null, "Next": "Done",
            "Parameters": {"QueueUrl": "http://localhost/123/letters", "MessageBody": {"both.$": "$.both"}}},
        "Done": {"Type": "Succeed", "OutputPath": "$.both"}}})
}

#[test]
fn an_execution_calls_functions_catches_their_errors_and_goes_on_after_kill_9() {
    let mut host = platform(&steps()).start();
    let names: Vec<_> = (0..20).map(|index| format!("run-{index}")).collect();
    for name in &names {
        let started =
            host.flint(["workflow", "start", "steps", "--name", name, "--input", "{\"n\": 1}", "--json"]).ok().json();
        assert_eq!((&started["name"], &started["is_new"]), (&json!(name), &json!(true)));
    }
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(150));
        host = host.kill_and_restart();
    }
    for name in &names {
        let execution = ended(&host, name);
        assert_eq!(
            (&execution["status"], &execution["output"]),
            (&json!("SUCCEEDED"), &json!([20, 20])),
            "{execution}"
        );
        let history = host.flint(["workflow", "history", "steps", name, "--json"]).ok().json();
        let events = history["events"].as_array().expect("events");
        assert!(events.iter().enumerate().all(|(index, event)| event["id"] == index + 1), "{history}");
        let caught: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "LambdaFunctionFailed")
            .map(|event| &event["lambdaFunctionFailedEventDetails"]["error"])
            .collect();
        assert_eq!(caught, ["AsAsked", "States.TaskFailed"]);
    }
    let letters = host.admin().get("/v1/queues/letters").expect(200).json();
    assert_eq!(letters["waiting"], names.len(), "each execution sent one letter: {letters}");
    let listed = host.flint(["workflow", "list", "steps", "--json"]).ok().json();
    assert_eq!(listed["executions"].as_array().map(Vec::len), Some(names.len()));
    assert!(host.stop().success());
}

#[test]
fn a_history_is_told_page_after_page() {
    let item = json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}});
    let each = json!({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": item, "End": true});
    let host = platform(&json!({"StartAt": "Each", "States": {"Each": each}})).start();
    let input = json!({"items": (0..400).collect::<Vec<_>>()}).to_string();
    host.flint(["workflow", "start", "steps", "--name", "many", "--input", &input]).ok();
    assert_eq!(ended(&host, "many")["status"], "SUCCEEDED");
    let whole = host.flint(["workflow", "history", "steps", "many", "--json"]).ok().json();
    let events = whole["events"].as_array().expect("events");
    assert!(events.len() > 1_600 && events.iter().enumerate().all(|(index, event)| event["id"] == index + 1));
    let people = host.flint(["workflow", "history", "steps", "many"]).ok().stdout;
    assert_eq!(people.lines().count(), events.len());
    let page = |query: &str| host.admin().get(&format!("/v1/workflows/steps/executions/many/history{query}"));
    let first = page("").expect(200).json();
    assert_eq!((first["events"].as_array().map(Vec::len), &first["cursor"]), (Some(1_000), &json!("1000")));
    let next = page("?cursor=1000&limit=2").expect(200).json();
    assert_eq!((&next["events"], &next["cursor"]), (&json!(events[1_000..1_002]), &json!("1002")));
    assert_eq!(page("?cursor=1000").expect(200).json()["cursor"], Value::Null);
    assert_eq!(page("?cursor=x").expect(400).json()["code"], "workflow/invalid-cursor");
    assert!(host.stop().success());
}

/// Executions whose expressions take all there is of the processor: the host answers meanwhile, and they end.
#[test]
fn executions_that_compute_for_long_hold_nobody_up() {
    let state = |at: usize| {
        let output = "{% $count($map([1..100000], function($n) { $n % 7 })) %}";
        (format!("S{at}"), json!({"Type": "Pass", "Output": output, "Next": format!("S{}", at + 1)}))
    };
    let last = ("S60".to_owned(), json!({"Type": "Succeed"}));
    let states: serde_json::Map<_, _> = (0..60).map(state).chain([last]).collect();
    let host = platform(&json!({"QueryLanguage": "JSONata", "StartAt": "S0", "States": states})).start();
    let names = ["a", "b", "c", "d"];
    for name in names {
        host.flint(["workflow", "start", "steps", "--name", name]).ok();
    }
    let mut longest = Duration::ZERO;
    let is_over = |name: &str| {
        let path = format!("/v1/workflows/steps/executions/{name}");
        host.admin().get(&path).expect(200).json()["status"] != "RUNNING"
    };
    while !names.into_iter().all(|name| {
        let began = Instant::now();
        let is_over = is_over(name);
        longest = longest.max(began.elapsed());
        is_over
    }) {
        std::thread::sleep(Duration::from_millis(20));
    }
    for name in names {
        let execution = ended(&host, name);
        assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), &json!(100_000)), "{name}");
    }
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(host.stop().success());
}

#[test]
fn an_execution_is_started_once_by_its_name_stopped_and_redriven() {
    let waits = json!({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 86400, "Next": "B"}, "B": {"Type": "Succeed"}}});
    let host = platform(&waits).start();
    let start = |name: &str, input: &str| {
        host.flint(["workflow", "start", "steps", "--name", name, "--input", input, "--json"])
    };
    assert_eq!(start("one", "{}").ok().json()["is_new"], true);
    assert_eq!(start("one", "{}").ok().json()["is_new"], false);
    let other = start("one", "[]");
    assert_eq!((other.code, &other.json()["error"]["code"]), (Some(1), &json!("workflow/execution-exists")));
    assert_eq!(start("no name", "{}").json()["error"]["code"], "workflow/invalid-name");
    host.flint(["workflow", "stop", "steps", "one", "--error", "Enough", "--cause", "by hand"]).ok();
    let execution = ended(&host, "one");
    assert_eq!(
        json!([execution["status"], execution["error"], execution["cause"]]),
        json!(["ABORTED", "Enough", "by hand"])
    );
    host.flint(["workflow", "redrive", "steps", "one"]).ok();
    eventually("it to go on", || {
        let execution = host.flint(["workflow", "describe", "steps", "one", "--json"]).ok().json();
        (execution["status"] == "RUNNING" && execution["redrives"] == 1).then_some(())
    });
    let missing = host.flint(["workflow", "describe", "steps", "two", "--json"]);
    assert_eq!(missing.json()["error"]["code"], "workflow/no-such-execution");
    let missing = host.flint(["workflow", "describe", "others", "two", "--json"]);
    assert_eq!(missing.json()["error"]["code"], "workflow/no-such-workflow");
}

#[test]
fn every_number_of_a_workflow_is_told() {
    let host = platform(&json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})).start();
    let mut told = host.admin().get("/v1/workflows").expect(200).json()["workflows"][0].clone();
    let definition = told.as_object_mut().and_then(|told| told.remove("definition")).expect("a definition");
    assert!(definition.as_str().is_some_and(|path| path.ends_with("steps.asl.json")), "{definition}");
    let days = 24 * 60 * 60 * 1000_u64;
    assert_eq!(
        told,
        json!({"workflow": "steps", "type": "standard", "concurrency": 100, "retention_ms": 90 * days, "runs_cached": 10_000_u64})
    );
}

#[test]
fn a_task_goes_on_when_its_token_comes_back() {
    let ask = json!({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "TimeoutSeconds": 600, "Parameters": {"QueueUrl": "letters", "MessageBody": {"token.$": "$$.Task.Token"}}, "End": true}}});
    let host = platform(&ask).start();
    host.flint(["workflow", "start", "steps", "--name", "one"]).ok();
    let letter = eventually("a letter", || {
        let received = host.flint(["queue", "receive", "letters", "--json"]).ok().json();
        received["messages"].get(0).cloned()
    });
    let body: Value = serde_json::from_str(letter["value"].as_str().expect("a text")).expect("JSON");
    let token = body["token"].as_str().expect("a token");
    host.flint(["workflow", "tell", token]).ok();
    host.flint(["workflow", "tell", token, "--output", "{\"approved\": true}"]).ok();
    assert_eq!(ended(&host, "one")["output"], json!({"approved": true}));
    let late = host.flint(["workflow", "tell", token, "--output", "1", "--json"]);
    assert_eq!(late.json()["error"]["code"], "workflow/no-such-task");
}

#[test]
fn what_a_definition_wants_and_the_platform_has_not_is_told_before_it_serves() {
    let wants = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:sendMail", "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:1:activity:review", "Next": "C"},
        "C": {"Type": "Map", "Next": "E",
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "pictures"}},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "D", "States": {"D": {"Type": "Pass", "End": true}}},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket.$": "$.into"}}},
        "E": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": true}}});
    let launch = platform(&wants);
    let run = flint(launch.folder(), ["check", "--json"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    let diagnostics = run.json()["diagnostics"].clone();
    let told: Vec<_> = diagnostics
        .as_array()
        .expect("a list")
        .iter()
        .map(|mistake| json!([mistake["code"], mistake["path"]]))
        .collect();
    let expected = [
        json!(["workflow/no-such-function", "/States/A/Resource"]),
        json!(["workflow/no-such-queue", "/States/B/Resource"]),
        json!(["workflow/no-such-bucket", "/States/C/ItemReader/Parameters/Bucket"]),
        json!(["workflow/unserved", "/States/E/Resource"]),
    ];
    assert_eq!(told, expected);
}

/// The order workflow with its functions, and three mugs on the shelf.
fn shop() -> Host {
    let function = |name: &str, grants: &str| guest::function(name, &format!("grants = {grants}\n"));
    let config = [
        function("validate-order", "{ kv = { order-tries = \"read-write\" } }"),
        function("check-inventory", "{ kv = { inventory = \"read-write\", reservations = \"read-write\" } }"),
        function("process-payment", "{ kv = { payments = \"read-write\" } }"),
        function("send-email", "{ kv = { emails = \"read-write\" }, queue = { outbox = \"send\" } }"),
        function("update-analytics", "{ kv = { analytics = \"read-write\" } }"),
        function("create-shipment", "{ kv = { shipments = \"read-write\" } }"),
        function("notify-out-of-stock", "{ kv = { notices = \"read-write\" } }"),
        ["order-tries", "inventory", "reservations", "payments", "emails", "analytics", "shipments", "notices"]
            .map(|store| format!("[kv.{store}]\n"))
            .concat(),
        "[queue.outbox]\n[workflow.order]\ndefinition = \"order.asl.json\"\n".to_owned(),
    ];
    let launch = Launch::config(&config.concat());
    fs::write(launch.folder().join("order.asl.json"), ORDER).expect("written");
    let host = launch.start();
    host.flint(["kv", "put", "inventory", "mug", "3"]).ok();
    host
}

#[test]
fn the_order_workflow_runs_unchanged_with_its_functions() {
    let host = shop();
    let order = |id: &str, more: Value| {
        let mut order = json!({"orderId": id, "userId": "u-1", "items": [{"productId": "mug", "quantity": 2}]});
        order.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        host.flint(["workflow", "start", "order", "--name", id, "--input", &order.to_string()]).ok();
        eventually("the order to end", || {
            let execution = host.flint(["workflow", "describe", "order", id, "--json"]).ok().json();
            (execution["status"] != "RUNNING").then_some(execution)
        })
    };
    let well = order("o-1", json!({"flaky": true}));
    assert_eq!(well["status"], "SUCCEEDED", "{well}");
    assert_eq!((&well["output"][0]["emailSent"], &well["output"][2]["status"]), (&json!(true), &json!("created")));
    let history = host.flint(["workflow", "history", "order", "o-1"]).ok().stdout;
    assert_eq!(history.matches("Lambda.ServiceException").count(), 2, "{history}");
    let failed = json!(["FAILED", "OrderProcessingFailed", "Order could not be processed"]);
    for (id, more, left) in [
        ("o-2", json!({}), "1"),
        ("o-3", json!({"items": [{"productId": "mug", "quantity": 1}], "paymentMethod": "declined-card"}), "0"),
        ("o-4", json!({"items": []}), "0"),
    ] {
        let ended = order(id, more);
        assert_eq!(json!([ended["status"], ended["error"], ended["cause"]]), failed, "{ended}");
        assert_eq!(host.flint(["kv", "get", "inventory", "mug"]).ok().stdout.trim(), left, "{id}");
    }
    assert_eq!(host.admin().get("/v1/queues/outbox").expect(200).json()["waiting"], 1);
}
