//! What functions do with workflows: the function `foreman` starts executions, looks at them, stops them and ends their tasks.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use serde_json::{Value, json};
use std::fs;
use std::thread;

/// A state that hands its token to the queue `letters`, and waits.
fn asks(more: &Value) -> Value {
    let mut ask = json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
        "Parameters": {"QueueUrl": "letters", "MessageBody": {"token.$": "$$.Task.Token"}}});
    ask.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({"StartAt": "Ask", "States": {"Ask": ask}})
}

/// A platform with the function, which may do all with `steps`, end tasks of `told` and look at `shown`, and nothing with `secret`.
fn platform(steps: &Value, more: &str) -> Launch {
    let grants =
        "grants = { workflow = { steps = \"start\", told = \"callback\", shown = \"read\", gone = \"start\" } }";
    let workflows = ["steps", "told", "shown", "secret", "gone"]
        .map(|name| format!("[workflow.{name}]\ndefinition = \"{name}.asl.json\"\n"))
        .concat();
    let trigger = "[queue.jobs]\n[[trigger]]\nqueue = \"jobs\"\nfunction = \"foreman\"\n";
    let launch = Launch::config(&format!("{}{workflows}[queue.letters]\n{trigger}{more}", function("foreman", grants)));
    for name in ["steps", "told", "shown", "secret", "gone"] {
        fs::write(launch.folder().join(format!("{name}.asl.json")), steps.to_string()).expect("written");
    }
    launch
}

/// What the function answers, or the name of its error.
fn ask(host: &Host, task: &Value) -> Value {
    let answer = host.invoke("foreman", task.to_string());
    match answer.status.as_u16() {
        200 => answer.json(),
        _ => answer.json()["detail"].as_str().expect("text").split(':').next().unwrap_or_default().into(),
    }
}

fn start(name: &str, input: &Value) -> Value {
    json!({"do": "start", "workflow": "steps", "name": name, "input": input})
}

fn describe(host: &Host, id: &Value) -> Value {
    ask(host, &json!({"do": "describe", "id": id}))
}

/// An execution, when it has ended, as the function sees it.
fn ended(host: &Host, id: &Value) -> Value {
    eventually("an execution to end", || {
        let execution = describe(host, id);
        (execution["status"] != "running").then_some(execution)
    })
}

fn listed(host: &Host, workflow: &str) -> Vec<Value> {
    let listed = host.flint(["workflow", "list", workflow, "--json"]).ok().json();
    listed["executions"].as_array().expect("executions").clone()
}

/// The token in the next letter.
fn token(host: &Host) -> String {
    let letter = eventually("a letter", || {
        let received = host.flint(["queue", "receive", "letters", "--ack", "--json"]).ok().json();
        received["messages"].get(0).cloned()
    });
    let body: Value = serde_json::from_str(letter["value"].as_str().expect("a text")).expect("JSON");
    body["token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_function_starts_an_execution_once_by_its_name_looks_at_it_and_stops_another() {
    let host = platform(&asks(&json!({})), "").start();
    let id = ask(&host, &start("one", &json!({"n": 1})));
    assert_eq!(id, "arn:aws:states:local:000000000000:execution:steps:one");
    assert_eq!(ask(&host, &start("one", &json!({"n": 1}))), id);
    assert_eq!(ask(&host, &start("one", &json!({"n": 2}))), "Conflict");
    let running = json!({"id": id, "workflow": "steps", "status": "running", "output": null, "stopped": false});
    assert_eq!(describe(&host, &id), running);
    ask(&host, &json!({"do": "succeed", "token": token(&host), "output": [1, "two"]}));
    let succeeded =
        json!({"id": id, "workflow": "steps", "status": "succeeded", "output": [1, "two"], "stopped": true});
    assert_eq!(ended(&host, &id), succeeded);
    assert_eq!(ask(&host, &start("one", &json!({"n": 1}))), id, "one that has ended too");
    assert_eq!(ask(&host, &json!({"do": "stop", "id": id})), json!(null));
    assert_eq!(describe(&host, &id), succeeded, "it stays as it is");

    for round in 0..10 {
        let task = start(&format!("race-{round}"), &json!({}));
        let ids: Vec<Value> = thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(&host, &task))).collect();
            starts.into_iter().map(|start| start.join().expect("an answer")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0] && id.as_str().is_some_and(|id| id.starts_with("arn:"))), "{ids:?}");
    }

    let unnamed = json!({"do": "start", "workflow": "steps", "name": null, "input": {}});
    let (second, third) = (ask(&host, &unnamed), ask(&host, &unnamed));
    assert_ne!(second, third);
    ask(&host, &json!({"do": "stop", "id": second}));
    assert_eq!(ended(&host, &second)["status"], "aborted");
    assert_eq!(describe(&host, &third)["status"], "running");
    assert_eq!(listed(&host, "steps").len(), 13);
}

#[test]
fn what_is_not_granted_or_breaks_a_rule_is_refused_by_its_case() {
    let host = platform(&asks(&json!({})), "").start();
    let id = |workflow: &str| format!("arn:aws:states:local:000000000000:execution:{workflow}:one");
    for name in ["steps", "told", "shown", "secret"] {
        host.flint(["workflow", "start", name, "--name", "one"]).ok();
    }
    let of = |workflow: &str| json!({"do": "start", "workflow": workflow, "name": "two", "input": {}});
    let text = |text: &str| json!({"do": "start-text", "workflow": "steps", "text": text});
    let to = |what: &str, id: &str| json!({"do": what, "id": id});
    // A token is of the execution that it says; whether it is one of its tasks' is not asked before the grant.
    let made_up = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, format!("1.5.{}", id("secret")));
    for (task, expected) in [
        (of("secret"), "Denied"),
        (of("nowhere"), "Denied"),
        (of("shown"), "Denied"),
        (of("told"), "Denied"),
        (to("describe", &id("secret")), "Denied"),
        (to("describe", &id("told")), "Denied"),
        (to("stop", &id("shown")), "Denied"),
        (to("stop", &id("secret")), "Denied"),
        (json!({"do": "beat", "token": made_up}), "Denied"),
        (to("describe", &id("steps").replace("one", "other")), "NoSuchExecution"),
        (to("describe", "one"), "NoSuchExecution"),
        (to("describe", ""), "NoSuchExecution"),
        (to("stop", &id("steps").replace("one", "other")), "NoSuchExecution"),
        (start("no name", &json!({})), "Invalid"),
        (start("", &json!({})), "Invalid"),
        (start(&"x".repeat(81), &json!({})), "Invalid"),
        (text("{"), "Invalid"),
        (text(""), "Invalid"),
        (text(&"[".repeat(200_000)), "Invalid"),
        (start("large", &"x".repeat(256 * 1024).into()), "TooLarge"),
    ] {
        assert_eq!(ask(&host, &task), expected, "{}", &task.to_string()[..task.to_string().len().min(200)]);
    }
    assert_eq!(describe(&host, &id("shown").into())["status"], "running");
    let fits = ask(&host, &start("just-fits", &"x".repeat(256 * 1024 - 2).into()));
    assert_eq!(fits, id("steps").replace("one", "just-fits"));
    let names: Vec<_> = listed(&host, "steps").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["just-fits", "one"]);
    for name in ["shown", "told", "secret"] {
        assert_eq!(listed(&host, name).len(), 1, "{name}");
    }
}

#[test]
fn what_is_started_in_a_transaction_starts_with_it_or_not_at_all() {
    let host = platform(&asks(&json!({})), "").start();
    let task = |what: &str, name: &str| json!({"do": what, "workflow": "steps", "name": name, "input": {}});
    assert_eq!(ask(&host, &task("start-and-take-back", "never")), "TakenBack");
    let together = ask(&host, &task("start-together", "once"));
    assert_eq!(together["ids"][0], together["ids"][1], "{together}");
    assert_eq!(together["described"]["status"], "running", "the transaction sees it");
    token(&host);
    let message = |name: &str, fails: bool| {
        let body = json!({"workflow": "steps", "name": name, "input": {}, "fails": fails});
        json!({"messages": [{"value": body.to_string()}]})
    };
    host.admin().post_json("/v1/queues/jobs/messages", &message("failed", true)).expect(200);
    eventually("a dead letter", || {
        (host.admin().get("/v1/queues/jobs%2Fdead").expect(200).json()["waiting"] == 1).then_some(())
    });
    host.admin().post_json("/v1/queues/jobs/messages", &message("done", false)).expect(200);
    token(&host);
    let names: Vec<_> = listed(&host, "steps").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["done", "once"]);
}

#[test]
fn a_task_goes_on_by_what_a_function_sends_back_with_its_token() {
    let catch = json!({"Catch": [{"ErrorEquals": ["Declined"], "Next": "Caught"}], "TimeoutSeconds": 600});
    let mut steps = asks(&catch);
    steps["States"]["Caught"] = json!({"Type": "Pass", "End": true});
    let host = platform(&steps, "").start();
    let id = ask(&host, &start("well", &json!({})));
    let well = token(&host);
    assert_eq!(ask(&host, &json!({"do": "beat", "token": well})), json!(null));
    assert_eq!(ask(&host, &json!({"do": "succeed", "token": well, "output": "x".repeat(256 * 1024)})), "TooLarge");
    ask(&host, &json!({"do": "succeed", "token": well, "output": {"by": "Ada"}}));
    assert_eq!(ended(&host, &id)["output"], json!({"by": "Ada"}));

    let id = ask(&host, &start("declined", &json!({})));
    let declined = token(&host);
    ask(&host, &json!({"do": "fail", "token": declined, "error": "Declined"}));
    assert_eq!(ended(&host, &id)["output"], json!({"Error": "Declined", "Cause": "as asked"}));

    let id = ask(&host, &start("failed", &json!({})));
    ask(&host, &json!({"do": "fail", "token": token(&host), "error": "Broken"}));
    let failed = ended(&host, &id);
    assert_eq!((&failed["status"], &failed["output"]), (&json!("failed"), &json!(["Broken", "as asked"])));

    ask(&host, &start("open", &json!({})));
    let open = token(&host);
    let read = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &open).expect("base 64");
    let read = String::from_utf8(read).expect("UTF-8");
    let mut parts: Vec<_> = read.split('.').collect();
    parts[1] = "5eed";
    let guessed = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, parts.join("."));
    for token in [well.as_str(), declined.as_str(), guessed.as_str(), "nonsense", ""] {
        for task in [
            json!({"do": "succeed", "token": token, "output": 1}),
            json!({"do": "fail", "token": token, "error": "Broken"}),
            json!({"do": "beat", "token": token}),
        ] {
            assert_eq!(ask(&host, &task), "NoSuchExecution", "{task}");
        }
    }
    host.flint(["workflow", "start", "told", "--name", "one"]).ok();
    ask(&host, &json!({"do": "succeed", "token": token(&host), "output": 1}));
    eventually("the other workflow to go on by a grant for callbacks", || {
        (listed(&host, "told")[0]["status"] == "SUCCEEDED").then_some(())
    });
}

#[test]
fn a_heartbeat_keeps_a_task_waiting() {
    let host = platform(&asks(&json!({"TimeoutSeconds": 600, "HeartbeatSeconds": 2})), "").start();
    let (kept, left) = (ask(&host, &start("kept", &json!({}))), ask(&host, &start("left", &json!({}))));
    let tokens = [token(&host), token(&host)];
    let of = |name: &str| {
        let is_of = |token: &&String| {
            let read = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, token).expect("base 64");
            read.ends_with(format!(":{name}").as_bytes())
        };
        tokens.iter().find(is_of).expect("a token").clone()
    };
    let beat = json!({"do": "beat", "token": of("kept")});
    let failed = eventually("the other one to fail", || {
        ask(&host, &beat);
        let execution = describe(&host, &left);
        (execution["status"] != "running").then_some(execution)
    });
    assert_eq!(failed["output"][0], "States.HeartbeatTimeout", "{failed}");
    assert_eq!(describe(&host, &kept)["status"], "running");
    ask(&host, &json!({"do": "succeed", "token": of("kept"), "output": "in time"}));
    assert_eq!(ended(&host, &kept)["output"], "in time");
}

#[test]
fn a_workflow_whose_function_starts_it_again_is_stopped_and_is_one_trace() {
    let task = json!({"StartAt": "Again", "States": {"Again": {"Type": "Task", "End": true, "Resource": "foreman"}}});
    let host = platform(&task, "[limits]\ninvoke-depth-max = 3\n").start();
    assert!(ask(&host, &json!({"do": "circle", "workflow": "steps"})).is_string());
    let ended = eventually("the last of them to fail", || {
        let executions = listed(&host, "steps");
        executions.iter().all(|one| one["status"] != "RUNNING").then_some(executions).filter(|all| all.len() == 3)
    });
    let failed: Vec<_> = ended.iter().filter(|one| one["status"] == "FAILED").collect();
    assert_eq!((failed.len(), &failed[0]["error"]), (1, &json!("Invalid")), "{ended:?}");
    let told = eventually("the records of the call by hand and of three tasks", || {
        let told = host.admin().get("/v1/invocations?function=foreman").expect(200).json();
        told["invocations"].as_array().filter(|all| all.len() == 4).cloned()
    });
    let traces: Vec<_> = told.iter().map(|one| one["trace"].as_str().expect("a trace")).collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
}

#[test]
fn what_a_function_starts_without_a_host_runs_when_there_is_one() {
    let launch = platform(&json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}), "");
    let (folder, data_dir) = (launch.folder().to_owned(), launch.data_dir());
    let task = start("one", &json!({"n": 1})).to_string();
    let args: [std::ffi::OsString; 6] =
        ["invoke".into(), "foreman".into(), "--data".into(), task.into(), "--data-dir".into(), data_dir.into()];
    let id: Value = serde_json::from_str(&crate::harness::flint(&folder, args).ok().stdout).expect("JSON");
    let host = launch.start();
    assert_eq!(ended(&host, &id)["output"], json!({"n": 1}));
}
