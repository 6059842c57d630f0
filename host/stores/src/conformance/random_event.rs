//! Random operations on what leads to messages, one after the other, on an engine and on the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flint_model::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::change::{PATIENCE, follow, state, told};
use super::random::{summary, without_version};
use super::record::{schedule, tick};
use super::topic::{publish, with};
use super::{Memory, Setup, delete, done, in_group, increment, message, put, put_for, put_if, receive, send, store};
use crate::{Cause, Change, Commit, Effect, Entry, Expectation, Message, Stores};

const ROUNDS: usize = 600;
const TOPIC_QUEUES: [&str; 5] = ["news/all", "news/orders", "news/dear", "news/row", "news/tight"];
const KEYS: [&str; 6] = ["a", "a/1", "a/2", "b", "b/1", "é"];

/// Every answer is that of the model; so are the messages of topics, and the changes of each key. Where a subscription
/// started is up to the engine, but the changes of each key follow one another and lead to what is there.
///
/// The seed is random and comes with every failure; to run it again, put it in the place of the random one.
pub async fn an_engine_tells_what_the_model_tells(setup: &Setup, stores: &Arc<dyn Stores>) {
    let seed: u64 = rand::random();
    let model: Arc<dyn Stores> = Arc::new(Memory::new(setup.catalog(), setup.clock.clone()));
    let rng = StdRng::seed_from_u64(seed);
    let mut run = Run { setup, stores, model, rng, at: String::new() };
    let (mut of_model, mut of_engine, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        run.at = format!("seed {seed}, round {round}");
        match run.rng.random_range(0..12) {
            0 => setup.clock.advance(Duration::from_millis(run.rng.random_range(0..60))),
            1 => run.compare_topics().await,
            2 => {
                of_model.extend(told(&run.model, "changes/all").await);
                of_engine.extend(told(stores, "changes/all").await);
            }
            3 => {
                stores.backfill(run.rng.random_range(1..3)).await.expect("a step");
                history.extend(told(stores, "changes/history").await);
            }
            _ => run.compare_commit().await,
        }
    }
    while stores.backfill(100).await.expect("a step").more {
        history.extend(told(stores, "changes/history").await);
    }
    // No entry has a longer time to live.
    setup.clock.advance(Duration::from_millis(100));
    of_model.extend(told(&run.model, "changes/all").await);
    for (changes, queue, name) in
        [(&mut of_engine, "changes/all", "watched"), (&mut history, "changes/history", "history")]
    {
        let (began, is) = (Instant::now(), state(stores, &store(name)).await);
        while follow(changes) != is {
            assert!(began.elapsed() < PATIENCE, "seed {seed}: {name} is not what was told");
            tokio::time::sleep(Duration::from_millis(10)).await;
            changes.extend(told(stores, queue).await);
        }
    }
    // What was written and is over again makes no difference to the state: it is still to be told.
    let began = Instant::now();
    while by_key(&of_engine) != by_key(&of_model) && began.elapsed() < PATIENCE {
        of_engine.extend(told(stores, "changes/all").await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(by_key(&of_engine), by_key(&of_model), "seed {seed}");
}

struct Run<'a> {
    setup: &'a Setup,
    stores: &'a Arc<dyn Stores>,
    model: Arc<dyn Stores>,
    rng: StdRng,
    at: String,
}

impl Run<'_> {
    async fn compare_commit(&mut self) {
        let mut effects = BTreeMap::new();
        for _ in 0..self.rng.random_range(1..4) {
            let (what, effect) = self.effect();
            effects.insert(what, effect);
        }
        let deep = self.rng.random_ratio(1, 8) && !effects.keys().any(|what| what.starts_with("history"));
        let cause = Cause { depth: if deep { self.rng.random_range(14..18) } else { 0 }, trace: None };
        let commit = Commit { effects: effects.into_values().collect(), cause, ..Commit::default() };
        let text = format!("{}: {commit:?}", self.at);
        let plain = |result: Result<crate::Committed, _>| match result {
            Ok(committed) => Ok(committed.outcomes.into_iter().map(without_version).collect::<Vec<_>>()),
            Err(error) => Err(summary(&error)),
        };
        let expected = plain(self.model.commit(commit.clone()).await);
        assert_eq!(plain(self.stores.commit(commit).await), expected, "{text}");
    }

    /// An effect, and what it is about.
    fn effect(&mut self) -> (String, Effect) {
        match self.rng.random_range(0..8) {
            0 => (format!("send {}", self.rng.random::<u32>()), send("news/all", message("sent"))),
            1 | 2 => (format!("publish {}", self.rng.random::<u32>()), self.publication()),
            3 => {
                let (expect, seen) = (self.rng.random_range(0..3), self.rng.random_range(1..3));
                ("tick".to_owned(), tick("nightly", Some(expect).filter(|expect| *expect > 0), seen))
            }
            _ => self.write(),
        }
    }

    fn publication(&mut self) -> Effect {
        let price = self.rng.random_range(99..102).to_string();
        let kind = ["order.a", "user.a"][self.rng.random_range(0..2)];
        let published = match self.rng.random_range(0..3) {
            0 => in_group("g", ["x", "y"][self.rng.random_range(0..2)]),
            _ => message("p"),
        };
        match self.rng.random_range(0..5) {
            0 => publish("small", published),
            _ => publish("news", with(published, &[("type", kind), ("price", &price)])),
        }
    }

    fn write(&mut self) -> (String, Effect) {
        let name = ["watched", "history"][self.rng.random_range(0..2)];
        let (s, key) = (store(name), KEYS[self.rng.random_range(0..KEYS.len())]);
        let value = self.rng.random_range(0..1000).to_string();
        let effect = match self.rng.random_range(0..8) {
            0 | 1 => put(&s, key, value),
            2 | 3 => put_for(self.setup, &s, key, value, Duration::from_millis(self.rng.random_range(0..60))),
            4 | 5 => delete(&s, key),
            6 => put_if(&s, key, value, Expectation::Absent),
            _ => increment(&s, key, 1),
        };
        (format!("{name} {key}"), effect)
    }

    async fn compare_topics(&mut self) {
        let queue = TOPIC_QUEUES[self.rng.random_range(0..TOPIC_QUEUES.len())];
        let (expected, found) = (receive(&self.model, queue, 9).await, receive(self.stores, queue, 9).await);
        let plain = |deliveries: &[crate::Delivery]| -> Vec<Message> {
            deliveries.iter().map(|delivery| delivery.stored.message.clone()).collect()
        };
        assert_eq!(plain(&found), plain(&expected), "{}: {queue}", self.at);
        if !found.is_empty() {
            done(&self.model, &expected).await;
            done(self.stores, &found).await;
        }
        let last = self.model.schedules().last(&schedule("nightly")).await;
        assert_eq!(self.stores.schedules().last(&schedule("nightly")).await, last, "{}", self.at);
    }
}

/// The entry before and after, and when.
type Happened = (Option<Entry>, Option<Entry>, Timestamp);

/// What happened to each key, without the numbers that are the engine's own.
fn by_key(changes: &[Change]) -> BTreeMap<String, Vec<Happened>> {
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let plain = |entry: &Option<Entry>| entry.clone().map(|entry| Entry { version: 0, ..entry });
    for Change { key, old, new, at, .. } in changes {
        keys.entry(key.clone()).or_default().push((plain(old), plain(new), *at));
    }
    keys
}
