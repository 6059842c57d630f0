//! Queues: what commands and the management API see of them, and that it stays.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually};
use serde_json::{Value, json};

const QUEUES: &str = "[queue.jobs]\nmax-receives = 2\nvisibility = \"1h\"\n[queue.orders]\norder = \"fifo\"\n\
                      [queue.small]\nmessage-size-max = \"8B\"\nlength-max = 2\n";

fn bodies(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["value"].as_str().expect("a text")).collect()
}

/// The command of a host that runs, or of none.
fn both(work: impl Fn(&dyn Fn(&[&str]) -> crate::harness::Run)) {
    let host = Launch::config(QUEUES).start();
    work(&|args| crate::harness::flint(host.folder(), with_folder(host.data_dir(), args)));
    assert!(host.stop().success());
    let launch = Launch::config(QUEUES);
    work(&|args| crate::harness::flint(launch.folder(), with_folder(launch.data_dir(), args)));
}

fn with_folder(data_dir: std::path::PathBuf, args: &[&str]) -> Vec<std::ffi::OsString> {
    let mut all: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
    all.extend(["--data-dir".into(), data_dir.into()]);
    all
}

#[test]
fn commands_send_receive_and_settle_with_a_host_and_without() {
    both(|flint| {
        let json = |args: &[&str]| flint(&[&["queue"], args, &["--json"]].concat()).ok().json();
        let sent = json(&["send", "jobs", "one", "-a", "kind=a"]);
        let id = sent["ids"][0].as_str().expect("an id").to_owned();
        json(&["send", "jobs", "two"]);
        let peeked = json(&["peek", "jobs"]);
        assert_eq!(bodies(&peeked), ["one", "two"]);
        assert_eq!(
            (&peeked["messages"][0]["id"], &peeked["messages"][0]["attributes"]["kind"]),
            (&json!(id), &json!("a"))
        );
        let received = json(&["receive", "jobs", "--max", "5"]);
        assert_eq!(bodies(&received), ["one", "two"]);
        assert_eq!(json(&["receive", "jobs"])["messages"], json!([]), "they are leased");
        let receipt = |index: usize| received["messages"][index]["receipt"].as_str().expect("a receipt");
        let depth = json(&["depth", "jobs"]);
        assert_eq!((&depth["queues"][0]["waiting"], &depth["queues"][0]["hidden"]), (&json!(0), &json!(2)));
        json(&["ack", "jobs", receipt(0)]);
        json(&["nack", "jobs", receipt(1)]);
        let lost = flint(&["queue", "ack", "jobs", receipt(1)]);
        assert!(lost.stderr.contains("the lease of a message of the queue jobs is over"), "{lost:?}");
        let again = json(&["receive", "jobs", "--ack"]);
        assert_eq!((bodies(&again), &again["messages"][0]["receive_count"]), (vec!["two"], &json!(2)));
        assert_eq!(json(&["depth", "jobs"])["queues"][0]["hidden"], 0);
        json(&["send", "orders", "a", "--group", "g"]);
        assert_eq!(json(&["purge", "orders"])["messages"], 1);
    });
}

#[test]
fn dead_letters_say_why_and_come_back() {
    both(|flint| {
        let json = |args: &[&str]| flint(&[&["queue"], args, &["--json"]].concat()).ok().json();
        json(&["send", "jobs", "poison"]);
        for _ in 0..2 {
            let received = json(&["receive", "jobs", "--visibility", "1ms"]);
            assert_eq!(bodies(&received), ["poison"]);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(json(&["receive", "jobs"])["messages"], json!([]));
        let dead = json(&["peek", "jobs/dead"]);
        let death = &dead["messages"][0]["death"];
        assert_eq!(death["reason"], "it was received 2 times and never settled as done");
        assert_eq!((&death["queue"], &death["receive_count"]), (&json!("jobs"), &json!(2)));
        assert_eq!(json(&["redrive", "jobs/dead"])["messages"], 1);
        let text = flint(&["queue", "peek", "jobs"]).ok().stdout;
        assert!(text.contains("received 0\tpoison"), "{text}");
        assert_eq!(json(&["receive", "jobs", "--ack"])["messages"][0]["receive_count"], 1);
    });
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code() {
    let host = Launch::config(QUEUES).start();
    let send = |queue: &str, message: Value| {
        host.admin().post_json(&format!("/v1/queues/{queue}/messages"), &json!({"messages": [message]}))
    };
    let code = |response: crate::harness::Response, status: u16| response.expect(status).json()["code"].clone();
    assert_eq!(code(send("none", json!({"value": "x"})), 404), "queue/no-such-queue");
    assert_eq!(code(send("small", json!({"value": "123456789"})), 413), "queue/too-large");
    assert_eq!(code(send("orders", json!({"value": "x"})), 400), "queue/invalid");
    assert_eq!(code(send("jobs", json!({"value": "x", "group": "g"})), 400), "queue/invalid");
    assert_eq!(code(send("jobs", json!({"value_base64": "?"})), 400), "queue/invalid");
    assert_eq!(code(send("Jobs", json!({"value": "x"})), 400), "admin/bad-name");
    for _ in 0..2 {
        send("small", json!({"value_base64": "AP8="})).expect(200);
    }
    assert_eq!(code(send("small", json!({"value": "x"})), 503), "queue/full");
    let ask = |page: &str, body: Value| host.admin().post_json(&format!("/v1/queues/{page}"), &body);
    assert_eq!(code(ask("jobs/receive", json!({"max": 0})), 400), "queue/invalid");
    assert_eq!(code(ask("jobs/settle", json!({"receipts": ["AAAA"], "verdict": "done"})), 400), "queue/invalid");
    assert_eq!(code(ask("jobs/settle", json!({"receipts": [], "verdict": "done"})), 400), "queue/invalid");
    assert_eq!(code(ask("jobs/redrive", json!({"to": "jobs"})), 400), "queue/invalid");
    let received = ask("small/receive", json!({"max": 2})).expect(200).json();
    assert_eq!(received["messages"][0]["value_base64"], "AP8=");
    let receipt = &received["messages"][0]["receipt"];
    let extended = ask("small/extend", json!({"receipt": receipt, "visibility_ms": 60_000})).expect(200).json();
    assert_eq!(code(ask("small/settle", json!({"receipts": [receipt], "verdict": "done"})), 409), "queue/lease-lost");
    ask("small/settle", json!({"receipts": [extended["receipt"]], "verdict": "dead-letter", "reason": "by hand"}))
        .expect(200);
    let dead = host.admin().get("/v1/queues/small%2Fdead/messages").expect(200).json();
    assert_eq!(dead["messages"][0]["death"]["reason"], "by hand");
    let all = host.admin().get("/v1/queues").expect(200).json();
    let names: Vec<_> = all["queues"].as_array().expect("queues").iter().map(|queue| queue["queue"].clone()).collect();
    assert_eq!(names, ["jobs", "jobs/dead", "orders", "orders/dead", "small", "small/dead"]);
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut host = Launch::config(QUEUES).start();
    let body = json!({"messages": [{"value": "a"}, {"value": "b"}]});
    host.admin().post_json("/v1/queues/jobs/messages", &body).expect(200);
    let received = host.admin().post_json("/v1/queues/jobs/receive", &json!({})).expect(200).json();
    host = host.kill_and_restart();
    let peeked = host.admin().get("/v1/queues/jobs/messages").expect(200).json();
    assert_eq!(bodies(&peeked), ["b", "a"], "the lease is still there");
    let settle = json!({"receipts": [received["messages"][0]["receipt"]], "verdict": "done"});
    host.admin().post_json("/v1/queues/jobs/settle", &settle).expect(200);
    host = host.kill_and_restart();
    let peeked = host.admin().get("/v1/queues/jobs/messages").expect(200).json();
    assert_eq!(bodies(&peeked), ["b"]);
    assert!(host.stop().success());
}

#[test]
fn a_message_that_is_too_large_for_its_queue_goes_through_a_bucket_and_nothing_is_left_of_it() {
    let function = function("batch", "grants = { kv = { results = \"read-write\" }, queue = { copies = \"send\" } }");
    let large = |name: &str, max: &str| {
        format!("[queue.{name}]\nmessage-size-max = \"{max}\"\nlarge-payloads = \"payloads\"\n")
    };
    let config = format!(
        "{function}{}{}{}[queue.plain]\nmessage-size-max = \"8B\"\n[bucket.payloads]\n[kv.results]\n\
         [[trigger]]\nqueue = \"jobs\"\nfunction = \"batch\"\n",
        large("jobs", "1KiB"),
        large("copies", "8B"),
        large("held", "1KiB"),
    );
    let mut host = Launch::config(&config).start();
    let keys = |host: &Host| -> Vec<String> {
        let listed = host.flint(["blob", "ls", "payloads", "--json"]).ok().json();
        let key = |blob: &Value| blob["key"].as_str().expect("a key").to_owned();
        listed["blobs"].as_array().expect("blobs").iter().map(key).collect()
    };
    let body = "x".repeat(5000);
    let refused = host.flint(["queue", "send", "plain", &body]);
    assert!(refused.code == Some(1) && refused.stderr.contains("too large"), "{refused:?}");
    let sent = host.flint(["queue", "send", "held", &body, "--json"]).ok().json();
    assert_eq!(keys(&host), [format!("held/{}", sent["ids"][0].as_str().expect("an id"))]);
    host = host.kill_and_restart();
    let received = host.flint(["queue", "receive", "held", "--json", "--ack"]).ok().json();
    assert_eq!(bodies(&received), [body.as_str()]);
    assert!(keys(&host).is_empty());

    // From a command to a function, and from it to another queue.
    let job = json!({ "id": "long", "text": "word ".repeat(1000), "forward": "copies" });
    host.flint(["queue", "send", "jobs", &job.to_string()]).ok();
    let done = eventually("a result", || {
        let found = host.flint(["kv", "get", "results", "job/long"]);
        (found.code == Some(0)).then_some(found.stdout)
    });
    assert!(done.contains("1000"), "{done}");
    let copies = host.flint(["queue", "peek", "copies", "--json"]).ok().json();
    assert!(bodies(&copies)[0].contains("1000"), "{copies}");
    assert!(matches!(&keys(&host)[..], [key] if key.starts_with("copies/")), "{:?}", keys(&host));
    host.flint(["queue", "purge", "copies"]).ok();
    assert!(keys(&host).is_empty());
}
