//! What a transaction shows, holds and leaves behind.

mod blob;
mod random;

use std::sync::Arc;

use bytes::Bytes;
use flint_model::{ByteSize, MessageId, StoreName};
use futures::FutureExt as _;

use crate::conformance::{Memory, Setup, delete, delete_if, increment, message, put, put_if, send, store};
use crate::kv::CounterFault;
use crate::overlay::{MARKS_MAX, NoMark};
use crate::{
    Commit, CommitError, Committed, Effect, Entry, Expectation, Invalid, Outcome, ReadError, Stores, TooLarge,
    Transaction, Version, What,
};

/// A transaction over stores in memory.
struct Subject {
    setup: Setup,
    stores: Arc<Memory>,
    transaction: Transaction,
}

impl Subject {
    fn new() -> Self {
        Self::with(ByteSize::mib(1))
    }

    fn with(bytes_max: ByteSize) -> Self {
        let setup = Setup::default();
        let stores = Arc::new(Memory::new(setup.catalog(), setup.clock.clone()));
        let transaction = Transaction::new(stores.clone(), setup.clock.clone(), bytes_max);
        Self { setup, stores, transaction }
    }

    /// Writes past the transaction.
    fn outside(&self, effect: Effect) -> Version {
        commit(&*self.stores, vec![effect]).expect("a write").version
    }

    fn hold(&self, effect: Effect) -> Result<Outcome, CommitError> {
        commit(&self.transaction, vec![effect]).map(|committed| committed.outcomes[0])
    }

    fn get(&self, key: &str) -> Option<Entry> {
        get(&self.transaction, &s(), key)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
    }

    /// Commits what the transaction came to.
    fn end(&self) -> Result<Committed, CommitError> {
        commit(&*self.stores, self.transaction.finish())
    }
}

fn s() -> StoreName {
    store("default")
}

fn commit(stores: &dyn Stores, effects: Vec<Effect>) -> Result<Committed, CommitError> {
    stores.commit(Commit::new(effects)).now_or_never().expect("memory does not wait")
}

fn get(stores: &dyn Stores, store: &StoreName, key: &str) -> Option<Entry> {
    stores.kv().get(store, key).now_or_never().expect("memory does not wait").expect("a read")
}

/// All items of a scan, `limit` at a time.
fn scan(stores: &dyn Stores, store: &StoreName, prefix: &str, limit: u32) -> Vec<(String, Bytes)> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = stores.kv().scan(store, prefix, cursor.as_deref(), limit);
        let page = page.now_or_never().expect("memory does not wait").expect("a page");
        assert!(page.items.len() <= limit as usize, "a page holds what was asked for at most");
        items.extend(page.items.into_iter().map(|item| (item.key, item.entry.value)));
        let Some(next) = page.cursor else { return items };
        assert_ne!(Some(&next), cursor.as_ref(), "a page goes on");
        cursor = Some(next);
    }
}

#[test]
fn what_was_written_is_seen_by_its_writer_alone() {
    let subject = Subject::new();
    subject.outside(put(&s(), "old", "1"));
    subject.hold(put(&s(), "new", "2")).expect("held");
    assert_eq!(subject.hold(delete(&s(), "old")), Ok(Outcome::KvDelete { existed: true }));
    assert_eq!((subject.text("new").as_deref(), subject.text("old")), (Some("2"), None));
    assert_eq!(get(&*subject.stores, &s(), "new"), None);
    subject.end().expect("nobody else wrote");
    assert_eq!(scan(&*subject.stores, &s(), "", 10), [("new".to_owned(), "2".into())]);
}

#[test]
fn several_writes_of_a_key_are_one_effect() {
    let subject = Subject::new();
    subject.outside(increment(&s(), "n", 40));
    for (effect, outcome) in [
        (increment(&s(), "n", 1), Outcome::KvIncrement { sum: 41 }),
        (increment(&s(), "n", 1), Outcome::KvIncrement { sum: 42 }),
        (delete(&s(), "n"), Outcome::KvDelete { existed: true }),
        (delete(&s(), "n"), Outcome::KvDelete { existed: false }),
        (increment(&s(), "n", 7), Outcome::KvIncrement { sum: 7 }),
    ] {
        assert_eq!(subject.hold(effect), Ok(outcome));
    }
    for value in ["1", "2", "3"] {
        subject.hold(put(&s(), "k", value)).expect("held");
    }
    let effects = subject.transaction.finish();
    assert_eq!(effects.len(), 2, "{effects:?}");
    commit(&*subject.stores, effects).expect("nobody else wrote");
    assert_eq!(get(&*subject.stores, &s(), "n").map(|entry| entry.value), Some(7_i64.to_le_bytes().to_vec().into()));
    assert_eq!(
        commit(&*subject.stores, vec![increment(&s(), "n", 1)]).map(|done| done.outcomes),
        Ok(vec![Outcome::KvIncrement { sum: 8 }])
    );
}

/// Looks at a key, one way or another.
type Look<'a> = &'a dyn Fn(&Subject, &str);

#[test]
fn a_key_that_was_read_may_not_change_before_the_commit() {
    let read = |subject: &Subject, key: &str| drop(subject.get(key));
    let many = |subject: &Subject, key: &str| {
        let keys = [key.to_owned()];
        drop(subject.transaction.kv().get_many(&s(), &keys).now_or_never().expect("ready").expect("a read"));
    };
    let exists = |subject: &Subject, key: &str| {
        let _answer = subject.transaction.kv().exists(&s(), key).now_or_never().expect("ready").expect("a read");
    };
    let scanned = |subject: &Subject, key: &str| drop(scan(&subject.transaction, &s(), key, 10));
    let counted = |subject: &Subject, key: &str| assert!(subject.hold(increment(&s(), key, 1)).is_ok());
    let deleted = |subject: &Subject, key: &str| assert!(subject.hold(delete(&s(), key)).is_ok());
    let looks: [(&str, Look<'_>); 6] = [
        ("get", &read),
        ("get-many", &many),
        ("exists", &exists),
        ("scan", &scanned),
        ("increment", &counted),
        ("delete", &deleted),
    ];
    for (name, look) in looks {
        for present in [true, false] {
            if name == "scan" && !present {
                // What a scan did not show is not protected.
                continue;
            }
            let subject = Subject::new();
            if present {
                subject.outside(increment(&s(), "k", 1));
            }
            look(&subject, "k");
            subject.hold(put(&s(), "decided", "by k")).expect("held");
            subject.outside(increment(&s(), "k", 1));
            let refused = subject.end();
            assert!(matches!(&refused, Err(CommitError::Conflict { key, .. }) if key == "k"), "{name}: {refused:?}");
            assert_eq!(get(&*subject.stores, &s(), "decided"), None, "{name}");
        }
    }
}

#[test]
fn a_key_that_was_written_and_not_read_may_change() {
    let subject = Subject::new();
    subject.hold(put(&s(), "k", "ours")).expect("held");
    assert_eq!(subject.text("k").as_deref(), Some("ours"));
    subject.outside(put(&s(), "k", "theirs"));
    subject.end().expect("nothing was decided by it");
    assert_eq!(get(&*subject.stores, &s(), "k").map(|entry| entry.value), Some("ours".into()));
}

#[test]
fn an_expectation_is_answered_at_once_and_held_to_the_end() {
    let subject = Subject::new();
    let version = subject.outside(put(&s(), "k", "1"));
    let conflict = CommitError::Conflict { index: 0, key: "k".to_owned(), current: Some(version) };
    assert_eq!(subject.hold(put_if(&s(), "k", "2", Expectation::Absent)), Err(conflict));
    let held = subject.hold(put_if(&s(), "k", "2", Expectation::Version(version)));
    let Ok(Outcome::KvPut { version: ours }) = held else { panic!("{held:?}") };
    assert!(ours > version);
    assert!(matches!(
        subject.hold(delete_if(&s(), "k", Expectation::Version(version))),
        Err(CommitError::Conflict { .. })
    ));
    subject.hold(put_if(&s(), "k", "3", Expectation::Version(ours))).expect("its own version");
    subject.outside(put(&s(), "k", "theirs"));
    assert!(matches!(subject.end(), Err(CommitError::Conflict { .. })));
}

/// A guest that tries a compare-and-set until it succeeds gets to its end, where the commit fails.
#[test]
fn a_key_that_changes_between_two_reads_does_not_hold_a_guest_up() {
    let subject = Subject::new();
    subject.outside(put(&s(), "k", "1"));
    drop(subject.get("k"));
    subject.outside(put(&s(), "k", "2"));
    let seen = subject.get("k").expect("it is there").version;
    subject.hold(put_if(&s(), "k", "3", Expectation::Version(seen))).expect("what was just seen");
    assert!(matches!(subject.end(), Err(CommitError::Conflict { .. })));
}

#[test]
fn a_batch_is_held_whole_or_not_at_all() {
    let subject = Subject::new();
    subject.outside(put(&s(), "taken", "1"));
    let batch = vec![put(&s(), "a", "1"), put_if(&s(), "taken", "2", Expectation::Absent), send("jobs", message("m"))];
    assert!(matches!(commit(&subject.transaction, batch), Err(CommitError::Conflict { index: 1, .. })));
    assert_eq!(subject.get("a"), None);
    let twice = vec![put(&s(), "a", "1"), delete(&s(), "a")];
    assert!(matches!(commit(&subject.transaction, twice), Err(CommitError::Invalid(Invalid::KeyTwice { .. }))));
    let effects = subject.transaction.finish();
    let is_check = |effect: &Effect| matches!(effect, Effect::KvCheck { .. });
    assert!(effects.iter().all(is_check), "only what was looked at: {effects:?}");
}

#[test]
fn messages_are_sent_by_the_commit_in_their_order() {
    let subject = Subject::new();
    let ids: Vec<MessageId> = ["a", "b"]
        .map(message)
        .map(|message| {
            let id = message.id;
            assert_eq!(subject.hold(send("jobs", message)), Ok(Outcome::QueueSend { id }));
            id
        })
        .to_vec();
    let sent: Vec<_> = subject.end().expect("a commit").outcomes;
    assert_eq!(sent, ids.into_iter().map(|id| Outcome::QueueSend { id }).collect::<Vec<_>>());
}

/// No effect says that a plain value gave way to a counter.
#[test]
fn a_plain_value_that_was_deleted_is_no_counter_in_the_same_transaction() {
    let subject = Subject::new();
    subject.outside(put(&s(), "k", "plain"));
    subject.hold(delete(&s(), "k")).expect("held");
    let fault = CommitError::NotACounter { index: 0, key: "k".to_owned(), fault: CounterFault::Plain };
    assert_eq!(subject.hold(increment(&s(), "k", 1)), Err(fault));
}

#[test]
fn what_is_taken_back_was_never_written_and_what_was_read_counts() {
    let subject = Subject::new();
    subject.outside(put(&s(), "read", "1"));
    subject.hold(put(&s(), "k", "before")).expect("held");
    subject.transaction.mark().expect("room");
    for value in ["1", "2"] {
        subject.hold(put(&s(), "k", value)).expect("held");
    }
    subject.hold(put(&s(), "new", "x")).expect("held");
    subject.hold(send("jobs", message("m"))).expect("held");
    assert_eq!(subject.text("read").as_deref(), Some("1"));
    subject.transaction.mark().expect("room");
    subject.hold(put(&s(), "k", "inner")).expect("held");
    subject.transaction.release().expect("one was set");
    assert_eq!(subject.text("k").as_deref(), Some("inner"));
    subject.transaction.roll_back().expect("one was set");
    assert_eq!((subject.text("k").as_deref(), subject.text("new")), (Some("before"), None));
    assert_eq!(subject.transaction.roll_back(), Err(NoMark::None));
    let effects = subject.transaction.finish();
    let of = |effect: &Effect| (effect.key().map(|(_, key)| key.to_owned()), matches!(effect, Effect::KvCheck { .. }));
    let found: Vec<_> = effects.iter().map(of).collect();
    let key = |name: &str| Some(name.to_owned());
    // That `new` is absent was seen as well, after it was taken back.
    assert_eq!(found, [(key("k"), false), (key("new"), true), (key("read"), true)]);
}

#[test]
fn marks_are_bounded() {
    let subject = Subject::new();
    for _ in 0..MARKS_MAX {
        subject.transaction.mark().expect("room");
    }
    assert_eq!(subject.transaction.mark(), Err(NoMark::Full));
}

#[test]
fn what_is_held_is_bounded_and_what_gives_way_makes_room() {
    let subject = Subject::with(ByteSize::kib(64));
    for round in 0..100 {
        subject.hold(put(&s(), "k", vec![0; 10_000])).expect("it takes the place of the one before");
        if round % 10 == 0 {
            subject.transaction.mark().expect("room");
            subject.hold(put(&s(), "k", vec![1; 10_000])).expect("there is room for two");
            subject.transaction.roll_back().expect("one was set");
        }
    }
    let large = subject.hold(put(&s(), "other", vec![0; 60_000]));
    assert!(matches!(large, Err(CommitError::TooLarge(TooLarge { what: What::Transaction, .. }))), "{large:?}");
    let mut read = (0..1000).map(|n| {
        let key = format!("{n}");
        subject.transaction.kv().get(&s(), &key).now_or_never().expect("ready")
    });
    let refused = read.find_map(Result::err);
    assert!(matches!(refused, Some(ReadError::TooLarge(TooLarge { what: What::Transaction, .. }))), "{refused:?}");
}

#[test]
fn who_comes_after_the_end_is_told() {
    let subject = Subject::new();
    subject.hold(put(&s(), "k", "1")).expect("held");
    assert_eq!(subject.transaction.finish().len(), 1);
    assert_eq!(subject.hold(put(&s(), "k", "2")), Err(CommitError::Invalid(Invalid::Over)));
    let read = subject.transaction.kv().get(&s(), "k").now_or_never().expect("ready");
    assert_eq!(read, Err(ReadError::Invalid(Invalid::Over)));
    assert!(subject.transaction.finish().is_empty());
}
