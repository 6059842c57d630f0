//! Messages whose bodies lie in a bucket: both are there, or neither is.

use std::time::Duration;

use flint_model::{BucketName, MessageId, QueueName};
use flint_stores::conformance::Setup;
use flint_stores::{
    Commit, CommitError, Company, Delivery, Effect, Message, Order, QueueRules, Receive, Receives, SendOptions, Settle,
    Stores as _, Verdict,
};
use tempfile::TempDir;

use super::blobs::{read, rows};
use super::{dir, folder, options};
use crate::Embedded;

/// Not large, and large.
const SIZES: [usize; 2] = [10, 100_000];

fn queue(name: &str) -> QueueName {
    QueueName::parse(name).expect("a name")
}

/// A queue of each order, with dead letters that stay in the bucket, and in the queue.
fn open(folder: &TempDir) -> Embedded {
    let setup = Setup::default();
    let mut options = options(&setup);
    let bucket = Some(BucketName::parse("default").expect("a name"));
    let rules = |order, dead: &str| QueueRules {
        order,
        message_size_max: 100,
        large_payloads: bucket.clone(),
        dead_letter: Some(queue(dead)),
        receives_max: Some(5),
        ..QueueRules::default()
    };
    let dead =
        |order, large_payloads| QueueRules { order, message_size_max: 100, large_payloads, ..QueueRules::default() };
    options.catalog.queues.extend([
        (queue("large"), rules(Order::Standard, "large/dead")),
        (queue("large/dead"), dead(Order::Standard, bucket.clone())),
        (queue("row"), rules(Order::Fifo, "row/dead")),
        (queue("row/dead"), dead(Order::Fifo, None)),
    ]);
    Embedded::open(dir(folder), options).expect("it opens")
}

async fn send(stores: &Embedded, name: &str, size: usize) -> Result<MessageId, CommitError> {
    let group = name.starts_with("row").then(|| "g".to_owned());
    let message = Message { group, ..Message::new(MessageId::now(), vec![7; size]) };
    let (id, options) = (message.id, SendOptions::default());
    stores.commit(Effect::QueueSend { queue: queue(name), message, options }.into()).await.map(|_| id)
}

async fn receive(stores: &Embedded, name: &str) -> Delivery {
    let (wait, bytes_max) = (Duration::from_secs(5), usize::MAX);
    let receive = Receive { wait, bytes_max, ..Receive::default() };
    let received = stores.queues().receive(&queue(name), receive).await.expect("a receive");
    received.messages.into_iter().next().expect("a message")
}

async fn settle(stores: &Embedded, delivery: &Delivery, verdict: Verdict) {
    let settle = Settle { receipt: delivery.receipt.clone(), verdict };
    stores.commit(Commit::settle(vec![settle])).await.expect("a settlement");
}

fn dead() -> Verdict {
    Verdict::DeadLetter { reason: "it is bad".to_owned() }
}

#[tokio::test]
async fn a_body_that_is_too_large_for_its_queue_lies_in_the_bucket_until_its_message_is_done() {
    let folder = folder();
    let mut stores = open(&folder);
    for name in ["large", "row"] {
        for size in SIZES {
            let id = send(&stores, name, size).await.expect("it is sent");
            let large = u64::from(size > 100);
            assert_eq!(rows(&stores), (large, large, large), "{name} {size}");
            let key = format!("{name}/{id}");
            assert_eq!(read(&stores, &key).await.map(|body| body.len()), (large > 0).then_some(size));
            stores.close().await;
            stores = open(&folder);
            let delivery = receive(&stores, name).await;
            assert_eq!(delivery.stored.message.body, vec![7; size]);
            let (after, receives, company) = (Duration::ZERO, Receives::Count, Company::Any);
            settle(&stores, &delivery, Verdict::Retry { after, receives, company }).await;
            assert_eq!(rows(&stores), (large, large, large), "it comes again");
            settle(&stores, &receive(&stores, name).await, Verdict::Done).await;
            assert_eq!(rows(&stores), (0, 0, 0), "{name} {size}");
        }
    }
}

#[tokio::test]
async fn a_dead_letter_takes_its_body_along_and_back() {
    let folder = folder();
    let stores = open(&folder);
    for (name, there) in [("large", 1), ("row", 0)] {
        let to = format!("{name}/dead");
        send(&stores, name, SIZES[1]).await.expect("it is sent");
        settle(&stores, &receive(&stores, name).await, dead()).await;
        assert_eq!(rows(&stores), (there, there, there), "by the rules of {to}");
        let peeked = stores.queues().peek(&queue(&to), None, 10).await.expect("a look");
        assert_eq!(peeked.messages[0].message.body.len(), SIZES[1]);
        assert_eq!(stores.queues().redrive(&queue(&to), None, 10).await, Ok(1));
        assert_eq!(rows(&stores), (1, 1, 1), "back where it came from");
        let peeked = stores.queues().peek(&queue(name), None, 10).await.expect("a look");
        assert_eq!(peeked.messages[0].message.body.len(), SIZES[1]);
        assert_eq!(stores.queues().purge(&queue(name)).await, Ok(1));
        assert_eq!(rows(&stores), (0, 0, 0));
    }
}

#[tokio::test]
async fn a_message_keeps_its_body_whatever_becomes_of_the_key_in_the_bucket() {
    let folder = folder();
    let stores = open(&folder);
    let id = send(&stores, "large", SIZES[1]).await.expect("it is sent");
    let (bucket, key) = (BucketName::parse("default").expect("a name"), format!("large/{id}"));
    stores.commit(Effect::BlobUnlink { bucket, key, expect: None }.into()).await.expect("it is removed");
    assert_eq!(rows(&stores), (0, 1, 1));
    let delivery = receive(&stores, "large").await;
    assert_eq!(delivery.stored.message.body.len(), SIZES[1]);
    settle(&stores, &delivery, Verdict::Done).await;
    assert_eq!(rows(&stores), (0, 0, 0));
}

#[tokio::test]
async fn what_no_bucket_takes_and_what_is_said_beside_the_body_is_refused() {
    let folder = folder();
    let stores = open(&folder);
    for name in ["row/dead", "large"] {
        let attribute = flint_stores::Attribute { name: "n".to_owned(), value: "v".repeat(200) };
        let large = if name == "large" { vec![attribute] } else { Vec::new() };
        let group = (name != "large").then(|| "g".to_owned());
        let message = Message { group, attributes: large, ..Message::new(MessageId::now(), vec![7; SIZES[1]]) };
        let send = Effect::QueueSend { queue: queue(name), message, options: SendOptions::default() };
        assert!(matches!(stores.commit(send.into()).await, Err(CommitError::TooLarge(_))), "{name}");
    }
    assert_eq!(rows(&stores), (0, 0, 0));
}
