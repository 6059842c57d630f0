//! Messages that are given up: when, where they go, and how they come back.

use std::sync::Arc;
use std::time::Duration;

use flint_model::Clock as _;

use super::{Setup, bodies, depth, done, in_group, post, queue_name, receive, receive_with, send, settle};
use crate::{Commit, CommitError, Company, Death, Invalid, Missing, Receive, Receives, Stores, Verdict};

const MS: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_secs(30);

fn dead(reason: &str) -> Verdict {
    Verdict::DeadLetter { reason: reason.to_owned() }
}

/// The receives count when they happen: nobody has to settle anything.
pub async fn a_message_that_was_received_too_often_is_dead_lettered(setup: &Setup, stores: &Arc<dyn Stores>) {
    for (queue, body) in [("jobs", "a"), ("orders", "a@g")] {
        let id = post(stores, queue, body).await;
        for _ in 0..3 {
            assert_eq!(bodies(&receive(stores, queue, 9).await), [body]);
            setup.clock.advance(LEASE);
        }
        let last = receive_with(stores, queue, Receive::default()).await;
        assert_eq!((last.messages.len(), last.given_up), (0, 1));
        let dead = receive(stores, &format!("{queue}/dead"), 9).await;
        assert_eq!((dead[0].stored.message.id, dead[0].stored.receives), (id, 1));
        let reason = "it was received 3 times and never settled as done".to_owned();
        let death = Death { queue: queue_name(queue), reason, receives: 3, at: setup.clock.now() };
        assert_eq!(dead[0].stored.death, Some(death));
        assert_eq!(depth(stores, queue).await.total(), 0);
    }
}

/// A failure that no retry can help.
pub async fn a_verdict_sends_to_the_dead_letter_queue_at_once(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "jobs", "a").await;
    let found = receive(stores, "jobs", 1).await;
    settle(stores, &found[0], dead("it was bad")).await.expect("it is leased");
    let there = receive(stores, "jobs/dead", 1).await;
    let death =
        Death { queue: queue_name("jobs"), reason: "it was bad".to_owned(), receives: 1, at: setup.clock.now() };
    assert_eq!(there[0].stored.death, Some(death));
    assert_eq!(there[0].stored.message, found[0].stored.message);
}

/// By count, and by verdict.
pub async fn a_message_without_a_dead_letter_queue_is_removed(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "plain", "a").await;
    let found = receive(stores, "plain", 1).await;
    settle(stores, &found[0], dead("it was bad")).await.expect("it is leased");
    assert_eq!(depth(stores, "plain").await.total(), 0);
    post(stores, "brief", "a").await;
    receive(stores, "brief", 1).await;
    setup.clock.advance(LEASE);
    assert_eq!(receive_with(stores, "brief", Receive::default()).await.given_up, 1);
    assert_eq!(depth(stores, "brief").await.total(), 0);
}

/// But not while it is leased.
pub async fn a_message_that_was_kept_too_long_is_given_up(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "late", "a").await;
    post(stores, "late", "b").await;
    setup.clock.advance(99 * MS);
    let found = receive(stores, "late", 1).await;
    setup.clock.advance(MS);
    let received = receive_with(stores, "late", Receive::default()).await;
    assert_eq!((received.messages.len(), received.given_up), (0, 1));
    done(stores, &found).await;
    let there = receive(stores, "jobs/dead", 9).await;
    assert_eq!(bodies(&there), ["b"]);
    let reason = there[0].stored.death.as_ref().map(|death| death.reason.as_str());
    assert_eq!(reason, Some("it was kept longer than the queue's `retention`"));
}

/// As if for the first time; those that were sent to the dead-letter queue itself stay.
pub async fn a_redrive_brings_messages_back_to_where_they_were_given_up(_: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "jobs/dead", "stays").await;
    for body in ["a", "b", "c"] {
        post(stores, "jobs", body).await;
    }
    for delivery in receive(stores, "jobs", 9).await {
        settle(stores, &delivery, dead("x")).await.expect("it is leased");
    }
    let (from, none) = (queue_name("jobs/dead"), queue_name("none"));
    assert_eq!(stores.queues().redrive(&from, None, 2).await, Ok(2));
    let back = receive(stores, "jobs", 9).await;
    assert_eq!(bodies(&back), ["a", "b"]);
    assert_eq!((back[0].stored.receives, &back[0].stored.death), (1, &None));
    assert_eq!(stores.queues().redrive(&from, None, 9).await, Ok(1));
    assert_eq!(stores.queues().redrive(&from, None, 9).await, Ok(0));
    assert_eq!(bodies(&receive(stores, "jobs/dead", 9).await), ["stays"]);
    assert_eq!(stores.queues().redrive(&none, None, 9).await, Err(CommitError::NoSuch(Missing::Queue(none.clone()))));
    let itself = Err(CommitError::Invalid(Invalid::Itself { queue: from.clone() }));
    assert_eq!(stores.queues().redrive(&from, Some(&from), 9).await, itself);
}

/// To any queue, if there is room; into a group where there has to be one.
pub async fn a_redrive_may_lead_elsewhere(_: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..5 {
        post(stores, "jobs/dead", &n.to_string()).await;
    }
    let (from, small, orders) = (queue_name("jobs/dead"), queue_name("small"), queue_name("orders"));
    assert_eq!(stores.queues().redrive(&from, Some(&small), 4).await, Ok(4));
    let full = Err(CommitError::Full { queue: small.clone(), limit: 4 });
    assert_eq!(stores.queues().redrive(&from, Some(&small), 4).await, full);
    assert_eq!(stores.queues().redrive(&from, Some(&orders), 4).await, Ok(1));
    let found = receive(stores, "orders", 9).await;
    assert_eq!(found[0].stored.message.group.as_deref(), Some("orders"));
    assert_eq!(stores.queues().redrive(&small, Some(&from), 2).await, Ok(2));
    let retry = Verdict::Retry { after: Duration::ZERO, receives: Receives::Count, company: Company::Any };
    settle(stores, &found[0], retry).await.expect("it is leased");
    assert_eq!(depth(stores, "jobs/dead").await.total(), 2);
}

/// More than one step of an engine moves, in their order; those that have nowhere to go don't stand in the way.
pub async fn a_redrive_moves_groups_of_any_length(_: &Setup, stores: &Arc<dyn Stores>) {
    let send_all = async |group: &str, count: usize| {
        for from in (0..count).step_by(1000) {
            let some = (from..count.min(from + 1000)).map(|n| send("orders/dead", in_group(&n.to_string(), group)));
            stores.commit(Commit::new(some.collect())).await.expect("there is room");
        }
    };
    send_all("stays", 1100).await;
    post(stores, "orders", "dies@g").await;
    let dies = receive(stores, "orders", 1).await;
    settle(stores, &dies[0], dead("x")).await.expect("it is leased");
    let (from, to) = (queue_name("orders/dead"), queue_name("orders"));
    assert_eq!(stores.queues().redrive(&from, None, u64::MAX).await, Ok(1));
    done(stores, &receive(stores, "orders", 9).await).await;
    send_all("g", 1500).await;
    assert_eq!(stores.queues().redrive(&from, Some(&to), u64::MAX).await, Ok(2600));
    assert_eq!((depth(stores, "orders").await.total(), depth(stores, "orders/dead").await.total()), (2600, 0));
    for (group, count) in [("stays", 1100), ("g", 1500)] {
        let mut seen = Vec::new();
        while seen.len() < count {
            let found = receive(stores, "orders", (count - seen.len()).min(1000)).await;
            assert!(found.iter().all(|one| one.stored.message.group.as_deref() == Some(group)));
            seen.extend(bodies(&found));
            done(stores, &found).await;
        }
        assert!(seen.into_iter().eq((0..count).map(|n| n.to_string())), "{group}");
    }
}
