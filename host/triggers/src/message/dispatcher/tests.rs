//! The loop on stores in memory, with consumers that are closures.

use super::*;
use crate::message::consumer::{Failed, Handled, Why};
use flint_model::{BucketName, ManualClock, MessageId, StoreName, SystemClock, TopicName};
use flint_stores::conformance::Memory;
use flint_stores::{
    Attribute, BlobExpectation, BoxFuture, BucketRules, Catalog, Expectation, KvLimits, Message, Order, QueueRules,
    SendOptions, Stored, Subscription, TopicRules,
};
use futures::FutureExt as _;
use parking_lot::Mutex;
use std::collections::BTreeMap;

type Answer = Result<Handled, Unanswered>;

/// A consumer, and the batches that it was given.
struct Recorder<F> {
    batches: Mutex<Vec<Vec<String>>>,
    answer: F,
}

impl<F: Fn(&[Delivery]) -> Answer + Send + Sync + 'static> Consumer for Recorder<F> {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Answer> {
        self.batches.lock().push(batch.iter().map(|delivery| body(&delivery.stored)).collect());
        let answer = (self.answer)(batch);
        Box::pin(async move { answer })
    }
}

#[derive(Default)]
struct Counts(Mutex<BTreeMap<&'static str, usize>>);

impl Observer for Counts {
    fn settled(&self, _: &QueueName, settled: Settled, messages: usize) {
        let word = match settled {
            Settled::Done => "done",
            Settled::Filtered => "filtered",
            Settled::Retried => "retried",
            Settled::DeadLettered => "dead",
        };
        *self.0.lock().entry(word).or_default() += messages;
    }
}

fn body(stored: &Stored) -> String {
    String::from_utf8_lossy(&stored.message.body).into_owned()
}

fn name(text: &str) -> QueueName {
    QueueName::parse(text).expect("a name")
}

fn store() -> StoreName {
    StoreName::parse("results").expect("a name")
}

fn stores() -> Arc<dyn Stores> {
    let dying = QueueRules { dead_letter: Some(name("jobs/dead")), receives_max: Some(3), ..QueueRules::default() };
    let fifo = QueueRules { order: Order::Fifo, ..dying.clone() };
    let queues = [
        ("jobs", dying),
        ("orders", fifo),
        ("jobs/dead", QueueRules::default()),
        ("told", QueueRules::default()),
        ("narrow", QueueRules { length_max: 1, ..QueueRules::default() }),
    ];
    let told =
        TopicRules { subscriptions: vec![Subscription { queue: name("told"), filter: None }], ..TopicRules::default() };
    let catalog = Catalog {
        stores: BTreeMap::from([(store(), KvLimits::default())]),
        queues: queues.into_iter().map(|(queue, rules)| (name(queue), rules)).collect(),
        topics: BTreeMap::from([(TopicName::parse("told").expect("a name"), told)]),
        buckets: BTreeMap::from([(BucketName::parse("files").expect("a name"), BucketRules::default())]),
        ..Catalog::default()
    };
    Arc::new(Memory::new(catalog, Arc::new(SystemClock)))
}

fn options(queue: &str) -> Options {
    Options {
        queue: name(queue),
        batch_size: 3,
        batch_bytes_max: 1 << 20,
        batch_window: Duration::ZERO,
        concurrency: 2,
        visibility: Duration::from_secs(30),
        filter: None,
        backoff: Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2) },
        receives_max: Some(3),
        receive_max: 1000,
        delay_max: Duration::from_secs(12 * 60 * 60),
    }
}

async fn send(stores: &Arc<dyn Stores>, queue: &str, bodies: &[&str]) {
    let effect = |body: &&str| {
        let group = body.split_once('@').map(|(_, group)| group.to_owned());
        let kind = body.split_once(':').map(|(kind, _)| Attribute { name: "kind".to_owned(), value: kind.to_owned() });
        let attributes = kind.into_iter().collect();
        let message = Message { group, attributes, ..Message::new(MessageId::now(), (*body).to_owned()) };
        Effect::QueueSend { queue: name(queue), message, options: SendOptions::default() }
    };
    stores.commit(Commit::new(bodies.iter().map(effect).collect())).await.expect("a send");
}

/// Dispatches until the queue is empty; answers the batches in order, and what became of messages.
async fn dispatch(
    stores: &Arc<dyn Stores>,
    options: Options,
    answer: impl Fn(&[Delivery]) -> Answer + Send + Sync + 'static,
) -> (Vec<Vec<String>>, BTreeMap<&'static str, usize>) {
    let queue = options.queue.clone();
    let recorder = Arc::new(Recorder { batches: Mutex::default(), answer });
    let counts = Arc::new(Counts::default());
    let dispatcher = Dispatcher::new(options, Arc::clone(stores), recorder.clone(), counts.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    let empty = async {
        while stores.queues().depth(&queue).await.expect("a depth").total() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), empty).await.expect("the queue is empty at last");
    stop.cancel();
    running.await.expect("it stops");
    let counted =
        counts.0.lock().iter().filter(|(_, count)| **count > 0).map(|(word, count)| (*word, *count)).collect();
    (recorder.batches.lock().clone(), counted)
}

fn failed(delivery: &Delivery, retry: Retry) -> Failed {
    Failed { id: delivery.stored.message.id, why: Why::Failed { reason: "it failed".to_owned(), retry } }
}

#[tokio::test]
async fn messages_come_in_batches_and_are_done() {
    let stores = stores();
    send(&stores, "jobs", &["1", "2", "3", "4", "5", "6", "7"]).await;
    let (batches, counts) = dispatch(&stores, options("jobs"), |_| Ok(Handled::default())).await;
    assert_eq!(batches.concat().len(), 7);
    assert_eq!(batches[..2], [["1", "2", "3"], ["4", "5", "6"]], "two permits share the first lease");
    assert_eq!(counts, BTreeMap::from([("done", 7)]));
}

#[tokio::test]
async fn a_failed_message_comes_again_and_then_is_dead_lettered() {
    let stores = stores();
    send(&stores, "jobs", &["good", "bad", "never"]).await;
    let (batches, counts) = dispatch(&stores, options("jobs"), |batch| {
        let of = |word: &'static str, retry| {
            batch.iter().filter(move |one| body(&one.stored) == word).map(move |one| failed(one, retry))
        };
        let failures = of("bad", Retry::Default).chain(of("never", Retry::Never)).collect();
        Ok(Handled { failures, effects: Vec::new() })
    })
    .await;
    assert_eq!(batches, [&["good", "bad", "never"][..], &["bad"], &["bad"]]);
    assert_eq!(counts, BTreeMap::from([("done", 1), ("retried", 2), ("dead", 2)]));
    let dead = stores.queues().peek(&name("jobs/dead"), None, 9).await.expect("a page").messages;
    let reasons: Vec<_> = dead.iter().map(|one| (body(one), one.death.clone().expect("a death").reason)).collect();
    let expected = [("never", "it failed"), ("bad", "it failed (received 3 times)")];
    assert_eq!(reasons, expected.map(|(body, reason)| (body.to_owned(), reason.to_owned())));
}

#[tokio::test]
async fn of_a_batch_that_traps_only_the_culprit_dies() {
    let stores = stores();
    send(&stores, "jobs", &["1", "poison", "2"]).await;
    let (batches, counts) = dispatch(&stores, options("jobs"), |batch| {
        if batch.iter().any(|one| body(&one.stored) == "poison") {
            let blame = Blame::Messages { retry: Retry::Default };
            return Err(Unanswered { reason: "it trapped".to_owned(), blame });
        }
        Ok(Handled::default())
    })
    .await;
    assert_eq!(batches[0], ["1", "poison", "2"]);
    assert!(batches[1..].iter().all(|batch| batch.len() == 1), "{batches:?}");
    assert_eq!((counts["done"], counts["dead"]), (2, 1));
    let dead = stores.queues().peek(&name("jobs/dead"), None, 9).await.expect("a page").messages;
    assert_eq!(dead.iter().map(body).collect::<Vec<_>>(), ["poison"]);
}

#[tokio::test]
async fn a_host_without_room_costs_a_message_nothing() {
    let stores = stores();
    send(&stores, "jobs", &["1"]).await;
    let left = Mutex::new(10);
    let (batches, counts) = dispatch(&stores, options("jobs"), move |batch| {
        assert_eq!(batch[0].stored.receives, 1, "it never counts");
        let mut left = left.lock();
        if *left == 0 {
            return Ok(Handled::default());
        }
        *left -= 1;
        Err(Unanswered { reason: "no room".to_owned(), blame: Blame::Host })
    })
    .await;
    assert_eq!((batches.len(), counts), (11, BTreeMap::from([("done", 1), ("retried", 10)])));
}

#[tokio::test]
async fn a_filter_lets_through_what_it_wants_and_the_rest_is_done_with() {
    let stores = stores();
    send(&stores, "jobs", &["a:1", "b:2", "a:3", "4"]).await;
    let filter = Filter::parse(&serde_json::json!({"kind": ["a"]})).expect("a filter");
    let options = Options { filter: Some(filter), ..options("jobs") };
    let (batches, counts) = dispatch(&stores, options, |_| Ok(Handled::default())).await;
    assert_eq!(batches.concat(), ["a:1", "a:3"]);
    assert_eq!(counts, BTreeMap::from([("done", 2), ("filtered", 2)]));
}

#[tokio::test]
async fn a_window_gathers_a_batch() {
    let stores = stores();
    send(&stores, "jobs", &["1"]).await;
    let late = Arc::clone(&stores);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        send(&late, "jobs", &["2", "3", "4"]).await;
    });
    let options = Options { batch_window: Duration::from_secs(20), concurrency: 1, ..options("jobs") };
    let (batches, _) = dispatch(&stores, Options { batch_size: 4, ..options }, |_| Ok(Handled::default())).await;
    assert_eq!(batches, [["1", "2", "3", "4"]], "a full batch does not wait for the end of its window");
}

#[tokio::test]
async fn in_a_group_nothing_passes_a_message_that_failed() {
    let stores = stores();
    send(&stores, "orders", &["1@a", "2@a", "1@b", "3@a"]).await;
    let once = Mutex::new(true);
    let (batches, _) = dispatch(&stores, Options { concurrency: 1, ..options("orders") }, move |batch| {
        let mut failures = Vec::new();
        if std::mem::take(&mut *once.lock()) {
            failures.push(failed(&batch[0], Retry::Default));
            let rest = batch[1..].iter().filter(|one| one.stored.message.group.as_deref() == Some("a"));
            failures.extend(rest.map(|one| Failed { id: one.stored.message.id, why: Why::NotTried }));
        }
        Ok(Handled { failures, effects: Vec::new() })
    })
    .await;
    let of_a: Vec<_> = batches.concat().into_iter().filter(|body| body.ends_with("@a")).collect();
    assert_eq!(of_a, ["1@a", "2@a", "3@a", "1@a", "2@a", "3@a"], "{batches:?}");
}

#[tokio::test]
async fn effects_are_committed_with_the_end_of_their_messages_and_a_conflict_is_tried_anew() {
    let stores = stores();
    let put = |value: &'static str, expect| Effect::KvPut {
        store: store(),
        key: "k".to_owned(),
        value: value.into(),
        expires_at: None,
        expect: Some(expect),
    };
    stores.commit(put("first", Expectation::Absent).into()).await.expect("a put");
    send(&stores, "jobs", &["1"]).await;
    let calls = Mutex::new(0);
    let (batches, counts) = dispatch(&stores, options("jobs"), move |_| {
        let mut calls = calls.lock();
        *calls += 1;
        // Version 1 is the one that the put above wrote; at first the handler believes in another one.
        let expect = Expectation::Version(if *calls < 3 { 99 } else { 1 });
        Ok(Handled { failures: Vec::new(), effects: vec![put("second", expect)] })
    })
    .await;
    assert_eq!((batches.len(), counts), (3, BTreeMap::from([("done", 1)])));
    let entry = stores.kv().get(&store(), "k").await.expect("a read").expect("an entry");
    assert_eq!(&entry.value[..], b"second");
}

#[tokio::test]
async fn effects_that_can_not_be_committed_are_the_messages_fault() {
    let stores = stores();
    send(&stores, "jobs", &["1"]).await;
    let (batches, counts) = dispatch(&stores, options("jobs"), |_| {
        let message = Message::new(MessageId::now(), "x");
        let effect = Effect::QueueSend { queue: name("none"), message, options: SendOptions::default() };
        Ok(Handled { failures: Vec::new(), effects: vec![effect] })
    })
    .await;
    assert_eq!((batches.len(), counts), (3, BTreeMap::from([("retried", 2), ("dead", 1)])));
    let dead = stores.queues().peek(&name("jobs/dead"), None, 9).await.expect("a page").messages;
    let reason = dead[0].death.clone().expect("a death").reason;
    assert_eq!(reason, "its effects can't be committed: there is no queue none (received 3 times)");
}

#[tokio::test]
async fn the_message_that_would_go_on_in_a_circle_is_given_up_at_once_and_alone() {
    let stores = stores();
    let circle = |depth| Message { depth, ..Message::new(MessageId::now(), depth.to_string()) };
    let send = |message| Effect::QueueSend { queue: name("jobs"), message, options: SendOptions::default() };
    stores.commit(Commit::new(vec![send(circle(16)), send(circle(0))])).await.expect("a send");
    let (batches, counts) = dispatch(&stores, options("jobs"), |_| {
        let message = Message::new(MessageId::now(), "x");
        let topic = TopicName::parse("told").expect("a name");
        Ok(Handled { failures: Vec::new(), effects: vec![Effect::TopicPublish { topic, message }] })
    })
    .await;
    assert_eq!((batches.len(), &counts["done"], &counts["dead"]), (3, &1, &1), "{batches:?} {counts:?}");
    let dead = stores.queues().peek(&name("jobs/dead"), None, 9).await.expect("a page").messages;
    let reason = &dead[0].death.as_ref().expect("a death").reason;
    assert!(body(&dead[0]) == "16" && reason.contains("writes into what it listens to"), "{dead:?}");
}

#[tokio::test]
async fn a_blob_that_is_another_by_now_is_a_conflict_too() {
    let stores = stores();
    send(&stores, "jobs", &["1"]).await;
    let calls = Mutex::new(0);
    let (batches, counts) = dispatch(&stores, options("jobs"), move |_| {
        *calls.lock() += 1;
        let (bucket, key) = (BucketName::parse("files").expect("a name"), "k".to_owned());
        // At first the handler believes in a blob that is not there.
        let expect = Some(if *calls.lock() < 5 { BlobExpectation::Exists } else { BlobExpectation::Absent });
        Ok(Handled { failures: Vec::new(), effects: vec![Effect::BlobUnlink { bucket, key, expect }] })
    })
    .await;
    assert_eq!((batches.len(), counts), (5, BTreeMap::from([("done", 1)])), "no attempt counts");
}

#[tokio::test]
async fn where_there_is_room_for_one_message_a_batch_comes_to_its_end_one_by_one() {
    let stores = stores();
    send(&stores, "jobs", &["1", "2", "3"]).await;
    let drained = Arc::clone(&stores);
    let draining = tokio::spawn(async move {
        let wait = Receive { wait: Duration::from_secs(30), ..Receive::default() };
        for _ in 0..3 {
            let one = drained.queues().receive(&name("narrow"), wait).await.expect("a receive").messages.remove(0);
            let done = Commit { consumed: vec![Settle::done(one.receipt)], ..Commit::default() };
            drained.commit(done).await.expect("a settlement");
        }
    });
    let (batches, counts) = dispatch(&stores, options("jobs"), |batch| {
        let effect = |one: &Delivery| {
            let message = Message::new(MessageId::now(), one.stored.message.body.clone());
            Effect::QueueSend { queue: name("narrow"), message, options: SendOptions::default() }
        };
        Ok(Handled { failures: Vec::new(), effects: batch.iter().map(effect).collect() })
    })
    .await;
    draining.await.expect("all came through");
    assert_eq!((batches[0].len(), counts["done"]), (3, 3));
    assert!(batches[1..].iter().all(|batch| batch.len() == 1), "{batches:?}");
}

#[tokio::test]
async fn whoever_lost_a_lease_writes_nothing() {
    let (clock, stores) = with_clock();
    send(&stores, "jobs", &["1"]).await;
    let (turn, calls) = (clock.clone(), Mutex::new(0));
    let other = Arc::clone(&stores);
    let (_, counts) = dispatch(&stores, Options { concurrency: 1, ..options("jobs") }, move |batch| {
        *calls.lock() += 1;
        if *calls.lock() == 1 {
            // While it is handled, the lease ends and someone else leases the message, briefly.
            turn.advance(Duration::from_secs(31));
            let brief = Receive { visibility: Some(Duration::from_millis(1)), ..Receive::default() };
            let queue = name("jobs");
            let taken = other.queues().receive(&queue, brief).now_or_never().expect("at once").expect("a receive");
            assert_eq!(taken.messages[0].stored.message.id, batch[0].stored.message.id);
            turn.advance(Duration::from_secs(1));
        }
        let effect = Effect::KvIncrement { store: store(), key: "n".to_owned(), delta: 1, expect: None };
        Ok(Handled { failures: Vec::new(), effects: vec![effect] })
    })
    .await;
    assert_eq!(counts["done"], 1);
    let entry = stores.kv().get(&store(), "n").await.expect("a read").expect("an entry");
    assert_eq!(&entry.value[..], 1_i64.to_le_bytes(), "the effects happened once");
}

#[tokio::test]
async fn a_group_with_much_in_it_comes_in_batches_of_the_size_that_was_asked_for() {
    let stores = stores();
    send(&stores, "orders", &["1@a", "2@a", "3@a", "4@a", "5@a", "6@a", "7@a"]).await;
    let (batches, _) = dispatch(&stores, options("orders"), |_| Ok(Handled::default())).await;
    assert_eq!(batches, [&["1@a", "2@a", "3@a"][..], &["4@a", "5@a", "6@a"], &["7@a"]]);
}

#[tokio::test]
async fn what_was_gathered_is_handled_though_it_is_told_to_stop() {
    let stores = stores();
    send(&stores, "jobs", &["1"]).await;
    let recorder = Arc::new(Recorder { batches: Mutex::default(), answer: |_: &[Delivery]| Ok(Handled::default()) });
    let options = Options { batch_window: Duration::from_secs(300), ..options("jobs") };
    let stop = CancellationToken::new();
    let dispatcher = Dispatcher::new(options, Arc::clone(&stores), recorder.clone(), Arc::new(Counts::default()));
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    while stores.queues().depth(&name("jobs")).await.expect("a depth").hidden == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .expect("it stops before the window ends")
        .expect("well");
    assert_eq!(*recorder.batches.lock(), [["1"]]);
    assert_eq!(stores.queues().depth(&name("jobs")).await.expect("a depth").total(), 0);
}

#[tokio::test]
async fn what_comes_behind_the_stop_is_left_for_whoever_comes_next() {
    let stores = stores();
    let recorder = Arc::new(Recorder { batches: Mutex::default(), answer: |_: &[Delivery]| Ok(Handled::default()) });
    let counts = Arc::new(Counts::default());
    let dispatcher = Dispatcher::new(options("jobs"), Arc::clone(&stores), recorder.clone(), counts.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    // Its receive is under way, and finds the message.
    stop.cancel();
    send(&stores, "jobs", &["1"]).await;
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("it stops").expect("well");
    assert!(recorder.batches.lock().is_empty() && counts.0.lock().is_empty(), "it is not handled");
    let next = stores.queues().receive(&name("jobs"), Receive::default()).await.expect("a receive");
    assert_eq!(next.messages.iter().map(|one| one.stored.receives).collect::<Vec<_>>(), [1], "nobody else had it");
}

fn with_clock() -> (Arc<ManualClock>, Arc<dyn Stores>) {
    let clock = Arc::new(ManualClock::at(flint_model::Timestamp::from_millis(1)));
    let queues = BTreeMap::from([(name("jobs"), QueueRules::default())]);
    let catalog = Catalog { queues, stores: BTreeMap::from([(store(), KvLimits::default())]), ..Catalog::default() };
    (Arc::clone(&clock), Arc::new(Memory::new(catalog, clock)))
}

#[tokio::test]
async fn a_batch_is_not_handled_anew_behind_the_end_of_its_lease() {
    let (clock, stores) = with_clock();
    send(&stores, "jobs", &["1"]).await;
    let leases = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&leases);
    let passing = Arc::clone(&clock);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            passing.advance(Duration::from_millis(1));
        }
    });
    let (_, counts) = dispatch(&stores, Options { concurrency: 1, ..options("jobs") }, move |batch| {
        let mut leases = seen.lock();
        leases.push((batch[0].until, batch[0].stored.receives));
        clock.advance(Duration::from_secs(10));
        let (key, expect) = ("k".to_owned(), Some(Expectation::Version(99)));
        let conflict = Effect::KvDelete { store: store(), key, expect };
        Ok(Handled { failures: Vec::new(), effects: if leases.len() < 4 { vec![conflict] } else { Vec::new() } })
    })
    .await;
    let leases = leases.lock();
    assert!(leases[..3].iter().all(|lease| *lease == leases[0]) && leases[3].0 > leases[0].0, "{leases:?}");
    assert_eq!((leases[3].1, &counts["done"]), (1, &1), "a conflict does not count");
}

#[tokio::test]
async fn a_message_that_somebody_else_settled_undoes_nothing_of_a_batch_without_effects() {
    let (_, stores) = with_clock();
    send(&stores, "jobs", &["1", "2", "3"]).await;
    let other = Arc::clone(&stores);
    let (batches, counts) = dispatch(&stores, options("jobs"), move |batch| {
        let by_hand = Commit { consumed: vec![Settle::done(batch[1].receipt.clone())], ..Commit::default() };
        other.commit(by_hand).now_or_never().expect("at once").expect("a settlement");
        Ok(Handled::default())
    })
    .await;
    assert_eq!((batches, counts), (vec![["1", "2", "3"].map(str::to_owned).to_vec()], BTreeMap::from([("done", 2)])));
}
