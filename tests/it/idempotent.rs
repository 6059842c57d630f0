//! Work that happens once under a key, through the real binary.

use crate::harness::guest::{function, route};
use crate::harness::{Client, Host, Launch, Response, eventually};
use http::Method;
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

/// A host whose function tells which invocation answers.
fn keeper(lines: &str) -> Host {
    let route = route("/once/{ms}", "misbehave") + &format!("idempotency = {{ {lines} }}\n");
    let function = function("misbehave", "secrets = {}\noutbound = []\ntimeout = \"5s\"\n");
    Launch::config(&(function + &route)).start()
}

fn post(client: Client, path: &str, key: &str, body: &str) -> Response {
    client.send(Method::POST, path, &[("idempotency-key", key)], body.to_owned())
}

fn is_replayed(answer: &Response) -> bool {
    answer.headers.contains_key("idempotent-replayed")
}

#[test]
fn a_request_with_a_key_is_done_once_and_answered_as_before_also_after_a_kill() {
    let host = keeper("");
    let first = post(host.http(), "/once/0?bytes=200", "\"k-1\"", "one").expect(201);
    let again = post(host.http(), "/once/0?bytes=200", "k-1", "one").expect(201);
    assert_eq!((is_replayed(&first), is_replayed(&again)), (false, true));
    assert_eq!((first.header("x-done-by"), first.text()), (again.header("x-done-by"), again.text()));
    assert_ne!(first.header("flint-invocation-id"), again.header("flint-invocation-id"));
    let host = host.kill_and_restart();
    let again = post(host.http(), "/once/0?bytes=200", "k-1", "one").expect(201);
    assert_eq!(first.header("x-done-by"), again.header("x-done-by"));
    for (path, body) in [("/once/0?bytes=200", "two"), ("/once/0?bytes=201", "one"), ("/once/1?bytes=200", "one")] {
        let other = post(host.http(), path, "k-1", body).expect(422).json();
        assert_eq!(other["code"], "http/idempotency-mismatch", "{path} {body}");
    }
    let other = post(host.http(), "/once/0?bytes=200", "k-2", "one").expect(201);
    assert_ne!(first.header("x-done-by"), other.header("x-done-by"));
    let keyless = || host.http().send(Method::POST, "/once/0", &[], "one").expect(201);
    assert_ne!(keyless().header("x-done-by"), keyless().header("x-done-by"));
}

#[test]
fn of_requests_that_come_at_once_one_is_done_and_the_others_are_asked_to_wait() {
    let host = keeper("");
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = || post(host.http(), "/once/1000", "k", "body");
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    let (done, waiting): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((done.len(), waiting.len()), (1, 7));
    for answer in waiting {
        let answer = answer.expect(409);
        assert_eq!((answer.header("retry-after"), &answer.json()["code"]), ("1", &json!("http/idempotency-running")));
    }
    let later = post(host.http(), "/once/1000", "k", "body").expect(201);
    assert_eq!(later.header("x-done-by"), done[0].header("x-done-by"));
    host.wait_for_outcome("misbehave", "ok", 1.0);
}

#[test]
fn what_a_client_no_longer_waits_for_is_done_all_the_same_and_it_may_come_for_the_answer() {
    let host = keeper("");
    let mut gone = host.http().connect();
    let head = "POST /once/500 HTTP/1.1\r\nhost: h\r\nidempotency-key: k\r\ncontent-length: 1\r\n\r\nx";
    std::io::Write::write_all(&mut gone, head.as_bytes()).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    drop(gone);
    let answer = eventually("an answer", || {
        let answer = post(host.http(), "/once/500", "k", "x");
        (answer.status == 201).then_some(answer)
    });
    assert!(is_replayed(&answer));
    host.wait_for_outcome("misbehave", "ok", 1.0);
}

#[test]
fn a_request_that_died_with_its_host_is_done_anew_by_the_next_one() {
    let host = keeper("");
    let mut cut = host.http().connect();
    let head = "POST /once/4000 HTTP/1.1\r\nhost: h\r\nidempotency-key: k\r\ncontent-length: 1\r\n\r\nx";
    std::io::Write::write_all(&mut cut, head.as_bytes()).expect("sent");
    host.wait_for_running("misbehave", 1.0);
    let host = host.kill_and_restart();
    assert!(!is_replayed(&post(host.http(), "/once/4000", "k", "x").expect(201)));
}

#[test]
fn a_function_that_fails_may_be_asked_again_and_what_is_too_large_is_done_and_not_kept() {
    let host = keeper("answer-size-max = \"1KiB\"");
    for (query, status) in [("status=503", 503), ("trap", 500)] {
        let ask = || post(host.http(), &format!("/once/0?{query}"), query, "x").expect(status);
        assert!(!is_replayed(&ask()) && !is_replayed(&ask()), "{query}");
    }
    let refused = || post(host.http(), "/once/0?status=404", "refused", "x").expect(404);
    assert_eq!((is_replayed(&refused()), is_replayed(&refused())), (false, true), "that is an answer");
    assert_eq!(post(host.http(), "/once/0?bytes=2000", "large", "x").expect(201).text().len(), 2000);
    let lost = post(host.http(), "/once/0?bytes=2000", "large", "x").expect(409).json();
    assert_eq!(lost["code"], "http/idempotency-answer-lost");
    host.logged("which setting", |line| line.to_string().contains("idempotency.answer-size-max"));
}

#[test]
fn a_route_may_ask_for_a_key_and_forgets_it_in_time() {
    let host = keeper("required = true, kept = \"500ms\"");
    let refused = host.http().send(Method::POST, "/once/0", &[], "").expect(400).json();
    assert_eq!(refused["code"], "http/no-idempotency-key");
    let refused = post(host.http(), "/once/0", "\"open", "").expect(400).json();
    assert_eq!(refused["code"], "http/bad-idempotency-key");
    let first = post(host.http(), "/once/0", "k", "x").expect(201);
    let anew = eventually("another answer", || {
        let answer = post(host.http(), "/once/0", "k", "x").expect(201);
        (answer.header("x-done-by") != first.header("x-done-by")).then_some(answer)
    });
    assert!(!is_replayed(&anew));
}
