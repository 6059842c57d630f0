//! Invocations that nobody waits for: accepted, tried, and what became of them, through the real binary.

use crate::harness::guest::{component, function};
use crate::harness::{Host, Launch, Run, eventually};
use http::Method;
use serde_json::{Value, json};

/// Functions that answer what they are sent, and one that takes longer than it may.
fn config(event: &str, probe: &str) -> Launch {
    let quick = "async-retry-delay = \"10ms\"\n";
    let sections = [
        function("event", &format!("{quick}{event}")),
        function("probe", &format!("{quick}cpu = \"20ms\"\nmemory = \"1GiB\"\n{probe}")),
        "[queue.told]\n".to_owned(),
    ];
    Launch::config(&sections.concat())
}

fn accept(host: &Host, function: &str, payload: &str) -> String {
    let path = format!("/v1/functions/{function}/invoke?async");
    let accepted = host.admin().send(Method::POST, &path, &[], payload.to_owned()).expect(202).json();
    accepted["invocation"].as_str().expect("an id").to_owned()
}

/// What became of an invocation, when it has come to its end.
fn end(host: &Host, id: &str) -> Value {
    eventually("an end", || {
        let mut status = host.admin().get(&format!("/v1/invocations/{id}")).expect(200).json();
        assert!(status.as_object_mut().and_then(|status| status.remove("expires_at_ms")).is_some());
        (status["status"] == "succeeded" || status["status"] == "failed").then_some(status)
    })
}

/// So many reports, when they have come.
fn told(host: &Host, count: usize) -> Vec<Value> {
    eventually("reports", || {
        let page = host.admin().get("/v1/queues/told/messages").expect(200).json();
        let body = |message: &Value| serde_json::from_str(message["value"].as_str().expect("text")).expect("JSON");
        let reports: Vec<_> = page["messages"].as_array().expect("messages").iter().map(body).collect();
        (reports.len() == count).then_some(reports)
    })
}

fn waiting(host: &Host, queue: &str) -> Value {
    host.admin().get(&format!("/v1/queues/{}", queue.replace('/', "%2F"))).expect(200).json()["waiting"].clone()
}

#[test]
fn an_invocation_is_accepted_at_once_and_its_answer_is_there_for_a_while() {
    let host = config("async-on-success = \"queue:told\"", "").start();
    let id = accept(&host, "event", "hi");
    assert_eq!(end(&host, &id), json!({"invocation": id, "status": "succeeded", "answer": "hi"}));
    let report = json!({"invocation": id, "function": "event", "attempts": 1, "status": "succeeded", "answer": "hi"});
    assert_eq!(told(&host, 1), [report]);
    let missing = host.admin().get("/v1/invocations/01ARZ3NDEKTSV4RRFFQ69G5FAV").expect(404).json();
    assert_eq!(missing["code"], "invoke/no-such-invocation");
    host.admin().send(Method::POST, "/v1/functions/nobody/invoke?async", &[], "").expect(404);
}

#[test]
fn what_was_accepted_is_handled_over_a_kill() {
    let host = config("", "").start();
    let ids: Vec<_> = (0..20).map(|index| accept(&host, "event", &index.to_string())).collect();
    let host = host.kill_and_restart();
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(end(&host, id)["answer"], index.to_string());
    }
}

#[test]
fn an_invocation_that_fails_is_tried_again_and_then_given_up() {
    let host = config("", "async-retries = 1").start();
    let slow = accept(&host, "probe", "fill 500000000");
    let message = "the function used up its CPU time of 20ms";
    let told = json!({"invocation": slow, "status": "failed", "error": "function/cpu-exceeded", "message": message});
    assert_eq!(end(&host, &slow), told);
    let count = "flint_invocations_total{function=\"probe\",trigger=\"invoke\",outcome=\"function/cpu-exceeded\"}";
    assert_eq!(host.metric(count), 2.0);
    let refused = accept(&host, "probe", "nonsense");
    assert_eq!(end(&host, &refused)["message"], "InvalidCommand: `fill N`, `scan` or `count`");
    assert_eq!(waiting(&host, "invoke/probe/dead"), 2, "nobody else is told, so both are dead letters");
}

#[test]
fn who_is_told_of_a_failure_may_be_a_function_too() {
    let host = config("async-on-success = \"queue:told\"", "async-on-failure = \"function:event\"").start();
    let id = accept(&host, "probe", "nonsense");
    assert_eq!(end(&host, &id)["status"], "failed");
    let report = told(&host, 1).remove(0);
    let answer: Value = serde_json::from_str(report["answer"].as_str().expect("text")).expect("JSON");
    assert_eq!((&answer["invocation"], &answer["error"]), (&json!(id), &json!("function/failed")));
    assert_eq!(waiting(&host, "invoke/probe/dead"), 0);
}

#[test]
fn an_invocation_that_is_too_old_is_given_up_unrun() {
    let launch = config("async-max-age = \"1ms\"", "");
    let (folder, data_dir) = (launch.folder().to_owned(), launch.data_dir());
    let flint = |words: &[&str]| -> Run {
        let mut args: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        args.extend(["--data-dir".into(), data_dir.clone().into()]);
        crate::harness::flint(&folder, args).ok()
    };
    let accepted = flint(&["invoke", "--async", "event", "--data", "late", "--json"]).json();
    let id = accepted["invocation"].as_str().expect("an id").to_owned();
    assert_eq!(flint(&["invoke", "--status", &id]).stdout.trim_end(), "queued");
    let host = launch.start();
    assert_eq!(end(&host, &id)["error"], "invoke/too-old");
    let printed = host.flint(["invoke", "--status", &id]).ok().stdout;
    assert_eq!(printed.trim_end(), "failed\tinvoke/too-old\tit was not done within 1ms");
}

#[test]
fn who_is_told_may_be_all_who_listen_to_a_topic() {
    let sections = [
        function("event", "async-on-success = \"topic:ended\"\nasync-retry-delay = \"10ms\"\n"),
        "[topic.ended]\n[queue.told]\n[queue.failed]\n".to_owned(),
        "[[subscription]]\ntopic = \"ended\"\nqueue = \"told\"\nfilter = { status = [\"succeeded\"] }\n".to_owned(),
        "[[subscription]]\ntopic = \"ended\"\nqueue = \"failed\"\nfilter = { status = [\"failed\"] }\n".to_owned(),
    ];
    let host = Launch::config(&sections.concat()).start();
    let id = accept(&host, "event", "hi");
    assert_eq!(end(&host, &id)["answer"], "hi");
    let report = told(&host, 1).remove(0);
    assert_eq!((&report["invocation"], &report["function"]), (&json!(id), &json!("event")));
    assert_eq!(waiting(&host, "failed"), 0);
}

/// How often a function was invoked.
fn invoked(host: &Host, function: &str) -> f64 {
    host.metric(&format!("flint_invocations_total{{function=\"{function}\",trigger=\"invoke\",outcome=\"ok\"}}"))
}

#[test]
fn a_destination_that_is_full_keeps_the_report_waiting_and_runs_nothing_again() {
    let event = function("event", "async-on-success = \"queue:told\"\nasync-retry-delay = \"10ms\"\n");
    let host = Launch::config(&format!("{event}[queue.told]\nlength-max = 1\n")).start();
    let ids = [accept(&host, "event", "first"), accept(&host, "event", "second")];
    for id in &ids {
        assert_eq!(end(&host, id)["status"], "succeeded");
    }
    let first = told(&host, 1).remove(0);
    // Long enough for some attempts to tell of the other one.
    std::thread::sleep(std::time::Duration::from_millis(300));
    host.admin().send(Method::POST, "/v1/queues/told/purge", &[], "").expect(200);
    let second = told(&host, 1).remove(0);
    let mut answers = [&first["answer"], &second["answer"]].map(|answer| answer.as_str().expect("text"));
    answers.sort_unstable();
    assert_eq!(answers, ["first", "second"]);
    assert_eq!(invoked(&host, "event"), 2.0);
}

#[test]
fn a_destination_that_is_small_is_told_without_the_answer_and_one_that_is_too_small_leaves_a_dead_letter() {
    let of = |name: &str, queue: &str| {
        let source = component("event");
        let keys = format!("async-on-success = \"queue:{queue}\"\nasync-retry-delay = \"10ms\"\n");
        format!("[function.{name}]\nsource = {source:?}\n{keys}")
    };
    let queues = "[queue.told]\nmessage-size-max = \"200B\"\n[queue.tiny]\nmessage-size-max = \"20B\"\n";
    let host = Launch::config(&format!("{}{}{queues}", of("one", "told"), of("other", "tiny"))).start();
    let (one, other) = (accept(&host, "one", &"x".repeat(200)), accept(&host, "other", ""));
    for id in [&one, &other] {
        assert_eq!(end(&host, id)["status"], "succeeded");
    }
    let report = json!({"invocation": one, "function": "one", "attempts": 1, "status": "succeeded"});
    assert_eq!(told(&host, 1), [report]);
    eventually("a dead letter", || (waiting(&host, "invoke/other/reports/dead") == 1).then_some(()));
    assert_eq!((invoked(&host, "one"), invoked(&host, "other")), (1.0, 1.0));
}

#[test]
fn a_fifo_queue_is_told_in_the_order_of_the_function() {
    let event = function("event", "async-on-success = \"queue:told\"\n");
    let host = Launch::config(&format!("{event}[queue.told]\norder = \"fifo\"\n")).start();
    let id = accept(&host, "event", "hi");
    assert_eq!(told(&host, 1)[0]["invocation"], json!(id));
    let page = host.admin().get("/v1/queues/told/messages").expect(200).json();
    assert_eq!(page["messages"][0]["group"], "event");
}

#[test]
fn functions_that_are_told_of_each_other_in_a_circle_come_to_an_end() {
    let event = function("event", "async-on-success = \"function:event\"\n");
    let host = Launch::config(&format!("{event}[limits]\ninvoke-depth-max = 3\n")).start();
    accept(&host, "event", "hi");
    eventually("a dead letter", || (waiting(&host, "invoke/event/reports/dead") == 1).then_some(()));
    assert_eq!(invoked(&host, "event"), 3.0);
    let dead = host.admin().get("/v1/queues/invoke%2Fevent%2Freports%2Fdead/messages").expect(200).json();
    let reason = dead["messages"][0]["death"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("`limits.invoke-depth-max`"), "{reason}");
}

#[test]
fn a_function_that_gains_its_handler_by_a_deployment_has_what_is_left_for_it() {
    let source = component("hello-02");
    let host = Launch::config(&format!("[function.greeter]\nsource = {source:?}\n")).start();
    let path = "/v1/functions/greeter/invoke?async";
    let refused = host.admin().send(Method::POST, path, &[], "Ada").expect(500).json();
    assert_eq!(refused["code"], "function/no-handler");
    let hello = component("hello");
    host.flint(["deploy", hello.to_str().expect("UTF-8"), "--function", "greeter"]).ok();
    let id = accept(&host, "greeter", "Ada");
    assert_eq!(end(&host, &id)["answer"], "Hello, Ada!\n");
}
