//! Key-value stores: what functions, commands and both drafts of the standard see of them, and that it stays.

use crate::harness::guest::{function, route};
use crate::harness::{Client, Host, Launch, Response, eventually};
use http::Method;
use serde_json::{Value, json};
use std::thread;

/// Both fixtures of `wasi:keyvalue`, on stores with these limits.
fn drafts(limits: &str) -> Host {
    let both = "config = { greeting = \"hello\", subject = \"world\" }\n\
                grants = { kv = { drafts = \"read-write\", shown = \"read\" } }";
    let sections = [
        function("kv-drafts", both),
        function("kv-drafts2", both),
        format!("[kv.drafts]\n{limits}\n[kv.shown]\n[kv.hidden]\n"),
    ];
    Launch::config(&sections.concat()).start()
}

/// What a fixture makes of a command: `ok` or `error`, and the value.
fn ask(host: &Host, function: &str, command: &Value) -> (String, Value) {
    let answer = host.invoke(function, command.to_string()).expect(200).json();
    let (verdict, value) = answer.as_object().and_then(|answer| answer.iter().next()).expect("a verdict");
    (verdict.clone(), value.clone())
}

/// The answer to a command on the store `drafts` that succeeds.
#[track_caller]
fn ok(host: &Host, function: &str, op: &str, mut command: Value) -> Value {
    command["op"] = op.into();
    if command["store"].is_null() {
        command["store"] = "drafts".into();
    }
    let (verdict, value) = ask(host, function, &command);
    assert_eq!(verdict, "ok", "{command}: {value}");
    value
}

/// The error of a command.
#[track_caller]
fn error(host: &Host, function: &str, command: &Value) -> Value {
    let (verdict, value) = ask(host, function, command);
    assert_eq!(verdict, "error", "{command}: {value}");
    value
}

#[test]
fn every_operation_of_both_drafts_does_what_it_says() {
    let host = drafts("");
    for draft in ["kv-drafts", "kv-drafts2"] {
        let key = |name: &str| format!("{draft}/{name}");
        let ok = |op: &str, command: Value| ok(&host, draft, op, command);
        assert_eq!(ok("get", json!({"key": key("a")})), Value::Null);
        assert_eq!(ok("exists", json!({"key": key("a")})), false);
        ok("set", json!({"key": key("a"), "value": "1"}));
        ok("set", json!({"key": key("a"), "value": "2"}));
        assert_eq!(ok("get", json!({"key": key("a")})), "2");
        assert_eq!(ok("exists", json!({"key": key("a")})), true);
        // A key that is not there is deleted with success.
        for _ in 0..2 {
            ok("delete", json!({"key": key("a")}));
        }
        assert_eq!(ok("get", json!({"key": key("a")})), Value::Null);
        for sum in [3, 6] {
            assert_eq!(ok("increment", json!({"key": key("counter"), "delta": 3})), sum);
        }
        ok("set-many", json!({"pairs": {key("b"): "x", key("c"): "y"}}));
        let many = ok("get-many", json!({"keys": [key("c"), key("none"), key("b")]}));
        assert_eq!((&many[0], &many[2]), (&json!([key("c"), "y"]), &json!([key("b"), "x"])));
        ok("delete-many", json!({"keys": [key("b"), key("c"), key("none")]}));
        assert_eq!(ok("exists", json!({"key": key("b")})), false);
        assert_eq!(ok("config-get", json!({"key": "greeting"})), "hello");
        assert_eq!(ok("config-get", json!({"key": "nothing"})), Value::Null);
    }
    // What is not there is told in different shapes.
    assert_eq!(ok(&host, "kv-drafts", "get-many", json!({"keys": ["none"]})), json!([null]));
    assert_eq!(ok(&host, "kv-drafts2", "get-many", json!({"keys": ["none"]})), json!([["none", null]]));
    // Only the second draft counts down. The first, which has no word for it, tells zero of what is below, and counts on.
    assert_eq!(ok(&host, "kv-drafts2", "increment", json!({"key": "below", "delta": -5})), -5);
    assert_eq!(ok(&host, "kv-drafts", "increment", json!({"key": "below", "delta": 2})), 0);
    assert_eq!(ok(&host, "kv-drafts", "increment", json!({"key": "below", "delta": 4})), 1);
    let all = ok(&host, "kv-drafts", "config-get-all", json!({}));
    assert!(all.to_string().contains("greeting") && all.to_string().contains("world"), "{all}");
}

#[test]
fn a_compare_and_swap_wins_only_if_nobody_wrote_meanwhile() {
    let host = drafts("");
    let cas = |command: Value| ok(&host, "kv-drafts2", "cas", command);
    let first = cas(json!({"key": "a", "value": "1"}));
    assert_eq!((&first["before"], &first["swapped"]), (&json!(null), &json!(true)), "{first}");
    let second = cas(json!({"key": "a", "value": "2"}));
    assert_eq!((&second["before"], &second["swapped"]), (&json!("1"), &json!(true)), "{second}");
    let beaten = cas(json!({"key": "a", "value": "3", "meanwhile": "x"}));
    assert_eq!((&beaten["swapped"], &beaten["now"]), (&json!(false), &json!("x")), "{beaten}");
    assert_eq!(ok(&host, "kv-drafts2", "get", json!({"key": "a"})), "x");
}

#[test]
fn a_listing_goes_on_where_its_page_ended() {
    let host = drafts("");
    let keys: Vec<String> = (0..2500).map(|n| format!("key-{n:05}")).collect();
    for hundred in keys.chunks(500) {
        let pairs: Value = hundred.iter().map(|key| (key.clone(), json!("v"))).collect();
        ok(&host, "kv-drafts", "set-many", json!({"pairs": pairs}));
    }
    for draft in ["kv-drafts", "kv-drafts2"] {
        let (mut listed, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let page = ok(&host, draft, "list-keys", json!({"cursor": cursor}));
            listed.extend(
                page["keys"].as_array().expect("a list").iter().map(|key| key.as_str().expect("text").to_owned()),
            );
            (cursor, pages) = (page["cursor"].clone(), pages + 1);
            if cursor.is_null() {
                break;
            }
        }
        assert!(pages > 1, "all came at once");
        assert!(listed == keys, "{draft} listed {} keys, or in another order", listed.len());
    }
}

#[test]
fn a_store_whose_pages_are_short_is_listed_and_scanned_all_the_same() {
    let host = drafts("scan-page-max = 2");
    for key in ["a", "b", "c", "d", "e"] {
        ok(&host, "kv-drafts", "set", json!({"key": key, "value": "v"}));
    }
    for draft in ["kv-drafts", "kv-drafts2"] {
        let page = ok(&host, draft, "list-keys", json!({"cursor": null}));
        assert_eq!((&page["keys"], page["cursor"].is_null()), (&json!(["a", "b"]), false), "{draft} {page}");
        let page = ok(&host, draft, "list-keys", json!({"cursor": page["cursor"]}));
        assert_eq!(page["keys"], json!(["c", "d"]), "{draft}");
    }
    let page = host.flint(["kv", "scan", "drafts", "--json"]).ok().json();
    assert!(page["items"].as_array().map(Vec::len) == Some(2) && page["cursor"].is_string(), "{page}");
}

#[test]
fn a_function_reads_and_writes_what_it_was_granted_and_nothing_else() {
    let host = drafts("");
    host.flint(["kv", "put", "shown", "a", "1"]).ok();
    for draft in ["kv-drafts", "kv-drafts2"] {
        assert_eq!(ok(&host, draft, "get", json!({"store": "shown", "key": "a"})), "1");
        for (op, rest) in [
            ("set", json!({"key": "a", "value": "2"})),
            ("delete", json!({"key": "a"})),
            ("increment", json!({"key": "n", "delta": 1})),
            ("set-many", json!({"pairs": {"a": "2"}})),
            ("delete-many", json!({"keys": ["a"]})),
        ] {
            let mut command = rest;
            command["op"] = op.into();
            command["store"] = "shown".into();
            assert_eq!(error(&host, draft, &command), "access-denied", "{command}");
        }
        for store in ["hidden", "nowhere", "Not a name"] {
            let refused = error(&host, draft, &json!({"op": "open", "store": store}));
            assert!(refused == "access-denied" || refused == "no-such-store", "{store}: {refused}");
        }
    }
    assert_eq!(host.flint(["kv", "get", "shown", "a"]).ok().stdout, "1");
}

#[test]
fn what_is_larger_than_a_store_takes_is_refused_with_the_limit() {
    let host = drafts("key-size-max = \"8B\"\nvalue-size-max = \"16B\"\nbatch-max = 3");
    ok(&host, "kv-drafts", "set", json!({"key": "12345678", "value": "1234567890123456"}));
    for (command, word) in [
        (json!({"op": "set", "key": "123456789", "value": ""}), "key"),
        (json!({"op": "set", "key": "", "value": ""}), "key"),
        (json!({"op": "set", "key": "a", "value": "12345678901234567"}), "value"),
        (json!({"op": "get", "key": "123456789"}), "key"),
        (json!({"op": "set-many", "pairs": {"a": "", "b": "", "c": "", "d": ""}}), "batch"),
    ] {
        let mut command = command;
        command["store"] = "drafts".into();
        for draft in ["kv-drafts", "kv-drafts2"] {
            let refused = error(&host, draft, &command);
            assert!(refused["other"].as_str().is_some_and(|text| text.contains(word)), "{command}: {refused}");
        }
    }
    // Of a batch that is refused, nothing is there.
    assert_eq!(ok(&host, "kv-drafts", "exists", json!({"key": "a"})), false);
    let key = host.flint(["kv", "put", "drafts", "123456789", "x", "--json"]);
    assert_eq!((key.code, &key.json()["error"]["code"]), (Some(1), &json!("kv/too-large")));
}

#[test]
fn what_was_acknowledged_is_there_after_the_host_was_killed() {
    let mut host = drafts("");
    for round in 0..3 {
        ok(&host, "kv-drafts", "set", json!({"key": format!("round-{round}"), "value": "kept"}));
        assert_eq!(ok(&host, "kv-drafts2", "increment", json!({"key": "rounds", "delta": 1})), round + 1);
        host.flint(["kv", "put", "hidden", "round", &round.to_string()]).ok();
        host = host.kill_and_restart();
        for past in 0..=round {
            assert_eq!(ok(&host, "kv-drafts2", "get", json!({"key": format!("round-{past}")})), "kept");
        }
        assert_eq!(host.flint(["kv", "get", "hidden", "round"]).ok().stdout, round.to_string());
    }
}

#[test]
fn what_a_function_wrote_a_command_reads_with_a_host_and_without_one() {
    let mut host = drafts("");
    ok(&host, "kv-drafts", "set", json!({"key": "by-function", "value": "f"}));
    host.flint(["kv", "put", "drafts", "by-command", "c"]).ok();
    assert_eq!(ok(&host, "kv-drafts", "get", json!({"key": "by-command"})), "c");
    let scanned = "by-command\tc\nby-function\tf\n";
    assert_eq!(host.flint(["kv", "scan", "drafts"]).ok().stdout, scanned);
    host.signal(rustix::process::Signal::TERM);
    host.wait();
    assert_eq!(host.flint(["kv", "scan", "drafts"]).ok().stdout, scanned);
    assert_eq!(host.flint(["kv", "get", "drafts", "by-function"]).ok().stdout, "f");
}

#[test]
fn an_entry_is_gone_when_its_time_is_over() {
    let host = drafts("");
    host.flint(["kv", "put", "drafts", "short", "x", "--ttl", "300ms"]).ok();
    host.flint(["kv", "put", "drafts", "long", "x", "--ttl", "1h"]).ok();
    eventually("the end of the entry", || (host.flint(["kv", "get", "drafts", "short"]).code == Some(1)).then_some(()));
    assert_eq!(ok(&host, "kv-drafts", "exists", json!({"key": "short"})), false);
    assert_eq!(ok(&host, "kv-drafts2", "list-keys", json!({}))["keys"], json!(["long"]));
}

fn shortener() -> Host {
    let sections = [
        function("shortener", "grants = { kv = { links = \"read-write\" } }"),
        route("/links", "shortener"),
        route("/links/{code}", "shortener"),
        route("/links/{code}/stats", "shortener"),
        "[kv.links]\n".to_owned(),
    ];
    Launch::config(&sections.concat()).start()
}

#[test]
fn a_short_link_leads_to_its_url_counts_visits_and_can_be_removed() {
    let host = shortener();
    let client = host.http();
    let url = "https://example.com/a/long/path?with=query";
    let created = client.post_json("/links", &json!({"url": url})).expect(201);
    let location = created.header("location").to_owned();
    assert_eq!(location, format!("/links/{}", created.json()["code"].as_str().expect("a code")));
    // The same URL has the same code; another one has another.
    assert_eq!(client.post_json("/links", &json!({"url": url})).expect(201).json(), created.json());
    let other = client.post_json("/links", &json!({"url": "https://example.com/b"})).expect(201).json();
    assert_ne!(other["code"], created.json()["code"]);
    for _ in 0..3 {
        assert_eq!(client.get(&location).expect(302).header("location"), url);
    }
    assert_eq!(client.send(Method::HEAD, &location, &[], "").expect(302).header("location"), url);
    let stats = client.get(&format!("{location}/stats")).expect(200).json();
    assert_eq!((&stats["url"], &stats["visits"]), (&json!(url), &json!(3)));
    client.send(Method::DELETE, &location, &[], "").expect(204);
    for (answer, status, code) in [
        (client.get(&location), 404, "shortener/unknown-link"),
        (client.get(&format!("{location}/stats")), 404, "shortener/unknown-link"),
        (client.send(Method::DELETE, &location, &[], ""), 404, "shortener/unknown-link"),
        (client.post_json("/links", &json!({"url": "ftp://example.com"})), 422, "shortener/invalid-url"),
    ] {
        let answer = answer.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code);
    }
    for body in ["no json", "{\"no\": \"url\"}"] {
        let answer = client.send(Method::POST, "/links", &[("content-type", "application/json")], body);
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    // Its own router says which methods there are.
    let refused = client.send(Method::PUT, &location, &[], "").expect(405);
    assert!(refused.header("allow").contains("DELETE"), "{refused:?}");
}

#[test]
fn visits_that_come_at_once_are_all_counted() {
    let host = shortener();
    let client = host.http();
    let created = client.post_json("/links", &json!({"url": "https://example.com/"})).expect(201);
    let location = created.header("location");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10).for_each(|_| drop(client.get(location).expect(302))));
        }
    });
    assert_eq!(client.get(&format!("{location}/stats")).expect(200).json()["visits"], 80);
}

#[test]
fn a_link_that_is_removed_while_others_use_it_keeps_its_code_and_leaves_no_count() {
    let host = shortener();
    let client = host.http();
    let make =
        || client.post_json("/links", &json!({"url": "https://example.com/"})).expect(201).json()["code"].clone();
    let code = make();
    let location = format!("/links/{}", code.as_str().expect("a code"));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..100).for_each(|_| assert_eq!(make(), code)));
            scope.spawn(|| (0..100).for_each(|_| drop(client.send(Method::DELETE, &location, &[], ""))));
            scope.spawn(|| (0..100).for_each(|_| drop(client.get(&location))));
        }
    });
    client.send(Method::DELETE, &location, &[], "");
    let left = host.flint(["kv", "scan", "links", "--json"]).ok().json();
    assert_eq!(left["items"], json!([]));
}

fn orders() -> Host {
    let order = function("order", "grants = { kv = { orders = \"read-write\" } }");
    let sections = [order, route("/orders", "order"), route("/orders/{id}", "order"), "[kv.orders]\n".to_owned()];
    Launch::config(&sections.concat()).start()
}

fn order(client: Client, key: Option<&str>, order: &Value) -> Response {
    let json = ("content-type", "application/json");
    let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().chain([json]).collect();
    client.send(Method::POST, "/orders", &headers, order.to_string())
}

#[test]
fn an_order_that_comes_32_times_at_once_is_one_order_with_one_answer() {
    let host = orders();
    let client = host.http();
    let mugs = json!({"items": [{"sku": "mug", "quantity": 2, "price": 950}]});
    for (key, new) in [(Some("k-1"), mugs.clone()), (None, json!({"orderId": "o-1", "items": mugs["items"]}))] {
        let new = &new;
        let answers: Vec<Response> = thread::scope(|scope| {
            let sending: Vec<_> = (0..32).map(|_| scope.spawn(move || order(client, key, new))).collect();
            sending.into_iter().map(|sent| sent.join().expect("an answer").expect(201)).collect()
        });
        let first = answers[0].json();
        assert_eq!((&first["total"], &first["status"]), (&json!(1900), &json!("created")));
        assert!(answers.iter().all(|answer| answer.json() == first), "{answers:?}");
        let created = answers.iter().filter(|answer| !answer.headers.contains_key("idempotent-replayed")).count();
        assert_eq!(created, 1, "so many say that they created it");
        let id = first["orderId"].as_str().expect("an id");
        assert_eq!(client.get(&format!("/orders/{id}")).expect(200).json(), first);
        // And when it is all over, once more.
        assert_eq!(order(client, key, new).expect(201).header("idempotent-replayed"), "true");
    }
    let page = host.flint(["kv", "scan", "orders", "--prefix", "order/", "--json"]).ok().json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
}

#[test]
fn an_order_that_makes_no_sense_is_refused_with_a_reason() {
    let host = orders();
    let client = host.http();
    let item = json!({"sku": "mug", "quantity": 1, "price": 1});
    order(client, Some("k"), &json!({"items": [item]})).expect(201);
    order(client, None, &json!({"orderId": "o", "items": [item]})).expect(201);
    for (key, new, status, code) in [
        (Some("k"), json!({"items": [item, item]}), 422, "order/key-reused"),
        (Some("other"), json!({"orderId": "o", "items": [item]}), 409, "order/exists"),
        (None, json!({"items": [item]}), 400, "order/no-key"),
        (Some("empty"), json!({"items": []}), 400, "order/invalid-items"),
        (None, json!({"orderId": "", "items": [item]}), 400, "order/invalid-id"),
    ] {
        let refused = order(client, key, &new).expect(status);
        assert_eq!(refused.json()["code"], code, "{new}");
    }
    assert_eq!(client.get("/orders/unknown").expect(404).json()["code"], "order/unknown");
}
