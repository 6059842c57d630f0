//! What happens in buckets: what a function is told of it, in which order, and that a circle comes to an end.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

/// A function that does in `copies` what happens in `originals`, with more lines for it and for the trigger.
fn mirrored(lines: &str, trigger: &str) -> Host {
    Launch::config(&config(lines, trigger)).start()
}

fn config(lines: &str, trigger: &str) -> String {
    let grants =
        "grants = { blob = { originals = \"read-write\", copies = \"read-write\" }, kv = { told = \"read-write\" } }\n";
    let mirror = function("mirror", &format!("{grants}{lines}"));
    format!(
        "{mirror}[bucket.originals]\n[bucket.copies]\n[kv.told]\n\
         [[trigger]]\nbucket = \"originals\"\nfunction = \"mirror\"\nretry-delay = \"10ms\"\n{trigger}\n"
    )
}

fn path(bucket: &str, key: &str) -> String {
    format!("/v1/buckets/{bucket}/{}", key.replace('/', "%2F"))
}

fn put(host: &Host, key: &str, content: &str) {
    host.admin().send(Method::PUT, &path("originals", key), &[], content.to_owned()).expect(200);
}

fn delete(host: &Host, key: &str) {
    host.admin().send(Method::DELETE, &path("originals", key), &[], "").expect(200);
}

/// What is in the other bucket.
fn copy(host: &Host, key: &str) -> Option<String> {
    let answer = host.admin().get(&path("copies", key));
    (answer.status == 200).then(|| answer.text().to_owned())
}

/// How often the function was told something of a key, and that was not taken back.
fn told(host: &Host, key: &str) -> i64 {
    let answer = host.admin().get(&format!("/v1/kv/told/{}", key.replace('/', "%2F")));
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

const QUEUE: &str = "/v1/queues/bucket%2Foriginals%2Fmirror";

/// Waits until the function has come to an end with all of it; answers why events were given up.
fn wait_until_done(host: &Host) -> Vec<String> {
    eventually("an empty queue", || {
        let queue = host.admin().get(QUEUE).expect(200).json();
        (queue["waiting"] == 0 && queue["hidden"] == 0).then_some(())
    });
    let dead = host.admin().get(&format!("{QUEUE}%2Fdead/messages")).expect(200).json();
    let dead = dead["messages"].as_array().expect("messages").iter();
    dead.map(|dead| dead["death"]["reason"].as_str().expect("a reason").to_owned()).collect()
}

#[test]
fn what_happens_to_a_key_is_told_in_its_order_each_once() {
    // Every event is a batch of its own, and ten may run: only their order keeps those of a key apart.
    let host = mirrored("", "batch-size = 1");
    std::thread::scope(|scope| {
        for key in ["a", "b/c", "d"] {
            let host = &host;
            scope.spawn(move || (0..40).for_each(|version| put(host, key, &format!("version {version}"))));
        }
    });
    delete(&host, "d");
    assert_eq!(wait_until_done(&host), [""; 0]);
    assert_eq!(["a", "b/c", "d"].map(|key| told(&host, key)), [40, 40, 41]);
    assert_eq!(["a", "b/c"].map(|key| copy(&host, key)), [(); 2].map(|()| Some("version 39".to_owned())));
    assert_eq!(copy(&host, "d"), None);
    let ok = "flint_invocations_total{function=\"mirror\",trigger=\"blob\",outcome=\"ok\"}";
    assert!(host.metric(ok) >= 20.0);
}

#[test]
fn a_trigger_gets_the_keys_and_the_kinds_of_events_that_it_wants_whoever_causes_them() {
    let host = mirrored("", "prefix = \"in/\"\nsuffix = \".txt\"\nevents = [\"created\"]");
    for key in ["in/a.txt", "in/a.png", "out/a.txt"] {
        put(&host, key, "text");
    }
    put(&host, "in/b.txt", "text");
    delete(&host, "in/b.txt");
    let url = host.flint(["blob", "sign", "originals", "in/c.txt", "--put"]).ok().stdout.trim().to_owned();
    host.http().send(Method::PUT, &url, &[], "by a stranger").expect(204);
    assert_eq!(wait_until_done(&host), [""; 0]);
    let keys = ["in/a.txt", "in/a.png", "out/a.txt", "in/b.txt", "in/c.txt"];
    assert_eq!(keys.map(|key| told(&host, key)), [1, 0, 0, 1, 1]);
    assert_eq!(copy(&host, "in/c.txt").as_deref(), Some("by a stranger"));
    let trigger = host.admin().get("/v1/triggers").expect(200).json()["triggers"][0].clone();
    let listens = json!({"bucket": "originals", "prefix": "in/", "suffix": ".txt", "events": ["created"]});
    assert_eq!((&trigger["bucket"], &trigger["queue"]), (&listens, &json!("bucket/originals/mirror")));
    let limits = host.admin().get("/v1/limits").expect(200).json();
    assert_eq!(limits["queues"]["bucket/originals/mirror"]["order"], "fifo");
}

#[test]
fn what_a_handler_puts_is_there_with_the_end_of_its_event_or_not_at_all() {
    let host = mirrored("", "max-receives = 2\nbatch-size = 21\nbatch-window = \"5s\"");
    for n in 0..10 {
        put(&host, &format!("a{n}"), "good");
    }
    put(&host, "bad", "fail");
    for n in 10..20 {
        put(&host, &format!("a{n}"), "good");
    }
    let dead = wait_until_done(&host);
    assert_eq!((0..20).filter(|n| copy(&host, &format!("a{n}")).as_deref() == Some("good")).count(), 20, "{dead:?}");
    assert_eq!((copy(&host, "bad"), told(&host, "bad")), (None, 0));
    assert!(dead.len() == 1 && dead[0].contains("NoMirror: the content says so (received 2 times)"), "{dead:?}");
}

#[test]
fn what_was_put_is_told_once_behind_a_kill() {
    let host = mirrored("", "batch-size = 4");
    (0..80).for_each(|n| put(&host, &format!("a{n}"), "text"));
    let host = host.kill_and_restart();
    // A batch that was under way comes again when its lease ends.
    assert_eq!(wait_until_done(&host), [""; 0]);
    let counts: Vec<_> = (0..80).map(|n| (told(&host, &format!("a{n}")), copy(&host, &format!("a{n}")))).collect();
    assert_eq!(counts, vec![(1, Some("text".to_owned())); 80]);
    assert!(host.stop().success());
}

#[test]
fn a_bucket_and_who_listens_to_it_come_with_a_change_of_the_configuration() {
    let host = Launch::config("[kv.told]\n").start();
    host.admin().send(Method::PUT, &path("originals", "a"), &[], "early").expect(404);
    std::fs::write(host.folder().join("platform.toml"), config("", "")).expect("a configuration");
    host.signal(Signal::HUP);
    host.logged("the change", |line| line["message"] == "the change is served");
    put(&host, "a", "text");
    assert_eq!(wait_until_done(&host), [""; 0]);
    assert_eq!((told(&host, "a"), copy(&host, "a").as_deref()), (1, Some("text")));
    let signed = super::signed(&host, &["originals", "a"]);
    assert_eq!(host.http().get(&signed).expect(200).text(), "text");
}

/// A function that writes into what it listens to; answers how often it was told something, and why that ended.
fn circle(trigger: &str) -> (i64, Vec<String>) {
    let host = mirrored("config = { to = \"originals\" }\n", trigger);
    put(&host, "a", "round and round");
    host.logged("the end of the circle", |line| {
        let reason = line["fields"]["reason"].as_str().unwrap_or_default();
        line["message"] == "a message was given up" && reason.contains("writes into what it listens to")
    });
    let dead = wait_until_done(&host);
    // Whoever is no part of it goes on.
    put(&host, "b", "another one");
    eventually("another circle", || (wait_until_done(&host).len() == 2).then_some(()));
    (told(&host, "a"), dead)
}

#[test]
fn a_function_that_writes_into_the_bucket_that_it_listens_to_is_stopped_and_told_why() {
    for (trigger, times) in [("", 15), ("transactional = false", 16)] {
        let (told, dead) = circle(trigger);
        assert_eq!((told, dead.len()), (times, 1), "{trigger}");
        assert!(dead[0].contains("more than 16 messages would cause one another"), "{dead:?}");
        assert!(!dead[0].contains("received"), "it was tried once: {dead:?}");
    }
}
