//! Events of blobs: each is told once, to who wants it, in the commit that makes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flint_model::{BucketName, Clock as _, QueueName};

use super::blob::{bucket, content, copy, head, link, link_if, unlink};
use super::{Setup, done, put, queue_name, receive, store, value};
use crate::blob::{BlobEvents, BlobSubscription};
use crate::filter::KeyFilter;
use crate::queue::Order;
use crate::{BlobEvent, BlobExpectation, Cause, Commit, CommitError, Effect, QueueRules, Source, Stores};

/// Who listens to the bucket `watched`.
pub(super) fn subscriptions() -> BTreeMap<BucketName, Vec<BlobSubscription>> {
    let filter = KeyFilter { prefix: Some("in/".to_owned()), suffix: Some(".png".to_owned()) };
    let events = BlobEvents { created: true, deleted: false };
    let some = BlobSubscription { queue: queue_name("blobs/some"), filter, events };
    [(bucket("watched"), vec![BlobSubscription::all(queue_name("blobs/all")), some])].into()
}

/// The queues of those who listen. Sizes are no matter.
pub(super) fn queues() -> BTreeMap<QueueName, QueueRules> {
    let fifo = QueueRules { order: Order::Fifo, message_size_max: 1, length_max: 6, ..QueueRules::default() };
    [("blobs/all", fifo), ("blobs/some", QueueRules::default())].map(|(name, rules)| (queue_name(name), rules)).into()
}

/// Takes what a queue was told.
async fn told(stores: &Arc<dyn Stores>, queue: &str) -> Vec<BlobEvent> {
    let mut events = Vec::new();
    loop {
        let found = receive(stores, queue, 100).await;
        if found.is_empty() {
            return events;
        }
        for delivery in &found {
            let message = &delivery.stored.message;
            let event = BlobEvent::decode(&message.body).expect("an event");
            assert_eq!((message.id, &message.source), (event.id, &Some(Source::Bucket(event.bucket.clone()))));
            events.push(event);
        }
        done(stores, &found).await;
    }
}

fn keys(events: &[BlobEvent]) -> Vec<(&str, bool)> {
    events.iter().map(|event| (event.key.as_str(), event.created.is_some())).collect()
}

async fn commit(stores: &Arc<dyn Stores>, effects: Vec<Effect>) -> Result<(), CommitError> {
    stores.commit(Commit::new(effects)).await.map(|_| ())
}

/// Links, copies and unlinks are told; an unlink of nothing is not; filters and kinds decide to whom.
pub async fn what_happens_to_a_blob_is_told_to_who_wants_it(setup: &Setup, stores: &Arc<dyn Stores>) {
    let watched = bucket("watched");
    let bytes = content(stores, &Bytes::from_static(b"abc")).await;
    commit(stores, vec![link(&watched, "in/a.png", &bytes)]).await.expect("a link");
    let info = head(stores, &watched, "in/a.png").await;
    commit(stores, vec![copy(&watched, "in/a.png", "out")]).await.expect("a copy");
    commit(stores, vec![unlink(&watched, "in/a.png", None), unlink(&watched, "nothing", None)]).await.expect("unlinks");
    commit(stores, vec![link(&bucket("other"), "in/b.png", &bytes)]).await.expect("nobody listens there");
    let all = told(stores, "blobs/all").await;
    let mut found = keys(&all);
    // Those of one key are in their order.
    found.sort_by_key(|(key, _)| *key);
    assert_eq!(found, [("in/a.png", true), ("in/a.png", false), ("out", true)]);
    let created = all.iter().find(|event| event.key == "in/a.png" && event.created.is_some()).expect("it was told");
    let deleted = all.iter().find(|event| event.created.is_none()).expect("it was told");
    assert_eq!(info.as_ref().map(|info| info.sequence), Some(created.sequence));
    assert!(created.sequence < deleted.sequence, "{created:?} {deleted:?}");
    assert_eq!((&created.created, created.at, &created.bucket), (&info, setup.clock.now(), &watched));
    assert_eq!(keys(&told(stores, "blobs/some").await), [("in/a.png", true)]);
}

/// A commit that fails tells nothing, and one whose event finds no room fails.
pub async fn an_event_is_one_with_its_commit(_: &Setup, stores: &Arc<dyn Stores>) {
    let watched = bucket("watched");
    let bytes = content(stores, &Bytes::from_static(b"abc")).await;
    let failing = vec![link(&watched, "a", &bytes), link_if(&watched, "b", &bytes, BlobExpectation::Exists)];
    assert!(matches!(commit(stores, failing).await, Err(CommitError::BlobConflict { index: 1, .. })));
    assert!(receive(stores, "blobs/all", 1).await.is_empty());
    for n in 0..6 {
        commit(stores, vec![link(&watched, &format!("k{n}"), &bytes)]).await.expect("there is room");
    }
    let full = commit(stores, vec![link(&watched, "more", &bytes), put(&store("default"), "other", "v")]).await;
    assert!(matches!(full, Err(CommitError::Full { limit: 6, .. })), "{full:?}");
    assert_eq!((head(stores, &watched, "more").await, value(stores, &store("default"), "other").await), (None, None));
    assert_eq!(told(stores, "blobs/all").await.len(), 6);
    commit(stores, vec![link(&watched, "more", &bytes)]).await.expect("there is room again");
}

/// What an event causes is one deeper, up to the limit: who writes into what it listens to is stopped.
pub async fn a_circle_of_blobs_comes_to_an_end(setup: &Setup, stores: &Arc<dyn Stores>) {
    let limit = setup.catalog().depth_max;
    let bytes = content(stores, &Bytes::from_static(b"abc")).await;
    let at = |depth| {
        let effects = vec![link(&bucket("watched"), &format!("{depth}"), &bytes)];
        stores.commit(Commit { effects, cause: Cause { depth, ..Cause::default() }, ..Commit::default() })
    };
    at(limit - 1).await.expect("it is not that deep");
    let stopped = at(limit).await.map(|_| ());
    assert_eq!(stopped, Err(CommitError::TooDeep { queue: queue_name("blobs/all"), limit }));
    let found = receive(stores, "blobs/all", 10).await;
    assert_eq!(found.iter().map(|delivery| delivery.stored.message.depth).collect::<Vec<_>>(), [limit]);
}
