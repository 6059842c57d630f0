//! Work that happens once under a key, through the real binary.

use crate::harness::guest::function;
use crate::harness::{Host, Launch};
use serde_json::{Value, json};
use std::thread;

fn host() -> Host {
    let function = function("transfer", "grants = { kv = { accounts = \"read-write\" } }\n");
    let host = Launch::config(&format!("{function}[kv.accounts]\n")).start();
    host.flint(["kv", "put", "accounts", "alice", "100"]).ok();
    host
}

fn transfer(host: &Host, id: &str, amount: u64) -> (u16, Value) {
    let order = json!({"from": "alice", "to": "bob", "amount": amount, "id": id});
    let answer = host.invoke("transfer", order.to_string());
    (answer.status.as_u16(), answer.json())
}

fn balance(host: &Host, name: &str) -> String {
    host.flint(["kv", "get", "accounts", name]).ok().stdout.trim_end().to_owned()
}

#[test]
fn what_is_asked_for_again_is_answered_again_and_done_once() {
    let host = host();
    let first = transfer(&host, "t-1", 30);
    assert_eq!(first, (200, json!({"from": 70, "to": 30})));
    assert_eq!(transfer(&host, "t-1", 30), first);
    let host = host.kill_and_restart();
    assert_eq!(transfer(&host, "t-1", 30), first);
    assert_eq!(transfer(&host, "t-2", 30), (200, json!({"from": 40, "to": 60})));
    assert_eq!(balance(&host, "alice"), "40");
}

#[test]
fn work_that_failed_leaves_nothing_behind_and_is_done_by_who_comes_next() {
    let host = host();
    let (_, refused) = transfer(&host, "t-1", 130);
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.starts_with("NotCovered")), "{refused}");
    assert_eq!(transfer(&host, "t-1", 30), (200, json!({"from": 70, "to": 30})));
}

#[test]
fn of_many_who_ask_at_once_one_does_the_work_and_the_others_wait_or_have_its_answer() {
    let host = host();
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| transfer(&host, "t-1", 30))).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    let done = answers.iter().filter(|(status, _)| *status == 200).count();
    assert!(done >= 1, "{answers:?}");
    for (status, answer) in &answers {
        let is_answer = *answer == json!({"from": 70, "to": 30});
        let is_busy = answer["detail"] == "IdempotencyError: another one does this work now";
        assert!(if *status == 200 { is_answer } else { is_busy }, "{answer}");
    }
    assert_eq!((balance(&host, "alice"), balance(&host, "bob")), ("70".to_owned(), "30".to_owned()));
}
