//! Blobs on the disk: restarts, and that no file is left that nothing leads to, nor one removed that something does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{BucketName, ByteSize, ContentId};
use flint_stores::conformance::Setup;
use flint_stores::{
    BlobExpectation, Commit, CommitError, Content, Effect, Etag, Invalid, Range, ReadError, Stores as _, Unavailable,
    WriteError,
};
use futures::TryStreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redb::ReadableTableMetadata as _;
use tempfile::TempDir;

use super::{dir, folder, options, put};
use crate::table::blob::{BLOB, BODY, CONTENT};
use crate::{BlobOptions, Embedded, GroupCommitOptions, Options};

const LARGE: usize = 200_000;

fn bucket() -> BucketName {
    BucketName::parse("default").expect("a name")
}

fn open(folder: &TempDir) -> Embedded {
    Embedded::open(dir(folder), options(&Setup::default())).expect("it opens")
}

pub(super) async fn content(stores: &Embedded, size: usize, byte: u8) -> Content {
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    writer.write(vec![byte; size].into()).await.expect("there is room");
    writer.finish().await.expect("content")
}

pub(super) fn link(key: &str, content: Content) -> Effect {
    let (content_type, metadata, expect) = (None, BTreeMap::new(), None);
    Effect::BlobLink { bucket: bucket(), key: key.to_owned(), content, content_type, metadata, expect }
}

fn unlink(key: &str) -> Effect {
    Effect::BlobUnlink { bucket: bucket(), key: key.to_owned(), expect: None }
}

fn copy(from: &str, key: &str) -> Effect {
    let (from_bucket, bucket, from_expect, expect) = (bucket(), bucket(), None, None);
    Effect::BlobCopy { from_bucket, from_key: from.to_owned(), from_expect, bucket, key: key.to_owned(), expect }
}

async fn put_blob(stores: &Embedded, key: &str, size: usize, byte: u8) {
    let content = content(stores, size, byte).await;
    stores.commit(link(key, content).into()).await.expect("a link");
}

pub(super) async fn read(stores: &Embedded, key: &str) -> Option<Vec<u8>> {
    let blob = stores.blobs().read(&bucket(), key, Range::ALL).await.expect("a look-up")?;
    let blocks: Vec<Bytes> = blob.body.bytes.try_collect().await.expect("it reads to its end");
    Some(blocks.concat())
}

/// The files of content that there are.
fn files(folder: &TempDir) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder.path().join("blobs")).expect("the folder of content");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

pub(super) async fn until_files(folder: &TempDir, count: usize) {
    let wait = async {
        while files(folder).len() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(10), wait).await;
    came.unwrap_or_else(|_| panic!("there are {} files, and not {count}", files(folder).len()));
}

/// Rows of `blob`, `content` and `body`.
pub(super) fn rows(stores: &Embedded) -> (u64, u64, u64) {
    let count = |tables: &redb::ReadTransaction| {
        let rows = |table| Ok::<_, crate::database::Failure>(tables.open_table(table)?.len()?);
        Ok((rows(BLOB)?, rows(CONTENT)?, rows(BODY)?))
    };
    stores.database.read(count).expect("a read")
}

#[tokio::test]
async fn blobs_survive_a_restart_and_versions_go_on() {
    let folder = folder();
    let mut last = 0;
    for n in 0..4 {
        let stores = open(&folder);
        for before in 0..n {
            for (key, size) in [("small", 10), ("large", LARGE)] {
                assert_eq!(read(&stores, &format!("{key}{before}")).await, Some(vec![before; size]), "round {n}");
            }
        }
        put_blob(&stores, &format!("small{n}"), 10, n).await;
        put_blob(&stores, &format!("large{n}"), LARGE, n).await;
        let info = stores.blobs().head(&bucket(), &format!("large{n}")).await.expect("a look-up").expect("a blob");
        assert!(info.sequence > last);
        last = info.sequence;
        if n % 2 == 0 {
            stores.close().await;
        }
    }
}

#[tokio::test]
async fn small_content_has_no_file_and_goes_with_its_last_link() {
    let folder = folder();
    let stores = open(&folder);
    let most = BlobOptions::default().inline_max.as_usize();
    put_blob(&stores, "most", most, 1).await;
    put_blob(&stores, "more", most + 1, 1).await;
    put_blob(&stores, "none", 0, 1).await;
    assert_eq!((rows(&stores), files(&folder).len()), ((3, 2, 1), 1), "the smallest is in its row");
    stores.commit(copy("most", "second").into()).await.expect("a copy");
    stores.commit(unlink("most").into()).await.expect("an unlink");
    assert_eq!(rows(&stores), (3, 2, 1));
    put_blob(&stores, "second", 7, 2).await;
    assert_eq!(rows(&stores), (3, 1, 0));
    stores.commit(Commit::new(["none", "more"].map(unlink).to_vec())).await.expect("two unlinks");
    assert_eq!(rows(&stores), (1, 0, 0));
    until_files(&folder, 0).await;
}

#[tokio::test]
async fn content_in_a_row_goes_with_the_row_and_a_copy_has_its_own() {
    let folder = folder();
    let stores = open(&folder);
    put_blob(&stores, "a", 1000, 1).await;
    stores.commit(copy("a", "b").into()).await.expect("a copy");
    put_blob(&stores, "a", 3000, 2).await;
    assert_eq!((read(&stores, "a").await, read(&stores, "b").await), (Some(vec![2; 3000]), Some(vec![1; 1000])));
    assert_eq!(rows(&stores), (2, 1, 1));
    put_blob(&stores, "a", 10, 3).await;
    stores.close().await;
    let stores = open(&folder);
    assert_eq!((read(&stores, "a").await, read(&stores, "b").await), (Some(vec![3; 10]), Some(vec![1; 1000])));
    assert_eq!(rows(&stores), (2, 0, 0));
}

#[tokio::test]
async fn a_file_goes_when_its_last_link_does() {
    let folder = folder();
    let stores = open(&folder);
    put_blob(&stores, "a", LARGE, 1).await;
    let first = files(&folder);
    stores.commit(copy("a", "b").into()).await.expect("a copy");
    stores.commit(Commit::new(vec![copy("b", "c"), unlink("a")])).await.expect("a copy");
    put_blob(&stores, "b", LARGE, 2).await;
    assert_eq!(files(&folder).len(), 2, "c still leads to the first");
    stores.commit(Commit::new(vec![copy("c", "a"), unlink("c")])).await.expect("a rename");
    put_blob(&stores, "d", LARGE, 3).await;
    assert!(files(&folder).is_superset(&first), "so does a");
    put_blob(&stores, "a", LARGE, 4).await;
    until_files(&folder, 3).await;
    assert!(files(&folder).is_disjoint(&first), "nothing does");
    for (key, byte) in [("a", 4), ("b", 2), ("d", 3)] {
        assert_eq!(read(&stores, key).await, Some(vec![byte; LARGE]), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_never_linked_goes_when_the_last_hold_of_it_does() {
    let folder = folder();
    let stores = open(&folder);
    let held = content(&stores, LARGE, 1).await;
    drop(content(&stores, LARGE, 2).await);
    let expect = Some(BlobExpectation::Exists);
    let conflict = Effect::BlobUnlink { bucket: bucket(), key: "none".to_owned(), expect };
    let failing = Commit::new(vec![link("k", content(&stores, LARGE, 3).await), conflict]);
    assert!(matches!(stores.commit(failing).await, Err(CommitError::BlobConflict { index: 1, .. })));
    let mut abandoned = stores.blobs().write(&bucket()).await.expect("a writer");
    for _ in 0..20 {
        abandoned.write(vec![4; LARGE].into()).await.expect("there is room");
    }
    assert!(files(&folder).len() >= 2, "one is held, and one is being written");
    drop(abandoned);
    until_files(&folder, 1).await;
    let second = held.clone();
    drop(held);
    stores.commit(link("k", second.clone()).into()).await.expect("somebody held it");
    stores.commit(unlink("k").into()).await.expect("an unlink");
    stores.commit(link("l", second.clone()).into()).await.expect("somebody still holds it");
    drop(second);
    // Whatever is to be removed is, before what is doubted later.
    drop(content(&stores, LARGE, 5).await);
    until_files(&folder, 1).await;
    assert_eq!(read(&stores, "l").await, Some(vec![1; LARGE]));
}

#[tokio::test]
async fn what_a_killed_process_left_goes_when_the_folder_is_opened_and_nothing_else_does() {
    let folder = folder();
    let stores = open(&folder);
    put_blob(&stores, "k", LARGE, 1).await;
    let linked = files(&folder);
    stores.close().await;
    let orphans: Vec<_> = (0..2500).map(|_| folder.path().join("blobs").join(ContentId::now().to_string())).collect();
    for orphan in &orphans {
        fs::write(orphan, b"half a blo").expect("write");
    }
    let foreign = folder.path().join("blobs").join("README");
    fs::write(&foreign, b"mine").expect("write");
    let stores = open(&folder);
    // While it is still looking.
    put_blob(&stores, "l", LARGE, 2).await;
    until_files(&folder, 3).await;
    assert!(files(&folder).is_superset(&linked) && foreign.exists());
    assert_eq!(read(&stores, "k").await, Some(vec![1; LARGE]));
    assert_eq!(read(&stores, "l").await, Some(vec![2; LARGE]));
}

#[tokio::test]
async fn content_of_another_store_or_of_before_a_restart_is_refused() {
    let (one, two) = (folder(), folder());
    let stores = open(&one);
    let content = content(&stores, LARGE, 1).await;
    let refused = Err(CommitError::Invalid(Invalid::Content));
    let other = open(&two);
    assert_eq!(other.commit(link("k", content.clone()).into()).await, refused);
    let read = other.blobs().read_content(&content, Range::ALL).await;
    assert_eq!(read.err(), Some(ReadError::Invalid(Invalid::Content)));
    stores.close().await;
    let stores = open(&one);
    assert_eq!(stores.commit(link("k", content).into()).await, refused);
    until_files(&one, 0).await;
}

#[tokio::test]
async fn a_lost_cut_or_longer_file_is_an_error_of_its_blob_alone() {
    let folder = folder();
    let stores = open(&folder);
    put_blob(&stores, "good", LARGE, 1).await;
    let good = files(&folder);
    put_blob(&stores, "cut", LARGE, 2).await;
    let file = files(&folder).difference(&good).next().expect("a second file").clone();
    let failed = Some(ReadError::Unavailable { reason: Unavailable::Failed });
    for size in [LARGE - 1, LARGE + 1] {
        fs::write(&file, vec![2; size]).expect("write");
        let found = stores.blobs().read(&bucket(), "cut", Range::Span(0..1)).await;
        assert_eq!(found.err(), failed, "{size}");
    }
    fs::remove_file(&file).expect("remove");
    assert_eq!(stores.blobs().read(&bucket(), "cut", Range::ALL).await.err(), failed);
    assert_eq!(read(&stores, "good").await, Some(vec![1; LARGE]));
    put_blob(&stores, "cut", LARGE, 3).await;
    assert_eq!(read(&stores, "cut").await, Some(vec![3; LARGE]), "it can be put again");
}

#[tokio::test]
async fn only_so_many_files_are_open_at_once_and_small_content_needs_none() {
    let folder = folder();
    let blobs = BlobOptions { transfers_max: 3, wait_max: Duration::from_millis(20), ..BlobOptions::default() };
    let options = Options { blobs, ..options(&Setup::default()) };
    let stores = Embedded::open(dir(&folder), options).expect("it opens");
    let block = blobs.block_size.as_usize();
    put_blob(&stores, "k", 5 * block, 1).await;
    let reading = stores.blobs().read(&bucket(), "k", Range::ALL).await.expect("a look-up").expect("a blob");
    let mut writing = stores.blobs().write(&bucket()).await.expect("a writer");
    writing.write(vec![2; block].into()).await.expect("the second place");
    let mut waits = stores.blobs().write(&bucket()).await.expect("a writer");
    let overloaded = WriteError::Unavailable { reason: Unavailable::Overloaded };
    assert_eq!(waits.write(vec![3; block].into()).await, Err(overloaded));
    put_blob(&stores, "small", 100, 4).await;
    let other = BucketName::parse("other").expect("a name");
    let mut elsewhere = stores.blobs().write(&other).await.expect("a writer");
    elsewhere.write(vec![3; block].into()).await.expect("a bucket leaves some for the others");
    drop((reading, elsewhere));
    put_blob(&stores, "l", 2 * block, 5).await;
    assert_eq!(read(&stores, "small").await, Some(vec![4; 100]));
}

#[tokio::test]
async fn a_writer_that_failed_or_was_interrupted_writes_no_more() {
    let folder = folder();
    let stores = open(&folder);
    let broken = WriteError::Unavailable { reason: Unavailable::Failed };
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    // More blocks than can be taken without waiting.
    assert!(futures::poll!(writer.write(vec![1; 16 << 20].into())).is_pending());
    assert_eq!(writer.write(Bytes::from_static(b"more")).await, Err(broken.clone()));
    assert_eq!(writer.finish().await.err(), Some(broken));
    until_files(&folder, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_close_everything_about_blobs_is_refused() {
    let folder = folder();
    let stores = open(&folder);
    put_blob(&stores, "k", LARGE, 1).await;
    let begun = stores.blobs().read(&bucket(), "k", Range::ALL).await.expect("a look-up").expect("a blob");
    stores.close().await;
    let reason = Unavailable::ShuttingDown;
    assert_eq!(stores.blobs().head(&bucket(), "k").await, Err(ReadError::Unavailable { reason }));
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    let refused = writer.write(vec![0; 1 << 20].into()).await;
    assert_eq!(refused, Err(WriteError::Unavailable { reason }));
    let blocks: Vec<Bytes> = begun.body.bytes.try_collect().await.expect("what was begun is read to its end");
    assert_eq!(blocks.concat(), vec![1; LARGE]);
}

/// Many tasks that put, copy, overwrite, unlink and abandon, all at once; then exactly what is linked is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_number_of_changes_at_once_there_is_a_file_for_each_content_that_is_linked() {
    let seed: u64 = rand::random();
    let folder = folder();
    let stores = Arc::new(open(&folder));
    let tasks = (0..8).map(|task| {
        let stores = Arc::clone(&stores);
        tokio::spawn(async move { change(&stores, StdRng::seed_from_u64(seed ^ task)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task");
    }
    let mut etags = BTreeSet::new();
    let page = stores.blobs().list(&bucket(), Default::default(), None, 100).await.expect("a page");
    for info in &page.blobs {
        let bytes = read(&stores, &info.key).await.expect("it is listed");
        assert_eq!(Etag::of(&bytes), info.etag, "seed {seed}: {}", info.key);
        etags.insert(info.etag);
    }
    let contents = rows(&stores).1;
    assert!(contents as usize >= etags.len(), "seed {seed}");
    until_files(&folder, contents as usize).await;
}

async fn change(stores: &Embedded, mut rng: StdRng) {
    for _ in 0..60 {
        let (key, other) = (rng.random_range(0..6).to_string(), rng.random_range(0..6).to_string());
        let size = LARGE + rng.random_range(0..9);
        let effect = match rng.random_range(0..6) {
            0 => unlink(&key),
            1 | 2 => copy(&key, &other),
            3 => {
                drop(content(stores, size, 0).await);
                continue;
            }
            _ => link(&key, content(stores, size, rng.random()).await),
        };
        match stores.commit(effect.into()).await {
            Ok(_) | Err(CommitError::BlobConflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

const FULL: &str = "FLINT_STORES_FULL_FOLDER";

/// Runs [`writes_more_than_it_may`] where no file may grow above 16 MiB, as on a disk that is full.
#[tokio::test]
async fn without_space_a_write_says_so_and_leaves_nothing_and_the_rest_goes_on() {
    let folder = folder();
    let test = std::env::current_exe().expect("this test");
    // A signal that is ignored stays so in what is run, and then a write that goes too far fails instead.
    let status = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 32768; exec \"$0\" --exact tests::blobs::writes_more_than_it_may --ignored",
        ])
        .arg(test)
        .env(FULL, folder.path())
        .status()
        .expect("a shell");
    assert!(status.success(), "{status}");
    let stores = open(&folder);
    assert_eq!(read(&stores, "before").await, Some(vec![1; LARGE]));
    assert_eq!(read(&stores, "after").await, Some(vec![3; LARGE]));
    assert_eq!(stores.blobs().head(&bucket(), "large").await, Ok(None));
    until_files(&folder, 2).await;
}

#[tokio::test]
async fn content_leaves_on_the_disk_what_is_to_stay_free() {
    let folder = folder();
    drop(open(&folder));
    let group_commit = GroupCommitOptions { free_min: ByteSize::mib(1 << 40), ..GroupCommitOptions::default() };
    let options = Options { group_commit, ..options(&Setup::default()) };
    let stores = Embedded::open(dir(&folder), options).expect("it opens");
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    writer.write(vec![1; LARGE].into()).await.expect("it is gathered");
    let refused = writer.finish().await.err();
    assert_eq!(refused, Some(WriteError::Unavailable { reason: Unavailable::DiskFull }));
    until_files(&folder, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other test runs it, with a limit"]
async fn writes_more_than_it_may() {
    let Some(folder) = std::env::var_os(FULL) else { return };
    let dir = cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority()).expect("the folder");
    let cache_size = ByteSize::mib(1);
    let stores = Embedded::open(dir, Options { cache_size, ..options(&Setup::default()) }).expect("it opens");
    put_blob(&stores, "before", LARGE, 1).await;
    let mut writer = stores.blobs().write(&bucket()).await.expect("a writer");
    let mut refused = None;
    for _ in 0..40 {
        refused = writer.write(vec![2; 1 << 20].into()).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused, Some(WriteError::Unavailable { reason: Unavailable::DiskFull }));
    // The writer is still there, its file is not.
    let names = || fs::read_dir(std::path::Path::new(&folder).join("blobs")).expect("the folder").count();
    let wait = async {
        while names() != 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it is removed");
    assert!(writer.finish().await.is_err());
    stores.commit(put("k", "v").into()).await.expect("commits go on");
    put_blob(&stores, "after", LARGE, 3).await;
    stores.close().await;
}
