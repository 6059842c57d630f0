//! Failing disks: what was acknowledged survives, the rest is whole or absent, and the engine says what it can't do.

use std::sync::Arc;
use std::time::Duration;

use flint_model::{ByteSize, MessageId, QueueName, Timestamp, TopicName};
use flint_stores::conformance::Setup;
use flint_stores::{
    Commit, CommitError, Effect, Message, ReadError, Receive, SendOptions, Stores as _, Subscription, TopicRules,
    Unavailable,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{blobs, commit, create, dir, folder, options, put, store, value};
use crate::backend::faulty::{Disk, Fault};
use crate::blob_file::BlobFolder;
use crate::database::{Contents, Database, Sizes};
use crate::table::Redo;
use crate::table::queue::{QUEUE, READY, ready_key};
use crate::{Embedded, GroupCommitOptions, Options};

const FAILED: CommitError = CommitError::Unavailable { reason: Unavailable::Failed };

const SIZES: Sizes = Sizes { cache: 1 << 20, log: 16 << 20, check: 64 << 20 };

fn new_disk() -> Disk {
    let disk = Disk::default();
    Database::open(Box::new(disk.clone()), SIZES, Contents::Fresh).expect("a new database").close();
    disk
}

/// A folder of content that nothing is written to: it is no more.
fn no_blobs() -> BlobFolder {
    BlobFolder::open(&dir(&folder())).expect("a new folder")
}

fn open(disk: &Disk, options: Options) -> Arc<Embedded> {
    open_with(disk, no_blobs(), SIZES.log, options)
}

/// With a log of so many bytes; with none, every commit is one of the database's file.
fn open_with(disk: &Disk, blobs: BlobFolder, log: u64, options: Options) -> Arc<Embedded> {
    let sizes = Sizes { log, ..SIZES };
    let database = Database::open(Box::new(disk.clone()), sizes, Contents::Existing).expect("an existing database");
    Arc::new(Embedded::start(database, blobs, None, options).expect("threads"))
}

/// A disk that dies in the middle of many writers and then loses power, over and over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_dying_disk_and_the_rest_is_whole_or_absent() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let (setup, disk) = (Setup::default(), new_disk());
    let mut kept: Vec<String> = Vec::new();
    for round in 0..120 {
        let stores = open_with(&disk, no_blobs(), rng.random_range(0..60_000), options(&setup));
        disk.set(Fault::DiesAfter(rng.random_range(1..120)));
        let writers = (0..8).map(|writer| {
            let stores = Arc::clone(&stores);
            tokio::spawn(async move { write_until_failure(&stores, round, writer).await })
        });
        let writers: Vec<_> = writers.collect();
        let mut begun = Vec::new();
        for writer in writers {
            let (mut acknowledged, failed) = writer.await.expect("a writer");
            kept.append(&mut acknowledged);
            begun.push(failed);
        }
        drop(stores);
        disk.cut_power(&mut rng);
        let stores = open(&disk, options(&setup));
        let at = format!("seed {seed}, round {round}");
        for batch in &kept {
            assert_eq!(there(&stores, batch).await, [true; 3], "{at}: {batch} was acknowledged");
        }
        for batch in begun {
            let there = there(&stores, &batch).await;
            assert!(there == [true; 3] || there == [false; 3], "{at}: {batch} is half there: {there:?}");
        }
        drop(stores);
        if round % 20 == 19 {
            kept.clear();
        }
    }
}

/// At each of the steps that opening takes.
#[tokio::test]
async fn a_disk_that_dies_while_the_store_is_opened_costs_nothing() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let setup = Setup::default();
    let mut failed = 0;
    for steps in 0.. {
        let disk = new_disk();
        let stores = open(&disk, options(&setup));
        commit(&stores, put("k", "v")).await.expect("a commit");
        // What was acknowledged is in the log alone.
        disk.set(Fault::DiesAfter(0));
        drop(stores);
        disk.cut_power(&mut rng);
        disk.set(Fault::DiesAfter(steps));
        let opened = Database::open(Box::new(disk.clone()), SIZES, Contents::Existing);
        let is_open = opened.is_ok();
        drop(opened);
        disk.cut_power(&mut rng);
        let stores = open(&disk, options(&setup));
        assert_eq!(value(&stores, "k").await.as_deref(), Some(&b"v"[..]), "seed {seed}, {steps} steps");
        if is_open {
            break;
        }
        failed += 1;
    }
    assert!(failed > 3, "the disk died in the middle");
}

#[tokio::test]
async fn a_store_opens_on_a_full_disk() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    commit(&stores, put("k", "v")).await.expect("a commit");
    drop(stores);
    disk.set(Fault::Full);
    let stores = open(&disk, options(&setup));
    assert_eq!(value(&stores, "k").await.as_deref(), Some(&b"v"[..]));
}

/// Writes batches of three keys; answers those that were acknowledged, and the one that failed.
async fn write_until_failure(stores: &Embedded, round: usize, writer: usize) -> (Vec<String>, String) {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let batch = format!("{round}/{writer}/{n}");
        let effects = (0..3).map(|part| put(&format!("{batch}/{part}"), [n as u8; 300])).collect();
        match stores.commit(Commit::new(effects)).await {
            Ok(_) => acknowledged.push(batch),
            Err(error) => {
                assert_eq!(error, FAILED);
                return (acknowledged, batch);
            }
        }
    }
    unreachable!("the disk dies before numbers end")
}

async fn there(stores: &Embedded, batch: &str) -> [bool; 3] {
    let keys: Vec<_> = (0..3).map(|part| format!("{batch}/{part}")).collect();
    let entries = stores.kv().get_many(&store(), &keys).await.expect("a read");
    [entries[0].is_some(), entries[1].is_some(), entries[2].is_some()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_serves_reads_and_recovers_when_there_is_space() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    commit(&stores, put("before", "v")).await.expect("a commit");
    disk.set(Fault::Full);
    let mut refused = 0;
    let mut acknowledged = Vec::new();
    for n in 0..200 {
        let key = format!("k{n}");
        match commit(&stores, put(&key, [7; 50_000])).await {
            Ok(_) => acknowledged.push(key),
            Err(error) => {
                assert_eq!(error, CommitError::Unavailable { reason: Unavailable::DiskFull });
                refused += 1;
            }
        }
        assert!(value(&stores, "before").await.is_some(), "reads are served after {n} writes, {refused} refused");
    }
    assert!(refused > 0, "the disk was full");
    disk.set(Fault::None);
    commit(&stores, put("after", [7; 50_000])).await.expect("there is space again");
    for key in acknowledged.iter().map(String::as_str).chain(["before", "after"]) {
        assert!(value(&stores, key).await.is_some(), "{key}");
    }
}

/// Content is on a disk that is well, what links it on one that dies: whether a commit that failed has linked is known only
/// when the database is opened again, and its content must not go before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_stays_and_goes_with_its_link_on_a_dying_disk() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let (setup, disk, folder) = (Setup::default(), new_disk(), folder());
    let open = |log| open_with(&disk, BlobFolder::open(&dir(&folder)).expect("the folder"), log, options(&setup));
    let mut kept: Vec<(String, usize, u8)> = Vec::new();
    for round in 0..40 {
        let stores = open(rng.random_range(0..6_000));
        disk.set(Fault::DiesAfter(rng.random_range(1..60)));
        let writers = (0..4).map(|writer| {
            let stores = Arc::clone(&stores);
            tokio::spawn(async move { put_blobs_until_failure(&stores, round, writer).await })
        });
        for writer in writers.collect::<Vec<_>>() {
            kept.extend(writer.await.expect("a writer"));
        }
        drop(stores);
        disk.cut_power(&mut rng);
        let stores = open(SIZES.log);
        for (key, size, byte) in &kept {
            let read = blobs::read(&stores, key).await;
            assert!(read == Some(vec![*byte; *size]), "seed {seed}, round {round}: {key} was acknowledged");
        }
        blobs::until_files(&folder, blobs::rows(&stores).1 as usize).await;
    }
}

/// Links blobs of their own content; answers those that were acknowledged.
async fn put_blobs_until_failure(stores: &Embedded, round: usize, writer: usize) -> Vec<(String, usize, u8)> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        // Three keys, so that content is unlinked, too.
        let (key, size, byte) = (format!("{round}/{writer}/{}", n % 3), 70_000 + n, writer as u8);
        let link = blobs::link(&key, blobs::content(stores, size, byte).await);
        match stores.commit(link.into()).await {
            Ok(_) => acknowledged.push((key, size, byte)),
            Err(error) => {
                assert_eq!(error, FAILED);
                // The last one may be there or not, and then the one before it is not.
                acknowledged.retain(|(other, ..)| *other != key);
                break;
            }
        }
    }
    // Each key as it was put last.
    let last: std::collections::BTreeMap<_, _> =
        acknowledged.into_iter().map(|(key, size, byte)| (key, (size, byte))).collect();
    last.into_iter().map(|(key, (size, byte))| (key, size, byte)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_whose_link_did_not_fit_on_the_disk_goes() {
    let (setup, disk, folder) = (Setup::default(), new_disk(), folder());
    let stores = open_with(&disk, BlobFolder::open(&dir(&folder)).expect("the folder"), SIZES.log, options(&setup));
    disk.set(Fault::Full);
    let mut acknowledged = Vec::new();
    for n in 0..200 {
        let link = blobs::link(&format!("k{n}"), blobs::content(&stores, 70_000, 7).await);
        // What is beside it does not fit after some time.
        match stores.commit(Commit::new(vec![link, put(&format!("k{n}"), [7; 50_000])])).await {
            Ok(_) => acknowledged.push(n),
            Err(error) => assert_eq!(error, CommitError::Unavailable { reason: Unavailable::DiskFull }),
        }
    }
    assert!(acknowledged.len() < 200, "the disk was full");
    blobs::until_files(&folder, acknowledged.len()).await;
    disk.set(Fault::None);
    for n in acknowledged {
        assert!(blobs::read(&stores, &format!("k{n}")).await.is_some(), "k{n}");
    }
    let link = blobs::link("after", blobs::content(&stores, 70_000, 7).await);
    stores.commit(link.into()).await.expect("there is space again");
}

#[tokio::test]
async fn a_read_only_disk_refuses_writes_serves_reads_and_recovers_when_it_takes_them() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    commit(&stores, put("before", "v")).await.expect("a commit");
    disk.set(Fault::ReadOnly);
    for _ in 0..3 {
        let refused = commit(&stores, put("refused", "v")).await;
        assert_eq!(refused, Err(CommitError::Unavailable { reason: Unavailable::ReadOnly }));
        assert!(value(&stores, "before").await.is_some());
    }
    disk.set(Fault::None);
    commit(&stores, put("after", "v")).await.expect("it takes writes again");
    assert!(value(&stores, "after").await.is_some() && value(&stores, "refused").await.is_none());
}

/// Or nothing that flint wrote could ever be removed from it.
#[tokio::test]
async fn a_disk_that_is_low_refuses_what_adds_and_goes_on_with_what_frees() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    let queue = QueueName::parse("plain").expect("a name");
    for key in ["a", "b", "c"] {
        commit(&stores, put(key, "v")).await.expect("a commit");
        stores.commit(send(&queue).into()).await.expect("a message");
    }
    let receive = || stores.queues().receive(&queue, Receive::default());
    let leased = receive().await.expect("a lease").messages.remove(0);
    let delete = |key: &str| Effect::KvDelete { store: store(), key: key.to_owned(), expect: None };
    let full = CommitError::Unavailable { reason: Unavailable::DiskFull };
    let free_min = GroupCommitOptions::default().free_min.as_u64();
    disk.set(Fault::Low(free_min - 1));
    assert_eq!(commit(&stores, put("a", "w")).await, Err(full.clone()));
    assert_eq!(stores.commit(send(&queue).into()).await, Err(full.clone()));
    assert_eq!(receive().await, Err(full.clone()), "what comes of it could not be kept");
    assert_eq!(stores.queues().redrive(&queue, None, 1).await, Err(full.clone()));
    assert!(value(&stores, "a").await.is_some());
    commit(&stores, delete("a")).await.expect("it frees");
    stores.queues().extend(&leased.receipt, Duration::from_secs(9)).await.expect("it moves a row");
    let until = stores.queues().extend(&leased.receipt, Duration::from_secs(9)).await;
    assert!(matches!(until, Err(CommitError::LeaseLost { .. })), "the receipt is another one: {until:?}");
    assert_eq!(stores.queues().purge(&queue).await, Ok(3));
    disk.set(Fault::Low(free_min / 4 - 1));
    assert_eq!(commit(&stores, delete("b")).await, Err(full.clone()));
    disk.set(Fault::Low(free_min + 1000));
    assert_eq!(commit(&stores, put("large", [0; 600])).await, Err(full), "and there has to be room for what it brings");
    commit(&stores, put("small", [0; 400])).await.expect("there is room");
    assert!(value(&stores, "a").await.is_none() && value(&stores, "b").await.is_some());
}

/// A message costs one sync on its way to who waits for it, and not two.
#[tokio::test]
async fn what_comes_for_those_who_wait_is_leased_with_the_sync_that_brings_it() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    let queue = QueueName::parse("plain").expect("a name");
    let receive = |wait| {
        let (stores, queue) = (Arc::clone(&stores), queue.clone());
        let receive = Receive { max: 1, wait, ..Receive::default() };
        async move { stores.queues().receive(&queue, receive).await.expect("a receive").messages }
    };
    let mut syncs = Vec::new();
    for _round in 0..4 {
        let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(receive(Duration::from_secs(9)))).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = disk.syncs();
        stores.commit(Commit::new(vec![send(&queue), send(&queue), send(&queue)])).await.expect("three messages");
        for one in waiting {
            assert_eq!(one.await.expect("a task").len(), 1);
        }
        syncs.push(disk.syncs() - before);
    }
    assert!(syncs.ends_with(&[1]), "but for those with which the file grows: {syncs:?}");
    tokio::time::timeout(Duration::from_millis(50), receive(Duration::from_secs(9))).await.expect_err("it waits");
    stores.commit(send(&queue).into()).await.expect("a message");
    let left = receive(Duration::ZERO).await;
    assert_eq!(left[0].stored.receives, 1, "whoever is gone does not lease");
}

fn send(queue: &QueueName) -> Effect {
    let message = Message::new(MessageId::now(), vec![7; 1000]);
    Effect::QueueSend { queue: queue.clone(), message, options: SendOptions::default() }
}

/// So that small commits don't wait long behind large ones, or behind small ones that many listen to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_share_a_sync_up_to_so_many_bytes_with_what_they_cause() {
    let (mut setup, disk) = (Setup::default(), new_disk());
    let (topic, queue) = (TopicName::parse("fan").expect("a name"), QueueName::parse("plain").expect("a name"));
    let subscriptions = vec![Subscription::all(queue); 10];
    setup.topics.insert(topic.clone(), TopicRules { subscriptions, ..TopicRules::default() });
    let group_commit = GroupCommitOptions { bytes_max: ByteSize::kib(44), ..GroupCommitOptions::default() };
    let stores = open(&disk, Options { group_commit, ..options(&setup) });
    disk.set(Fault::Frozen);
    let publish = |_| {
        let (stores, topic) = (Arc::clone(&stores), topic.clone());
        let message = Message::new(MessageId::now(), vec![7; 1024]);
        tokio::spawn(async move { commit(&stores, Effect::TopicPublish { topic, message }).await })
    };
    let tasks: Vec<_> = (0..21).map(publish).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = disk.syncs();
    disk.set(Fault::None);
    for task in tasks {
        task.await.expect("a task").expect("a commit");
    }
    let syncs = disk.syncs() - before;
    assert!(syncs >= 6, "one alone, then four at a time, but it took {syncs} syncs");
}

/// A row that can't be read is its caller's affair: nobody else's commit fails, and no read waits for a database that is opened
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_meets_a_damaged_row_fails_alone() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    let damage = |tables: &redb::WriteTransaction, _: &Redo| {
        tables.open_table(QUEUE)?.insert(b"plain".as_slice(), b"?".as_slice())?;
        Ok(((), true))
    };
    stores.database.write(damage).expect("a write");
    disk.set(Fault::Frozen);
    let effects = (0..20).map(|n| match n % 5 {
        3 => send(&QueueName::parse("plain").expect("a name")),
        _ => put(&format!("k{n}"), "v"),
    });
    let commit_it = |effect| {
        let stores = Arc::clone(&stores);
        tokio::spawn(async move { commit(&stores, effect).await.map(drop) })
    };
    let tasks: Vec<_> = effects.map(commit_it).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let opened = disk.opened();
    disk.set(Fault::None);
    for (n, task) in tasks.into_iter().enumerate() {
        let expected = if n % 5 == 3 { Err(FAILED) } else { Ok(()) };
        assert_eq!(task.await.expect("a task"), expected, "{n}");
    }
    assert_eq!(disk.opened(), opened);
}

/// Nor is a damaged row in the way of who waits the affair of whoever sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_and_meets_a_damaged_row_fails_alone() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    let queue = QueueName::parse("plain").expect("a name");
    let waiting = {
        let (stores, queue) = (Arc::clone(&stores), queue.clone());
        let receive = Receive { wait: Duration::from_secs(9), ..Receive::default() };
        tokio::spawn(async move { stores.queues().receive(&queue, receive).await.map(drop) })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let damage = |tables: &redb::WriteTransaction, _: &Redo| {
        let key = ready_key(&queue, Timestamp::default(), 0);
        tables.open_table(READY)?.insert(key.as_slice(), b"?".as_slice())?;
        Ok(((), true))
    };
    stores.database.write(damage).expect("a write");
    commit(&stores, send(&queue)).await.expect("a message");
    assert_eq!(waiting.await.expect("a task"), Err(FAILED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_is_trusted_until_a_restart() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    commit(&stores, put("kept", "v")).await.expect("a commit");
    disk.set(Fault::Sync);
    assert_eq!(commit(&stores, put("lost", "v")).await, Err(FAILED));
    assert_eq!(commit(&stores, put("late", "v")).await, Err(FAILED), "the disk is well, its cache is not");
    let read = stores.kv().get(&store(), "kept").await;
    assert_eq!(read, Err(ReadError::Unavailable { reason: Unavailable::Failed }));
    drop(stores);
    disk.cut_power(&mut StdRng::seed_from_u64(1));
    let stores = open(&disk, options(&setup));
    assert!(value(&stores, "kept").await.is_some());
    assert!(value(&stores, "late").await.is_none());
    commit(&stores, put("again", "v")).await.expect("after a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_hangs_reads_go_on_and_only_so_many_commits_wait() {
    let (setup, disk) = (Setup::default(), new_disk());
    let wait_max = Duration::from_millis(50);
    let group_commit = GroupCommitOptions { queue_max: 4, wait_max, ..GroupCommitOptions::default() };
    let stores = open(&disk, Options { group_commit, ..options(&setup) });
    // The file grows with them, and not while the disk hangs: who grows it waits for a sync with a lock that readers want.
    for _ in 0..10 {
        commit(&stores, put("before", "v")).await.expect("a commit");
    }
    disk.set(Fault::Frozen);
    let accepted: Vec<_> = (0..4)
        .map(|n| {
            let stores = Arc::clone(&stores);
            tokio::spawn(async move { commit(&stores, put(&format!("k{n}"), "v")).await })
        })
        .collect();
    tokio::time::sleep(wait_max).await;
    assert!(value(&stores, "before").await.is_some(), "a read does not wait for the writer");
    assert!(value(&stores, "k0").await.is_none(), "what is not durable is not seen");
    let refused = commit(&stores, put("more", "v")).await;
    assert_eq!(refused, Err(CommitError::Unavailable { reason: Unavailable::Overloaded }));
    disk.set(Fault::None);
    for task in accepted {
        task.await.expect("a task").expect("it was accepted");
    }
    assert!(value(&stores, "more").await.is_none());
    commit(&stores, put("more", "v")).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_wait_are_bounded_too_and_a_large_commit_goes_alone() {
    let (setup, disk) = (Setup::default(), new_disk());
    let wait_max = Duration::from_millis(50);
    let queue_bytes_max = ByteSize::kib(4);
    let group_commit = GroupCommitOptions { queue_bytes_max, wait_max, ..GroupCommitOptions::default() };
    let stores = open(&disk, Options { group_commit, ..options(&setup) });
    commit(&stores, put("large", [0; 100_000])).await.expect("larger than the queue, but alone");
    disk.set(Fault::Frozen);
    let first = {
        let stores = Arc::clone(&stores);
        tokio::spawn(async move { commit(&stores, put("first", [0; 3000])).await })
    };
    tokio::time::sleep(wait_max).await;
    let refused = commit(&stores, put("second", [0; 3000])).await;
    assert_eq!(refused, Err(CommitError::Unavailable { reason: Unavailable::Overloaded }));
    disk.set(Fault::None);
    first.await.expect("a task").expect("it was accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_gather_while_the_disk_is_busy_share_one_sync() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    disk.set(Fault::Frozen);
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let stores = Arc::clone(&stores);
            tokio::spawn(async move { commit(&stores, put(&format!("k{n}"), "v")).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = disk.syncs();
    disk.set(Fault::None);
    for task in tasks {
        task.await.expect("a task").expect("a commit");
    }
    let syncs = disk.syncs() - before;
    assert!((1..=4).contains(&syncs), "200 commits took {syncs} syncs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_before_the_sync_and_a_conflict_with_a_neighbour_is_not_told_if_it_fails() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    disk.set(Fault::Frozen);
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let task = Arc::clone(&stores);
        tasks.push(tokio::spawn(async move { commit(&task, create("same")).await }));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(tasks.iter().all(|task| !task.is_finished()), "the disk is still busy");
    disk.set(Fault::Sync);
    for task in tasks {
        assert_eq!(task.await.expect("a task"), Err(FAILED));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_nobody_waits_for_any_more_still_happens() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    disk.set(Fault::Frozen);
    let waiting = tokio::time::timeout(Duration::from_millis(20), commit(&stores, put("k", "v"))).await;
    assert!(waiting.is_err(), "it was dropped while it waited");
    disk.set(Fault::None);
    commit(&stores, put("next", "v")).await.expect("a commit");
    assert!(value(&stores, "k").await.is_some());
}

#[tokio::test]
async fn a_group_that_changes_nothing_writes_nothing() {
    let (setup, disk) = (Setup::default(), new_disk());
    let stores = open(&disk, options(&setup));
    let version = commit(&stores, create("k")).await.expect("a commit");
    let before = disk.syncs();
    let conflict = CommitError::Conflict { index: 0, key: "k".to_owned(), current: Some(version) };
    assert_eq!(commit(&stores, create("k")).await, Err(conflict));
    let delete = Effect::KvDelete { store: store(), key: "none".to_owned(), expect: None };
    assert_eq!(commit(&stores, delete).await, Ok(version));
    assert_eq!(disk.syncs(), before);
}
