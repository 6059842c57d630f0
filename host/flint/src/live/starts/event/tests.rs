//! What each source tells.

use super::*;
use flint_config::platform::{BlobEvents, ChangeEvents, Start as Begin};
use flint_model::filter::KeyFilter;
use flint_model::{BucketName, MessageId, StoreName, TopicName};
use flint_stores::{Attribute, Receipt};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_123);
const TIME: &str = "2023-11-14T22:13:20.123Z";

fn message(body: &[u8]) -> Message {
    let attributes = vec![Attribute { name: "kind".to_owned(), value: "a".to_owned() }];
    Message { attributes, ..Message::new(MessageId::new(AT, 0), body.to_vec()) }
}

fn started(origin: &Origin, queue: &str, message: Message, receives: u32) -> Result<Start, String> {
    let queue = QueueName::parse(queue).expect("a name");
    let receipt = Receipt { queue, lease: "lease".to_owned().into() };
    let stored = Stored { message, sent_at: AT, receives, death: None };
    of(origin, &Delivery { receipt, until: AT, stored })
}

fn input(origin: &Origin, message: Message) -> Value {
    started(origin, "jobs", message, 1).expect("a start").input
}

#[test]
fn a_message_of_a_queue_is_told_with_its_body_as_json_as_text_or_as_base_64() {
    let queue = Origin::Trigger(Source::Queue);
    let id = MessageId::new(AT, 0).to_string();
    for (body, name, value) in [
        (&b"{\"orderId\": 7}"[..], "body", json!({"orderId": 7})),
        (b"hello", "body", json!("hello")),
        (b"", "body", Value::Null),
        (b"\xff\x00", "body_base64", json!("/wA=")),
    ] {
        let expected = json!({
            "source": "queue", "queue": "jobs", name: value, "attributes": {"kind": "a"}, "id": id, "time": TIME,
        });
        assert_eq!(input(&queue, message(body)), expected);
    }
    let grouped = Message { group: Some("g".to_owned()), ..message(b"1") };
    assert_eq!(input(&queue, grouped)["group"], "g");
}

#[test]
fn a_message_that_comes_again_starts_what_it_started_before() {
    let queue = Origin::Trigger(Source::Queue);
    let [first, again] = [1, 2].map(|receives| started(&queue, "jobs", message(b"1"), receives));
    assert_eq!(first, again);
}

#[test]
fn an_execution_is_named_after_its_message_and_where_that_was() {
    let queue = Origin::Trigger(Source::Queue);
    let name = |queue_name: &str| started(&queue, queue_name, message(b"1"), 1).expect("a start").name;
    let id = MessageId::new(AT, 0);
    assert_eq!(name("jobs"), format!("queue-jobs-{id}"));
    assert_eq!(name("jobs/dead"), format!("queue-jobs.dead-{id}"));
    let long = name(&"a".repeat(64));
    assert!(long.len() == NAME_MAX && long.ends_with(&format!("a-{id}")), "{long}");
    assert!(flint_workflows::execution::is_name(&long) && flint_workflows::execution::is_name(&name("jobs/dead")));
}

#[test]
fn a_topic_tells_what_was_published_and_nothing_else() {
    let topic = TopicName::parse("events").expect("a name");
    let origin = Origin::Trigger(Source::Topic(topic.clone()));
    let published = Message { source: Some(Told::Topic(topic)), ..message(b"[1]") };
    let told = input(&origin, published);
    assert_eq!((&told["source"], &told["topic"], &told["body"]), (&json!("topic"), &json!("events"), &json!([1])));
    assert!(started(&origin, "jobs", message(b"1"), 1).is_err_and(|reason| reason.contains("not published")));
}

#[test]
fn a_store_tells_the_value_before_and_after() {
    let store = StoreName::parse("orders").expect("a name");
    let (keys, events) = (KeyFilter::default(), ChangeEvents::default());
    let origin = Origin::Trigger(Source::Kv { store: store.clone(), keys, events, start: Begin::Latest });
    let entry = |value: &'static [u8]| Entry { value: value.into(), version: 1, expires_at: None, kind: Kind::Plain };
    let change = Change {
        id: MessageId::new(AT, 0),
        store,
        key: "o-1".to_owned(),
        old: None,
        new: Some(entry(b"{\"n\":1}")),
        at: AT,
    };
    let told = input(&origin, Message::new(change.id, change.encode()));
    assert_eq!(
        told,
        json!({
            "source": "kv", "store": "orders", "key": "o-1", "kind": "insert", "old": null, "new": {"n": 1},
            "id": change.id.to_string(), "time": TIME,
        })
    );
    let removed = Change { old: Some(entry(b"\xff")), new: None, ..change };
    let told = input(&origin, Message::new(removed.id, removed.encode()));
    assert_eq!(json!([told["kind"], told["old_base64"], told["new"]]), json!(["remove", "/w==", null]));
    let counter = Entry { value: (-7_i64).to_le_bytes().to_vec().into(), kind: Kind::Counter, ..entry(b"") };
    let counted = Change { new: Some(counter), ..removed };
    assert_eq!(input(&origin, Message::new(counted.id, counted.encode()))["new"], -7);
    assert!(started(&origin, "jobs", message(b"1"), 1).is_err_and(|reason| reason.contains("no change")));
}

#[test]
fn a_bucket_tells_what_a_blob_is() {
    let bucket = BucketName::parse("uploads").expect("a name");
    let (keys, events) = (KeyFilter::default(), BlobEvents::default());
    let origin = Origin::Trigger(Source::Bucket { bucket: bucket.clone(), keys, events });
    let (id, key) = (MessageId::new(AT, 0), "a.png".to_owned());
    let deleted = BlobEvent { id, bucket, key, created: None, sequence: 9, at: AT };
    assert_eq!(
        input(&origin, Message::new(id, deleted.encode())),
        json!({
            "source": "bucket", "bucket": "uploads", "key": "a.png", "kind": "deleted", "sequence": 9,
            "id": id.to_string(), "time": TIME,
        })
    );
}

#[test]
fn a_tick_tells_when_it_was_due() {
    let origin = Origin::Schedule(ScheduleName::parse("nightly").expect("a name"));
    let tick = flint_triggers::schedule::message("{\"all\": true}".into(), Timestamp::from_millis(0));
    let told = input(&origin, tick);
    assert_eq!(
        json!([told["schedule"], told["payload"], told["time"]]),
        json!(["nightly", {"all": true}, "1970-01-01T00:00:00.000Z"])
    );
}
