//! A clock that jumps back and forth, as a machine's does that slept, or that somebody sets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flint_model::{Clock as _, MessageId, QueueName, SteadyClock, Timestamp};
use flint_stores::conformance::Setup;
use flint_stores::{Commit, Delivery, Effect, Message, Order, QueueRules, Receive, SendOptions, Settle, Stores as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{commit, dir, folder, options, put_until, value};
use crate::{Embedded, Options};

/// What the clock says in a round: some moment of two hours.
fn jump(setup: &Setup, rng: &mut StdRng) {
    setup.clock.set(Timestamp::from_millis(3_600_000 + rng.random_range(0..7_200_000)));
}

/// When all that was to come has come.
const LATE: Timestamp = Timestamp::from_millis(1_000_000_000);

async fn receive(stores: &Embedded, queue: &QueueName, max: usize) -> Vec<Delivery> {
    let few = Receive { max, ..Receive::default() };
    stores.queues().receive(queue, few).await.expect("a receive").messages
}

/// Whatever the clock says, a message is leased by one at a time, and comes until it is settled.
#[tokio::test]
async fn a_clock_that_jumps_back_and_forth_loses_nothing_and_handles_nothing_twice() {
    let (setup, folder) = (Setup::default(), folder());
    let mut rng = StdRng::seed_from_u64(7);
    let mut stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let (mut sent, mut leases, mut done) = (0, Vec::new(), BTreeSet::new());
    for round in 0..400 {
        jump(&setup, &mut rng);
        if round % 40 == 39 {
            stores.close().await;
            stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
        }
        if rng.random() {
            let delay = rng.random::<bool>().then(|| Duration::from_secs(rng.random_range(0..600)));
            stores.commit(send(&plain(), "a", None, delay)).await.expect("a message");
            sent += 1;
        }
        leases.extend(receive(&stores, &plain(), 3).await);
        if !leases.is_empty() && rng.random_ratio(2, 3) {
            let lease = leases.swap_remove(rng.random_range(0..leases.len()));
            let settled = stores.commit(Commit::settle(vec![Settle::done(lease.receipt)])).await;
            if settled.is_ok() {
                assert!(done.insert(lease.stored.message.id), "round {round}: it was done before");
            }
        }
    }
    setup.clock.set(LATE);
    while let Some(last) = receive(&stores, &plain(), 1).await.pop() {
        stores.commit(Commit::settle(vec![Settle::done(last.receipt)])).await.expect("it is leased");
        assert!(done.insert(last.stored.message.id), "it was done before");
    }
    assert_eq!(done.len(), sent);
}

fn plain() -> QueueName {
    QueueName::parse("plain").expect("a name")
}

/// A FIFO queue that gives nothing up.
fn turns() -> QueueName {
    QueueName::parse("turns").expect("a name")
}

fn send(queue: &QueueName, body: impl Into<bytes::Bytes>, group: Option<String>, delay: Option<Duration>) -> Commit {
    let message = Message { group, ..Message::new(MessageId::now(), body) };
    Effect::QueueSend { queue: queue.clone(), message, options: SendOptions { delay, ..SendOptions::default() } }.into()
}

/// Of a group one lease counts at a time, and what was sent first is done first.
#[tokio::test]
async fn a_clock_that_jumps_back_and_forth_keeps_the_order_of_groups() {
    let (mut setup, folder) = (Setup::default(), folder());
    setup.queues.insert(turns(), QueueRules { order: Order::Fifo, ..QueueRules::default() });
    let mut rng = StdRng::seed_from_u64(11);
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    let (mut leases, mut done) = (Vec::new(), BTreeMap::<String, Vec<usize>>::new());
    for round in 0..600 {
        jump(&setup, &mut rng);
        if rng.random() {
            let group = format!("g{}", rng.random_range(0..4));
            let number = sent.entry(group.clone()).or_default();
            stores.commit(send(&turns(), number.to_string(), Some(group), None)).await.expect("a message");
            *number += 1;
        }
        leases.extend(receive(&stores, &turns(), 1).await);
        if !leases.is_empty() && (round >= 500 || rng.random()) {
            settle(&stores, leases.swap_remove(rng.random_range(0..leases.len())), &mut done).await;
        }
    }
    setup.clock.set(LATE);
    while let Some(last) = receive(&stores, &turns(), 1).await.pop() {
        settle(&stores, last, &mut done).await;
    }
    for (group, sent) in sent {
        let done = done.remove(&group).unwrap_or_default();
        assert_eq!(done, (0..sent).collect::<Vec<_>>(), "{group}");
    }
}

/// Notes what is done, if the lease counts.
async fn settle(stores: &Embedded, delivery: Delivery, done: &mut BTreeMap<String, Vec<usize>>) {
    if stores.commit(Commit::settle(vec![Settle::done(delivery.receipt)])).await.is_ok() {
        let message = delivery.stored.message;
        let number = std::str::from_utf8(&message.body).expect("text").parse().expect("a number");
        done.entry(message.group.expect("a group")).or_default().push(number);
    }
}

/// An entry is there until its end, and one without an end for ever.
#[tokio::test]
async fn a_clock_that_jumps_back_and_forth_ends_entries_not_before_their_time() {
    let (setup, folder) = (Setup::default(), folder());
    let mut rng = StdRng::seed_from_u64(13);
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let mut latest = Timestamp::default();
    let mut ends = BTreeMap::new();
    for round in 0..200 {
        jump(&setup, &mut rng);
        latest = latest.max(setup.clock.now());
        let end = rng.random::<bool>().then(|| Timestamp::from_millis(rng.random_range(3_600_000..12_000_000)));
        let key = format!("k{round}");
        commit(&stores, put_until(&key, "v", end)).await.expect("a put");
        ends.insert(key, end);
        for (key, end) in &ends {
            if end.is_none_or(|end| end > latest) {
                assert!(value(&stores, key).await.is_some(), "{key} ends at {end:?}, and it was {latest:?} at most");
            }
        }
    }
    setup.clock.set(LATE);
    for (key, end) in &ends {
        assert_eq!(value(&stores, key).await.is_some(), end.is_none(), "{key}");
    }
}

#[tokio::test]
async fn time_goes_on_after_a_restart_where_it_had_come_to() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let late = Timestamp::now().saturating_add(Duration::from_secs(3600));
    setup.clock.set(late);
    stores.commit(send(&plain(), "a", None, None)).await.expect("a message");
    stores.close().await;
    let clock = Arc::new(SteadyClock::starting_now());
    let stores = Embedded::open(dir(&folder), Options { clock, ..options(&setup) }).expect("open");
    let found = receive(&stores, &plain(), 1).await;
    assert_eq!(found.len(), 1, "the system's clock was set back, and the message is due all the same");
    assert!(found[0].until > late);
}
