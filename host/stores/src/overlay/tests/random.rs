//! Random invocations, in a transaction and on the model.

use std::time::Duration;

use bytes::Bytes;
use flint_model::{Clock as _, Timestamp};
use proptest::prelude::*;

use super::{Subject, commit, get, s, scan};
use crate::conformance::{Memory, Model, Setup, delete, delete_if, increment, put, put_for, put_if};
use crate::{Commit, CommitError, Committed, Effect, Expectation, Outcome, Version};

/// One step of an invocation, by small numbers: which key, what value, how long.
#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, Write)>),
    Get(u8),
    Scan(u8, u32),
    Pass(u8),
    Mark,
    Release,
    RollBack,
}

#[derive(Debug, Clone)]
enum Write {
    Put(u8),
    PutFor(u8, u8),
    PutIf(u8, Which),
    Delete,
    DeleteIf(Which),
    Increment(i8),
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Absent,
    Current,
    Stale,
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![Just(Which::Absent), Just(Which::Current), Just(Which::Stale)]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        any::<u8>().prop_map(Write::Put),
        (any::<u8>(), 0..20_u8).prop_map(|(value, ttl)| Write::PutFor(value, ttl)),
        (any::<u8>(), which()).prop_map(|(value, which)| Write::PutIf(value, which)),
        Just(Write::Delete),
        which().prop_map(Write::DeleteIf),
        any::<i8>().prop_map(Write::Increment),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let keys = prop::collection::btree_map(0..8_u8, write(), 1..4);
    prop_oneof![
        6 => keys.prop_map(|writes| Step::Commit(writes.into_iter().collect())),
        2 => (0..8_u8).prop_map(Step::Get),
        2 => (0..3_u8, 1..5_u32).prop_map(|(prefix, limit)| Step::Scan(prefix, limit)),
        1 => (0..10_u8).prop_map(Step::Pass),
        1 => Just(Step::Mark),
        1 => Just(Step::Release),
        1 => Just(Step::RollBack),
    ]
}

fn key(number: u8) -> String {
    // Some under a prefix that is a key itself.
    ["a", "a/1", "a/2", "a/22", "b", "b1", "c", "d"][usize::from(number)].to_owned()
}

/// The effect, for whoever has this version of the key.
fn effect(setup: &Setup, key: &str, write: &Write, current: Option<Version>) -> Effect {
    let expectation = |which| match which {
        Which::Absent => Expectation::Absent,
        Which::Current => Expectation::Version(current.unwrap_or(0)),
        Which::Stale => Expectation::Version(current.unwrap_or(1).wrapping_sub(1)),
    };
    match *write {
        Write::Put(value) => put(&s(), key, [value]),
        Write::PutFor(value, ttl) => put_for(setup, &s(), key, [value], Duration::from_millis(ttl.into())),
        Write::PutIf(value, which) => put_if(&s(), key, [value], expectation(which)),
        Write::Delete => delete(&s(), key),
        Write::DeleteIf(which) => delete_if(&s(), key, expectation(which)),
        Write::Increment(delta) => increment(&s(), key, delta.into()),
    }
}

/// What an error says, but for versions.
fn summary(error: CommitError) -> CommitError {
    match error {
        CommitError::Conflict { index, key, current } => {
            CommitError::Conflict { index, key, current: current.map(|_| 0) }
        }
        other => other,
    }
}

fn without_versions(committed: Committed) -> Vec<Outcome> {
    let plain = |outcome| match outcome {
        Outcome::KvPut { .. } => Outcome::KvPut { version: 0 },
        other => other,
    };
    committed.outcomes.into_iter().map(plain).collect()
}

/// Whether the key of an increment holds a plain value in the store: it may be refused then, if it was deleted.
fn gives_way(stores: &Memory, effects: &[Effect], at: usize) -> bool {
    let key = effects[at].key().map(|(_, key)| key).expect("an increment has a key");
    get(stores, &s(), key).is_some_and(|entry| entry.kind == crate::kv::Kind::Plain)
}

fn content(model: &Model, now: Timestamp, prefix: &str) -> Vec<(String, Bytes)> {
    model.range(now, &s(), prefix).map(|(key, entry)| (key.to_owned(), entry.value.clone())).collect()
}

proptest! {
    /// A transaction answers whatever stores would answer that make each change at once, and in the end they hold the same.
    #[test]
    fn a_transaction_does_what_the_model_does(
        before in prop::collection::btree_map(0..8_u8, write(), 0..8),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let subject = Subject::new();
        let (setup, transaction) = (&subject.setup, &subject.transaction);
        let catalog = setup.catalog();
        // The model, and what it was at each mark.
        let mut model = Model::default();
        let mut marks = Vec::new();
        for (number, write) in &before {
            // Nothing ends by itself, or the last commit would have to fail.
            if !matches!(write, Write::PutFor(..)) {
                let effect = effect(setup, &key(*number), write, None);
                let ours = model.commit(&catalog, setup.clock.now(), &Commit::from(effect.clone())).is_ok();
                prop_assert_eq!(commit(&*subject.stores, vec![effect]).is_ok(), ours);
            }
        }
        for step in steps {
            let now = setup.clock.now();
            match step {
                Step::Pass(millis) => setup.clock.advance(Duration::from_millis(millis.into())),
                Step::Get(number) => {
                    let (found, expected) = (subject.get(&key(number)), model.get(now, &s(), &key(number)));
                    prop_assert_eq!(found.map(|entry| (entry.value, entry.kind, entry.expires_at)),
                        expected.map(|entry| (entry.value.clone(), entry.kind, entry.expires_at)));
                }
                Step::Scan(prefix, limit) => {
                    let prefix = ["", "a", "a/"][usize::from(prefix)];
                    prop_assert_eq!(scan(transaction, &s(), prefix, limit), content(&model, now, prefix));
                }
                Step::Mark => if transaction.mark().is_ok() { marks.push(model.clone()) },
                Step::Release => prop_assert_eq!(transaction.release().is_ok(), marks.pop().is_some()),
                Step::RollBack => {
                    let before = marks.pop();
                    prop_assert_eq!(transaction.roll_back().is_ok(), before.is_some());
                    model = before.unwrap_or(model);
                }
                Step::Commit(writes) => {
                    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                    for (number, write) in &writes {
                        let key = key(*number);
                        let version = subject.get(&key).map(|entry| entry.version);
                        theirs.push(effect(setup, &key, write, version));
                        let version = model.get(now, &s(), &key).map(|entry| entry.version);
                        ours.push(effect(setup, &key, write, version));
                    }
                    let found = commit(transaction, theirs.clone());
                    if let Err(CommitError::NotACounter { index, .. }) = &found
                        && gives_way(&subject.stores, &theirs, *index)
                    {
                        continue;
                    }
                    let expected = model.commit(&catalog, now, &Commit::new(ours));
                    prop_assert_eq!(
                        found.map(without_versions).map_err(summary),
                        expected.map(without_versions).map_err(summary)
                    );
                }
            }
        }
        let effects = transaction.finish();
        if !effects.is_empty() {
            prop_assert!(commit(&*subject.stores, effects).is_ok());
        }
        let now = setup.clock.now();
        prop_assert_eq!(scan(&*subject.stores, &s(), "", 3), content(&model, now, ""));
    }
}
