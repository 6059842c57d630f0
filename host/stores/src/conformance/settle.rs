//! The end of messages: what becomes of them, and that it is one with the effects of their handler.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Setup, bodies, depth, done, post, put, queue_name, receive, receive_with, send, settle, store, value};
use crate::{Commit, CommitError, Company, Invalid, Message, Receive, Receives, Settle, Stores, Verdict};

const MS: Duration = Duration::from_millis(1);
/// How long the suite's leases last.
const LEASE: Duration = Duration::from_secs(30);

fn retry(after: Duration) -> Verdict {
    Verdict::Retry { after, receives: Receives::Count, company: Company::Any }
}

/// Not even after its lease.
pub async fn a_message_that_is_done_never_comes_again(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "plain", "a").await;
    post(stores, "plain", "b").await;
    let found = receive(stores, "plain", 2).await;
    settle(stores, &found[1], Verdict::Done).await.expect("it is leased");
    setup.clock.advance(LEASE);
    let again = receive(stores, "plain", 9).await;
    assert_eq!(bodies(&again), ["a"]);
    done(stores, &again).await;
    setup.clock.advance(LEASE);
    assert!(receive(stores, "plain", 9).await.is_empty());
}

/// Writes, sends and the end of the message happen together, or none of them.
pub async fn a_settlement_and_its_effects_are_one(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    post(stores, "plain", "a").await;
    let found = receive(stores, "plain", 1).await;
    let commit = |expect| Commit {
        effects: vec![
            super::put_if(&s, "k", "v", expect),
            send("jobs", Message::new(flint_model::MessageId::now(), "next")),
        ],
        consumed: vec![Settle::done(found[0].receipt.clone())],
        ..Commit::default()
    };
    let conflict = stores.commit(commit(crate::Expectation::Version(1))).await;
    assert!(matches!(conflict, Err(CommitError::Conflict { index: 0, .. })), "{conflict:?}");
    assert_eq!((depth(stores, "plain").await.hidden, depth(stores, "jobs").await.total()), (1, 0));
    stores.commit(commit(crate::Expectation::Absent)).await.expect("all of it can happen");
    assert_eq!((depth(stores, "plain").await.total(), depth(stores, "jobs").await.total()), (0, 1));
    assert_eq!(value(stores, &s, "k").await.as_deref(), Some(&b"v"[..]));
}

/// Whoever lost the message leaves no trace: so its effects happen once, by whoever settles it.
pub async fn a_lost_lease_fails_the_whole_commit(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    post(stores, "plain", "a").await;
    post(stores, "plain", "b").await;
    let other = receive(stores, "plain", 1).await;
    let first = receive(stores, "plain", 1).await;
    setup.clock.advance(LEASE);
    receive(stores, "plain", 1).await;
    let second = receive(stores, "plain", 1).await;
    assert_eq!(second[0].stored.message.id, first[0].stored.message.id);
    let by = |who: &str, receipts: &[&crate::Receipt]| Commit {
        cause: crate::Cause::default(),
        effects: vec![put(&s, "by", who)],
        consumed: receipts.iter().map(|receipt| Settle::done((*receipt).clone())).collect(),
    };
    let lost = |index| Err(CommitError::LeaseLost { index, queue: queue_name("plain") });
    assert_eq!(stores.commit(by("first", &[&first[0].receipt])).await, lost(0));
    assert_eq!(stores.commit(by("first", &[&second[0].receipt, &other[0].receipt])).await, lost(1));
    assert_eq!(value(stores, &s, "by").await, None);
    stores.commit(by("second", &[&second[0].receipt])).await.expect("it is leased");
    assert_eq!(stores.commit(by("again", &[&second[0].receipt])).await, lost(0), "a commit that is sent twice");
    assert_eq!(value(stores, &s, "by").await.as_deref(), Some(&b"second"[..]));
}

/// A handler that was slow, and nobody minded.
pub async fn an_ended_lease_counts_until_someone_else_has_the_message(setup: &Setup, stores: &Arc<dyn Stores>) {
    for (queue, body) in [("plain", "a"), ("orders", "a@g")] {
        post(stores, queue, body).await;
        let found = receive(stores, queue, 1).await;
        setup.clock.advance(LEASE * 2);
        done(stores, &found).await;
        assert_eq!(depth(stores, queue).await.total(), 0);
    }
}

/// What is forgiven is as if it had not been received.
pub async fn a_retry_comes_after_its_delay_and_counts_or_not(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "plain", "a").await;
    for (receives, next) in [(Receives::Count, 2), (Receives::Forgive, 2), (Receives::Count, 3)] {
        let found = receive(stores, "plain", 1).await;
        let verdict = Verdict::Retry { after: 10 * MS, receives, company: Company::Any };
        settle(stores, &found[0], verdict.clone()).await.expect("it is leased");
        assert!(settle(stores, &found[0], verdict).await.is_err(), "it is settled");
        setup.clock.advance(9 * MS);
        assert!(receive(stores, "plain", 1).await.is_empty());
        setup.clock.advance(MS);
        let again = receive(stores, "plain", 1).await;
        assert_eq!(again[0].stored.receives, next);
        settle(
            stores,
            &again[0],
            Verdict::Retry { after: Duration::ZERO, receives: Receives::Forgive, company: Company::Any },
        )
        .await
        .expect("it is leased");
    }
}

/// Of a batch that took the host down nobody knows which message did it; so each comes alone, and only one dies.
pub async fn a_message_whose_lease_ended_without_a_word_comes_alone(setup: &Setup, stores: &Arc<dyn Stores>) {
    for (queue, group) in [("plain", ""), ("orders", "@g")] {
        for body in ["a", "b", "c"] {
            post(stores, queue, &format!("{body}{group}")).await;
        }
        assert_eq!(receive(stores, queue, 9).await.len(), 3);
        setup.clock.advance(LEASE);
        post(stores, queue, &format!("d{group}")).await;
        for body in ["a", "b", "c"] {
            let alone = receive_with(stores, queue, Receive { max: 9, ..Receive::default() }).await;
            assert_eq!((bodies(&alone.messages), alone.alone), (vec![format!("{body}{group}")], true));
            done(stores, &alone.messages).await;
        }
        let found = receive(stores, queue, 9).await;
        assert_eq!(bodies(&found), [format!("d{group}")]);
        post(stores, queue, &format!("e{group}")).await;
        let alone = Verdict::Retry { after: Duration::ZERO, receives: Receives::Count, company: Company::Alone };
        settle(stores, &found[0], alone).await.expect("it is leased");
        let mut rest = receive(stores, queue, 9).await;
        if group.is_empty() {
            // Others may go first; not in a group.
            assert_eq!(rest.len(), 1, "{:?}", bodies(&rest));
        } else {
            assert_eq!(bodies(&rest), [format!("d{group}")]);
        }
        done(stores, &rest).await;
        rest = receive(stores, queue, 9).await;
        done(stores, &rest).await;
        assert_eq!(depth(stores, queue).await.total(), 0);
    }
}

/// A rule of the commit.
pub async fn one_message_is_not_settled_twice(_: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "plain", "a").await;
    let found = receive(stores, "plain", 1).await;
    let settle = |verdict| Settle { receipt: found[0].receipt.clone(), verdict };
    let twice = Commit::settle(vec![settle(Verdict::Done), settle(retry(MS))]);
    let refused = Err(CommitError::Invalid(Invalid::SettledTwice { queue: queue_name("plain") }));
    assert_eq!(stores.commit(twice).await, refused);
    let foreign = crate::Receipt { lease: "x".into(), ..found[0].receipt.clone() };
    let refused = Err(CommitError::Invalid(Invalid::Receipt));
    assert_eq!(stores.commit(Commit::settle(vec![Settle::done(foreign)])).await, refused);
}

/// Each message is handled once by the many, and none twice.
pub async fn many_receivers_never_hold_one_message_at_once(_: &Setup, stores: &Arc<dyn Stores>) {
    const MESSAGES: usize = 200;
    let senders = (0..4).map(|sender| {
        let stores = Arc::clone(stores);
        tokio::spawn(async move {
            for n in 0..MESSAGES / 4 {
                post(&stores, "plain", &format!("{sender}-{n}")).await;
            }
        })
    });
    let receivers = (0..8).map(|_| {
        let stores = Arc::clone(stores);
        tokio::spawn(async move {
            let mut handled = Vec::new();
            loop {
                let wait = Receive { max: 7, wait: 500 * MS, ..Receive::default() };
                let found = receive_with(&stores, "plain", wait).await.messages;
                if found.is_empty() {
                    return handled;
                }
                done(&stores, &found).await;
                handled.extend(bodies(&found));
            }
        })
    });
    let (senders, receivers): (Vec<_>, Vec<_>) = (senders.collect(), receivers.collect());
    for sender in senders {
        sender.await.expect("a sender");
    }
    let mut handled = Vec::new();
    for receiver in receivers {
        handled.extend(receiver.await.expect("a receiver"));
    }
    assert_eq!(handled.len(), MESSAGES);
    assert_eq!(handled.into_iter().collect::<HashSet<_>>().len(), MESSAGES);
}
