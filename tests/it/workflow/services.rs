//! What tasks call that is no function: items of a store, event buses, activities and other workflows.

use super::ended;
use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// A platform with these sections, and workflows by their names.
pub(super) fn platform(sections: &str, workflows: &[(&str, Value)]) -> Launch {
    let named = workflows.iter().map(|(name, _)| format!("[workflow.{name}]\ndefinition = \"{name}.asl.json\"\n"));
    let launch = Launch::config(&(sections.to_owned() + &named.collect::<String>()));
    for (name, definition) in workflows {
        fs::write(launch.folder().join(format!("{name}.asl.json")), definition.to_string()).expect("written");
    }
    launch
}

/// States that follow each other, each a task of an integration with these arguments, whose result is kept under the state's name.
fn tasks(all: &[(&str, &str, Value)]) -> Value {
    let mut states = serde_json::Map::new();
    for (index, (name, integration, arguments)) in all.iter().enumerate() {
        let mut state = json!({"Type": "Task", "Resource": format!("arn:aws:states:::{integration}"),
            "Parameters": arguments, "ResultPath": format!("$.{name}")});
        match all.get(index + 1) {
            Some((next, ..)) => state["Next"] = json!(next),
            None => state["End"] = json!(true),
        }
        states.insert((*name).to_owned(), state);
    }
    json!({"StartAt": all[0].0, "States": states})
}

fn start(host: &Host, workflow: &str, name: &str, input: &Value) {
    host.flint(["workflow", "start", workflow, "--name", name, "--input", &input.to_string()]).ok();
}

/// Starts an execution of `steps`, and waits for its end.
fn run(host: &Host, name: &str, input: &Value) -> Value {
    start(host, "steps", name, input);
    ended(host, name)
}

/// The types of the events of an execution of `steps`.
fn events(host: &Host, name: &str) -> Vec<String> {
    let history = host.flint(["workflow", "history", "steps", name, "--json"]).ok().json();
    let events = history["events"].as_array().expect("events").iter();
    events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

#[test]
fn tasks_put_get_update_and_delete_items_of_a_store_and_a_condition_that_fails_is_caught() {
    let id = json!({"pk": {"S.$": "$.pk"}, "sk": {"N": "7"}});
    let table = |more: Value| {
        let mut arguments = json!({ "TableName": "orders" });
        arguments.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        arguments
    };
    let mut steps = tasks(&[
        (
            "Put",
            "dynamodb:putItem",
            table(json!({
                "Item": {"pk": {"S.$": "$.pk"}, "sk": {"N": "7"}, "total": {"N": "10"}, "tags": {"SS": ["a", "b"]}},
                "ConditionExpression": "attribute_not_exists(pk)",
            })),
        ),
        (
            "Update",
            "dynamodb:updateItem",
            table(json!({
                "Key": id, "UpdateExpression": "SET total = total + :more", "ReturnValues": "ALL_NEW",
                "ExpressionAttributeValues": {":more": {"N": "5"}},
            })),
        ),
        ("Get", "dynamodb:getItem", table(json!({"Key": id, "ProjectionExpression": "total"}))),
        ("Delete", "dynamodb:deleteItem", table(json!({"Key": id, "ReturnValues": "ALL_OLD"}))),
        ("Gone", "dynamodb:getItem", table(json!({ "Key": id }))),
    ]);
    let caught = "DynamoDB.ConditionalCheckFailedException";
    steps["States"]["Put"]["Catch"] = json!([{"ErrorEquals": [caught], "Next": "Taken", "ResultPath": "$.why"}]);
    steps["States"]["Taken"] = json!({"Type": "Pass", "End": true});
    let host = platform("[kv.orders]\nkey = [\"pk\", \"sk\"]\n", &[("steps", steps)]).start();

    let ended = run(&host, "new", &json!({"pk": "a/b"}));
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let output = &ended["output"];
    let item = json!({"pk": {"S": "a/b"}, "sk": {"N": "7"}, "total": {"N": "15"}, "tags": {"SS": ["a", "b"]}});
    assert_eq!((&output["Update"]["Attributes"], &output["Delete"]["Attributes"]), (&item, &item), "{output}");
    assert_eq!(output["Get"]["Item"], json!({"total": {"N": "15"}}));
    assert_eq!(output["Gone"].get("Item"), None, "{output}");
    assert_eq!(host.flint(["kv", "scan", "orders", "--json"]).ok().json()["items"], json!([]));

    host.flint(["kv", "put", "orders", "c/7", "{\"total\": 1}"]).ok();
    let ended = run(&host, "taken", &json!({"pk": "c"}));
    assert_eq!((&ended["status"], &ended["output"]["why"]["Error"]), (&json!("SUCCEEDED"), &json!(caught)), "{ended}");
    assert_eq!(host.flint(["kv", "get", "orders", "c/7"]).ok().stdout.trim(), "{\"total\": 1}", "it is as it was");
}

#[test]
fn tasks_that_add_to_one_item_at_once_lose_nothing() {
    let add = json!({"TableName": "orders", "Key": {"id": {"S": "sum"}}, "UpdateExpression": "ADD total :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}}});
    let adds = tasks(&[("A", "dynamodb:updateItem", add.clone()), ("B", "dynamodb:updateItem", add)]);
    let each = json!({"Type": "Map", "End": true, "ItemProcessor": adds, "OutputPath": "$.length()"});
    let steps = json!({"StartAt": "Each", "States": {"Each": each}});
    let host = platform("[kv.orders]\nkey = \"id\"\n", &[("steps", steps)]).start();
    let items: Vec<_> = (0..60).map(|at| json!({ "at": at })).collect();
    let ended = run(&host, "one", &json!(items));
    assert_eq!(json!([ended["status"], ended["output"]]), json!(["SUCCEEDED", 60]), "{ended}");
    let item: Value = serde_json::from_str(&host.flint(["kv", "get", "orders", "sum"]).ok().stdout).expect("JSON");
    assert_eq!(item["total"], 120, "{item}");
}

#[test]
fn events_go_to_the_topic_of_their_bus_and_from_there_to_whom_they_are_for() {
    let entry = |bus: Value, kind: &str| {
        let mut entry = json!({"Source": "shop", "DetailType": kind, "Detail": {"id.$": "$.id"}});
        if !bus.is_null() {
            entry["EventBusName"] = bus;
        }
        entry
    };
    let put = |entries: Value| ("Put", "events:putEvents", json!({ "Entries": entries }));
    let mut steps = tasks(&[put(json!([
        entry(json!("arn:aws:events:us-east-1:1:event-bus/orders"), "order.placed"),
        entry(json!("orders"), "order.dropped"),
        entry(Value::Null, "any"),
    ]))]);
    steps["States"]["Put"]["ResultPath"] = json!("$");
    let fails = tasks(&[put(json!([entry(json!("orders"), "order.placed"), entry(json!("nowhere"), "any")]))]);
    let passes = json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}});
    let sections = "[topic.orders]\n[topic.default]\n\
        [[trigger]]\ntopic = \"orders\"\nworkflow = \"placed\"\nfilter = { source = [\"shop\"], detail-type = [\"order.placed\"] }\n\
        [[trigger]]\ntopic = \"default\"\nworkflow = \"rest\"\n";
    let workflows = [("steps", steps), ("fails", fails), ("placed", passes.clone()), ("rest", passes)];
    let host = platform(sections, &workflows).start();
    let output = run(&host, "one", &json!({"id": "o-1"}))["output"].clone();
    assert_eq!((&output["FailedEntryCount"], output["Entries"].as_array().map(Vec::len)), (&json!(0), Some(3)));
    for (workflow, entry, kind) in [("placed", 0, "order.placed"), ("rest", 2, "any")] {
        let listed = eventually("an execution that the event started", || {
            let listed = host.flint(["workflow", "list", workflow, "--json"]).ok().json();
            let done = listed["executions"].as_array().is_some_and(|all| !all.is_empty());
            done.then_some(listed)
        });
        assert_eq!(listed["executions"].as_array().map(Vec::len), Some(1), "{listed}");
        let event = &listed["executions"][0]["input"]["body"];
        assert_eq!(event["id"], output["Entries"][entry]["EventId"], "{event}");
        let told = json!([event["source"], event["detail-type"], event["detail"], event["resources"]]);
        assert_eq!(told, json!(["shop", kind, {"id": "o-1"}, []]));
    }

    // All of them or none: the first one would have gone to `placed`.
    start(&host, "fails", "one", &json!({"id": "o-2"}));
    let failed = eventually("it to fail", || {
        let failed = host.flint(["workflow", "describe", "fails", "one", "--json"]).ok().json();
        (failed["status"] != "RUNNING").then_some(failed)
    });
    assert_eq!(json!([failed["status"], failed["error"]]), json!(["FAILED", "EventBridge.FailedEntry"]), "{failed}");
    let listed = host.flint(["workflow", "list", "placed", "--json"]).ok().json();
    assert_eq!(listed["executions"].as_array().map(Vec::len), Some(1), "{listed}");
}

/// A task of the activity `reviewOrder`, whose queue is `review-order`.
fn reviews(more: &Value) -> Launch {
    let catch = |error: &str, next: &str| json!({"ErrorEquals": [error], "Next": next, "ResultPath": "$.caught"});
    let mut review = json!({"Type": "Task", "Resource": "arn:aws:states:us-east-1:1:activity:reviewOrder", "End": true,
        "Catch": [catch("Declined", "Declined")]});
    review.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let steps = json!({"StartAt": "Review", "States": {"Review": review, "Declined": {"Type": "Pass", "End": true}}});
    platform("[queue.review-order]\n", &[("steps", steps)])
}

/// The task that a worker takes, which waits until there is one.
fn work(host: &Host) -> Value {
    host.flint(["workflow", "work", "reviewOrder", "--worker", "Ada", "--wait", "30s", "--json"]).ok().json()
}

#[test]
fn a_worker_takes_tasks_of_an_activity_and_ends_them() {
    let host = reviews(&json!({})).start();
    let nothing = host.flint(["workflow", "work", "reviewOrder", "--json"]).ok().json();
    assert_eq!(nothing, json!({"task_token": null, "input": null}));
    start(&host, "steps", "well", &json!({"n": 1}));
    let task = work(&host);
    assert_eq!(task["input"], json!({"n": 1}));
    assert_eq!(host.flint(["workflow", "work", "reviewOrder"]).ok().stdout, "", "nobody else gets it");
    let token = task["task_token"].as_str().expect("a token");
    host.flint(["workflow", "tell", token, "--output", "{\"by\": \"Ada\"}"]).ok();
    let well = ended(&host, "well");
    assert_eq!(json!([well["status"], well["output"]]), json!(["SUCCEEDED", {"by": "Ada"}]));
    let told = host.flint(["workflow", "history", "steps", "well", "--json"]).ok().json();
    let started = told["events"].as_array().expect("events").iter().find(|event| event["type"] == "ActivityStarted");
    assert_eq!(started.expect("it was taken")["activityStartedEventDetails"]["workerName"], "Ada");

    // By the management API, and over the end of the host.
    start(&host, "steps", "declined", &json!({"n": 2}));
    let take = |host: &Host| host.admin().post_json("/v1/activities/reviewOrder/task", &json!({"wait_ms": 30_000}));
    let task = take(&host).expect(200).json();
    let host = host.kill_and_restart();
    let told = json!({"token": task["task_token"], "error": "Declined", "cause": "too dear"});
    host.admin().post_json("/v1/workflow-tasks", &told).expect(200);
    let declined = ended(&host, "declined");
    assert_eq!(declined["output"]["caught"], json!({"Error": "Declined", "Cause": "too dear"}), "{declined}");
    let late = host.admin().post_json("/v1/workflow-tasks", &told).expect(404);
    assert_eq!(late.json()["code"], "workflow/no-such-task");
    let none = host.admin().post_json("/v1/activities/other/task", &json!({})).expect(404);
    assert_eq!(none.json()["code"], "workflow/no-such-activity");
}

#[test]
fn a_worker_that_is_not_heard_of_loses_its_task_and_one_that_is_slow_too() {
    let host = reviews(&json!({"TimeoutSeconds": 600, "HeartbeatSeconds": 2})).start();
    start(&host, "steps", "silent", &json!({}));
    start(&host, "steps", "beats", &json!({}));
    let tasks = [work(&host), work(&host)];
    let token = |name: &str| {
        let of = |task: &&Value| {
            let token = task["task_token"].as_str().expect("a token");
            let read = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, token).expect("base 64");
            read.ends_with(format!(":{name}").as_bytes())
        };
        tasks.iter().find(of).expect("a task")["task_token"].as_str().expect("a token").to_owned()
    };
    let beats = token("beats");
    let silent = eventually("the silent one to fail", || {
        host.flint(["workflow", "tell", &beats]).ok();
        let silent = host.flint(["workflow", "describe", "steps", "silent", "--json"]).ok().json();
        (silent["status"] != "RUNNING").then_some(silent)
    });
    assert_eq!(json!([silent["status"], silent["error"]]), json!(["FAILED", "States.HeartbeatTimeout"]), "{silent}");
    assert!(events(&host, "silent").contains(&"ActivityTimedOut".to_owned()));
    host.flint(["workflow", "tell", &beats, "--output", "1"]).ok();
    assert_eq!(ended(&host, "beats")["output"], 1);

    let host = reviews(&json!({"TimeoutSeconds": 1})).start();
    let begun = Instant::now();
    start(&host, "steps", "slow", &json!({}));
    let task = work(&host);
    let slow = ended(&host, "slow");
    assert_eq!(json!([slow["status"], slow["error"]]), json!(["FAILED", "States.Timeout"]), "{slow}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let late =
        host.flint(["workflow", "tell", task["task_token"].as_str().expect("a token"), "--output", "1", "--json"]);
    assert_eq!(late.json()["error"]["code"], "workflow/no-such-task");
}

/// A workflow `steps` that starts `other` in this way.
fn starts(pattern: &str) -> Launch {
    let arguments = json!({"StateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:other", "Input.$": "$",
        "Name.$": "States.Format('of-{}', $$.Execution.Name)"});
    let mut steps = tasks(&[("Start", &format!("states:startExecution{pattern}"), arguments)]);
    let catch = json!([{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught", "ResultPath": "$.caught"}]);
    steps["States"]["Start"]["Catch"] = catch;
    steps["States"]["Start"]["ResultPath"] = json!("$");
    steps["States"]["Caught"] = json!({"Type": "Pass", "End": true});
    let relay = json!({"Type": "Task", "Resource": "relay", "InputPath": "$.task", "End": true});
    let other = json!({"StartAt": "Do", "States": {"Do": relay}});
    platform(&function("relay", "grants = { invoke = {} }\n"), &[("steps", steps), ("other", other)])
}

#[test]
fn an_execution_waits_for_another_and_its_failure_is_caught() {
    let host = starts(".sync:2").start();
    let well = run(&host, "well", &json!({"task": {"do": "sleep", "ms": 20}}));
    assert_eq!(well["status"], "SUCCEEDED", "{well}");
    let told = &well["output"];
    assert_eq!(json!([told["Output"], told["Status"], told["Name"]]), json!([20, "SUCCEEDED", "of-well"]), "{told}");
    assert_eq!(told["Input"], json!({"task": {"do": "sleep", "ms": 20}}));

    let failed = run(&host, "failed", &json!({"task": {"do": "fail"}}));
    let caught = &failed["output"]["caught"];
    let cause: Value = serde_json::from_str(caught["Cause"].as_str().expect("a cause")).expect("JSON");
    let told = json!([caught["Error"], cause["Error"], cause["Status"], cause["Name"]]);
    assert_eq!(told, json!(["States.TaskFailed", "AsAsked", "FAILED", "of-failed"]), "{failed}");

    // Stopped with who waits for it.
    start(&host, "steps", "stopped", &json!({"task": {"do": "sleep", "ms": 60_000}}));
    let other = |name: &str| host.flint(["workflow", "describe", "other", name, "--json"]);
    eventually("the other one to run", || (other("of-stopped").code == Some(0)).then_some(()));
    host.flint(["workflow", "stop", "steps", "stopped"]).ok();
    eventually("the other one to be stopped", || {
        (other("of-stopped").ok().json()["status"] == "ABORTED").then_some(())
    });

    // One of its name is there: the execution is not made the parent of somebody else's.
    start(&host, "other", "of-late", &json!({"task": {"do": "sleep", "ms": 1}}));
    let late = run(&host, "late", &json!({"task": {"do": "sleep", "ms": 1}}));
    assert_eq!(late["output"]["caught"]["Error"], "StepFunctions.ExecutionAlreadyExistsException", "{late}");
}

#[test]
fn an_execution_that_only_starts_another_does_not_wait_for_it() {
    let host = starts("").start();
    let began = run(&host, "one", &json!({"task": {"do": "fail"}}));
    assert_eq!(began["status"], "SUCCEEDED", "{began}");
    assert_eq!(began["output"]["ExecutionArn"], "arn:aws:states:local:000000000000:execution:other:of-one");
    let failed = eventually("the other one to fail", || {
        let other = host.flint(["workflow", "describe", "other", "of-one", "--json"]).ok().json();
        (other["status"] != "RUNNING").then_some(other)
    });
    assert_eq!(json!([failed["status"], failed["error"]]), json!(["FAILED", "AsAsked"]));
}

#[test]
fn an_execution_that_failed_is_drawn_with_what_became_of_its_states() {
    let task = |what: Value| json!({"Type": "Task", "Resource": "relay", "Parameters": what, "ResultPath": null});
    let with = |mut state: Value, more: Value| {
        state.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        state
    };
    let caught = json!([{"ErrorEquals": ["AsAsked"], "Next": "Last", "ResultPath": "$.caught"}]);
    let steps = json!({"StartAt": "First", "States": {
        "First": with(task(json!({"do": "answer"})), json!({"Next": "Caught"})),
        "Caught": with(task(json!({"do": "fail"})), json!({"Catch": caught, "Next": "Never"})),
        "Last": with(task(json!({"do": "fail"})), json!({"Next": "Never"})),
        "Never": {"Type": "Succeed"}}});
    let host = platform(&function("relay", "grants = { invoke = {} }\n"), &[("steps", steps)]).start();
    assert_eq!(run(&host, "one", &json!({}))["status"], "FAILED");
    let drawn =
        |format: &str| host.flint(["workflow", "graph", "steps", "--execution", "one", "--format", format]).ok().stdout;
    let text = drawn("text");
    for line in ["✔ First (Task)", "↷ Caught (Task)", "✘ Last (Task)", "• Never (Succeed)"] {
        assert!(text.lines().any(|drawn| drawn == line), "{line} is not in\n{text}");
    }
    let mermaid = drawn("mermaid");
    for (name, class) in
        [("✔ First", ":::succeeded"), ("↷ Caught", ":::caught"), ("✘ Last", ":::failed"), ("Never", "\"]")]
    {
        let line = mermaid.lines().find(|line| line.contains(&format!("[\"{name}<br/>")));
        assert!(line.is_some_and(|line| line.ends_with(class)), "{name} is not {class} in\n{mermaid}");
    }
    let svg = drawn("svg");
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"), "{svg}");
    // Colours of what succeeded, was caught, failed and was not reached.
    for colour in ["#dcfce7", "#ffedd5", "#fee2e2", "#f8fafc"] {
        assert_eq!(svg.matches(&format!("fill=\"{colour}\"")).count(), 1, "{colour} in\n{svg}");
    }
    let none = host.flint(["workflow", "graph", "steps", "--execution", "two", "--json"]);
    assert_eq!(none.json()["error"]["code"], "workflow/no-such-execution");
}
