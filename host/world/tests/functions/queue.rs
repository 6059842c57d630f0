//! Messages through the function `batch`, as it is built, over stores in memory.

use super::harness::{component, world};
use flint_engine::{Isolation, Limits};
use flint_model::{Access, Capability, FunctionName, MessageId, QueueName, StoreName, SystemClock, TraceContext};
use flint_stores::conformance::Memory;
use flint_stores::{
    Catalog, Commit, CommitError, Delivery, Effect, KvLimits, Message, Order, QueueRules, Receive, SendOptions, Settle,
    Stores, Verdict,
};
use flint_world::{EffectsMode, Failure, Function, FunctionSpec, Handled, Init, Invocation, Unfinished};
use std::sync::Arc;
use std::time::Duration;

/// The function, and what is around it.
struct House {
    stores: Arc<Memory>,
    function: Function,
}

impl House {
    async fn new() -> Self {
        Self::with(KvLimits::default(), |_| {}).await
    }

    async fn with(limits: KvLimits, adapt: impl FnOnce(&mut FunctionSpec)) -> Self {
        let fifo = QueueRules { order: Order::Fifo, ..QueueRules::default() };
        let catalog = Catalog {
            stores: [(StoreName::parse("results").unwrap(), limits)].into(),
            queues: [
                (queue("jobs"), QueueRules::default()),
                (queue("copies"), QueueRules::default()),
                (queue("orders"), fifo),
            ]
            .into(),
            ..Catalog::default()
        };
        let stores = Arc::new(Memory::new(catalog, Arc::new(SystemClock)));
        let world = world(stores.clone());
        let mut spec = FunctionSpec::new(FunctionName::parse("batch").unwrap());
        (spec.warm, spec.spares_max) = (0, 0);
        spec.limits = Limits { timeout: Duration::from_secs(20), cpu: Duration::from_millis(500), ..Limits::default() };
        spec.grants.add(Capability::Kv, "results", Access::ReadWrite);
        spec.grants.add(Capability::Queue, "copies", Access::Send);
        adapt(&mut spec);
        let compiled = flint_world::compile(world.engine(), None, &component("batch"), Init::Snapshot).await.unwrap();
        assert!(compiled.shape().queue);
        Self { stores, function: world.load(spec, &compiled).unwrap() }
    }

    /// Sends bodies to a queue, and leases them all; a body of a group with `body@group`.
    async fn lease(&self, name: &str, bodies: &[&str]) -> Vec<Delivery> {
        let send = |body: &&str| {
            let (body, group) = body.split_once('@').map_or((*body, None), |(body, group)| (body, Some(group)));
            let message = Message::new(MessageId::now(), body.to_owned());
            let message = Message { group: group.map(str::to_owned), trace: Some(trace()), depth: 2, ..message };
            Effect::QueueSend { queue: queue(name), message, options: SendOptions::default() }
        };
        self.stores.commit(Commit::new(bodies.iter().map(send).collect())).await.unwrap();
        self.receive(name).await
    }

    async fn receive(&self, name: &str) -> Vec<Delivery> {
        let receive = Receive { max: 100, ..Receive::default() };
        self.stores.queues().receive(&queue(name), receive).await.unwrap().messages
    }

    async fn handle(&self, messages: &[Delivery], effects: EffectsMode) -> Result<Handled, Failure> {
        self.function.queue(Invocation::of_messages(messages), messages, effects).await
    }

    /// Commits what was held, with all but the failures settled as done.
    async fn settle(&self, messages: &[Delivery], handled: Handled) -> Result<(), CommitError> {
        let failed = |delivery: &&Delivery| handled.failures.iter().any(|(id, _)| *id == delivery.stored.message.id);
        let done = messages.iter().filter(|delivery| !failed(delivery));
        let consumed =
            done.map(|delivery| Settle { receipt: delivery.receipt.clone(), verdict: Verdict::Done }).collect();
        self.stores.commit(Commit { effects: handled.effects, consumed, ..Commit::default() }).await.map(drop)
    }

    /// What a key holds: a counter as a number, else the text.
    async fn result(&self, key: &str) -> Option<String> {
        let entry = self.stores.kv().get(&StoreName::parse("results").unwrap(), key).await.unwrap()?;
        Some(match entry.kind {
            flint_stores::kv::Kind::Counter => i64::from_le_bytes(entry.value.as_ref().try_into().unwrap()).to_string(),
            flint_stores::kv::Kind::Plain => String::from_utf8(entry.value.to_vec()).unwrap(),
        })
    }

    /// How many jobs were counted as done.
    async fn done(&self) -> Option<String> {
        self.result("done").await
    }
}

fn queue(name: &str) -> QueueName {
    QueueName::parse(name).unwrap()
}

fn trace() -> TraceContext {
    TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None).unwrap()
}

fn job(id: &str, more: &str) -> String {
    format!(r#"{{"id": "{id}", "text": "one two"{more}}}"#)
}

/// The failures by their names, those that were not tried as `-`, those that no retry helps with a `!`.
fn names(handled: &Handled) -> Vec<String> {
    let name = |(_, unfinished): &(MessageId, Unfinished)| match unfinished {
        Unfinished::NotTried => "-".to_owned(),
        Unfinished::Failed(failure) => {
            format!("{}{}", failure.name, if failure.retry.is_none() { "!" } else { "" })
        }
    };
    handled.failures.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_wrote_happens_with_its_messages_being_done() {
    let house = House::new().await;
    let messages = house.lease("jobs", &[&job("a", ""), &job("b", ""), &job("a", "")]).await;
    let handled = house.handle(&messages, EffectsMode::Held).await.unwrap();
    assert_eq!(names(&handled), [""; 0]);
    assert_eq!(house.done().await, None, "nothing happened yet");
    house.settle(&messages, handled).await.unwrap();
    assert_eq!(house.result("job/a").await.as_deref(), Some(r#"{"words":2,"attempts":1}"#));
    assert_eq!(house.done().await.as_deref(), Some("3"));
    assert_eq!(house.stores.queues().depth(&queue("jobs")).await.unwrap().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_for_a_message_that_failed_is_taken_back_alone() {
    let house = House::new().await;
    let bodies = [
        &job("fails", r#", "trouble": "fail", "forward": "copies""#),
        &job("works", r#", "forward": "copies""#),
        r#"{"id": "empty", "text": ""}"#,
        "no job at all",
        &job("refuses", r#", "trouble": "refuse""#),
        &job("denied", r#", "forward": "jobs""#),
    ];
    let messages = house.lease("jobs", &bodies).await;
    let handled = house.handle(&messages, EffectsMode::Held).await.unwrap();
    let expected = ["Busy", "ValidationError!", "InvalidPayload!", "Unreadable!", "QueueError!"];
    assert_eq!(names(&handled), expected);
    let ids: Vec<_> = handled.failures.iter().map(|(id, _)| *id).collect();
    let sent: Vec<_> = messages.iter().map(|delivery| delivery.stored.message.id).collect();
    assert_eq!(ids, [0, 2, 3, 4, 5].map(|at| sent[at]));
    house.settle(&messages, handled).await.unwrap();
    assert_eq!((house.result("job/fails").await, house.result("job/refuses").await), (None, None));
    assert_eq!(house.done().await.as_deref(), Some("1"));
    let copies = house.receive("copies").await;
    assert_eq!(copies.len(), 1, "the one of the job that works");
    let copy = &copies[0].stored.message;
    assert_eq!((copy.attributes[0].value.as_str(), copy.depth), ("works", 3));
    assert_eq!(copy.trace.as_ref().map(TraceContext::trace_id), Some(trace().trace_id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_ends_badly_leaves_nothing() {
    let house = House::new().await;
    for trouble in ["trap", "spin"] {
        let last = job("bad", &format!(r#", "trouble": "{trouble}""#));
        let messages = house.lease("jobs", &[&job("good", ""), &last]).await;
        let failed = house.handle(&messages, EffectsMode::Held).await;
        match trouble {
            "trap" => assert!(matches!(failed, Err(Failure::Trapped(_))), "{failed:?}"),
            _ => assert!(matches!(failed, Err(Failure::CpuExceeded(_))), "{failed:?}"),
        }
        assert_eq!((house.done().await, house.result("job/good").await), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_handlers_that_count_at_once_one_runs_again() {
    let house = House::new().await;
    let first = house.lease("jobs", &[&job("a", "")]).await;
    let second = house.lease("jobs", &[&job("b", "")]).await;
    let ours = house.handle(&first, EffectsMode::Held).await.unwrap();
    let theirs = house.handle(&second, EffectsMode::Held).await.unwrap();
    house.settle(&first, ours).await.unwrap();
    let conflict = house.settle(&second, theirs).await;
    assert!(matches!(&conflict, Err(CommitError::Conflict { key, .. }) if key == "done"), "{conflict:?}");
    assert_eq!(house.result("job/b").await, None);
    let again = house.handle(&second, EffectsMode::Held).await.unwrap();
    house.settle(&second, again).await.unwrap();
    assert_eq!(house.done().await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_handler_writes_with_each_call_whatever_becomes_of_its_messages() {
    let house = House::new().await;
    let messages = house.lease("jobs", &[&job("fails", r#", "trouble": "fail", "forward": "copies""#)]).await;
    let handled = house.handle(&messages, EffectsMode::Direct).await.unwrap();
    assert_eq!((names(&handled), handled.effects.len()), (vec!["Busy".to_owned()], 0));
    assert_eq!(house.done().await.as_deref(), Some("1"));
    assert_eq!(house.receive("copies").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_group_is_not_tried_behind_a_message_that_comes_again() {
    let house = House::new().await;
    let bodies = [("a", r#", "trouble": "fail""#, "x"), ("b", "", "x"), ("c", "", "x"), ("d", "", "y")];
    let bodies = bodies.map(|(id, more, group)| format!("{}@{group}", job(id, more)));
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    let messages = house.lease("orders", &bodies).await;
    let handled = house.handle(&messages, EffectsMode::Held).await.unwrap();
    assert_eq!(names(&handled), ["Busy", "-", "-"]);
    house.settle(&messages, handled).await.unwrap();
    assert_eq!(house.done().await.as_deref(), Some("1"), "the message of the other group");
}

/// Nobody can tell for which message something was written, so it is taken back for all of them.
#[tokio::test(flavor = "multi_thread")]
async fn of_messages_that_are_handled_at_once_all_are_done_or_none() {
    let at_once = |spec: &mut FunctionSpec| drop(spec.config.insert("at-once".to_owned(), "3".to_owned()));
    let house = House::with(KvLimits::default(), at_once).await;
    let fails = job("fails", r#", "trouble": "fail", "times": 1"#);
    let messages = house.lease("jobs", &[&job("a", ""), &fails, &job("b", ""), &job("c", "")]).await;
    let handled = house.handle(&messages, EffectsMode::Held).await.unwrap();
    assert_eq!(names(&handled), ["-", "Busy", "-", "-"]);
    house.settle(&messages, handled).await.unwrap();
    assert_eq!((house.done().await, house.result("job/a").await), (None, None));
    let rest: Vec<_> = [0, 2, 3].map(|at| messages[at].clone()).to_vec();
    let handled = house.handle(&rest, EffectsMode::Held).await.unwrap();
    assert_eq!(names(&handled), [""; 0]);
    house.settle(&rest, handled).await.unwrap();
    assert_eq!(house.done().await.as_deref(), Some("3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_are_too_many_for_one_commit_are_a_failure_of_their_own() {
    let house = House::with(KvLimits { batch_max: 3, ..KvLimits::default() }, |_| {}).await;
    let messages = house.lease("jobs", &[&job("a", ""), &job("b", ""), &job("c", "")]).await;
    let refused = house.handle(&messages, EffectsMode::Held).await;
    assert!(matches!(refused, Err(Failure::ChangesTooLarge(_))), "{refused:?}");
    let fewer = house.handle(&messages[..2], EffectsMode::Held).await.unwrap();
    assert_eq!(fewer.effects.len(), 3, "two jobs and the counter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_instance_holds_nothing_back() {
    let shared = |spec: &mut FunctionSpec| spec.isolation = Isolation::Shared { uses: 100 };
    let house = House::with(KvLimits::default(), shared).await;
    let messages = house.lease("jobs", &[&job("a", "")]).await;
    assert_eq!(house.handle(&messages, EffectsMode::Held).await, Err(Failure::Untransactional));
    let handled = house.handle(&messages, EffectsMode::Direct).await.unwrap();
    assert_eq!((names(&handled).len(), house.done().await.as_deref()), (0, Some("1")));
}
