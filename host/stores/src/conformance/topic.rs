//! Topics: what is published is in the queue of every subscription that wants it, or nothing is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flint_model::{QueueName, TopicName, TraceContext};
use serde_json::json;

use super::{
    Setup, bodies, commit_one, depth, done, in_group, message, post, put, put_if, queue_name, receive, send, store,
    value,
};
use crate::filter::Filter;
use crate::queue::{Attribute, Order};
use crate::{
    Cause, Commit, CommitError, Effect, Expectation, Invalid, Message, Missing, Outcome, QueueRules, Settle, Source,
    Stores, Subscription, TooLarge, TopicRules, What,
};

/// The topics of the suite.
pub(super) fn rules() -> BTreeMap<TopicName, TopicRules> {
    let all = |queue: &str| Subscription::all(queue_name(queue));
    let some = |queue: &str, policy| {
        let filter = Filter::parse(&policy).expect("the suite uses good filters");
        Subscription { filter: Some(filter), ..all(queue) }
    };
    let news = vec![
        all("news/all"),
        some("news/orders", json!({ "type": [{ "prefix": "order." }] })),
        some("news/dear", json!({ "price": [{ "numeric": [">", 100] }] })),
        all("news/row"),
    ];
    let small = TopicRules {
        message_size_max: 8,
        batch_max: 2,
        batch_bytes_max: 12,
        subscriptions: vec![all("news/all"), all("news/tight")],
    };
    let rules = [("news", TopicRules { subscriptions: news, ..TopicRules::default() }), ("small", small)];
    rules.into_iter().map(|(name, rules)| (topic(name), rules)).collect()
}

/// The queues of their subscriptions.
pub(super) fn queues() -> BTreeMap<QueueName, QueueRules> {
    let plain = QueueRules::default;
    let tight = QueueRules { length_max: 2, message_size_max: 1, batch_bytes_max: 1, ..plain() };
    let rules = [
        ("news/all", plain()),
        ("news/orders", QueueRules { delay: Duration::from_millis(10), ..plain() }),
        ("news/dear", plain()),
        ("news/row", QueueRules { order: Order::Fifo, ..plain() }),
        ("news/tight", tight),
    ];
    rules.into_iter().map(|(name, rules)| (queue_name(name), rules)).collect()
}

pub(super) fn topic(name: &str) -> TopicName {
    TopicName::parse(name).expect("the suite uses good names")
}

pub(super) fn with(message: Message, attributes: &[(&str, &str)]) -> Message {
    let attribute = |(name, value): &(&str, &str)| Attribute { name: (*name).to_owned(), value: (*value).to_owned() };
    Message { attributes: attributes.iter().map(attribute).collect(), ..message }
}

pub(super) fn publish(name: &str, message: Message) -> Effect {
    Effect::TopicPublish { topic: topic(name), message }
}

/// One message, one id; each queue has it as its own, and knows the topic.
pub async fn what_is_published_reaches_every_subscription(_: &Setup, stores: &Arc<dyn Stores>) {
    let published = with(message("a"), &[("type", "other")]);
    let outcome = commit_one(stores, publish("news", published.clone())).await;
    assert_eq!(outcome, Ok(Outcome::TopicPublish { id: published.id }));
    let source = Some(Source::Topic(topic("news")));
    let expected = Message { source, depth: 1, ..published };
    let all = receive(stores, "news/all", 9).await;
    assert_eq!(all[0].stored.message, expected);
    done(stores, &all).await;
    let row = receive(stores, "news/row", 9).await;
    assert_eq!(row[0].stored.message, Message { group: Some("news".to_owned()), ..expected });
    assert_eq!((all.len(), row.len(), depth(stores, "news/orders").await.total()), (1, 1, 0));
}

/// By type and by number; without an attribute that the filter asks for, nothing passes.
pub async fn a_filter_decides_what_reaches_a_subscription(setup: &Setup, stores: &Arc<dyn Stores>) {
    let messages = [
        ("a", vec![("type", "order.created"), ("price", "250")]),
        ("b", vec![("type", "order.paid"), ("price", "7")]),
        ("c", vec![("type", "user.signup"), ("price", "250.5")]),
        ("d", vec![]),
    ];
    let effects = messages.iter().map(|(body, attributes)| publish("news", with(message(body), attributes)));
    stores.commit(Commit::new(effects.collect())).await.expect("a batch");
    assert!(receive(stores, "news/orders", 9).await.is_empty(), "the queue delays what comes");
    setup.clock.advance(Duration::from_millis(10));
    for (queue, expected) in [
        ("news/all", &["a", "b", "c", "d"][..]),
        ("news/orders", &["a", "b"]),
        ("news/dear", &["a", "c"]),
        ("news/row", &["a", "b", "c", "d"]),
    ] {
        assert_eq!(bodies(&receive(stores, queue, 9).await), expected, "{queue}");
    }
}

/// Whoever publishes with a group has the order of that group only.
pub async fn a_group_goes_with_what_is_published(_: &Setup, stores: &Arc<dyn Stores>) {
    for (body, group) in [("a1", "a"), ("b1", "b"), ("a2", "a")] {
        commit_one(stores, publish("news", in_group(body, group))).await.expect("it is published");
    }
    let first = receive(stores, "news/row", 1).await;
    assert_eq!(bodies(&first), ["a1"]);
    assert_eq!(bodies(&receive(stores, "news/row", 9).await), ["b1"], "the group a waits");
    let all = receive(stores, "news/all", 9).await;
    assert!(all.iter().all(|delivery| delivery.stored.message.group.is_none()), "{all:?}");
}

/// A conflict beside it, or one full queue: nobody gets anything.
pub async fn a_publication_is_one_with_its_commit(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    post(stores, "plain", "cause").await;
    let cause = receive(stores, "plain", 1).await;
    let commit = |expect| Commit {
        effects: vec![publish("news", message("a")), put_if(&s, "k", "v", expect), send("jobs", message("b"))],
        consumed: vec![Settle::done(cause[0].receipt.clone())],
        ..Commit::default()
    };
    let conflict = stores.commit(commit(Expectation::Version(1))).await;
    assert!(matches!(conflict, Err(CommitError::Conflict { index: 1, .. })), "{conflict:?}");
    assert_eq!((depth(stores, "news/all").await.total(), depth(stores, "plain").await.hidden), (0, 1));
    stores.commit(commit(Expectation::Absent)).await.expect("all of it can happen");
    assert_eq!((depth(stores, "news/all").await.total(), depth(stores, "plain").await.total()), (1, 0));
}

/// The publisher waits rather than that one of the subscribers misses something.
pub async fn one_full_subscription_refuses_a_publication(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let batch = vec![publish("small", message("12345")), publish("small", message("67890"))];
    stores.commit(Commit::new(batch)).await.expect("the limits of the topic count, not those of the queue");
    let full = CommitError::Full { queue: queue_name("news/tight"), limit: 2 };
    let refused = stores.commit(Commit::new(vec![put(&s, "k", ""), publish("small", message("a"))])).await;
    assert_eq!(refused.map(drop), Err(full));
    assert_eq!((depth(stores, "news/all").await.total(), value(stores, &s, "k").await), (2, None));
    let one = receive(stores, "news/tight", 1).await;
    let consumed = vec![Settle::done(one[0].receipt.clone())];
    let commit = Commit { consumed, ..Commit::from(publish("small", message("a"))) };
    stores.commit(commit).await.expect("what is consumed makes room");
}

/// What can't be published is told by what stands in the way.
pub async fn what_is_published_keeps_the_rules_of_the_topic(_: &Setup, stores: &Arc<dyn Stores>) {
    let too_large = |what, size, limit| Err(CommitError::TooLarge(TooLarge { what, size, limit }));
    let batch = |bodies: &[&str]| bodies.iter().map(|body| publish("small", message(body))).collect::<Vec<_>>();
    for (effects, expected) in [
        (vec![publish("none", message(""))], Err(CommitError::NoSuch(Missing::Topic(topic("none"))))),
        (batch(&["123456789"]), too_large(What::Message, 9, 8)),
        (batch(&["", "", ""]), too_large(What::Batch, 3, 2)),
        (batch(&["1234567", "123456"]), too_large(What::Batch, 13, 12)),
        (vec![publish("news", in_group("", ""))], Err(CommitError::Invalid(Invalid::Empty { what: What::Group }))),
        (
            vec![publish("news", with(message(""), &[("a", ""), ("a", "")]))],
            Err(CommitError::Invalid(Invalid::AttributeTwice { name: "a".to_owned() })),
        ),
    ] {
        assert_eq!(stores.commit(Commit::new(effects.clone())).await.map(drop), expected, "{effects:?}");
    }
    assert_eq!(depth(stores, "news/all").await.total(), 0);
}

/// One deeper than the message that is handled, in its trace, until it is too deep.
pub async fn what_is_derived_is_one_deeper_than_its_cause(_: &Setup, stores: &Arc<dyn Stores>) {
    let trace = TraceContext::root();
    let at = |depth| Cause { trace: Some(trace.clone()), depth };
    let commit = |depth| Commit { cause: at(depth), ..Commit::from(publish("news", message(""))) };
    stores.commit(commit(15)).await.expect("16 may lead to one another");
    let found = receive(stores, "news/all", 1).await;
    assert_eq!((found[0].stored.message.depth, &found[0].stored.message.trace), (16, &Some(trace.clone())));
    done(stores, &found).await;
    let error = stores.commit(commit(16)).await.expect_err("17 may not");
    assert_eq!(error, CommitError::TooDeep { queue: queue_name("news/all"), limit: 16 });
    assert!(error.to_string().contains("writes into what it listens to"), "{error}");
    assert_eq!(depth(stores, "news/all").await.total(), 0);
    let send = Commit { cause: at(16), ..Commit::from(send("plain", message(""))) };
    stores.commit(send).await.expect("what is sent by itself is up to the sender");
}
