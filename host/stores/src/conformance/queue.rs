//! Queues: what is sent is received, when it is due and by one at a time; rules, depth, waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flint_model::{QueueName, TraceContext};
use tokio_util::sync::CancellationToken;

use super::{
    Setup, bodies, commit_one, depth, done, in_group, message, post, queue_name, receive, receive_with, send,
    send_with, sent,
};
use crate::queue::{Attribute, Order};
use crate::{
    Commit, CommitError, Invalid, Message, Missing, QueueRules, ReadError, Receive, SendOptions, Stores, TooLarge, What,
};

const MS: Duration = Duration::from_millis(1);

/// The queues of the suite.
pub(super) fn rules() -> BTreeMap<QueueName, QueueRules> {
    let plain = QueueRules::default;
    let dying = |to: &str| QueueRules { receives_max: Some(3), dead_letter: Some(queue_name(to)), ..plain() };
    let fifo = |rules| QueueRules { order: Order::Fifo, ..rules };
    let small = QueueRules {
        message_size_max: 16,
        length_max: 4,
        batch_max: 3,
        batch_bytes_max: 24,
        visibility: 30 * MS,
        visibility_max: 60 * MS,
        delay_max: 20 * MS,
        ..plain()
    };
    let slow = QueueRules { delay: 10 * MS, ..dying("jobs/dead") };
    let late = QueueRules { delay: 10 * MS, retention: Some(100 * MS), receives_max: None, ..dying("jobs/dead") };
    let rules = [
        ("plain", plain()),
        ("jobs", dying("jobs/dead")),
        ("jobs/dead", plain()),
        ("small", small),
        ("slow", slow),
        ("late", late),
        ("brief", QueueRules { receives_max: Some(1), ..plain() }),
        ("orders", fifo(dying("orders/dead"))),
        ("orders/dead", fifo(plain())),
    ];
    rules.into_iter().map(|(name, rules)| (queue_name(name), rules)).collect()
}

/// Every field of a message comes back, and the queue adds when it came and how often it was received.
pub async fn a_message_is_received_as_it_was_sent(setup: &Setup, stores: &Arc<dyn Stores>) {
    use flint_model::Clock as _;
    let all: Vec<u8> = (0..=255).collect();
    let attribute = |name: &str, value: &str| Attribute { name: name.to_owned(), value: value.to_owned() };
    let whole = Message {
        attributes: vec![attribute("kind", "a"), attribute("é\n", "")],
        trace: Some(TraceContext::root()),
        depth: 7,
        ..message(&all)
    };
    for whole in [whole, message("")] {
        assert_eq!(sent(stores, send("plain", whole.clone())).await, whole.id);
        let found = receive(stores, "plain", 1).await;
        assert_eq!(found[0].stored.message, whole);
        assert_eq!((found[0].stored.receives, found[0].stored.sent_at), (1, setup.clock.now()));
        assert_eq!((found[0].until, &found[0].stored.death), (setup.clock.now().saturating_add(30_000 * MS), &None));
        done(stores, &found).await;
    }
    assert!(receive(stores, "plain", 1).await.is_empty());
}

/// Nobody sees it until the lease is over; then it comes again, and counts.
pub async fn a_leased_message_is_hidden_until_its_lease_ends(setup: &Setup, stores: &Arc<dyn Stores>) {
    let id = post(stores, "plain", "a").await;
    let lease = Receive { visibility: Some(10 * MS), ..Receive::default() };
    for round in 1..=3 {
        let found = receive_with(stores, "plain", lease).await.messages;
        assert_eq!((found[0].stored.message.id, found[0].stored.receives), (id, round));
        setup.clock.advance(9 * MS);
        assert!(receive(stores, "plain", 1).await.is_empty(), "round {round}");
        setup.clock.advance(MS);
    }
}

/// From the millisecond on at which its delay ends.
pub async fn a_delayed_message_comes_when_it_is_due(setup: &Setup, stores: &Arc<dyn Stores>) {
    let delay = |delay| SendOptions { delay: Some(delay), ..SendOptions::default() };
    sent(stores, send_with("plain", message("later"), delay(20 * MS))).await;
    sent(stores, send_with("plain", message("late"), delay(10 * MS))).await;
    post(stores, "plain", "now").await;
    assert_eq!(bodies(&receive(stores, "plain", 9).await), ["now"]);
    setup.clock.advance(9 * MS);
    assert!(receive(stores, "plain", 9).await.is_empty());
    setup.clock.advance(MS);
    assert_eq!(bodies(&receive(stores, "plain", 9).await), ["late"]);
    setup.clock.advance(10 * MS);
    assert_eq!(bodies(&receive(stores, "plain", 9).await), ["later"]);
}

/// A message's own delay goes before the queue's.
pub async fn a_queue_may_delay_all_its_messages(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "late", "a").await;
    let at_once = SendOptions { delay: Some(Duration::ZERO), ..SendOptions::default() };
    sent(stores, send_with("late", message("b"), at_once)).await;
    assert_eq!(bodies(&receive(stores, "late", 9).await), ["b"]);
    setup.clock.advance(10 * MS);
    assert_eq!(bodies(&receive(stores, "late", 9).await), ["a"]);
}

/// In the order in which they were sent, and never more.
pub async fn a_receive_takes_as_many_as_asked_for_oldest_first(_: &Setup, stores: &Arc<dyn Stores>) {
    let effects = (0..5).map(|n| send("plain", message(n.to_string()))).collect();
    stores.commit(Commit::new(effects)).await.expect("a batch");
    post(stores, "plain", "5").await;
    assert_eq!(bodies(&receive(stores, "plain", 2).await), ["0", "1"]);
    assert_eq!(bodies(&receive(stores, "plain", 100).await), ["2", "3", "4", "5"]);
}

/// The first message comes whatever its size.
pub async fn a_receive_is_bounded_by_bytes(_: &Setup, stores: &Arc<dyn Stores>) {
    for body in ["12345678", "1234", "1234", "1"] {
        post(stores, "plain", body).await;
    }
    let few = Receive { max: 10, bytes_max: 8, ..Receive::default() };
    for expected in [&["12345678"][..], &["1234", "1234"], &["1"]] {
        assert_eq!(bodies(&receive_with(stores, "plain", few).await.messages), expected);
    }
    let none = Receive { bytes_max: 0, ..few };
    post(stores, "plain", "12").await;
    assert_eq!(bodies(&receive_with(stores, "plain", none).await.messages), ["12"]);
}

/// The second send is answered with the first one's id; also when the first one was handled; not after the window.
pub async fn a_deduplication_id_counts_once_within_its_window(setup: &Setup, stores: &Arc<dyn Stores>) {
    let once = |body: &str| {
        let options = SendOptions { deduplication_id: Some("id".to_owned()), ..SendOptions::default() };
        send_with("plain", message(body), options)
    };
    let committed = stores.commit(Commit::new(vec![once("a"), once("b")])).await.expect("a batch");
    assert_eq!(committed.outcomes[0], committed.outcomes[1], "within one commit");
    let found = receive(stores, "plain", 9).await;
    assert_eq!(bodies(&found), ["a"]);
    done(stores, &found).await;
    setup.clock.advance(Duration::from_secs(5 * 60) - MS);
    assert_eq!(sent(stores, once("c")).await, found[0].stored.message.id);
    assert!(receive(stores, "plain", 9).await.is_empty());
    post(stores, "small", "of another queue").await;
    setup.clock.advance(MS);
    assert_ne!(sent(stores, once("d")).await, found[0].stored.message.id);
    assert_eq!(bodies(&receive(stores, "plain", 9).await), ["d"]);
}

/// Limits are inclusive, and each error says which rule was broken.
pub async fn what_is_sent_keeps_the_rules_of_the_queue(_: &Setup, stores: &Arc<dyn Stores>) {
    let too_large = |what, size, limit| CommitError::TooLarge(TooLarge { what, size, limit });
    let attribute = |name: &str| Attribute { name: name.to_owned(), value: "v".to_owned() };
    let with =
        |names: &[&str]| Message { attributes: names.iter().map(|name| attribute(name)).collect(), ..message("") };
    let delay = |delay| SendOptions { delay: Some(delay), ..SendOptions::default() };
    let id = |id: &str| SendOptions { deduplication_id: Some(id.to_owned()), ..SendOptions::default() };
    let [plain, orders] = ["plain", "orders"].map(queue_name);
    let none = queue_name("none");
    let long = "x".repeat(129);
    let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    sent(stores, send_with("small", message("123456789012345"), delay(20 * MS))).await;
    sent(stores, send("small", Message { attributes: vec![attribute("n")], ..message("12345678901234") })).await;
    for (effect, refused) in [
        (send("none", message("")), CommitError::NoSuch(Missing::Queue(none.clone()))),
        (send("small", message([0; 17])), too_large(What::Message, 17, 16)),
        (send_with("small", message(""), delay(21 * MS)), too_large(What::Delay, 21, 20)),
        (send("plain", with(&many)), too_large(What::Attributes, 11, 10)),
        (send("plain", with(&[""])), CommitError::Invalid(Invalid::Empty { what: What::Attribute })),
        (send("plain", with(&["a", "a"])), CommitError::Invalid(Invalid::AttributeTwice { name: "a".to_owned() })),
        (send("plain", in_group("", "g")), CommitError::Invalid(Invalid::Group { queue: plain })),
        (send("orders", message("")), CommitError::Invalid(Invalid::NoGroup { queue: orders.clone() })),
        (send("orders", in_group("", "")), CommitError::Invalid(Invalid::Empty { what: What::Group })),
        (send("orders", in_group("", &long)), too_large(What::Group, 129, 128)),
        (send_with("orders", in_group("", "g"), delay(MS)), CommitError::Invalid(Invalid::FifoDelay { queue: orders })),
        (send_with("plain", message(""), id("")), CommitError::Invalid(Invalid::Empty { what: What::DeduplicationId })),
        (send_with("plain", message(""), id(&long)), too_large(What::DeduplicationId, 129, 128)),
    ] {
        assert_eq!(commit_one(stores, effect.clone()).await, Err(refused), "{effect:?}");
    }
    let batch = |bodies: &[&str]| Commit::new(bodies.iter().map(|body| send("small", message(body))).collect());
    assert_eq!(stores.commit(batch(&["", "", "", ""])).await, Err(too_large(What::Batch, 4, 3)));
    assert_eq!(stores.commit(batch(&["123456789012345", "1234567890"])).await, Err(too_large(What::Batch, 25, 24)));
    let queues = stores.queues();
    let small = queue_name("small");
    let ask = |max, visibility| Receive { max, visibility: Some(visibility), ..Receive::default() };
    assert_eq!(queues.receive(&none, ask(1, MS)).await, Err(CommitError::NoSuch(Missing::Queue(none.clone()))));
    assert_eq!(queues.receive(&small, ask(4, MS)).await, Err(too_large(What::Batch, 4, 3)));
    assert_eq!(queues.receive(&small, ask(0, MS)).await, Err(CommitError::Invalid(Invalid::EmptyPage)));
    assert_eq!(queues.receive(&small, ask(1, 61 * MS)).await, Err(too_large(What::Delay, 61, 60)));
    assert_eq!(queues.receive(&small, ask(1, Duration::ZERO)).await, Err(CommitError::Invalid(Invalid::NoLease)));
    assert_eq!(queues.depth(&none).await, Err(ReadError::NoSuch(Missing::Queue(none.clone()))));
    assert_eq!(queues.peek(&small, None, 0).await, Err(ReadError::Invalid(Invalid::EmptyPage)));
    assert_eq!(queues.peek(&small, Some("?"), 1).await, Err(ReadError::Invalid(Invalid::Cursor)));
}

/// Leased messages count; what is done makes room.
pub async fn a_full_queue_refuses_until_there_is_room(_: &Setup, stores: &Arc<dyn Stores>) {
    let full = Err(CommitError::Full { queue: queue_name("small"), limit: 4 });
    for _ in 0..3 {
        post(stores, "small", "a").await;
    }
    let two = Commit::new(vec![send("small", message("b")), send("small", message("c"))]);
    assert_eq!(stores.commit(two).await, full);
    post(stores, "small", "d").await;
    let found = receive(stores, "small", 1).await;
    assert_eq!(commit_one(stores, send("small", message("e"))).await.map(drop), full.map(drop));
    done(stores, &found).await;
    post(stores, "small", "f").await;
    assert_eq!(bodies(&receive(stores, "small", 3).await), ["a", "a", "d"]);
}

/// The new receipt counts, and settles.
pub async fn a_lease_is_extended_and_cut_short(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "plain", "a").await;
    let found = receive(stores, "plain", 1).await;
    let queues = stores.queues();
    let (receipt, _) = queues.extend(&found[0].receipt, 60_000 * MS).await.expect("it is leased");
    setup.clock.advance(59_999 * MS);
    assert!(receive(stores, "plain", 1).await.is_empty());
    let (receipt, _) = queues.extend(&receipt, 10 * MS).await.expect("it is leased");
    setup.clock.advance(10 * MS);
    let again = receive(stores, "plain", 1).await;
    assert_eq!(again[0].stored.receives, 2);
    let lost = Err(CommitError::LeaseLost { index: 0, queue: queue_name("plain") });
    assert_eq!(queues.extend(&receipt, MS).await, lost);
    done(stores, &again).await;
    assert_eq!(depth(stores, "plain").await.total(), 0);
}

/// Leased ones too; a standard queue shows them last, since nobody gets them soon.
pub async fn peeking_shows_everything_in_pages_and_leases_nothing(_: &Setup, stores: &Arc<dyn Stores>) {
    for body in ["a@1", "b@2", "c@1"] {
        post(stores, "orders", body).await;
    }
    for body in ["a", "b", "c"] {
        post(stores, "plain", body).await;
    }
    for (queue, shown) in [("orders", [(b'a', 1), (b'b', 0), (b'c', 0)]), ("plain", [(b'b', 0), (b'c', 0), (b'a', 1)])]
    {
        receive(stores, queue, 1).await;
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = stores.queues().peek(&queue_name(queue), cursor.as_deref(), 2).await.expect("a page");
            assert!(page.messages.len() <= 2);
            seen.extend(page.messages.into_iter().map(|stored| (stored.message.body[0], stored.receives)));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, shown, "{queue}");
    }
}

/// Also who is oldest.
pub async fn depth_tells_waiting_from_hidden(setup: &Setup, stores: &Arc<dyn Stores>) {
    use flint_model::Clock as _;
    let counts = async |queue| {
        let depth = depth(stores, queue).await;
        (depth.waiting, depth.hidden)
    };
    assert_eq!((counts("plain").await, depth(stores, "plain").await.oldest), ((0, 0), None));
    let first = setup.clock.now();
    for queue in ["plain", "orders"] {
        for body in ["a", "b", "c"] {
            let body = if queue == "plain" { body.to_owned() } else { format!("{body}@g") };
            post(stores, queue, &body).await;
        }
    }
    setup.clock.advance(MS);
    let delay = SendOptions { delay: Some(10 * MS), ..SendOptions::default() };
    sent(stores, send_with("plain", message("d"), delay)).await;
    assert_eq!(counts("plain").await, (3, 1));
    let found = receive(stores, "plain", 2).await;
    receive(stores, "orders", 2).await;
    assert_eq!((counts("plain").await, counts("orders").await), ((1, 3), (1, 2)));
    assert_eq!(depth(stores, "plain").await.oldest, Some(first));
    setup.clock.advance(10 * MS);
    assert_eq!(counts("plain").await, (2, 2));
    done(stores, &found).await;
    assert_eq!(counts("plain").await, (2, 0));
    setup.clock.advance(30_000 * MS);
    assert_eq!(counts("orders").await, (3, 0));
}

/// A queue of large messages fills nobody's memory; and nothing is left out.
pub async fn a_page_of_a_look_is_bounded_by_bytes(setup: &Setup, stores: &Arc<dyn Stores>) {
    let bytes_max = setup.queues[&queue_name("plain")].batch_bytes_max;
    for (queue, group) in [("plain", None), ("orders", Some("g"))] {
        for size in [bytes_max / 4, bytes_max / 4, bytes_max / 4, 1000, 10, bytes_max / 4] {
            let message = Message { group: group.map(str::to_owned), ..message(vec![7; size]) };
            sent(stores, send(queue, message)).await;
        }
        let (mut pages, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = stores.queues().peek(&queue_name(queue), cursor.as_deref(), 100).await.expect("a page");
            pages.push(page.messages.len());
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages, [5, 1], "{queue}");
    }
}

/// What was leased can't be settled any more; what comes later stays.
pub async fn purging_removes_all_and_ends_leases(_: &Setup, stores: &Arc<dyn Stores>) {
    for (queue, body) in [("plain", "a"), ("orders", "a@g")] {
        post(stores, queue, body).await;
        post(stores, queue, body).await;
        let found = receive(stores, queue, 1).await;
        let name = queue_name(queue);
        assert_eq!(stores.queues().purge(&name).await, Ok(2), "{queue}");
        assert_eq!(depth(stores, queue).await.total(), 0);
        let lost = Err(CommitError::LeaseLost { index: 0, queue: name.clone() });
        assert_eq!(super::settle(stores, &found[0], crate::Verdict::Done).await, lost);
        assert_eq!(stores.queues().purge(&name).await, Ok(0));
        post(stores, queue, body).await;
        assert_eq!(bodies(&receive(stores, queue, 9).await), [body]);
    }
}

/// It is told, and does not look again after a while: the wait is far longer than the test.
pub async fn who_waits_is_woken_by_a_message(_: &Setup, stores: &Arc<dyn Stores>) {
    for queue in ["plain", "orders"] {
        let waiting = {
            let stores = Arc::clone(stores);
            let wait = Receive { wait: Duration::from_secs(600), ..Receive::default() };
            tokio::spawn(async move { receive_with(&stores, queue, wait).await })
        };
        tokio::task::yield_now().await;
        post(stores, queue, if queue == "plain" { "a" } else { "a@g" }).await;
        let woken = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is woken");
        assert_eq!(woken.expect("a receive").messages.len(), 1);
    }
    let wait = Receive { wait: 20 * MS, ..Receive::default() };
    assert!(receive_with(stores, "plain", wait).await.messages.is_empty(), "it does not wait for ever");
}

/// The clock of the suite is turned, so the engine can't know by its timers alone; it has to look now and then.
pub async fn who_waits_is_woken_when_a_delay_ends(setup: &Setup, stores: &Arc<dyn Stores>) {
    post(stores, "late", "a").await;
    let waiting = {
        let stores = Arc::clone(stores);
        let wait = Receive { wait: Duration::from_secs(600), ..Receive::default() };
        tokio::spawn(async move { receive_with(&stores, "late", wait).await })
    };
    tokio::time::sleep(20 * MS).await;
    assert!(!waiting.is_finished());
    setup.clock.advance(10 * MS);
    let woken = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is woken");
    assert_eq!(bodies(&woken.expect("a receive").messages), ["a"]);
}

/// It answers at once, and what it has leased by then it answers too; nothing is left behind a lease that nobody holds.
pub async fn who_waits_is_stopped_and_leaves_no_lease(_: &Setup, stores: &Arc<dyn Stores>) {
    let stop = CancellationToken::new();
    let waiting = {
        let (stores, stop) = (Arc::clone(stores), stop.clone());
        let wait = Receive { max: 9, wait: Duration::from_secs(600), ..Receive::default() };
        tokio::spawn(async move { stores.queues().receive_until(&queue_name("plain"), wait, &stop).await })
    };
    tokio::time::sleep(20 * MS).await;
    assert!(!waiting.is_finished());
    stop.cancel();
    post(stores, "plain", "a").await;
    let stopped = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is stopped").expect("well");
    let leased = stopped.expect("a receive").messages;
    assert_eq!(bodies(&[leased, receive(stores, "plain", 9).await].concat()), ["a"], "it answers what it leased");
}
