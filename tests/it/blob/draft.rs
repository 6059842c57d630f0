//! `wasi:blobstore`: what a component that knows nothing of flint does with buckets.

use crate::harness::guest::function;
use crate::harness::{Host, Launch};
use http::Method;
use serde_json::{Value, json};

const BUCKETS: &str = "[bucket.drafts]\nblob-size-max = \"40MB\"\n[bucket.shown]\n[bucket.hidden]\n";

fn drafts(lines: &str) -> Host {
    let grants = "grants = { blob = { drafts = \"read-write\", shown = \"read\" } }\n";
    Launch::config(&(function("blob-drafts", &format!("{grants}{lines}")) + BUCKETS)).start()
}

/// What the fixture makes of a command: the value, or the error.
fn ask(host: &Host, op: &str, mut command: Value) -> Result<Value, String> {
    command["op"] = op.into();
    if command["bucket"].is_null() {
        command["bucket"] = "drafts".into();
    }
    let answer = host.invoke("blob-drafts", command.to_string()).expect(200).json();
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["ok"].clone()),
    }
}

#[track_caller]
fn ok(host: &Host, op: &str, command: Value) -> Value {
    ask(host, op, command).expect(op)
}

#[track_caller]
fn refused(host: &Host, op: &str, command: Value, because: &str) {
    let error = ask(host, op, command).expect_err(op);
    assert!(error.contains(because), "{op}: {error}");
}

#[test]
fn every_operation_of_the_draft_does_what_it_says() {
    let host = drafts("");
    for first in ["body", "object"] {
        ok(&host, "write", json!({"key": first, "value": "some text", "first": first}));
        for how in ["sync", "stream"] {
            let read = |start: u64, end: u64| {
                let found = ok(&host, "read", json!({"key": first, "how": how, "start": start, "end": end}));
                assert_eq!(found["size"], found["text"].as_str().map_or(0, str::len), "{found}");
                found["text"].clone()
            };
            assert_eq!([read(0, 8), read(5, 6), read(5, u64::MAX), read(9, 9)], ["some text", "te", "text", ""]);
        }
    }
    ok(&host, "write", json!({"key": "empty", "value": ""}));
    assert_eq!(ok(&host, "read", json!({"key": "empty"})), json!({"size": 0, "text": ""}));
    let info = ok(&host, "info", json!({"key": "body"}));
    assert_eq!((&info["name"], &info["container"], &info["size"]), (&json!("body"), &json!("drafts"), &json!(9)));
    assert!(info["created_at"].as_u64().is_some_and(|seconds| (1_500_000_000..10_000_000_000).contains(&seconds)));
    ok(&host, "copy", json!({"key": "body", "to": "copied"}));
    ok(&host, "move", json!({"key": "object", "to": "moved"}));
    ok(&host, "move", json!({"key": "moved", "to": "moved"}));
    let has = |key: &str| ok(&host, "has", json!({ "key": key }));
    assert_eq!(["body", "copied", "object", "moved"].map(has), [true, true, false, true].map(Value::from));
    assert_eq!(ok(&host, "read", json!({"key": "moved"}))["text"], "some text");
    // What is not there is deleted with success.
    ok(&host, "delete", json!({"keys": ["body", "none", "body"]}));
    assert_eq!(ok(&host, "list", json!({}))["names"], json!(["copied", "empty", "moved"]));
    assert_eq!((ok(&host, "open", json!({})), ok(&host, "exists", json!({}))), (json!("drafts"), json!(true)));
}

#[test]
fn what_is_not_there_or_not_granted_or_up_to_the_platform_is_refused_in_words() {
    let host = drafts("");
    refused(&host, "read", json!({"key": "none"}), "there is no object none");
    refused(&host, "info", json!({"key": "none"}), "there is no object none");
    refused(&host, "copy", json!({"key": "none", "to": "a"}), "there is no object none");
    refused(&host, "open", json!({"bucket": "hidden"}), "no read grant for the bucket \"hidden\"");
    refused(&host, "write", json!({"bucket": "shown", "key": "a", "value": "x"}), "no read-write grant");
    refused(&host, "create", json!({"bucket": "fresh"}), "[bucket.fresh]");
    refused(&host, "remove", json!({}), "removed from platform.toml");
    refused(&host, "clear", json!({}), "list its objects and delete them");
    ok(&host, "write", json!({"key": "a", "value": "x"}));
    for to in ["shown", "hidden"] {
        refused(&host, "copy", json!({"key": "a", "to": "a", "to_bucket": to}), "no read-write grant");
        refused(&host, "move", json!({"key": "a", "to": "a", "to_bucket": to}), "no read-write grant");
    }
    let exists = |bucket: &str| ok(&host, "exists", json!({ "bucket": bucket }));
    assert_eq!(["drafts", "shown", "hidden", "none"].map(exists), [true, true, false, false].map(Value::from));
}

#[test]
fn a_value_that_is_not_finished_leaves_what_was_there() {
    let host = drafts("");
    ok(&host, "write", json!({"key": "a", "value": "before"}));
    for first in ["body", "object"] {
        ok(&host, "write", json!({"key": "a", "value": "half", "first": first, "finish": false}));
        assert_eq!(ok(&host, "read", json!({"key": "a"}))["text"], "before");
    }
}

#[test]
fn content_streams_both_ways_and_is_held_within_bounds_until_it_knows_where_it_goes() {
    let host = drafts("memory = \"8MiB\"\n");
    ok(&host, "fill", json!({"key": "large", "size": 30_000_000}));
    assert_eq!(ok(&host, "check", json!({"key": "large"})), 30_000_000);
    ok(&host, "fill", json!({"key": "early", "size": 2_000_000, "first": "body"}));
    assert_eq!(ok(&host, "check", json!({"key": "early"})), 2_000_000);
    refused(&host, "fill", json!({"key": "none", "size": 30_000_000, "first": "body"}), "call `write-data` before");
    refused(&host, "fill", json!({"key": "none", "size": 50_000_000}), "too large");
    refused(&host, "read", json!({"key": "large"}), "consume them as a stream");
    assert_eq!(ok(&host, "has", json!({"key": "none"})), false);
}

#[test]
fn names_come_in_their_order_a_page_at_a_time() {
    let host = drafts("");
    let names: Vec<String> = (0..1100).map(|n| format!("name-{n:05}")).collect();
    std::thread::scope(|scope| {
        for names in names.chunks(100) {
            let admin = host.admin();
            scope.spawn(move || {
                for name in names {
                    admin.send(Method::PUT, &format!("/v1/buckets/drafts/{name}"), &[], "x").expect(200);
                }
            });
        }
    });
    for (skip, most) in [(0, 1_000_000), (0, 300), (7, 1000), (1050, 10), (5000, 10)] {
        let listed = ok(&host, "list", json!({"skip": skip, "most": most}));
        let left = &names[skip.min(names.len())..];
        assert_eq!(listed["skipped"], skip.min(names.len()));
        assert!(listed["names"] == json!(left), "behind {skip}, {most} at a time");
        assert!(listed["reads"].as_u64() >= Some(left.len() as u64 / most), "{listed}");
    }
}
