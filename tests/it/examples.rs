//! The examples of the demo platform, as their READMEs tell one to try them.

mod approval;
mod images;
mod picture;
mod thumbnails;
mod travel;

use crate::harness::{Host, Launch, eventually};
use serde_json::{Value, json};

#[test]
fn cleanup_removes_what_nobody_has_used_for_a_while() {
    let host = Launch::platform().start();
    host.flint(["kv", "put", "sessions", "session/ada", r#"{"seen_at_ms": 1700000000000}"#]).ok();
    host.flint(["kv", "put", "sessions", "session/eve", r#"{"seen_at_ms": 4000000000000}"#]).ok();
    host.flint(["schedule", "run", "cleanup"]).ok();
    eventually("a session that is gone", || {
        (host.flint(["kv", "get", "sessions", "session/ada"]).code == Some(1)).then_some(())
    });
    host.flint(["kv", "get", "sessions", "session/eve"]).ok();
    eventually("a counter", || (host.admin().get("/v1/kv/sessions/removed").status == 200).then_some(()));
}

/// Starts a job, and waits for its results.
fn fan_out(host: &Host, numbers: &[u64]) -> Value {
    let started = host.http().post_json("/fan-out", &json!({ "numbers": numbers })).expect(202).json();
    assert_eq!(started["tasks"], numbers.len());
    let path = format!("/fan-out/{}", started["job"].as_str().expect("an id"));
    eventually("the results", || {
        let progress = host.http().get(&path).expect(200).json();
        progress["results"].is_array().then_some(progress)
    })
}

#[test]
fn fan_out_counts_each_task_once_and_has_the_results_in_order() {
    let host = Launch::platform().start();
    assert_eq!(fan_out(&host, &[10, 100, 1000]), json!({"done": 3, "tasks": 3, "results": [4, 25, 168]}));
    let numbers: Vec<u64> = (0..100).collect();
    let progress = fan_out(&host, &numbers);
    assert_eq!(progress["done"], 100);
    assert_eq!((&progress["results"][99], progress["results"].as_array().map(Vec::len)), (&json!(25), Some(100)));
    host.http().post_json("/fan-out", &json!({ "numbers": [] })).expect(422);
}

#[test]
fn db_writer_never_writes_more_than_two_at_once_whatever_comes() {
    let host = Launch::platform().start();
    let message = |id: u32| json!({ "value": json!({ "id": id.to_string(), "text": "a row" }).to_string() });
    let messages: Vec<Value> = (0..100).map(message).collect();
    host.admin().post_json("/v1/queues/writes/messages", &json!({ "messages": messages })).expect(200);
    let mut most = 0.0;
    eventually("all rows", || {
        most = f64::max(most, host.metric("flint_in_flight{function=\"db-writer\"}"));
        let page = host.admin().get("/v1/kv/database?prefix=row/&limit=1000").expect(200).json();
        (page["items"].as_array().map(Vec::len) == Some(100)).then_some(())
    });
    assert!((1.0..=2.0).contains(&most), "{most} at once");
}

#[test]
fn reports_are_asked_for_at_once_and_downloaded_when_they_are_written() {
    let host = Launch::platform().start();
    let order = json!({ "title": "squares", "lines": 1000 });
    let accepted = host.http().post_json("/reports", &order).expect(202);
    let place = accepted.header("location").to_owned();
    assert_eq!(accepted.json()["statusUrl"], place);
    let report = eventually("a report", || {
        let report = host.http().get(&place).expect(200).json();
        (report["status"] == "done").then_some(report)
    });
    let written = host.http().get(report["downloadUrl"].as_str().expect("a path")).expect(200);
    assert_eq!((written.header("content-type"), written.text().lines().count()), ("text/csv", 1001));
    assert!(written.text().ends_with("\n1000,1000000\n"));
    host.http().get("/reports/nothing").expect(404);
    host.http().post_json("/reports", &json!({ "title": "squares", "lines": 1_000_000 })).expect(422);
}
