//! Single keys: reading, writing, conditions, time to live, counters, limits.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Setup, check, commit_one, delete, delete_if, increment, increment_if, keys, put, put_for, put_if, read, scan,
    store, value, written,
};
use crate::effect::CHECKS_MAX;
use crate::kv::{CounterFault, Kind};
use crate::{Commit, CommitError, Entry, Expectation, Invalid, Missing, Outcome, ReadError, Stores, TooLarge, What};

/// A key reads as what was put last, and as nothing after it was deleted.
pub async fn a_written_key_reads_back_until_it_is_deleted(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    assert_eq!(read(stores, &s, "k").await, None);
    let version = written(stores, put(&s, "k", "one")).await;
    let entry = read(stores, &s, "k").await.expect("it was written");
    assert_eq!((&entry.value[..], entry.version, entry.expires_at), (&b"one"[..], version, None));
    written(stores, put(&s, "k", "two")).await;
    assert_eq!(value(stores, &s, "k").await.as_deref(), Some(&b"two"[..]));
    assert_eq!(stores.kv().exists(&s, "k").await, Ok(true));
    assert_eq!(commit_one(stores, delete(&s, "k")).await, Ok(Outcome::KvDelete { existed: true }));
    assert_eq!(commit_one(stores, delete(&s, "k")).await, Ok(Outcome::KvDelete { existed: false }));
    assert_eq!(stores.kv().exists(&s, "k").await, Ok(false));
    assert_eq!(read(stores, &s, "k").await, None);
}

/// Keys with NUL, long keys, empty values, all bytes.
pub async fn keys_are_any_text_and_values_any_bytes(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let long = "k".repeat(1024);
    let all: Vec<u8> = (0..=255).collect();
    let cases: [(&str, &[u8]); 5] =
        [("\0", b""), ("\0\0", b"\0"), ("é\u{10ffff}", &all), (&long, b"x"), ("a/b c\n", b"1")];
    for (key, bytes) in cases {
        written(stores, put(&s, key, bytes)).await;
    }
    for (key, bytes) in cases {
        assert_eq!(value(stores, &s, key).await.as_deref(), Some(bytes), "{key:?}");
    }
}

/// The same key in two stores is two keys, and a store without a name is none.
pub async fn stores_do_not_share_keys(_: &Setup, stores: &Arc<dyn Stores>) {
    let (one, two, none) = (store("default"), store("other"), store("defaul"));
    written(stores, put(&one, "k", "1")).await;
    assert_eq!(read(stores, &two, "k").await, None);
    assert!(keys(stores, &two, "", 10).await.is_empty());
    let refused = commit_one(stores, put(&none, "k", "1")).await;
    assert_eq!(refused, Err(CommitError::NoSuch(Missing::Store(none.clone()))));
    assert_eq!(stores.kv().get(&none, "k").await, Err(ReadError::NoSuch(Missing::Store(none.clone()))));
    assert_eq!(stores.kv().exists(&none, "k").await, Err(ReadError::NoSuch(Missing::Store(none.clone()))));
    assert_eq!(stores.kv().get_many(&none, &[]).await, Err(ReadError::NoSuch(Missing::Store(none.clone()))));
    assert_eq!(stores.kv().scan(&none, "", None, 1).await, Err(ReadError::NoSuch(Missing::Store(none.clone()))));
}

/// A deleted and rewritten key never has a version that it had before.
pub async fn versions_grow_with_every_write(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let mut last = 0;
    for round in 0..20 {
        let version = written(stores, put(&s, "k", "v")).await;
        assert!(version > last, "{version} after {last}");
        last = version;
        if round % 3 == 0 {
            commit_one(stores, delete(&s, "k")).await.expect("a delete");
        }
    }
    commit_one(stores, increment(&s, "n", 1)).await.expect("an increment");
    let first = read(stores, &s, "n").await.expect("a counter").version;
    commit_one(stores, increment(&s, "n", 0)).await.expect("an increment");
    let second = read(stores, &s, "n").await.expect("a counter").version;
    assert!(last < first && first < second, "{last} < {first} < {second}");
}

/// Compare-and-set, create-only and conditional delete; a conflict tells what is there.
pub async fn an_expectation_decides_whether_a_write_happens(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let conflict = |current| Err(CommitError::Conflict { index: 0, key: "k".to_owned(), current });
    let stale = Expectation::Version(1_000_000);
    assert_eq!(commit_one(stores, put_if(&s, "k", "x", stale)).await, conflict(None));
    assert_eq!(commit_one(stores, delete_if(&s, "k", stale)).await, conflict(None));
    let absent = commit_one(stores, delete_if(&s, "k", Expectation::Absent)).await;
    assert_eq!(absent, Ok(Outcome::KvDelete { existed: false }));
    let first = written(stores, put_if(&s, "k", "1", Expectation::Absent)).await;
    assert_eq!(commit_one(stores, put_if(&s, "k", "x", Expectation::Absent)).await, conflict(Some(first)));
    let second = written(stores, put_if(&s, "k", "2", Expectation::Version(first))).await;
    assert_eq!(commit_one(stores, put_if(&s, "k", "x", Expectation::Version(first))).await, conflict(Some(second)));
    assert_eq!(commit_one(stores, delete_if(&s, "k", Expectation::Version(first))).await, conflict(Some(second)));
    assert_eq!(value(stores, &s, "k").await.as_deref(), Some(&b"2"[..]));
    let gone = commit_one(stores, delete_if(&s, "k", Expectation::Version(second))).await;
    assert_eq!(gone, Ok(Outcome::KvDelete { existed: true }));
    assert_eq!(read(stores, &s, "k").await, None);
}

/// From the millisecond on at which it ends, nobody sees the entry, also if it was not collected yet.
pub async fn a_time_to_live_ends_an_entry_for_every_reader_and_writer(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let ttl = Duration::from_millis(10);
    for key in ["read", "create", "delete", "count", "match"] {
        written(stores, put_for(setup, &s, key, "v", ttl)).await;
    }
    setup.clock.advance(Duration::from_millis(9));
    let entry = read(stores, &s, "read").await.expect("it lives until its end");
    assert!(entry.expires_at.is_some());
    assert_eq!(keys(stores, &s, "", 10).await.len(), 5);
    let version = read(stores, &s, "match").await.expect("it lives until its end").version;
    setup.clock.advance(Duration::from_millis(1));
    assert_eq!(read(stores, &s, "read").await, None);
    assert_eq!(stores.kv().exists(&s, "read").await, Ok(false));
    assert_eq!(stores.kv().get_many(&s, &["read".to_owned()]).await, Ok(vec![None]));
    let conflict = commit_one(stores, put_if(&s, "match", "v", Expectation::Version(version))).await;
    assert_eq!(conflict, Err(CommitError::Conflict { index: 0, key: "match".to_owned(), current: None }));
    assert_eq!(commit_one(stores, delete(&s, "delete")).await, Ok(Outcome::KvDelete { existed: false }));
    assert_eq!(commit_one(stores, increment(&s, "count", 5)).await, Ok(Outcome::KvIncrement { sum: 5 }));
    written(stores, put_if(&s, "create", "new", Expectation::Absent)).await;
    setup.clock.advance(Duration::from_secs(1_000));
    assert_eq!(keys(stores, &s, "", 10).await, ["count", "create"]);
}

/// A later put without a time to live stays; with another, it ends at that one.
pub async fn overwriting_replaces_the_time_to_live(setup: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let (short, long) = (Duration::from_millis(10), Duration::from_millis(100));
    for key in ["stays", "longer", "shorter"] {
        let first = if key == "shorter" { long } else { short };
        written(stores, put_for(setup, &s, key, "1", first)).await;
    }
    written(stores, put(&s, "stays", "2")).await;
    written(stores, put_for(setup, &s, "longer", "2", long)).await;
    written(stores, put_for(setup, &s, "shorter", "2", short)).await;
    setup.clock.advance(short);
    assert_eq!(keys(stores, &s, "", 10).await, ["longer", "stays"]);
    setup.clock.advance(long);
    assert_eq!(keys(stores, &s, "", 10).await, ["stays"]);
}

/// Eight bytes that were put are no counter; a counter that was overwritten is none any more.
pub async fn only_what_an_increment_wrote_is_a_counter(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let plain = |key: &str| Err(CommitError::NotACounter { index: 0, key: key.to_owned(), fault: CounterFault::Plain });
    written(stores, put(&s, "eight", 5_i64.to_le_bytes())).await;
    assert_eq!(commit_one(stores, increment(&s, "eight", 1)).await, plain("eight"));
    assert_eq!(value(stores, &s, "eight").await.as_deref(), Some(&5_i64.to_le_bytes()[..]));
    assert_eq!(commit_one(stores, increment(&s, "n", -2)).await, Ok(Outcome::KvIncrement { sum: -2 }));
    assert_eq!(commit_one(stores, increment(&s, "n", 7)).await, Ok(Outcome::KvIncrement { sum: 5 }));
    assert_eq!(value(stores, &s, "n").await.as_deref(), Some(&5_i64.to_le_bytes()[..]));
    let version = read(stores, &s, "n").await.expect("a counter").version;
    written(stores, put_if(&s, "n", 5_i64.to_le_bytes(), Expectation::Version(version))).await;
    assert_eq!(commit_one(stores, increment(&s, "n", 1)).await, plain("n"));
    commit_one(stores, delete(&s, "n")).await.expect("a delete");
    assert_eq!(commit_one(stores, increment(&s, "n", 1)).await, Ok(Outcome::KvIncrement { sum: 1 }));
}

/// Whoever reads an entry sees whether an increment wrote it.
pub async fn an_entry_tells_whether_it_is_a_counter(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    written(stores, put(&s, "plain", 5_i64.to_le_bytes())).await;
    commit_one(stores, increment(&s, "counter", 5)).await.expect("an increment");
    let keys = ["plain", "counter"].map(str::to_owned);
    let kinds = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.kind).collect::<Vec<_>>();
    let many = stores.kv().get_many(&s, &keys).await.expect("a read");
    assert_eq!(kinds(many.into_iter().flatten().collect()), [Kind::Plain, Kind::Counter]);
    let scanned = scan(stores, &s, "", 10).await.into_iter().map(|item| item.entry);
    assert_eq!(kinds(scanned.collect()), [Kind::Counter, Kind::Plain]);
}

/// Nobody counted in between, or the increment does not happen: two that wait for the same sum are not both right.
pub async fn an_increment_may_expect_what_it_adds_to(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let expecting = |expect| increment_if(&s, "n", 1, expect);
    let stale = commit_one(stores, expecting(Expectation::Version(1_000_000))).await;
    assert_eq!(stale, Err(CommitError::Conflict { index: 0, key: "n".to_owned(), current: None }));
    assert_eq!(commit_one(stores, expecting(Expectation::Absent)).await, Ok(Outcome::KvIncrement { sum: 1 }));
    let current = read(stores, &s, "n").await.map(|entry| entry.version);
    let conflict = Err(CommitError::Conflict { index: 0, key: "n".to_owned(), current });
    assert_eq!(commit_one(stores, expecting(Expectation::Absent)).await, conflict);
    let expected = Expectation::Version(current.expect("it was counted"));
    assert_eq!(commit_one(stores, expecting(expected)).await, Ok(Outcome::KvIncrement { sum: 2 }));
}

/// A check lets its commit happen or not, and leaves the key and its version alone.
pub async fn a_check_decides_without_writing(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let check = |expect| check(&s, "k", expect);
    assert_eq!(commit_one(stores, check(Expectation::Absent)).await, Ok(Outcome::KvCheck));
    let version = written(stores, put(&s, "k", "v")).await;
    let with_put = |expect| Commit::new(vec![put(&s, "other", "v"), check(expect)]);
    let conflict = CommitError::Conflict { index: 1, key: "k".to_owned(), current: Some(version) };
    assert_eq!(stores.commit(with_put(Expectation::Absent)).await, Err(conflict));
    assert_eq!(read(stores, &s, "other").await, None);
    let committed = stores.commit(with_put(Expectation::Version(version))).await.expect("it is at this version");
    assert_eq!(committed.outcomes[1], Outcome::KvCheck);
    assert_eq!(read(stores, &s, "k").await.map(|entry| entry.version), Some(version));
    let twice = Commit::new(vec![put(&s, "k", "v"), check(Expectation::Absent)]);
    let refused = CommitError::Invalid(Invalid::KeyTwice { store: s.clone(), key: "k".to_owned() });
    assert_eq!(stores.commit(twice).await, Err(refused));
}

/// Checks change nothing, so they do not count among the changes of a batch; but they have a bound of their own.
pub async fn checks_have_a_limit_of_their_own(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("small");
    let check = |n: usize| check(&s, &format!("c{n}"), Expectation::Absent);
    let checks =
        |count| Commit::new((0..count).map(check).chain(["a", "b", "c"].map(|key| put(&s, key, ""))).collect());
    stores.commit(checks(CHECKS_MAX)).await.expect("as many as may be, and a whole batch");
    let (size, limit) = (CHECKS_MAX as u64 + 1, CHECKS_MAX as u64);
    let refused = CommitError::TooLarge(TooLarge { what: What::Checks, size, limit });
    assert_eq!(stores.commit(checks(CHECKS_MAX + 1)).await, Err(refused));
}

/// An overflow is refused, and the counter stays.
pub async fn a_sum_outside_of_64_bits_changes_nothing(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("default");
    let overflow = Err(CommitError::NotACounter { index: 0, key: "n".to_owned(), fault: CounterFault::Overflow });
    commit_one(stores, increment(&s, "n", i64::MAX)).await.expect("an increment");
    assert_eq!(commit_one(stores, increment(&s, "n", 1)).await, overflow);
    assert_eq!(value(stores, &s, "n").await.as_deref(), Some(&i64::MAX.to_le_bytes()[..]));
}

/// What is exactly at a limit passes, one more does not, and the error names both.
pub async fn limits_are_inclusive_and_typed(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("small");
    let too_large = |what, size, limit| TooLarge { what, size, limit };
    written(stores, put(&s, "12345678", "v")).await;
    let long = too_large(What::Key, 9, 8);
    let nine = "123456789";
    assert_eq!(commit_one(stores, put(&s, nine, "v")).await, Err(CommitError::TooLarge(long.clone())));
    assert_eq!(commit_one(stores, delete(&s, nine)).await, Err(CommitError::TooLarge(long.clone())));
    assert_eq!(commit_one(stores, increment(&s, nine, 1)).await, Err(CommitError::TooLarge(long.clone())));
    assert_eq!(stores.kv().get(&s, nine).await, Err(ReadError::TooLarge(long.clone())));
    assert_eq!(stores.kv().exists(&s, nine).await, Err(ReadError::TooLarge(long.clone())));
    assert_eq!(stores.kv().scan(&s, nine, None, 1).await, Err(ReadError::TooLarge(long)));
    written(stores, put(&s, "v", [0; 16])).await;
    let refused = commit_one(stores, put(&s, "v", [0; 17])).await;
    assert_eq!(refused, Err(CommitError::TooLarge(too_large(What::Value, 17, 16))));
    assert!(stores.kv().scan(&s, "", None, 4).await.is_ok());
    assert_eq!(stores.kv().scan(&s, "", None, 0).await, Err(ReadError::Invalid(Invalid::EmptyPage)));
    assert_eq!(commit_one(stores, put(&s, "", "v")).await, Err(CommitError::Invalid(Invalid::EmptyKey)));
    assert_eq!(stores.kv().get(&s, "").await, Err(ReadError::Invalid(Invalid::EmptyKey)));
}

/// Absent keys read as none, a key may be asked for twice, and the answer is bounded.
pub async fn reads_of_many_see_them_in_the_order_asked_for(_: &Setup, stores: &Arc<dyn Stores>) {
    let s = store("small");
    for key in ["a", "b", "c"] {
        written(stores, put(&s, key, [key.as_bytes()[0]; 16])).await;
    }
    let ask = async |keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        let entries = stores.kv().get_many(&s, &keys).await?;
        Ok::<_, ReadError>(entries.into_iter().map(|entry| entry.map(|entry| entry.value[0])).collect::<Vec<_>>())
    };
    assert_eq!(ask(&["b", "x", "b"]).await, Ok(vec![Some(b'b'), None, Some(b'b')]));
    assert_eq!(ask(&[]).await, Ok(vec![]));
    let pages = TooLarge { what: What::Page, size: 48, limit: 32 };
    assert_eq!(ask(&["a", "b", "c"]).await, Err(ReadError::TooLarge(pages)));
    let batch = TooLarge { what: What::Batch, size: 4, limit: 3 };
    assert_eq!(ask(&["a", "b", "c", "d"]).await, Err(ReadError::TooLarge(batch)));
}
