//! Topics: who gets what is published, and what becomes of it there.

use crate::harness::guest::function;
use crate::harness::{Host, Launch, eventually, flint};
use serde_json::{Value, json};
use std::ffi::OsString;

/// Two listeners of a topic: the function, which wants two types, and a queue, which wants all. With more lines for the trigger.
fn listeners(trigger: &str) -> Launch {
    let grants = "grants = { kv = { mails = \"read-write\" }, topic = { events = \"publish\" } }\ntimeout = \"2s\"\n";
    let sections = [
        function("subscribers", grants),
        "[kv.mails]\n[queue.audit]\n[topic.events]\nmessage-size-max = \"1KiB\"\n".to_owned(),
        "[[subscription]]\ntopic = \"events\"\nqueue = \"audit\"\n".to_owned(),
        "[[trigger]]\ntopic = \"events\"\nfunction = \"subscribers\"\nretry-delay = \"10ms\"\n".to_owned(),
        format!("filter = {{ type = [\"order.created\", \"user.signup\"] }}\n{trigger}\n"),
    ];
    Launch::config(&sections.concat())
}

fn publish(host: &Host, messages: &[(&str, Value)]) -> Vec<String> {
    let message = |(of, body): &(&str, Value)| json!({"value": body.to_string(), "attributes": {"type": of}});
    let messages: Vec<_> = messages.iter().map(message).collect();
    let sent = host.admin().post_json("/v1/topics/events/messages", &json!({"messages": messages})).expect(200).json();
    sent["ids"].as_array().expect("ids").iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

fn order(id: &str, total: u64) -> (&'static str, Value) {
    ("order.created", json!({"id": id, "total": total}))
}

fn user(name: &str) -> (&'static str, Value) {
    ("user.signup", json!({"email": format!("{name}@example.com"), "name": name}))
}

/// The queue of the function.
const LISTENER: &str = "topic%2Fevents%2Fsubscribers";

/// Waits until the function has come to an end with all of it.
fn wait_until_done(host: &Host) {
    eventually("an empty queue", || {
        let queue = host.admin().get(&format!("/v1/queues/{LISTENER}")).expect(200).json();
        (queue["waiting"] == 0 && queue["hidden"] == 0).then_some(())
    });
}

/// What was written of a message.
fn mail(host: &Host, key: &str) -> Option<String> {
    let answer = host.admin().get(&format!("/v1/kv/mails/{}", key.replace('/', "%2F")));
    (answer.status == 200).then(|| answer.json()["value"].as_str().expect("text").to_owned())
}

/// The types of the messages in a queue, in their order, with their ids.
fn peek(host: &Host, queue: &str) -> Vec<(String, String)> {
    let page = host.admin().get(&format!("/v1/queues/{queue}/messages?limit=1000")).expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = |message: &Value| (text(&message["attributes"]["type"]), text(&message["id"]));
    page["messages"].as_array().expect("messages").iter().map(message).collect()
}

#[test]
fn what_is_published_reaches_everybody_who_wants_it_once() {
    let host = listeners("").start();
    let ids = publish(&host, &[order("o-1", 1900), user("ada"), ("stock.low", json!("mugs"))]);
    eventually("the mail of the last", || mail(&host, "welcome/ada@example.com"));
    wait_until_done(&host);
    assert_eq!(mail(&host, "order/o-1").as_deref(), Some("\"Thank you for 1900!\""));
    let audit = peek(&host, "audit");
    let types: Vec<_> = audit.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(types, ["order.created", "user.signup", "stock.low", "mail.sent"], "what the function published too");
    assert_eq!(audit[..3].iter().map(|(_, id)| id.clone()).collect::<Vec<_>>(), ids, "everybody sees the same id");
    assert_eq!(host.metric("flint_messages_total{queue=\"topic/events/subscribers\",outcome=\"done\"}"), 2.0);
    let ok = "flint_invocations_total{function=\"subscribers\",trigger=\"topic\",outcome=\"ok\"}";
    assert!(host.metric(ok) >= 1.0);
}

#[test]
fn each_listener_has_retries_and_dead_letters_of_its_own() {
    let host = listeners("max-receives = 4").start();
    let late = ("order.created", json!({"id": "late", "total": 5, "busy": 2}));
    let never = ("order.created", json!({"id": "never", "total": 5, "busy": 9}));
    publish(&host, &[late, never, order("nothing", 0), ("order.created", json!("unreadable")), order("good", 7)]);
    wait_until_done(&host);
    assert_eq!(mail(&host, "order/late").as_deref(), Some("\"Thank you for 5!\""));
    assert_eq!((mail(&host, "order/never"), mail(&host, "order/nothing")), (None, None), "nothing of a failure stays");
    assert_eq!(peek(&host, &format!("{LISTENER}%2Fdead")).len(), 3);
    assert_eq!((peek(&host, "audit").len(), peek(&host, "audit%2Fdead").len()), (5, 0));
    let page = host.admin().get(&format!("/v1/queues/{LISTENER}%2Fdead/messages")).expect(200).text().to_owned();
    for reason in
        ["the order nothing is of nothing", "Busy: the post office is busy (received 4 times)", "InvalidPayload"]
    {
        assert!(page.contains(reason), "{reason}: {page}");
    }
}

#[test]
fn what_nobody_published_is_given_up_alone() {
    let host = listeners("").start();
    let messages = json!({"messages": [{"value": "{}", "attributes": {"type": "user.signup"}}]});
    host.admin().post_json(&format!("/v1/queues/{LISTENER}/messages"), &messages).expect(200);
    publish(&host, &[user("ada")]);
    wait_until_done(&host);
    assert!(mail(&host, "welcome/ada@example.com").is_some());
    let dead = host.admin().get(&format!("/v1/queues/{LISTENER}%2Fdead/messages")).expect(200).json();
    assert_eq!(dead["messages"][0]["death"]["reason"], "NotPublished: the message was not published to a topic");
}

#[test]
fn what_was_published_is_there_once_behind_a_kill() {
    let host = listeners("batch-size = 5").start();
    let orders: Vec<_> = (0..200).map(|n| order(&format!("o-{n}"), n + 1)).collect();
    publish(&host, &orders);
    let host = host.kill_and_restart();
    // A batch that was under way comes again when its lease ends.
    for n in 0..200 {
        let key = format!("order/o-{n}");
        eventually(&key, || mail(&host, &key));
    }
    wait_until_done(&host);
    let counted = host.flint(["kv", "get", "mails", "confirmations", "--json"]).ok().json();
    assert_eq!(counter(&counted), 200, "each once");
    assert_eq!(peek(&host, "audit").len(), 200);
    assert!(host.stop().success());
}

/// What a counter holds: eight bytes, as text if they are some.
fn counter(item: &Value) -> i64 {
    let bytes = match (&item["value"], &item["value_base64"]) {
        (Value::String(text), _) => text.as_bytes().to_vec(),
        (_, Value::String(text)) => base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).expect("base 64"),
        other => panic!("{other:?}"),
    };
    i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

#[test]
fn the_command_publishes_with_a_host_and_without() {
    let launch = listeners("");
    let (folder, data_dir) = (launch.folder().to_owned(), launch.data_dir());
    let run = |args: &[&str]| {
        let mut all: Vec<OsString> = args.iter().map(Into::into).collect();
        all.extend(["--data-dir".into(), data_dir.clone().into()]);
        flint(&folder, all)
    };
    let ada = "{\"email\": \"ada@example.com\", \"name\": \"Ada\"}";
    let sent = run(&["topic", "publish", "events", ada, "-a", "type=user.signup", "--json"]).ok().json();
    assert_eq!(sent["ids"].as_array().map(Vec::len), Some(1), "{sent}");
    let host = launch.start();
    eventually("what was published before the host", || mail(&host, "welcome/ada@example.com"));
    let order = "{\"id\": \"o-1\", \"total\": 5}";
    let printed = run(&["topic", "publish", "events", order, "-a", "type=order.created"]).ok().stdout;
    eventually("what was published to the host", || mail(&host, "order/o-1"));
    assert!(peek(&host, "audit").iter().any(|(_, id)| *id == printed.trim()), "{printed}");
    let refused = run(&["topic", "publish", "nowhere", "x"]);
    assert!(refused.stderr.contains("there is no topic nowhere"), "{refused:?}");
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code() {
    let host = listeners("").start();
    let code = |topic: &str, message: Value, status: u16| {
        let answer = host.admin().post_json(&format!("/v1/topics/{topic}/messages"), &json!({"messages": [message]}));
        answer.expect(status).json()["code"].clone()
    };
    assert_eq!(code("none", json!({"value": "x"}), 404), "topic/no-such-topic");
    assert_eq!(code("events", json!({"value": "x".repeat(1025)}), 413), "topic/too-large");
    assert_eq!(code("events", json!({"value_base64": "?"}), 400), "topic/invalid");
    assert_eq!(code("Events", json!({"value": "x"}), 400), "admin/bad-name");
    assert_eq!(peek(&host, "audit"), []);
}
