//! `kill -9` in the middle of 64 concurrent writers, over and over, on one data folder.
//!
//! The test runs its own executable as the process that is killed: [`writers`] is that process. It tells on its standard
//! output what was acknowledged to it, a line each; whatever it told has to be there afterwards, and every batch has to
//! be whole or absent, told or not.

mod killed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::{ByteSize, StoreName};
use flint_stores::{Catalog, Commit, Effect, KvLimits, Outcome, Stores as _};
use flint_stores_embedded::{Embedded, GroupCommitOptions, Options};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::killed::{FOLDER, ROUND, Since, run_and_kill};

const KILLS: usize = 60;
const WRITERS: usize = 64;
/// The keys of a batch.
const PARTS: usize = 3;

fn store() -> StoreName {
    StoreName::parse("default").expect("a name")
}

fn open(folder: &Path) -> Arc<Embedded> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).expect("the folder");
    let stores = BTreeMap::from([(store(), KvLimits::default())]);
    let catalog = Catalog { stores, ..Catalog::default() };
    // A short log, so that kills hit what is behind it too.
    let group_commit = GroupCommitOptions { log_max: ByteSize::kib(128), ..GroupCommitOptions::default() };
    let options = Options { catalog, group_commit, ..Options::default() };
    Arc::new(Embedded::open(dir, options).expect("it opens after every kill"))
}

fn batch(round: usize, writer: usize, n: usize) -> Vec<String> {
    (0..PARTS).map(|part| format!("{round:03}/{writer:02}/{n:06}/{part}")).collect()
}

fn counter(writer: usize) -> String {
    format!("counter/{writer:02}")
}

/// What the killed process told, by writer.
#[derive(Default)]
struct Told {
    /// How many batches of this round were acknowledged.
    batches: BTreeMap<usize, usize>,
    /// The last sum of its counter.
    sums: BTreeMap<usize, i64>,
    /// The highest version.
    version: u64,
}

impl Told {
    fn parse(lines: &[String]) -> Self {
        let mut told = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["ack", writer, n, sum, version] = words[..] else { continue };
            let writer = writer.parse().expect("a writer");
            told.batches.insert(writer, n.parse::<usize>().expect("a number") + 1);
            told.sums.insert(writer, sum.parse().expect("a sum"));
            told.version = told.version.max(version.parse().expect("a version"));
        }
        told
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_kill_9_and_no_batch_is_half_there() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let (mut acknowledged, mut busy) = (0, 0);
    let mut sums: BTreeMap<usize, i64> = BTreeMap::new();
    for round in 0..KILLS {
        // One in four while the folder is being opened, or soon after.
        let since = if rng.random_range(0..4) == 0 { Since::Start } else { Since::FirstAcknowledgement };
        let after = Duration::from_micros(rng.random_range(0..120_000));
        let told = Told::parse(&run_and_kill("writers", folder.path(), round, since, after));
        acknowledged += told.batches.values().sum::<usize>();
        busy += usize::from(told.batches.len() > WRITERS / 2);
        let stores = open(folder.path());
        check_batches(&stores, &told, round, seed).await;
        for writer in 0..WRITERS {
            let sum = sums.entry(writer).or_default();
            *sum = check_counter(&stores, &told, writer, *sum, seed).await;
        }
        let probe = put("probe", "");
        let version = stores.commit(Commit::from(probe)).await.expect("a commit").version;
        assert!(version > told.version, "seed {seed}, round {round}: version {version} after {}", told.version);
        stores.close().await;
    }
    assert!(busy > KILLS / 2, "seed {seed}: only {busy} of {KILLS} kills fell among all writers");
    println!(
        "{KILLS} kills, {acknowledged} acknowledged batches of {PARTS}, {busy} kills among most of {WRITERS} writers"
    );
}

async fn check_batches(stores: &Embedded, told: &Told, round: usize, seed: u64) {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let prefix = format!("{round:03}/");
    let mut cursor = None;
    loop {
        let page = stores.kv().scan(&store(), &prefix, cursor.as_deref(), 1000).await.expect("a page");
        for item in page.items {
            assert_eq!(item.entry.value, value_of(&item.key), "seed {seed}: {} has its own value", item.key);
            found.insert(item.key);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    for (&writer, &count) in &told.batches {
        for n in 0..count {
            let missing = batch(round, writer, n).into_iter().find(|key| !found.contains(key));
            assert_eq!(missing, None, "seed {seed}: it was acknowledged");
        }
    }
    let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in &found {
        let (batch, _) = key.rsplit_once('/').expect("a key of a batch");
        *parts.entry(batch).or_default() += 1;
    }
    let torn: Vec<_> = parts.iter().filter(|(_, count)| **count != PARTS).collect();
    assert!(torn.is_empty(), "seed {seed}: half there: {torn:?}");
}

/// Compares a writer's counter with what was told of it; answers what it is.
async fn check_counter(stores: &Embedded, told: &Told, writer: usize, before: i64, seed: u64) -> i64 {
    let entry = stores.kv().get(&store(), &counter(writer)).await.expect("a read");
    let sum = entry.map_or(0, |entry| i64::from_le_bytes(entry.value[..].try_into().expect("eight bytes")));
    let known = told.sums.get(&writer).copied().unwrap_or(before);
    assert!(sum == known || sum == known + 1, "seed {seed}: counter {writer} is {sum}, and {known} was acknowledged");
    sum
}

fn put(key: &str, value: impl Into<Bytes>) -> Effect {
    Effect::KvPut { store: store(), key: key.to_owned(), value: value.into(), expires_at: None, expect: None }
}

/// Some hundred bytes that no other key has.
fn value_of(key: &str) -> Bytes {
    key.repeat(20).into()
}

/// The process that is killed: 64 tasks that write until then. Each batch counts itself in a counter of its writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other test runs it, to be killed"]
async fn writers() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let round = std::env::var(ROUND).expect("a round").parse().expect("a number");
    let stores = open(Path::new(&folder));
    let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&stores), round, writer))).collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
}

async fn write(stores: Arc<Embedded>, round: usize, writer: usize) {
    for n in 0.. {
        let mut effects: Vec<_> = batch(round, writer, n).iter().map(|key| put(key, value_of(key))).collect();
        effects.push(Effect::KvIncrement { store: store(), key: counter(writer), delta: 1, expect: None });
        let committed = stores.commit(Commit::new(effects)).await.expect("a commit");
        let Some(Outcome::KvIncrement { sum }) = committed.outcomes.last() else { panic!("the last is the counter") };
        // One write a line: the kill cuts at most the last.
        let line = format!("ack {writer} {n} {sum} {}\n", committed.version);
        std::io::stdout().lock().write_all(line.as_bytes()).expect("the pipe");
    }
}
