//! Batches: all or nothing.

use std::sync::Arc;

use super::{Setup, commit_one, delete, increment, keys, put, put_if, read, store, value, written};
use crate::{Commit, CommitError, Expectation, Invalid, Missing, Outcome, Stores, TooLarge, What};

/// Every effect happens, at one version, and the outcomes come in their order.
pub async fn a_batch_happens_whole(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    written(stores, put(&s, "old", "1")).await;
    let effects = vec![put(&s, "new", "1"), delete(&s, "old"), increment(&s, "n", 3), delete(&s, "none")];
    let committed = stores.commit(Commit::new(effects)).await.expect("a batch");
    let version = committed.version;
    assert_eq!(
        committed.outcomes,
        [
            Outcome::KvPut { version },
            Outcome::KvDelete { existed: true },
            Outcome::KvIncrement { sum: 3 },
            Outcome::KvDelete { existed: false },
        ]
    );
    assert_eq!(keys(stores, &s, "", 10).await, ["n", "new"]);
    assert_eq!(read(stores, &s, "n").await.map(|entry| entry.version), Some(version));
}

/// Wherever in the batch the conflict is, nothing is written, and the error tells which effect.
pub async fn a_failed_expectation_leaves_nothing_of_its_batch(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let current = Some(written(stores, put(&s, "taken", "1")).await);
    for at in 0..3 {
        let mut effects = vec![put(&s, "a", "1"), delete(&s, "b")];
        effects.insert(at, put_if(&s, "taken", "2", Expectation::Absent));
        let conflict = CommitError::Conflict { index: at, key: "taken".to_owned(), current };
        assert_eq!(stores.commit(Commit::new(effects)).await, Err(conflict));
    }
    let effects = vec![put(&s, "a", "1"), increment(&s, "taken", 1)];
    let refused = stores.commit(Commit::new(effects)).await;
    assert!(matches!(refused, Err(CommitError::NotACounter { index: 1, .. })), "{refused:?}");
    assert_eq!(keys(stores, &s, "", 10).await, ["taken"]);
    assert_eq!(value(stores, &s, "taken").await.as_deref(), Some(&b"1"[..]));
}

/// Empty, a key twice, a store that is not there, too many, too much.
pub async fn a_batch_that_breaks_a_rule_changes_nothing(_: &Setup, stores: &Arc<dyn Stores>) {
    let (s, none) = (store("small"), store("none"));
    let key = "a".to_owned();
    let large = |size, limit| CommitError::TooLarge(TooLarge { what: What::Batch, size, limit });
    let cases = [
        (vec![], CommitError::Invalid(Invalid::EmptyBatch)),
        (vec![put(&s, "a", ""), delete(&s, "a")], CommitError::Invalid(Invalid::KeyTwice { store: s.clone(), key })),
        (vec![put(&s, "a", ""), put(&none, "b", "")], CommitError::NoSuch(Missing::Store(none.clone()))),
        (["a", "b", "c", "d"].map(|key| put(&s, key, "")).to_vec(), large(4, 3)),
        (["a", "b", "c"].map(|key| put(&s, key, [0; 13])).to_vec(), large(42, 40)),
    ];
    for (effects, error) in cases {
        assert_eq!(stores.commit(Commit::new(effects)).await, Err(error));
    }
    assert!(keys(stores, &s, "", 4).await.is_empty());
}

/// One commit may change several stores, also the same key of each.
pub async fn a_batch_may_span_stores(_: &Setup, stores: &Arc<dyn Stores>) {
    let (one, two) = (store("default"), store("other"));
    stores.commit(Commit::new(vec![put(&one, "k", "1"), put(&two, "k", "2")])).await.expect("a batch");
    assert_eq!(value(stores, &one, "k").await.as_deref(), Some(&b"1"[..]));
    assert_eq!(value(stores, &two, "k").await.as_deref(), Some(&b"2"[..]));
    let taken = put_if(&two, "k", "3", Expectation::Absent);
    let refused = stores.commit(Commit::new(vec![put(&one, "k", "3"), taken])).await;
    assert!(matches!(refused, Err(CommitError::Conflict { index: 1, .. })), "{refused:?}");
    assert_eq!(commit_one(stores, delete(&one, "k")).await, Ok(Outcome::KvDelete { existed: true }));
    assert_eq!(value(stores, &two, "k").await.as_deref(), Some(&b"2"[..]));
}
