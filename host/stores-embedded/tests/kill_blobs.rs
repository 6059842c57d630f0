//! `kill -9` in the middle of tasks that put, overwrite, copy and unlink blobs, over and over, on one data folder.
//!
//! Each change of a blob is in one commit with a key of a store that says what the blob is from then on. Afterwards the two
//! have to agree, acknowledged or not; every blob has to be whole; and once what nothing links was removed, there is a file
//! for each content that something does.

mod killed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_model::{BucketName, StoreName};
use flint_stores::{BucketRules, Catalog, Commit, Effect, Etag, KvLimits, Listing, Range, Stores as _};
use flint_stores_embedded::{BlobOptions, Embedded, Options};
use futures::TryStreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::killed::{FOLDER, ROUND, Since, run_and_kill};

const KILLS: usize = 40;
const WRITERS: usize = 8;
/// The blobs that each writer changes in turn.
const SLOTS: usize = 3;
/// Of an unlinked blob.
const NOTHING: &str = "-";

fn store() -> StoreName {
    StoreName::parse("default").expect("a name")
}

fn bucket() -> BucketName {
    BucketName::parse("default").expect("a name")
}

fn open(folder: &Path) -> Arc<Embedded> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority()).expect("the folder");
    let catalog = Catalog {
        stores: BTreeMap::from([(store(), KvLimits::default())]),
        buckets: BTreeMap::from([(bucket(), BucketRules::default())]),
        ..Catalog::default()
    };
    Arc::new(Embedded::open(dir, Options { catalog, ..Options::default() }).expect("it opens after every kill"))
}

fn slot(writer: usize, n: usize) -> String {
    format!("{writer}/{}", n % SLOTS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_blobs_are_whole_agree_with_their_commit_and_leave_no_file_behind() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let at = format!("seed {seed}, round {round}");
        let since = if rng.random_range(0..4) == 0 { Since::Start } else { Since::FirstAcknowledgement };
        let after = Duration::from_micros(rng.random_range(0..120_000));
        let lines = run_and_kill("blob_writers", folder.path(), round, since, after);
        acknowledged += lines.len();
        let told = last_told(&lines);
        let stores = open(folder.path());
        for writer in 0..WRITERS {
            for n in 0..SLOTS {
                check_slot(&stores, &slot(writer, n), round, &told, &at).await;
            }
        }
        check_files(&stores, folder.path(), &at).await;
        stores.close().await;
    }
    println!("{KILLS} kills, {acknowledged} acknowledged changes of blobs");
}

/// By slot, the number of its last change that was acknowledged in this round.
fn last_told(lines: &[String]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ack", slot, n] = words[..] else { continue };
        told.insert(slot.to_owned(), n.parse().expect("a number"));
    }
    told
}

/// The key in the store says in which round it was written, as which number, and what the blob is since then.
async fn check_slot(stores: &Embedded, slot: &str, round: usize, told: &BTreeMap<String, usize>, at: &str) {
    let entry = stores.kv().get(&store(), slot).await.expect("a read");
    let said = entry.map(|entry| String::from_utf8(entry.value.to_vec()).expect("a text"));
    let words: Vec<&str> = said.as_deref().map_or_else(Vec::new, |said| said.split(' ').collect());
    if let Some(last) = told.get(slot) {
        let now = (words[0].parse() == Ok(round)).then(|| words[1].parse::<usize>().expect("a number"));
        assert!(now.is_some_and(|now| now >= *last), "{at}: {slot} is {said:?}, and {last} was acknowledged");
    }
    let is = stores.blobs().head(&bucket(), slot).await.expect("a look-up").map(|info| info.etag.to_string());
    let expected = words.get(2).filter(|etag| **etag != NOTHING).map(|etag| (*etag).to_owned());
    assert_eq!(is, expected, "{at}: {slot}, of which its commit says {said:?}");
}

/// Every blob is whole; and every content has bytes of its own here, so there are as many files as etags of large ones.
async fn check_files(stores: &Embedded, folder: &Path, at: &str) {
    let mut large = BTreeSet::new();
    for info in stores.blobs().list(&bucket(), Listing::default(), None, 1000).await.expect("a page").blobs {
        let blob = stores.blobs().read(&bucket(), &info.key, Range::ALL).await.expect("a look-up").expect("a blob");
        let blocks: Vec<Bytes> = blob.body.bytes.try_collect().await.expect("it reads to its end");
        assert_eq!(Etag::of(&blocks.concat()), info.etag, "{at}: {}", info.key);
        if info.size > BlobOptions::default().inline_max.as_u64() {
            large.insert(info.etag);
        }
    }
    let files = || std::fs::read_dir(folder.join("blobs")).expect("the folder of content").count();
    let removed = async {
        while files() != large.len() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(10), removed).await;
    assert!(came.is_ok(), "{at}: {} files for {} contents", files(), large.len());
}

/// The process that is killed: tasks that change blobs until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other test runs it, to be killed"]
async fn blob_writers() {
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
        let slot = slot(writer, n);
        let effects = match n % 7 {
            6 => vec![unlink(&slot), say(&slot, round, n, NOTHING)],
            kind => {
                let bytes = bytes(round, writer, n, if kind % 3 == 0 { 300 } else { 70_000 * kind });
                let etag = Etag::of(&bytes).to_string();
                let mut effects = vec![link(&stores, &slot, bytes).await, say(&slot, round, n, &etag)];
                // Of the blob that the slot before this one leads to.
                let before = self::slot(writer, n + SLOTS - 1);
                if n % 5 == 4 && stores.blobs().head(&bucket(), &before).await.expect("a look-up").is_some() {
                    effects.push(copy(&before, &format!("copy/{writer}")));
                }
                effects
            }
        };
        stores.commit(Commit::new(effects)).await.expect("a commit");
        // One write a line: the kill cuts at most the last.
        std::io::stdout().lock().write_all(format!("ack {slot} {n}\n").as_bytes()).expect("the pipe");
    }
}

/// Bytes that no other change writes.
fn bytes(round: usize, writer: usize, n: usize, size: usize) -> Bytes {
    format!("{round} {writer} {n} ").repeat(size / 8).into()
}

fn say(slot: &str, round: usize, n: usize, etag: &str) -> Effect {
    let value = format!("{round} {n} {etag}").into();
    Effect::KvPut { store: store(), key: slot.to_owned(), value, expires_at: None, expect: None }
}

async fn link(stores: &Embedded, slot: &str, bytes: Bytes) -> Effect {
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    writer.write(bytes).await.expect("there is room");
    let (content, metadata) = (writer.finish().await.expect("content"), BTreeMap::new());
    Effect::BlobLink { bucket: bucket(), key: slot.to_owned(), content, content_type: None, metadata, expect: None }
}

fn unlink(slot: &str) -> Effect {
    Effect::BlobUnlink { bucket: bucket(), key: slot.to_owned(), expect: None }
}

fn copy(from: &str, key: &str) -> Effect {
    let (from_key, key) = (from.to_owned(), key.to_owned());
    Effect::BlobCopy { from_bucket: bucket(), from_key, from_expect: None, bucket: bucket(), key, expect: None }
}
