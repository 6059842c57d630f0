//! Random operations on blobs, one after the other, on an engine and on the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::BucketName;
use futures::TryStreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::blob::{bucket, bytes, content, unlink};
use super::{Memory, Setup};
use crate::{
    BlobExpectation, BlobInfo, Commit, Content, Effect, Etag, Linked, ListPage, Listing, Outcome, Range, Stores,
};

const ROUNDS: usize = 800;
const KEYS: [&str; 7] = ["a", "a/b", "a/c", "a/c/d", "b/", "b/\u{0}", "é"];
/// The sizes at which engines do other things.
const SIZES: [usize; 5] = [0, 9, 65_536, 65_537, 300_000];

/// Every answer is that of the model, but for the numbers of versions.
///
/// The seed is random and comes with every failure; to run it again, put it in the place of the random one.
pub async fn an_engine_keeps_blobs_as_the_model_does(setup: &Setup, stores: &Arc<dyn Stores>) {
    let seed: u64 = rand::random();
    let model: Arc<dyn Stores> = Arc::new(Memory::new(setup.catalog(), setup.clock.clone()));
    let rng = StdRng::seed_from_u64(seed);
    let mut run = Run { stores, model, rng, contents: Vec::new(), at: String::new() };
    for round in 0..ROUNDS {
        run.at = format!("seed {seed}, round {round}");
        match run.rng.random_range(0..12) {
            0 => setup.clock.advance(Duration::from_millis(run.rng.random_range(0..60))),
            1..=2 => run.write().await,
            3..=7 => run.commit().await,
            8 | 9 => run.read().await,
            _ => run.list().await,
        }
    }
}

struct Run<'a> {
    stores: &'a Arc<dyn Stores>,
    model: Arc<dyn Stores>,
    rng: StdRng,
    /// One content of the model and of the engine.
    contents: Vec<(Content, Content)>,
    at: String,
}

impl Run<'_> {
    fn place(&mut self) -> (BucketName, String) {
        let bucket = bucket(["default", "other"][self.rng.random_range(0..2)]);
        (bucket, KEYS[self.rng.random_range(0..KEYS.len())].to_owned())
    }

    /// Holds some contents, and lets go of old ones.
    async fn write(&mut self) {
        let bytes = bytes(SIZES[self.rng.random_range(0..SIZES.len())], self.rng.random_range(0..3));
        let pair = (content(&self.model, &bytes).await, content(self.stores, &bytes).await);
        assert_eq!(pair.0.etag(), pair.1.etag(), "{}", self.at);
        self.contents.push(pair);
        if self.contents.len() > 4 {
            self.contents.swap_remove(self.rng.random_range(0..4));
        }
    }

    async fn commit(&mut self) {
        let places: BTreeSet<_> = (0..self.rng.random_range(1..=3)).map(|_| self.place()).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (bucket, key) in places {
            let (for_model, for_engine) = self.effect(bucket, key).await;
            ours.push(for_model);
            theirs.push(for_engine);
        }
        let text = format!("{}: {ours:?}", self.at);
        let plain = |outcomes: Vec<Outcome>| outcomes.into_iter().map(without_sequence).collect::<Vec<_>>();
        let expected = self.model.commit(Commit::new(ours)).await.map(|committed| plain(committed.outcomes));
        let found = self.stores.commit(Commit::new(theirs)).await.map(|committed| plain(committed.outcomes));
        assert_eq!(found, expected, "{text}");
    }

    async fn effect(&mut self, bucket: BucketName, key: String) -> (Effect, Effect) {
        let expect = self.expectation(&bucket, &key).await;
        let same = |effect: Effect| (effect.clone(), effect);
        match self.rng.random_range(0..5) {
            0 => same(unlink(&bucket, &key, expect)),
            1 | 2 => {
                let (from_bucket, from_key) = self.place();
                let from_expect = self.etag(&from_bucket, &from_key).await.filter(|_| self.rng.random());
                same(Effect::BlobCopy { from_bucket, from_key, from_expect, bucket, key, expect })
            }
            _ if self.contents.is_empty() => same(unlink(&bucket, &key, expect)),
            _ => {
                let (model, engine) = self.contents[self.rng.random_range(0..self.contents.len())].clone();
                let content_type = self.rng.random::<bool>().then(|| "text/plain".to_owned());
                let metadata: BTreeMap<_, _> =
                    (0..self.rng.random_range(0..3)).map(|n: u8| (n.to_string(), "x".to_owned())).collect();
                let link = |content| Effect::BlobLink { bucket, key, content, content_type, metadata, expect };
                (link.clone()(model), link(engine))
            }
        }
    }

    async fn etag(&self, bucket: &BucketName, key: &str) -> Option<Etag> {
        self.model.blobs().head(bucket, key).await.expect("a look-up").map(|info| info.etag)
    }

    async fn expectation(&mut self, bucket: &BucketName, key: &str) -> Option<BlobExpectation> {
        match self.rng.random_range(0..8) {
            0 => Some(BlobExpectation::Absent),
            1 => Some(BlobExpectation::Exists),
            2 => Some(BlobExpectation::Etag(Etag::of(b"another"))),
            3 | 4 => self.etag(bucket, key).await.map(BlobExpectation::Etag),
            _ => None,
        }
    }

    async fn read(&mut self) {
        let (bucket, key) = self.place();
        let (start, end) = (self.rng.random_range(0..70_000), self.rng.random_range(0..400_000));
        let range = [Range::ALL, Range::Span(start..end), Range::Last(start)][self.rng.random_range(0..3)].clone();
        let expected = read(&self.model, &bucket, &key, range.clone()).await;
        let found = read(self.stores, &bucket, &key, range.clone()).await;
        assert!(found == expected, "{}: {bucket} {key:?} {range:?}", self.at);
    }

    async fn list(&mut self) {
        let (bucket, key) = self.place();
        let prefix: String = key.chars().take(self.rng.random_range(0..=1)).collect();
        let delimiter = [None, Some("/"), Some("c")][self.rng.random_range(0..3)];
        let listing = Listing { prefix: &prefix, delimiter };
        let limit = self.rng.random_range(1..4);
        let mut cursor = None;
        loop {
            // The cursors are the same, too: they are made by the same function.
            let expected =
                self.model.blobs().list(&bucket, listing, cursor.as_deref(), limit).await.map(without_sequences);
            let found =
                self.stores.blobs().list(&bucket, listing, cursor.as_deref(), limit).await.map(without_sequences);
            assert_eq!(found, expected, "{}: {bucket} {listing:?} {cursor:?} {limit}", self.at);
            cursor = found.expect("a page").cursor;
            if cursor.is_none() {
                return;
            }
        }
    }
}

async fn read(stores: &Arc<dyn Stores>, bucket: &BucketName, key: &str, range: Range) -> Option<(BlobInfo, Bytes)> {
    let blob = stores.blobs().read(bucket, key, range).await.expect("a look-up")?;
    let blocks: Vec<Bytes> = blob.body.bytes.try_collect().await.expect("it reads to its end");
    Some((BlobInfo { sequence: 0, ..blob.info }, blocks.concat().into()))
}

fn without_sequences(page: ListPage) -> ListPage {
    let blobs = page.blobs.into_iter().map(|info| BlobInfo { sequence: 0, ..info }).collect();
    ListPage { blobs, ..page }
}

fn without_sequence(outcome: Outcome) -> Outcome {
    let plain = |linked| Linked { sequence: 0, ..linked };
    match outcome {
        Outcome::BlobLink { linked } => Outcome::BlobLink { linked: plain(linked) },
        Outcome::BlobCopy { linked } => Outcome::BlobCopy { linked: plain(linked) },
        other => other,
    }
}
