//! Changes of stores: what a function is told of them, in which order, and from where on.

use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch, eventually};
use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

/// A store without anybody who listens.
fn store() -> String {
    let grants = "grants = { kv = { index = \"read-write\" } }\ntimeout = \"2s\"\n";
    [function("search-index", grants), route("/search", "search-index"), "[kv.articles]\n[kv.index]\n".to_owned()]
        .concat()
}

/// A function that follows the store, with more lines for the trigger.
fn followed(trigger: &str) -> String {
    format!(
        "{}[[trigger]]\nkv = \"articles\"\nfunction = \"search-index\"\nretry-delay = \"10ms\"\n{trigger}\n",
        store()
    )
}

fn put(host: &Host, key: &str, words: &str) {
    let article = json!({"title": key, "text": words}).to_string();
    host.admin().send(Method::PUT, &format!("/v1/kv/articles/{}", encoded(key)), &[], article).expect(200);
}

fn encoded(key: &str) -> String {
    key.replace('/', "%2F")
}

/// The articles with some words.
fn search(host: &Host, words: &str) -> Vec<String> {
    let found = host.http().get(&format!("/search?q={words}")).expect(200).json();
    let found = found.as_array().expect("a list").iter();
    found.map(|found| found["article"].as_str().expect("a text").to_owned()).collect()
}

/// Waits until the function has come to an end with all of it.
fn wait_until_done(host: &Host) {
    eventually("an empty queue", || {
        let queue = host.admin().get("/v1/queues/kv%2Farticles%2Fsearch-index").expect(200).json();
        (queue["waiting"] == 0 && queue["hidden"] == 0).then_some(())
    });
}

/// How often a change of a key was followed.
fn changes(host: &Host, key: &str) -> i64 {
    let answer = host.admin().get(&format!("/v1/kv/index/{}", encoded(&format!("changes/{key}"))));
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

#[test]
fn the_changes_of_a_key_are_followed_in_their_order_each_once() {
    // Every change is a batch of its own, and ten may run: only their order keeps those of a key apart.
    let host = Launch::config(&followed("batch-size = 1")).start();
    std::thread::scope(|scope| {
        for key in ["a", "b/c", "d"] {
            let host = &host;
            scope.spawn(move || (0..60).for_each(|version| put(host, key, &format!("common word{version}"))));
        }
    });
    wait_until_done(&host);
    // What overtook another would have left a word behind, or taken one away.
    for version in 0..59 {
        assert_eq!(search(&host, &format!("word{version}")), [""; 0], "{version}");
    }
    assert_eq!(search(&host, "common+word59"), ["a", "b/c", "d"]);
    assert_eq!(["a", "b/c", "d"].map(|key| changes(&host, key)), [60; 3]);
    let ok = "flint_invocations_total{function=\"search-index\",trigger=\"kv\",outcome=\"ok\"}";
    assert!(host.metric(ok) >= 20.0);
}

#[test]
fn a_new_trigger_is_told_what_is_there_if_it_starts_at_the_beginning() {
    let launch = Launch::config(&store());
    let file = launch.folder().join("platform.toml");
    let host = launch.start();
    for n in 0..30 {
        put(&host, &format!("a{n}"), "before");
    }
    std::fs::write(&file, followed("start = \"beginning\"\nprefix = \"a1\"")).expect("written");
    host.signal(Signal::HUP);
    host.logged("the change", |line| line["message"] == "the change is served");
    put(&host, "a1", "after");
    eventually("what was there", || (search(&host, "before").len() == 10).then_some(()));
    wait_until_done(&host);
    assert_eq!((search(&host, "after"), changes(&host, "a2"), changes(&host, "a19")), (vec!["a1".to_owned()], 0, 1));
    let host = host.restart();
    put(&host, "a19", "later");
    eventually("the change behind the restart", || (!search(&host, "later").is_empty()).then_some(()));
    assert_eq!((changes(&host, "a19"), changes(&host, "a18")), (2, 1), "what was told is not told again");
}

#[test]
fn a_trigger_gets_the_keys_and_the_kinds_of_changes_that_it_wants() {
    let host = Launch::config(&followed("prefix = \"in/\"\nevents = [\"insert\"]")).start();
    put(&host, "out", "first");
    put(&host, "in/a", "first");
    put(&host, "in/a", "second");
    wait_until_done(&host);
    assert_eq!((search(&host, "first"), search(&host, "second")), (vec!["in/a".to_owned()], Vec::new()));
    assert_eq!((changes(&host, "in/a"), changes(&host, "out")), (1, 0));
    let trigger = host.admin().get("/v1/triggers").expect(200).json()["triggers"][0].clone();
    let told = json!({"store": "articles", "prefix": "in/", "events": ["insert"], "start": "latest"});
    assert_eq!((&trigger["kv"], &trigger["queue"]), (&told, &json!("kv/articles/search-index")));
}

#[test]
fn a_change_that_can_never_be_followed_is_given_up_alone() {
    let host = Launch::config(&followed("max-receives = 2\nbatch-size = 21\nbatch-window = \"5s\"")).start();
    for n in 0..10 {
        put(&host, &format!("a{n}"), "good");
    }
    host.admin().send(Method::PUT, "/v1/kv/articles/bad", &[], "no JSON").expect(200);
    for n in 10..20 {
        put(&host, &format!("a{n}"), "good");
    }
    wait_until_done(&host);
    let dead = host.admin().get("/v1/queues/kv%2Farticles%2Fsearch-index%2Fdead/messages").expect(200).json();
    let dead = dead["messages"].as_array().expect("messages");
    assert_eq!(search(&host, "good").len(), 20, "{dead:#?}");
    assert_eq!((dead.len(), &dead[0]["group"]), (1, &json!("bad")));
    let told = &dead[0]["event"]["change"];
    assert_eq!([&told["store"], &told["new"]["key"], &told["old"]], [&json!("articles"), &json!("bad"), &Value::Null]);
    assert!(dead[0]["death"]["reason"].as_str().is_some_and(|reason| reason.contains("InvalidPayload")), "{dead:?}");
}

#[test]
fn what_changed_is_followed_once_behind_a_kill() {
    let host = Launch::config(&followed("batch-size = 4")).start();
    for n in 0..60 {
        put(&host, &format!("a{n}"), "first");
        put(&host, &format!("a{n}"), "second");
    }
    let host = host.kill_and_restart();
    // A batch that was under way comes again when its lease ends.
    eventually("all articles", || (search(&host, "second").len() == 60).then_some(()));
    wait_until_done(&host);
    assert_eq!(search(&host, "first"), [""; 0]);
    let counts: Vec<_> = (0..60).map(|n| changes(&host, &format!("a{n}"))).collect();
    assert_eq!(counts, [2; 60], "each change once");
    assert!(host.stop().success());
}
