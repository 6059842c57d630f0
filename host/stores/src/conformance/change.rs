//! Changes of stores: each is told once, with what was and what is, in order per key, in the commit that makes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flint_model::{Clock as _, QueueName, StoreName};

use super::{
    Setup, commit_one, delete, depth, done, increment, put, put_for, put_if, queue_name, receive_with, scan, send,
    store, value, written,
};
use crate::filter::KeyFilter;
use crate::kv::{Backfill, ChangeEvents, ChangeKind, ChangeSubscription, Start};
use crate::queue::{GROUP_MAX, Order};
use crate::{Cause, Change, Commit, CommitError, Entry, Expectation, QueueRules, Receive, Source, Stores};

const MS: Duration = Duration::from_millis(1);
/// How long the suite waits for what an engine does in the background.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Who listens to the stores of the suite.
pub(super) fn subscriptions() -> BTreeMap<StoreName, Vec<ChangeSubscription>> {
    let all = |queue: &str| ChangeSubscription::all(queue_name(queue));
    let beginning = |queue: &str| ChangeSubscription { start: Start::Beginning, ..all(queue) };
    let filter = KeyFilter { prefix: Some("a/".to_owned()), suffix: None };
    let events = ChangeEvents { insert: false, modify: false, remove: true };
    let some = ChangeSubscription { filter: filter.clone(), events, ..all("changes/some") };
    let subscriptions = [
        ("watched", vec![all("changes/all"), some]),
        ("history", vec![beginning("changes/history"), ChangeSubscription { filter, ..beginning("changes/part") }]),
        ("brimful", vec![beginning("changes/tight")]),
    ];
    subscriptions.into_iter().map(|(name, all)| (store(name), all)).collect()
}

/// The queues of those who listen.
pub(super) fn queues() -> BTreeMap<QueueName, QueueRules> {
    // Sizes are no matter: what a store holds can be told.
    let fifo = || QueueRules { order: Order::Fifo, message_size_max: 1, batch_bytes_max: 1, ..QueueRules::default() };
    let rules = [
        ("changes/all", fifo()),
        ("changes/some", QueueRules::default()),
        ("changes/history", fifo()),
        ("changes/part", fifo()),
        ("changes/tight", QueueRules { length_max: 3, ..fifo() }),
    ];
    rules.into_iter().map(|(name, rules)| (queue_name(name), rules)).collect()
}

/// Takes what a queue was told, waiting for the first if `wait` says so.
async fn told_within(stores: &Arc<dyn Stores>, queue: &str, wait: Duration) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let wait = if changes.is_empty() { wait } else { Duration::ZERO };
        let receive = Receive { max: 1000, bytes_max: usize::MAX, wait, ..Receive::default() };
        let found = receive_with(stores, queue, receive).await.messages;
        if found.is_empty() {
            return changes;
        }
        for delivery in &found {
            let message = &delivery.stored.message;
            let change = Change::decode(&message.body).expect("a change");
            assert_eq!((message.id, &message.source), (change.id, &Some(Source::Store(change.store.clone()))));
            changes.push(change);
        }
        done(stores, &found).await;
    }
}

pub(super) async fn told(stores: &Arc<dyn Stores>, queue: &str) -> Vec<Change> {
    told_within(stores, queue, Duration::ZERO).await
}

/// What a change says, in short: `k: a > b`.
fn short(change: &Change) -> String {
    let text = |entry: &Option<Entry>| {
        entry.as_ref().map_or("-".to_owned(), |entry| String::from_utf8_lossy(&entry.value).into_owned())
    };
    format!("{}: {} > {}", change.key, text(&change.old), text(&change.new))
}

fn shorts(changes: &[Change]) -> Vec<String> {
    changes.iter().map(short).collect()
}

/// Checks that the changes of each key follow one another from nothing on; answers to what they lead.
pub(super) fn follow(changes: &[Change]) -> BTreeMap<String, Entry> {
    let mut state = BTreeMap::new();
    for change in changes {
        assert_eq!(state.get(&change.key), change.old.as_ref(), "{change:?} follows what was before");
        match &change.new {
            Some(new) => state.insert(change.key.clone(), new.clone()),
            None => state.remove(&change.key),
        };
    }
    state
}

pub(super) async fn state(stores: &Arc<dyn Stores>, of: &StoreName) -> BTreeMap<String, Entry> {
    scan(stores, of, "", 1000).await.into_iter().map(|item| (item.key, item.entry)).collect()
}

/// Each write is told with both entries as a reader saw them; what changes nothing is not told.
pub async fn a_change_tells_what_was_and_what_is(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("watched");
    let first = written(stores, put(&s, "k", "a")).await;
    let second = written(stores, put_for(setup, &s, "k", "b", 50 * MS)).await;
    for effect in [delete(&s, "k"), delete(&s, "k"), delete(&s, "none"), increment(&s, "n", 1), increment(&s, "n", 1)] {
        commit_one(stores, effect).await.expect("it can happen");
    }
    let changes = told(stores, "changes/all").await;
    assert_eq!(shorts(&changes)[..3], ["k: - > a", "k: a > b", "k: b > -"]);
    let versions = |change: &Change| [&change.old, &change.new].map(|entry| entry.as_ref().map(|one| one.version));
    assert_eq!(versions(&changes[1]), [Some(first), Some(second)]);
    assert_eq!(changes[1].new.as_ref().and_then(|new| new.expires_at), Some(setup.clock.now().saturating_add(50 * MS)));
    assert!(changes.iter().all(|change| change.at == setup.clock.now() && change.store == s));
    let kinds: Vec<_> = changes.iter().filter_map(Change::kind).collect();
    use ChangeKind::{Insert, Modify, Remove};
    assert_eq!(kinds, [Insert, Modify, Remove, Insert, Modify]);
    assert_eq!(follow(&changes), state(stores, &s).await);
    commit_one(stores, put(&store("default"), "k", "v")).await.expect("nobody listens");
    assert!(told(stores, "changes/all").await.is_empty());
}

/// By prefix and by kind; an unordered queue may listen too.
pub async fn only_what_is_wanted_is_told(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("watched");
    for key in ["a/1", "b/1"] {
        commit_one(stores, put(&s, key, "x")).await.expect("a put");
        commit_one(stores, put(&s, key, "y")).await.expect("a put");
        commit_one(stores, delete(&s, key)).await.expect("a delete");
    }
    let (some, all) = (told(stores, "changes/some").await, told(stores, "changes/all").await);
    assert_eq!(shorts(&some), ["a/1: y > -"]);
    assert_eq!((all.len(), some[0].id), (6, all[2].id), "one change has one id");
}

/// A conflict beside it, a full queue, a circle: neither written nor told.
pub async fn a_change_is_one_with_its_commit(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("watched");
    let batch =
        |expect| Commit::new(vec![put(&s, "a", "1"), put_if(&s, "b", "1", expect), send("plain", super::message("m"))]);
    let conflict = stores.commit(batch(Expectation::Version(7))).await;
    assert!(matches!(conflict, Err(CommitError::Conflict { index: 1, .. })), "{conflict:?}");
    let deep = Commit { cause: Cause { depth: 16, trace: None }, ..batch(Expectation::Absent) };
    let too_deep = CommitError::TooDeep { queue: queue_name("changes/all"), limit: 16 };
    assert_eq!(stores.commit(deep).await.map(drop), Err(too_deep));
    assert_eq!((told(stores, "changes/all").await, value(stores, &s, "a").await), (vec![], None));
    assert_eq!(depth(stores, "plain").await.total(), 0);
    stores.commit(batch(Expectation::Absent)).await.expect("all of it can happen");
    assert_eq!(shorts(&told(stores, "changes/all").await), ["a: - > 1", "b: - > 1"]);

    let s = store("brimful");
    while stores.backfill(10).await.expect("a step").more {}
    for key in ["1", "2", "3"] {
        written(stores, put(&s, key, "")).await;
    }
    let full = CommitError::Full { queue: queue_name("changes/tight"), limit: 3 };
    assert_eq!(commit_one(stores, put(&s, "4", "")).await, Err(full));
    assert_eq!(value(stores, &s, "4").await, None);
    assert_eq!(told(stores, "changes/tight").await.len(), 3);
    written(stores, put(&s, "4", "")).await;
}

/// However many write at once: of each key, one change begins where the other ended.
pub async fn changes_of_a_key_come_in_their_order(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("watched");
    let writers = (0..16).map(|writer| {
        let (stores, s) = (Arc::clone(stores), s.clone());
        tokio::spawn(async move {
            for n in 0..25 {
                let key = format!("k{}", (writer + n) % 5);
                let effect = match (writer + n) % 3 {
                    0 => delete(&s, &key),
                    _ => put(&s, &key, format!("{writer}/{n}")),
                };
                commit_one(&stores, effect).await.expect("it can happen");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    assert_eq!(follow(&told(stores, "changes/all").await), state(stores, &s).await);
}

/// Whoever removes the entry tells it: the engine in the background, or who writes over it; once.
pub async fn the_end_of_an_entry_is_told_once(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("watched");
    let end = setup.clock.now().saturating_add(10 * MS);
    for key in ["left", "overwritten", "deleted"] {
        written(stores, put_for(setup, &s, key, "a", 10 * MS)).await;
    }
    assert_eq!(told(stores, "changes/all").await.len(), 3);
    setup.clock.advance(20 * MS);
    let batch = vec![put(&s, "overwritten", "b"), delete(&s, "deleted")];
    stores.commit(Commit::new(batch)).await.expect("a batch");
    let mut changes = Vec::new();
    while changes.len() < 4 {
        let more = told_within(stores, "changes/all", PATIENCE).await;
        assert!(!more.is_empty(), "only these were told: {changes:?}");
        changes.extend(more);
    }
    let ends = changes.iter().filter(|change| change.new.is_none());
    assert!(ends.clone().all(|change| change.at == end), "{changes:?}");
    let mut told_so = shorts(&changes);
    told_so.sort();
    assert_eq!(told_so, ["deleted: a > -", "left: a > -", "overwritten: - > b", "overwritten: a > -"]);
    assert!(told(stores, "changes/all").await.is_empty());
}

/// The largest values under the longest key.
pub async fn a_change_is_as_large_as_it_is(setup: &Setup, stores: &Arc<dyn Stores>) {
    let (s, limits) = (store("watched"), setup.stores[&store("watched")]);
    let (key, large) = ("k".repeat(limits.key_size_max), vec![7; limits.value_size_max]);
    assert!(key.len() > GROUP_MAX);
    for value in [&large[..], b"", &large, &large] {
        written(stores, put(&s, &key, value)).await;
    }
    let changes = told(stores, "changes/all").await;
    assert_eq!((changes.len(), follow(&changes)), (4, state(stores, &s).await));
}

/// Whatever is written meanwhile: every key once as an insert, then its changes.
pub async fn a_subscription_from_the_beginning_is_told_all_that_is_there(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("history");
    for n in 0..40 {
        written(stores, put(&s, &format!("{}/{n:02}", ["a", "b"][n % 2]), "old")).await;
    }
    commit_one(stores, delete(&s, "a/00")).await.expect("a delete");
    written(stores, put_for(setup, &s, "a/02", "brief", 10 * MS)).await;
    assert!(told(stores, "changes/history").await.is_empty(), "it has not begun");
    let mut steps = 0;
    let mut changes = Vec::new();
    loop {
        let Backfill { told: now, more, full } = stores.backfill(3).await.expect("a step");
        assert!(now <= 3 && !full, "a step is bounded");
        steps += 1;
        for key in ["a/00", "a/06", "a/18", "b/01", "b/19", "b/39", "c"] {
            match steps % 3 {
                0 => commit_one(stores, delete(&s, key)).await.map(drop).expect("a delete"),
                _ => drop(written(stores, put(&s, key, format!("{steps}"))).await),
            }
        }
        changes.extend(told(stores, "changes/history").await);
        if !more {
            break;
        }
    }
    assert!(steps > 13, "both were told in steps, in {steps}");
    assert_eq!(stores.backfill(3).await, Ok(Backfill::default()), "once");
    setup.clock.advance(20 * MS);
    let brief = told_within(stores, "changes/history", PATIENCE).await;
    assert_eq!(shorts(&brief), ["a/02: brief > -"]);
    changes.extend(brief);
    let is = state(stores, &s).await;
    assert_eq!(follow(&changes), is);
    let mut part = told(stores, "changes/part").await;
    while !part.iter().any(|change| short(change) == "a/02: brief > -") {
        part.extend(told_within(stores, "changes/part", PATIENCE).await);
    }
    let of_part: BTreeMap<_, _> = is.into_iter().filter(|(key, _)| key.starts_with("a/")).collect();
    assert_eq!(follow(&part), of_part);
}

/// It goes on when there is room, and misses nothing.
pub async fn a_backfill_waits_for_room(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("brimful");
    for n in 0..5 {
        written(stores, put(&s, &format!("k{n}"), "")).await;
    }
    assert_eq!(stores.backfill(10).await, Ok(Backfill { told: 3, more: true, full: true }));
    assert_eq!(stores.backfill(10).await, Ok(Backfill { told: 0, more: true, full: true }));
    let mut changes = told(stores, "changes/tight").await;
    assert_eq!(stores.backfill(10).await, Ok(Backfill { told: 2, more: false, full: false }));
    changes.extend(told(stores, "changes/tight").await);
    let keys: Vec<_> = changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!((keys, follow(&changes)), (vec!["k0", "k1", "k2", "k3", "k4"], state(stores, &s).await));
}
