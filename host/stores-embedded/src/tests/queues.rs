//! Queues in bounded steps, among what others send meanwhile, and over a change of their kind.

use std::sync::Arc;
use std::time::Duration;

use flint_model::{MessageId, QueueName};
use flint_stores::conformance::Setup;
use flint_stores::{Commit, Effect, Message, Order, QueueRules, Receive, Received, SendOptions, Settle, Stores as _};

use super::{dir, folder, options};
use crate::{CollectOptions, Embedded, Options};

fn name(queue: &str) -> QueueName {
    QueueName::parse(queue).expect("a name")
}

/// Messages of a group, or of none.
fn send(queue: &str, group: Option<&str>, count: usize) -> Commit {
    let message = |_| Message { group: group.map(str::to_owned), ..Message::new(MessageId::now(), "a") };
    let send = |message| Effect::QueueSend { queue: name(queue), message, options: SendOptions::default() };
    Commit::new((0..count).map(message).map(send).collect())
}

async fn send_all(stores: &Embedded, queue: &str, group: Option<&str>, mut count: usize) {
    while count > 0 {
        let some = count.min(1000);
        stores.commit(send(queue, group, some)).await.expect("there is room");
        count -= some;
    }
}

async fn receive(stores: &Embedded, queue: &str, max: usize) -> Received {
    stores.queues().receive(&name(queue), Receive { max, ..Receive::default() }).await.expect("a receive")
}

/// One step of removing what is over, after which there may be more.
async fn collects(stores: &Embedded) -> bool {
    let group_commit = Arc::clone(&stores.group_commit);
    tokio::task::spawn_blocking(move || group_commit.collect(10_000)).await.expect("a step").expect("a commit")
}

async fn total(stores: &Embedded, queue: &str) -> u64 {
    stores.queues().depth(&name(queue)).await.expect("a depth").total()
}

/// Nobody sends in it, but what was checked is applied later.
#[tokio::test]
async fn a_message_that_was_checked_for_another_kind_of_queue_is_received_all_the_same() {
    let (mut setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for (order, group, becomes) in [(Order::Fifo, None, Some("plain")), (Order::Standard, Some("g"), None)] {
        let commit = send("plain", group, 1);
        setup.queues.insert(name("plain"), QueueRules { order, ..QueueRules::default() });
        stores.set_catalog(setup.catalog());
        stores.group_commit.commit(commit).await.expect("it was checked");
        assert_eq!(stores.queues().peek(&name("plain"), None, 9).await.expect("a look").messages.len(), 1);
        let found = receive(&stores, "plain", 9).await.messages.pop().expect("it is there");
        assert_eq!(found.stored.message.group.as_deref(), becomes);
        stores.commit(Commit::settle(vec![Settle::done(found.receipt)])).await.expect("it is leased");
        assert_eq!(total(&stores, "plain").await, 0);
    }
}

/// They are where the leases end, behind everything that comes.
#[tokio::test]
async fn a_purge_takes_leased_messages_however_many_come_meanwhile() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for (queue, group) in [("plain", None), ("orders", Some("g"))] {
        send_all(&stores, queue, group, 2500).await;
        for max in [1000, 500] {
            receive(&stores, queue, max).await;
        }
        let last = stores.group_commit.ask(crate::load::Load::frees(1), |apply| Ok(apply.last_number())).await;
        setup.clock.advance(Duration::from_millis(1));
        match group {
            None => send_all(&stores, queue, None, 1200).await,
            Some(_) => {
                for n in 0..1200 {
                    stores.commit(send(queue, Some(&n.to_string()), 1)).await.expect("there is room");
                }
            }
        }
        assert_eq!(stores.purge_up_to(&name(queue), last.expect("a number")).await, Ok(2500), "{queue}");
        assert_eq!(total(&stores, queue).await, 1200, "{queue}");
    }
}

/// Or it would wait for a lease that nobody has.
#[tokio::test]
async fn a_group_whose_leased_messages_were_purged_goes_on_at_once() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    send_all(&stores, "orders", Some("g"), 2).await;
    assert_eq!(receive(&stores, "orders", 1).await.messages.len(), 1);
    let last = stores.group_commit.ask(crate::load::Load::frees(1), |apply| Ok(apply.last_number())).await;
    send_all(&stores, "orders", Some("g"), 1).await;
    assert_eq!(stores.purge_up_to(&name("orders"), last.expect("a number")).await, Ok(2));
    assert_eq!(receive(&stores, "orders", 9).await.messages.len(), 1);
}

/// Whoever has nothing to do with the queue waits for a step at most.
#[tokio::test]
async fn what_is_given_up_is_so_in_bounded_steps() {
    let (mut setup, folder) = (Setup::default(), folder());
    let kept = QueueRules {
        retention: Some(Duration::from_secs(1)),
        dead_letter: Some(name("jobs/dead")),
        ..QueueRules::default()
    };
    setup.queues.insert(name("kept"), kept.clone());
    setup.queues.insert(name("turns"), QueueRules { order: Order::Fifo, ..kept });
    let collect = CollectOptions { every: Duration::from_secs(3600), ..CollectOptions::default() };
    let stores = Embedded::open(dir(&folder), Options { collect, ..options(&setup) }).expect("open");
    let mut dead = 0;
    for (queue, group) in [("kept", None), ("turns", Some("g"))] {
        send_all(&stores, queue, group, 2500).await;
        setup.clock.advance(Duration::from_secs(2));
        let received = receive(&stores, queue, 9).await;
        assert_eq!((received.messages.len(), received.given_up), (0, 1000), "{queue}");
        assert!(collects(&stores).await);
        dead += 2000;
        assert_eq!(total(&stores, "jobs/dead").await, dead, "{queue}");
        assert_eq!(receive(&stores, queue, 9).await.given_up, 500);
        assert!(!collects(&stores).await);
        dead += 500;
    }
}
