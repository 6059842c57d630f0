//! FIFO queues: the order within a group, and that groups do not wait for each other.

use std::sync::Arc;
use std::time::Duration;

use super::{Setup, bodies, done, post, receive, receive_with, settle};
use crate::{Company, Receive, Receives, Stores, Verdict};

const MS: Duration = Duration::from_millis(1);
const LEASE: Duration = Duration::from_secs(30);

fn retry(after: Duration) -> Verdict {
    Verdict::Retry { after, receives: Receives::Count, company: Company::Any }
}

/// Of one group, in one receive and over several.
pub async fn messages_of_a_group_come_in_their_order(_: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..6 {
        post(stores, "orders", &format!("{n}@g")).await;
    }
    let mut seen = Vec::new();
    for max in [1, 2, 9] {
        let found = receive(stores, "orders", max).await;
        seen.extend(bodies(&found));
        done(stores, &found).await;
    }
    assert_eq!(seen, ["0@g", "1@g", "2@g", "3@g", "4@g", "5@g"]);
}

/// Also while only a part of what was leased together is settled; and the lease of all ends at once.
pub async fn a_group_waits_while_one_of_its_messages_is_leased(setup: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..4 {
        post(stores, "orders", &format!("{n}@g")).await;
    }
    let found = receive(stores, "orders", 2).await;
    assert_eq!(bodies(&found), ["0@g", "1@g"]);
    assert!(receive(stores, "orders", 9).await.is_empty());
    settle(stores, &found[0], Verdict::Done).await.expect("it is leased");
    assert!(receive(stores, "orders", 9).await.is_empty());
    setup.clock.advance(LEASE);
    let again = receive(stores, "orders", 9).await;
    assert_eq!(bodies(&again), ["1@g"], "alone, as its lease ended without a word");
    done(stores, &again).await;
    assert_eq!(bodies(&receive(stores, "orders", 9).await), ["2@g", "3@g"]);
}

/// One batch may hold several groups.
pub async fn groups_do_not_wait_for_each_other(_: &Setup, stores: &Arc<dyn Stores>) {
    for body in ["1@a", "1@b", "2@a", "2@b", "1@c"] {
        post(stores, "orders", body).await;
    }
    let first = receive(stores, "orders", 1).await;
    assert_eq!(bodies(&first), ["1@a"]);
    let rest = receive(stores, "orders", 9).await;
    assert_eq!(bodies(&rest), ["1@b", "2@b", "1@c"]);
    done(stores, &first).await;
    assert_eq!(bodies(&receive(stores, "orders", 9).await), ["2@a"]);
}

/// So a batch is not larger than it is to be, though messages of a group have to come together.
pub async fn of_a_group_come_as_many_as_were_asked_for(_: &Setup, stores: &Arc<dyn Stores>) {
    for body in ["1@a", "2@a", "3@a", "1@b", "large@c", "2@c"] {
        post(stores, "orders", body).await;
    }
    let few = Receive { max: 9, group_max: 2, group_bytes_max: 3, ..Receive::default() };
    let found = receive_with(stores, "orders", few).await.messages;
    assert_eq!(bodies(&found), ["1@a", "1@b", "large@c"], "two of a group have too many bytes");
    done(stores, &found).await;
    let found = receive_with(stores, "orders", Receive { group_bytes_max: 99, ..few }).await.messages;
    assert_eq!(bodies(&found), ["2@a", "3@a", "2@c"]);
}

/// Nothing passes the message that has to come again.
pub async fn the_rest_of_a_group_waits_for_a_retry(setup: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..3 {
        post(stores, "orders", &format!("{n}@g")).await;
    }
    let found = receive(stores, "orders", 2).await;
    settle(stores, &found[0], retry(10 * MS)).await.expect("it is leased");
    let unseen = Verdict::Retry { after: Duration::ZERO, receives: Receives::Forgive, company: Company::Any };
    settle(stores, &found[1], unseen).await.expect("it is leased");
    assert!(receive(stores, "orders", 9).await.is_empty());
    setup.clock.advance(10 * MS);
    let again = receive(stores, "orders", 9).await;
    assert_eq!(bodies(&again), ["0@g", "1@g", "2@g"]);
    let receives: Vec<_> = again.iter().map(|delivery| delivery.stored.receives).collect();
    assert_eq!(receives, [2, 1, 1]);
    // Whatever is settled first: one that has to wait hides those behind it, also if they could come.
    settle(stores, &again[2], retry(Duration::ZERO)).await.expect("it is leased");
    settle(stores, &again[1], retry(20 * MS)).await.expect("it is leased");
    settle(stores, &again[0], retry(Duration::ZERO)).await.expect("it is leased");
    assert_eq!(bodies(&receive(stores, "orders", 9).await), ["0@g"]);
}

/// The group is not held up for ever by its worst message.
pub async fn a_group_goes_on_behind_a_dead_lettered_message(_: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..3 {
        post(stores, "orders", &format!("{n}@g")).await;
    }
    let found = receive(stores, "orders", 1).await;
    settle(stores, &found[0], Verdict::DeadLetter { reason: "x".to_owned() }).await.expect("it is leased");
    assert_eq!(bodies(&receive(stores, "orders", 9).await), ["1@g", "2@g"]);
    let dead = receive(stores, "orders/dead", 9).await;
    assert_eq!((bodies(&dead), dead[0].stored.message.group.as_deref()), (vec!["0@g".to_owned()], Some("g")));
}

/// Whoever was served goes to the end.
pub async fn a_busy_group_does_not_starve_another(setup: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..3 {
        post(stores, "orders", &format!("{n}@busy")).await;
    }
    setup.clock.advance(MS);
    post(stores, "orders", "0@quiet").await;
    setup.clock.advance(MS);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let found = receive(stores, "orders", 1).await;
        seen.extend(bodies(&found));
        done(stores, &found).await;
        setup.clock.advance(MS);
    }
    assert_eq!(seen, ["0@busy", "0@quiet", "1@busy", "2@busy"]);
}

/// Of all messages that were leased together.
pub async fn extending_a_lease_hides_the_group(setup: &Setup, stores: &Arc<dyn Stores>) {
    for n in 0..3 {
        post(stores, "orders", &format!("{n}@g")).await;
    }
    let found = receive(stores, "orders", 2).await;
    let (receipt, _) = stores.queues().extend(&found[1].receipt, LEASE * 2).await.expect("it is leased");
    setup.clock.advance(LEASE);
    assert!(receive(stores, "orders", 9).await.is_empty());
    let settled = crate::Settle { receipt, verdict: Verdict::Done };
    stores.commit(crate::Commit::settle(vec![settled])).await.expect("it is leased");
    settle(stores, &found[0], Verdict::Done).await.expect("it is leased");
    assert_eq!(bodies(&receive(stores, "orders", 9).await), ["2@g"]);
}
