//! Random operations, one after the other, on an engine and on the model.

use std::sync::Arc;
use std::time::Duration;

use flint_model::{Clock as _, StoreName};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Model, Setup, check, delete, delete_if, increment, increment_if, put, put_for, put_if, scan, store};
use crate::{Commit, CommitError, Effect, Entry, Expectation, Outcome, Stores, Version};

const ROUNDS: usize = 600;

/// Every answer is that of the model, but for the numbers of versions, of which only the order counts.
///
/// The seed is random and comes with every failure; to run it again, put it in the place of the random one.
pub async fn an_engine_does_what_the_model_does(setup: &Setup, stores: &Arc<dyn Stores>) {
    let seed: u64 = rand::random();
    let mut run = Run { setup, stores, rng: StdRng::seed_from_u64(seed), model: Model::default(), seed };
    for round in 0..ROUNDS {
        match run.rng.random_range(0..10) {
            0 => setup.clock.advance(Duration::from_millis(run.rng.random_range(0..40))),
            1 | 2 => run.compare_scan(round).await,
            3 => run.compare_reads(round).await,
            _ => run.compare_commit(round).await,
        }
    }
}

struct Run<'a> {
    setup: &'a Setup,
    stores: &'a Arc<dyn Stores>,
    rng: StdRng,
    model: Model,
    seed: u64,
}

impl Run<'_> {
    async fn compare_commit(&mut self, round: usize) {
        let mut keys = std::collections::BTreeSet::new();
        for _ in 0..self.rng.random_range(1..=4) {
            keys.insert((self.store(), self.key()));
        }
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for (store, key) in keys {
            let (for_model, for_engine) = self.effect(&store, &key).await;
            ours.push(for_model);
            theirs.push(for_engine);
        }
        let seed = self.seed;
        let expected = self.model.commit(&self.setup.catalog(), self.setup.clock.now(), &Commit::new(ours.clone()));
        let found = self.stores.commit(Commit::new(theirs)).await;
        let at = format!("seed {seed}, round {round}: {ours:?}");
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                let plain =
                    |outcomes: &[Outcome]| -> Vec<_> { outcomes.iter().copied().map(without_version).collect() };
                assert_eq!(plain(&found.outcomes), plain(&expected.outcomes), "{at}");
            }
            (Err(expected), Err(found)) => assert_eq!(summary(&found), summary(&expected), "{at}"),
            (expected, found) => panic!("{at}: expected {expected:?}, found {found:?}"),
        }
    }

    async fn effect(&mut self, store: &StoreName, key: &str) -> (Effect, Effect) {
        let value = [self.rng.random::<u8>(); 12];
        let value = &value[..self.rng.random_range(0..12)];
        let same = |effect: Effect| (effect.clone(), effect);
        match self.rng.random_range(0..9) {
            0 | 1 => same(put(store, key, value)),
            2 => {
                let ttl = Duration::from_millis(self.rng.random_range(0..60));
                same(put_for(self.setup, store, key, value, ttl))
            }
            3 => same(delete(store, key)),
            4 => same(increment(store, key, self.rng.random_range(-3..=3))),
            5 => {
                let (ours, theirs) = self.expectation(store, key).await;
                (put_if(store, key, value, ours), put_if(store, key, value, theirs))
            }
            6 => {
                let (ours, theirs) = self.expectation(store, key).await;
                (delete_if(store, key, ours), delete_if(store, key, theirs))
            }
            7 => {
                let (ours, theirs) = self.expectation(store, key).await;
                (increment_if(store, key, 1, ours), increment_if(store, key, 1, theirs))
            }
            _ => {
                let (ours, theirs) = self.expectation(store, key).await;
                (check(store, key, ours), check(store, key, theirs))
            }
        }
    }

    /// An expectation for the model and the same for the engine, whose versions are other numbers.
    async fn expectation(&mut self, store: &StoreName, key: &str) -> (Expectation, Expectation) {
        let ours = self.model.get(self.setup.clock.now(), store, key).map_or(0, |entry| entry.version);
        let theirs = self.stores.kv().get(store, key).await.expect("a read").map_or(0, |entry| entry.version);
        match self.rng.random_range(0..3) {
            0 => (Expectation::Absent, Expectation::Absent),
            1 => (Expectation::Version(ours), Expectation::Version(theirs)),
            _ => (Expectation::Version(ours.wrapping_sub(1)), Expectation::Version(theirs.wrapping_sub(1))),
        }
    }

    async fn compare_scan(&mut self, round: usize) {
        let store = self.store();
        let prefix = ["", "k", "k1", "x"][self.rng.random_range(0..4)];
        let limit = self.rng.random_range(1..8);
        let now = self.setup.clock.now();
        let expected: Vec<_> =
            self.model.range(now, &store, prefix).map(|(key, entry)| (key.to_owned(), content(entry))).collect();
        let found = scan(self.stores, &store, prefix, limit).await;
        let found: Vec<_> = found.into_iter().map(|item| (item.key, content(&item.entry))).collect();
        assert_eq!(found, expected, "seed {}, round {round}: scan of {prefix:?} by {limit}", self.seed);
    }

    async fn compare_reads(&mut self, round: usize) {
        let store = self.store();
        let keys: Vec<_> = (0..5).map(|_| self.key()).collect();
        let now = self.setup.clock.now();
        let expected: Vec<_> = keys.iter().map(|key| self.model.get(now, &store, key).map(content)).collect();
        let found = self.stores.kv().get_many(&store, &keys).await.expect("a read");
        let found: Vec<_> = found.iter().map(|entry| entry.as_ref().map(content)).collect();
        assert_eq!(found, expected, "seed {}, round {round}: {keys:?}", self.seed);
        for (key, entry) in keys.iter().zip(&expected) {
            let exists = self.stores.kv().exists(&store, key).await.expect("a read");
            assert_eq!(exists, entry.is_some(), "seed {}, round {round}: {key}", self.seed);
        }
    }

    fn store(&mut self) -> StoreName {
        store(["default", "other"][self.rng.random_range(0..2)])
    }

    fn key(&mut self) -> String {
        format!("k{}", self.rng.random_range(0..24))
    }
}

fn content(entry: &Entry) -> (Vec<u8>, Option<u64>) {
    (entry.value.to_vec(), entry.expires_at.map(flint_model::Timestamp::as_millis))
}

pub(super) fn without_version(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::KvPut { .. } => Outcome::KvPut { version: 0 },
        other => other,
    }
}

/// The error without the number of a version.
pub(super) fn summary(error: &CommitError) -> CommitError {
    match error {
        CommitError::Conflict { index, key, current } => {
            CommitError::Conflict { index: *index, key: key.clone(), current: current.map(|_| Version::default()) }
        }
        other => other.clone(),
    }
}
