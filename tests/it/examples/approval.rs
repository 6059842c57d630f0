//! The approval of an order by a person: each way that it can end.

use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch, eventually, root};
use serde_json::{Value, json};
use std::fs;

/// A platform on which an approval waits for so many seconds, and for a heartbeat within so many, if it does.
fn platform(timeout: u32, heartbeat: Option<u32>) -> Host {
    let grants = "grants = { kv = { approvals = \"read-write\" }, workflow = { approval = \"start\" } }";
    let config = [
        function("approval-request", grants),
        route("/approvals", "approval-request"),
        route("/approvals/{id}", "approval-request"),
        "[kv.approvals]\n[workflow.approval]\ndefinition = \"approval.asl.json\"\n".to_owned(),
    ];
    let launch = Launch::config(&config.concat());
    let file = root().join("functions/approval-request/approval.asl.json");
    let mut definition: Value = serde_json::from_slice(&fs::read(file).expect("a definition")).expect("JSON");
    let state = definition["States"]["AskForApproval"].as_object_mut().expect("a state");
    state.insert("TimeoutSeconds".to_owned(), timeout.into());
    state.remove("HeartbeatSeconds");
    state.extend(heartbeat.map(|heartbeat| ("HeartbeatSeconds".to_owned(), heartbeat.into())));
    fs::write(launch.folder().join("approval.asl.json"), definition.to_string()).expect("written");
    launch.start()
}

/// Starts an approval, and waits until somebody can decide.
fn begin(host: &Host, id: &str) -> Value {
    let order = json!({"orderId": id, "amount": 900});
    let begun = host.http().post_json("/approvals", &order).expect(202).json();
    assert_eq!(begun["decideAt"], format!("/approvals/{id}"));
    eventually("an order that waits", || (host.http().get(&format!("/approvals/{id}")).status == 200).then_some(()));
    assert_eq!(host.http().get(&format!("/approvals/{id}")).json(), order);
    begun["execution"].clone()
}

fn decide(host: &Host, id: &str, decision: &Value, status: u16) {
    host.http().post_json(&format!("/approvals/{id}"), decision).expect(status);
}

/// What came of it.
fn output(host: &Host, id: &str) -> Value {
    let execution = eventually("an execution to end", || {
        let execution = host.flint(["workflow", "describe", "approval", id, "--json"]).ok().json();
        (execution["status"] != "RUNNING").then_some(execution)
    });
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    execution["output"].clone()
}

#[test]
fn an_order_is_approved_in_part_or_declined_by_the_first_who_decides() {
    let host = platform(600, Some(300));
    for (id, decision, expected) in [
        (
            "o-1",
            json!({"decision": "approve", "by": "Ada"}),
            json!({"orderId": "o-1", "status": "approved", "amount": 900, "by": "Ada"}),
        ),
        (
            "o-2",
            json!({"decision": "approve", "by": "Ada", "amount": 500}),
            json!({"orderId": "o-2", "status": "approved-in-part", "amount": 500, "by": "Ada"}),
        ),
        (
            "o-3",
            json!({"decision": "decline", "by": "Eve", "why": "too much"}),
            json!({"orderId": "o-3", "status": "declined", "why": "Eve: too much"}),
        ),
    ] {
        let execution = begin(&host, id);
        let again = host.http().post_json("/approvals", &json!({"orderId": id, "amount": 900})).expect(202).json();
        assert_eq!(again["execution"], execution, "the same order once");
        host.http().post_json("/approvals", &json!({"orderId": id, "amount": 1})).expect(409);
        decide(&host, id, &json!({"decision": "later", "by": "Eve"}), 200);
        decide(&host, id, &decision, 200);
        assert_eq!(output(&host, id), expected);
        decide(&host, id, &json!({"decision": "decline", "by": "Mallory", "why": "late"}), 404);
    }
    decide(&host, "nothing", &json!({"decision": "approve", "by": "Ada"}), 404);
    host.http().post_json("/approvals", &json!({"orderId": "o-4"})).expect(422);
}

#[test]
fn an_order_that_nobody_decides_about_expires() {
    for (timeout, heartbeat) in [(600, Some(1)), (1, None)] {
        let host = platform(timeout, heartbeat);
        begin(&host, "o-1");
        assert_eq!(output(&host, "o-1"), json!({"orderId": "o-1", "status": "expired"}));
        decide(&host, "o-1", &json!({"decision": "approve", "by": "Ada"}), 404);
        host.http().get("/approvals/o-1").expect(404);
    }
}
