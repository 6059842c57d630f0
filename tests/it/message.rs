//! The message door: what becomes of messages that a function handles, through the real binary.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The batch worker on a queue, with more lines for the trigger, the queue and the function.
fn worker(trigger: &str, queue: &str, more: &str) -> Launch {
    let grants = "grants = { kv = { results = \"read-write\" }, queue = { copies = \"send\" } }\ntimeout = \"5s\"\ncpu = \"2s\"\n";
    let sections = [
        function("batch", &format!("{grants}{more}")),
        format!("[kv.results]\n[queue.copies]\n[queue.jobs]\n{queue}\n"),
        format!("[[trigger]]\nqueue = \"jobs\"\nfunction = \"batch\"\nretry-delay = \"10ms\"\n{trigger}\n"),
    ];
    Launch::config(&sections.concat())
}

fn send(host: &Host, jobs: &[Value]) {
    let message = |job: &Value| {
        let mut message = json!({"value": job.to_string()});
        if let Some(group) = job.get("group") {
            message["group"] = group.clone();
        }
        if let Some(kind) = job.get("kind") {
            message["attributes"] = json!({"kind": kind});
        }
        message
    };
    let messages: Vec<_> = jobs.iter().map(message).collect();
    host.admin().post_json("/v1/queues/jobs/messages", &json!({"messages": messages})).expect(200);
}

fn job(id: impl ToString) -> Value {
    json!({"id": id.to_string(), "text": "one two three"})
}

fn troubled(id: &str, trouble: &str, times: Option<u32>) -> Value {
    json!({"id": id, "text": "one two", "trouble": trouble, "times": times})
}

/// Waits until nothing is left of the jobs.
fn wait_until_done(host: &Host) {
    eventually("an empty queue", || {
        let queue = host.admin().get("/v1/queues/jobs").expect(200).json();
        (queue["waiting"] == 0 && queue["hidden"] == 0).then_some(())
    });
}

/// What is kept of a job that is done.
fn result(host: &Host, id: &str) -> Option<Value> {
    let answer = host.admin().get(&format!("/v1/kv/results/job%2F{id}"));
    (answer.status == 200).then(|| serde_json::from_str(answer.json()["value"].as_str().expect("text")).expect("JSON"))
}

/// The counter that counts each job that is done.
fn done(host: &Host) -> i64 {
    let answer = host.admin().get("/v1/kv/results/done");
    if answer.status == 404 {
        return 0;
    }
    let item = answer.expect(200).json();
    let bytes = match (&item["value"], &item["value_base64"]) {
        (Value::String(text), _) => text.as_bytes().to_vec(),
        (_, Value::String(text)) => base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).expect("base 64"),
        other => panic!("{other:?}"),
    };
    i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// The bodies and reasons of the dead letters, by the job's id.
fn dead(host: &Host) -> Vec<(String, String)> {
    let page = host.admin().get("/v1/queues/jobs%2Fdead/messages").expect(200).json();
    let letter = |message: &Value| {
        let body: Value = serde_json::from_str(message["value"].as_str().expect("text")).unwrap_or_default();
        let reason = message["death"]["reason"].as_str().expect("a reason").to_owned();
        (body["id"].as_str().unwrap_or("?").to_owned(), reason)
    };
    let mut letters: Vec<_> = page["messages"].as_array().expect("messages").iter().map(letter).collect();
    letters.sort();
    letters
}

#[test]
fn jobs_are_handled_in_batches_and_each_counts_once() {
    let host = worker("", "", "").start();
    send(&host, &(0..100).map(job).collect::<Vec<_>>());
    wait_until_done(&host);
    assert_eq!(done(&host), 100);
    assert_eq!(result(&host, "42"), Some(json!({"words": 3, "attempts": 1})));
    assert_eq!(host.metric("flint_messages_total{queue=\"jobs\",outcome=\"done\"}"), 100.0);
    let batches = host.metric("flint_invocations_total{function=\"batch\",trigger=\"queue\",outcome=\"ok\"}");
    assert!((10.0..100.0).contains(&batches), "{batches} batches");
}

#[test]
fn of_a_batch_what_fails_comes_again_and_what_never_can_is_dead_lettered() {
    let host = worker("", "max-receives = 4", "").start();
    let empty = json!({"id": "empty", "text": ""});
    let jobs =
        [job("good"), troubled("twice", "fail", Some(2)), troubled("always", "fail", None), empty, json!("none")];
    send(&host, &jobs);
    wait_until_done(&host);
    assert_eq!(result(&host, "good"), Some(json!({"words": 3, "attempts": 1})));
    assert_eq!(result(&host, "twice"), Some(json!({"words": 2, "attempts": 3})));
    assert_eq!(result(&host, "always"), None, "what a failed job wrote is not there");
    assert_eq!(done(&host), 2, "the counter counts what is done, however often it was tried");
    let dead = dead(&host);
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["?", "always", "empty"]);
    assert_eq!(dead[1].1, "Busy: the counter of words is busy (received 4 times)");
    assert_eq!(dead[2].1, "ValidationError: the job empty has no text");
}

#[test]
fn of_a_batch_that_traps_or_hangs_only_the_culprit_is_dead_lettered() {
    let host = worker("batch-size = 4\nconcurrency = 1", "max-receives = 2", "").start();
    send(&host, &[job("a"), troubled("trap", "trap", None), job("b"), job("c")]);
    send(&host, &[troubled("spin", "spin", None), job("d")]);
    wait_until_done(&host);
    for id in ["a", "b", "c", "d"] {
        assert!(result(&host, id).is_some(), "{id}");
    }
    assert_eq!(done(&host), 4);
    let dead = dead(&host);
    assert_eq!(dead.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["spin", "trap"]);
    assert!(dead[0].1.contains("CPU time"), "{dead:?}");
    assert!(dead[1].1.contains("failed"), "{dead:?}");
}

#[test]
fn what_a_handler_sends_is_there_when_its_message_is_done_and_else_not() {
    let host = worker("", "max-receives = 2", "").start();
    let forward = |mut job: Value| {
        job["forward"] = "copies".into();
        job
    };
    send(
        &host,
        &[forward(job("a")), forward(troubled("never", "fail", None)), forward(troubled("late", "fail", Some(1)))],
    );
    wait_until_done(&host);
    let copies = host.admin().get("/v1/queues/copies/messages").expect(200).json();
    let mut ids: Vec<_> =
        copies["messages"].as_array().expect("messages").iter().map(|one| one["attributes"]["job"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["a", "late"]);
}

#[test]
fn without_a_transaction_each_call_counts_whatever_becomes_of_the_message() {
    let host = worker("transactional = false", "max-receives = 3", "").start();
    send(&host, &[troubled("trap", "trap", Some(2))]);
    wait_until_done(&host);
    assert_eq!(done(&host), 3, "it was tried three times, and counted each time");
}

#[test]
fn a_filter_leaves_out_what_the_function_does_not_want() {
    let host = worker("filter = { kind = [\"a\", { prefix = \"b\" }] }", "", "").start();
    let of = |id: &str, kind: &str| {
        let mut job = job(id);
        job["kind"] = kind.into();
        job
    };
    send(&host, &[of("1", "a"), of("2", "bc"), of("3", "c"), job("4")]);
    wait_until_done(&host);
    let there: Vec<_> = ["1", "2", "3", "4"].into_iter().filter(|id| result(&host, id).is_some()).collect();
    assert_eq!(there, ["1", "2"]);
    assert_eq!(host.metric("flint_messages_total{queue=\"jobs\",outcome=\"filtered\"}"), 2.0);
}

#[test]
fn in_a_group_the_rest_waits_for_a_message_that_failed() {
    let host = worker("", "order = \"fifo\"", "").start();
    let of = |mut job: Value, group: &str| {
        job["group"] = group.into();
        job
    };
    let mut jobs =
        vec![of(troubled("a1", "fail", Some(2)), "a"), of(job("a2"), "a"), of(job("b1"), "b"), of(job("a3"), "a")];
    jobs.extend((0..20).map(|n| of(job(format!("c{n}")), "c")));
    send(&host, &jobs);
    wait_until_done(&host);
    assert_eq!(done(&host), 24);
    assert_eq!(result(&host, "a1"), Some(json!({"words": 2, "attempts": 3})));
    assert_eq!(result(&host, "a2"), Some(json!({"words": 3, "attempts": 1})), "waiting is no attempt");
}

#[test]
fn a_host_that_is_killed_goes_on_where_it_was() {
    let mut host = worker("", "visibility = \"1s\"", "").start();
    send(&host, &(0..300).map(job).collect::<Vec<_>>());
    host = host.kill_and_restart();
    wait_until_done(&host);
    assert_eq!(done(&host), 300, "each job happened once");
    assert!(dead(&host).is_empty());
    assert!(host.stop().success());
}

#[test]
fn a_trigger_that_changes_is_followed_without_a_restart() {
    let launch = worker("filter = { kind = [\"none\"] }", "", "");
    let file = launch.folder().join("platform.toml");
    let host = launch.start();
    send(&host, &[job("before")]);
    wait_until_done(&host);
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, text.replace("filter = { kind = [\"none\"] }", "")).expect("written");
    host.signal(Signal::HUP);
    host.logged("the change", |line| line["message"] == "the change is served" && line["fields"]["triggers"] == true);
    send(&host, &[job("after")]);
    wait_until_done(&host);
    assert_eq!((result(&host, "before"), result(&host, "after").is_some()), (None, true));
    let triggers = host.admin().get("/v1/triggers").expect(200).json();
    let trigger = &triggers["triggers"][0];
    assert_eq!(
        (&trigger["queue"], &trigger["function"], &trigger["filter"]),
        (&json!("jobs"), &json!("batch"), &Value::Null)
    );
}

#[test]
fn every_number_of_a_trigger_is_told() {
    let host = worker("", "", "").start();
    let trigger = host.admin().get("/v1/triggers").expect(200).json()["triggers"][0].clone();
    let told = json!({
        "queue": "jobs", "function": "batch", "batch_size": 10, "batch_window_ms": 0, "concurrency": 10,
        "transactional": true, "filter": null, "retry_delay_ms": 10, "retry_delay_max_ms": 300_000,
    });
    assert_eq!(trigger, told);
}
