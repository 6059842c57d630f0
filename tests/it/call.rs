//! Functions that call each other, through the real binary.

use crate::harness::guest::component;
use crate::harness::{Host, Launch, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Two functions that may call each other, and one that neither may call. Of each, with further lines.
fn config(here: &str, there: &str) -> Launch {
    let grants = "grants = { invoke = { here = \"call\", there = \"call\", gone = \"call\" } }";
    let function = |name: &str, lines: &str| format!("[function.{name}]\nsource = {:?}\n{lines}\n", component("relay"));
    let none = "grants = { invoke = {} }";
    let hello = format!("[function.gone]\nsource = {:?}\ngrants = {{ kv = {{}} }}\n", component("order"));
    Launch::config(&format!(
        "{}{}{}{hello}",
        function("here", &format!("{grants}\n{here}")),
        function("there", &format!("{grants}\n{there}")),
        function("nobody", none)
    ))
}

fn ask(host: &Host, function: &str, task: &Value) -> (u16, Value) {
    let answer = host.invoke(function, task.to_string());
    (answer.status.as_u16(), answer.json())
}

/// What a call of another function fails with.
fn refusal(host: &Host, function: &str, task: &Value) -> String {
    let (status, answer) = ask(host, function, task);
    assert!(status >= 500, "{answer}");
    answer["detail"].as_str().expect("text").split(':').next().unwrap_or_default().to_owned()
}

fn call(to: &str, task: &Value) -> Value {
    json!({"do": "call", "to": to, "task": task})
}

#[test]
fn a_function_calls_another_which_is_an_invocation_of_its_own_in_the_same_trace() {
    let host = config("timeout = \"2s\"", "").start();
    let (status, answer) = ask(&host, "here", &call("there", &json!({"do": "answer"})));
    assert_eq!((status, &answer["function"]), (200, &json!("there")));
    let records = host.admin().get("/v1/invocations?function=there").expect(200).json();
    assert!(records.to_string().contains(answer["invocation"].as_str().expect("an id")), "{records}");
    let trace = |function: &str| {
        let told = host.admin().get(&format!("/v1/invocations?function={function}")).expect(200).json();
        told["invocations"][0]["trace"].as_str().map(str::to_owned)
    };
    let callers = eventually("the caller's record", || trace("here"));
    assert_eq!(trace("there"), Some(callers));
    let remaining = answer["remaining"].as_u64().expect("a number");
    assert!(remaining <= 2000, "as long as the caller may run, not its own 30 s: {remaining}");
}

#[test]
fn a_call_that_fails_says_how() {
    let host =
        config("timeout = \"2s\"", "concurrency = 1\nqueue-timeout = \"50ms\"\nresponse-size-max = \"1KiB\"").start();
    for (function, task, expected) in [
        ("here", call("nobody", &json!({"do": "answer"})), "Denied"),
        ("nobody", call("here", &json!({"do": "answer"})), "Denied"),
        ("here", call("gone", &json!({"do": "answer"})), "NoSuchFunction"),
        ("here", json!({"do": "send", "to": "gone", "task": {"do": "answer"}}), "InvokeError"),
        ("here", call("there", &json!({"do": "fail"})), "AsAsked"),
        ("here", call("there", &json!({"do": "trap"})), "Trapped"),
        ("here", call("there", &json!({"do": "fill", "bytes": 2000})), "TooLarge"),
        // It holds the only place that it waits for.
        ("there", call("there", &json!({"do": "answer"})), "Unavailable"),
    ] {
        assert_eq!(refusal(&host, function, &task), expected, "{function} {task}");
    }
}

#[test]
fn a_call_ends_with_its_caller() {
    let host = config("timeout = \"300ms\"", "timeout = \"60s\"").start();
    let began = Instant::now();
    let (status, answer) = ask(&host, "here", &call("there", &json!({"do": "sleep", "ms": 50_000})));
    assert_eq!((status, &answer["code"]), (504, &json!("function/timed-out")));
    host.wait_for_running("there", 0.0);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn functions_that_call_each_other_in_a_circle_are_stopped() {
    let host = config("", "").start();
    assert_eq!(refusal(&host, "here", &json!({"do": "circle", "with": ["there", "here"]})), "TooDeep");
    let count = |name: &str| {
        host.metric(&format!(
            "flint_invocations_total{{function=\"{name}\",trigger=\"invoke\",outcome=\"function/failed\"}}"
        ))
    };
    assert_eq!(count("here") + count("there"), 17.0, "one that began it, and sixteen calls");
}

#[test]
fn what_is_left_for_later_is_done_and_a_circle_of_that_is_stopped_too() {
    let host = config("async-retries = 0", "").start();
    let (_, id) = ask(&host, "here", &json!({"do": "send", "to": "there", "task": {"do": "answer"}}));
    let path = format!("/v1/invocations/{}", id.as_str().expect("an id"));
    let done = eventually("an end", || {
        let status = host.admin().get(&path).expect(200).json();
        (status["status"] == "succeeded").then_some(status)
    });
    assert!(done["answer"].as_str().is_some_and(|answer| answer.contains(id.as_str().expect("an id"))), "{done}");
    ask(&host, "here", &json!({"do": "rounds", "me": "here"}));
    eventually("a dead letter", || {
        let dead = host.admin().get("/v1/queues/invoke%2Fhere%2Fdead").expect(200).json();
        (dead["waiting"] == 1).then_some(())
    });
    let count = |outcome: &str| {
        host.metric(&format!("flint_invocations_total{{function=\"here\",trigger=\"invoke\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!(
        (count("ok"), count("function/failed")),
        (17.0, 1.0),
        "the first call, the one by hand, and sixteen more"
    );
}

#[test]
fn what_is_left_in_a_transaction_that_does_not_happen_is_not_done() {
    let host = config("", "").start();
    let task = json!({"do": "send-and-take-back", "to": "there", "task": {"do": "answer"}});
    assert_eq!(refusal(&host, "here", &task), "TakenBack");
    let waiting = host.admin().get("/v1/queues/invoke%2Fthere").expect(200).json();
    assert_eq!((&waiting["waiting"], &waiting["hidden"]), (&json!(0), &json!(0)), "{waiting}");
    let count = "flint_invocations_total{function=\"there\",trigger=\"invoke\",outcome=\"ok\"}";
    assert_eq!(host.metric(count), 0.0);
}

#[test]
fn a_function_that_is_called_by_hand_without_a_host_may_call_others_too() {
    let launch = config("", "");
    let (folder, data_dir) = (launch.folder().to_owned(), launch.data_dir());
    let task = call("there", &json!({"do": "answer"})).to_string();
    let args: [std::ffi::OsString; 6] =
        ["invoke".into(), "here".into(), "--data".into(), task.into(), "--data-dir".into(), data_dir.into()];
    let answer: Value = serde_json::from_str(&crate::harness::flint(&folder, args).ok().stdout).expect("JSON");
    assert_eq!(answer["function"], "there");
}
