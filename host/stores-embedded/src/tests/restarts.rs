//! Closing and opening again, and what can't be opened.

use std::fs;
use std::time::Duration;

use flint_model::{ByteSize, Clock as _, InvocationId, MessageId, QueueName};
use flint_stores::conformance::Setup;
use flint_stores::{
    Commit, CommitError, Depth, Effect, Invalid, Message, Order, QueueRules, ReadError, Receive, SendOptions, Settle,
    Stores as _, Unavailable,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redb::{ReadableDatabase as _, ReadableTableMetadata as _};

use super::{commit, create, dir, folder, options, put, put_until, store, value};
use crate::table::blob::{BLOB, BODY, CONTENT};
use crate::table::queue::{GROUP, MESSAGE, QUEUE, READY, SENT, SENT_EXPIRY, TURN};
use crate::table::record::{INVOCATION, INVOCATION_EXPIRY, SCHEDULE};
use crate::table::subscription::SUBSCRIPTION;
use crate::table::{EPOCH, EXPIRY, FORMAT, KV, META};
use crate::{CollectOptions, Embedded, OpenError, Options};

const FILE: &str = "stores.redb";

#[tokio::test]
async fn everything_is_there_after_a_restart_and_versions_go_on() {
    let (setup, folder) = (Setup::default(), folder());
    let mut last = 0;
    for n in 0..5 {
        let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
        for before in 0..n {
            assert!(value(&stores, &format!("k{before}")).await.is_some(), "k{before} in round {n}");
        }
        let version = commit(&stores, put(&format!("k{n}"), "v")).await.expect("a commit");
        assert!(version > last);
        let gone = commit(&stores, put("gone", "v")).await.expect("a commit");
        let delete = Effect::KvDelete { store: store(), key: "gone".to_owned(), expect: None };
        last = commit(&stores, delete).await.expect("a delete");
        assert!(last > gone, "also a version that no entry bears any more is not used again");
        if n % 2 == 0 {
            stores.close().await;
        }
    }
}

#[tokio::test]
async fn after_close_everything_is_refused_and_the_folder_is_free() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, put("k", "v")).await.expect("a commit");
    stores.close().await;
    stores.close().await;
    let reason = Unavailable::ShuttingDown;
    assert_eq!(commit(&stores, put("k", "w")).await, Err(CommitError::Unavailable { reason }));
    assert_eq!(stores.kv().get(&store(), "k").await, Err(ReadError::Unavailable { reason }));
    let again = Embedded::open(dir(&folder), options(&setup)).expect("the folder is free");
    assert_eq!(value(&again, "k").await.as_deref(), Some(&b"v"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_before_closing_is_written() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for n in 0..100 {
        let mut commit = stores.commit(put(&format!("k{n}"), "v").into());
        let _answer = futures::FutureExt::now_or_never(&mut commit);
    }
    drop(stores);
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for n in 0..100 {
        assert!(value(&stores, &format!("k{n}")).await.is_some(), "k{n}");
    }
}

#[tokio::test]
async fn a_folder_in_use_names_the_process() {
    let (setup, folder) = (Setup::default(), folder());
    let _stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("it is in use");
    assert!(matches!(error, OpenError::InUse { process: Some(id) } if id == std::process::id()), "{error:?}");
}

#[tokio::test]
async fn a_database_that_was_half_made_is_made_again() {
    let (setup, folder) = (Setup::default(), folder());
    fs::write(folder.path().join("stores.redb.new"), b"half a data").expect("write");
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, create("k")).await.expect("a commit");
    assert!(!folder.path().join("stores.redb.new").exists());
}

#[tokio::test]
async fn an_unknown_format_is_refused_and_left_alone() {
    let (setup, folder) = (Setup::default(), folder());
    Embedded::open(dir(&folder), options(&setup)).expect("open").close().await;
    edit(&folder, |tables| {
        tables.open_table(META).expect("meta").insert(FORMAT, 9).expect("insert");
    });
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("nine is not known");
    assert!(matches!(error, OpenError::UnknownFormat { found: 9, known: 4 }), "{error:?}");
    edit(&folder, |tables| {
        tables.open_table(META).expect("meta").insert(FORMAT, 3).expect("insert");
    });
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("three had a log that does not read");
    assert!(matches!(error, OpenError::UnknownFormat { found: 3, known: 4 }), "{error:?}");
    edit(&folder, |tables| assert!(tables.delete_table(META).expect("delete")));
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("no format, no store of ours");
    assert!(matches!(error, OpenError::Foreign { file: FILE }), "{error:?}");
}

#[tokio::test]
async fn a_store_of_the_first_format_is_brought_to_this_one() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, put("k", "v")).await.expect("a commit");
    stores.close().await;
    edit(&folder, |tables| {
        tables.open_table(META).expect("meta").insert(FORMAT, 1).expect("insert");
        for table in [QUEUE, MESSAGE, READY, GROUP, TURN, SENT, SUBSCRIPTION, INVOCATION, BLOB, CONTENT, BODY] {
            assert!(tables.delete_table(table).expect("delete"));
        }
        for table in [SENT_EXPIRY, INVOCATION_EXPIRY] {
            assert!(tables.delete_table(table).expect("delete"));
        }
        assert!(tables.delete_table(SCHEDULE).expect("delete"));
    });
    fs::remove_file(folder.path().join("stores.wal")).expect("it had none");
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("it is migrated");
    assert_eq!(value(&stores, "k").await.as_deref(), Some(&b"v"[..]));
    assert_eq!(stores.queues().depth(&jobs()).await, Ok(Depth::default()));
    assert_eq!(stores.invocations().get(InvocationId::now()).await, Ok(None));
    stores.commit(send("jobs", "a").into()).await.expect("a message");
}

/// What only the log has would be gone, and nobody would know.
#[tokio::test]
async fn a_store_without_its_log_is_refused() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, put("k", "v")).await.expect("a commit");
    stores.close().await;
    let (log, away) = (folder.path().join("stores.wal"), folder.path().join("away"));
    fs::rename(&log, &away).expect("moved");
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("its log is not there");
    assert!(matches!(&error, OpenError::Corrupt(text) if text.contains("stores.wal")), "{error:?}");
    fs::rename(&away, &log).expect("moved");
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    assert!(value(&stores, "k").await.is_some());
}

/// redb may keep what was committed without a sync, when it is closed. If the log has less than that, older rows would come back.
#[tokio::test]
async fn a_log_that_ends_before_its_database_is_refused() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    stores.commit(send("jobs", "a").into()).await.expect("a message");
    let short = fs::read(folder.path().join("stores.wal")).expect("the log");
    assert_eq!(stores.queues().purge(&jobs()).await, Ok(1));
    let epoch = stores.database.read(|tables| Ok(crate::table::meta(tables, EPOCH)?)).expect("a read").expect("one");
    stores.close().await;
    edit(&folder, |tables| {
        tables.open_table(META).expect("meta").insert(EPOCH, epoch).expect("insert");
    });
    fs::write(folder.path().join("stores.wal"), short).expect("written");
    let error = Embedded::open(dir(&folder), options(&setup)).expect_err("the log has less");
    assert!(matches!(&error, OpenError::Corrupt(text) if text.contains("ends before")), "{error:?}");
}

/// A database that takes the place of another one does not get what that one's log has.
#[tokio::test]
async fn a_log_that_was_left_says_nothing_to_another_database() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, put("k", "v")).await.expect("a commit");
    let copy = fs::read(folder.path().join("stores.wal")).expect("the log");
    stores.close().await;
    fs::remove_file(folder.path().join(FILE)).expect("removed");
    fs::write(folder.path().join("stores.wal"), copy).expect("written");
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    assert!(value(&stores, "k").await.is_none());
}

#[tokio::test]
async fn messages_and_their_leases_survive_a_restart() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for body in ["a", "b"] {
        stores.commit(send("jobs", body).into()).await.expect("a message");
    }
    let leased = stores.queues().receive(&jobs(), Receive::default()).await.expect("a receive").messages;
    stores.close().await;
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    let all = Receive { max: 9, ..Receive::default() };
    let found = stores.queues().receive(&jobs(), all).await.expect("a receive").messages;
    assert_eq!(found.iter().map(|delivery| &delivery.stored.message.body[..]).collect::<Vec<_>>(), [b"b"]);
    stores.commit(Commit::settle(vec![Settle::done(leased[0].receipt.clone())])).await.expect("the lease counts");
    assert_eq!(stores.queues().depth(&jobs()).await.expect("a depth").total(), 1);
}

#[tokio::test]
async fn a_queue_of_another_kind_is_refused_until_it_is_empty() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    stores.commit(send("jobs", "a").into()).await.expect("a message");
    let mut catalog = setup.catalog();
    let rules = QueueRules { order: Order::Fifo, ..QueueRules::default() };
    catalog.queues.insert(jobs(), rules);
    stores.set_catalog(catalog);
    let refused = CommitError::Invalid(Invalid::Kind { queue: jobs(), holds: "standard" });
    let message = Message { group: Some("g".to_owned()), ..Message::new(MessageId::now(), "b") };
    let grouped = Effect::QueueSend { queue: jobs(), message, options: SendOptions::default() };
    assert_eq!(stores.commit(grouped.clone().into()).await, Err(refused.clone()));
    assert_eq!(stores.queues().receive(&jobs(), Receive::default()).await, Err(refused));
    assert_eq!(stores.queues().purge(&jobs()).await, Ok(1));
    stores.commit(grouped.into()).await.expect("it is empty");
}

fn jobs() -> QueueName {
    QueueName::parse("jobs").expect("a name")
}

fn send(queue: &str, body: &'static str) -> Effect {
    let queue = QueueName::parse(queue).expect("a name");
    Effect::QueueSend { queue, message: Message::new(MessageId::now(), body), options: SendOptions::default() }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let setup = Setup::default();
    let whole = folder();
    let stores = Embedded::open(dir(&whole), options(&setup)).expect("open");
    for n in 0..200 {
        commit(&stores, put(&format!("k{n}"), [0; 2000])).await.expect("a commit");
    }
    stores.close().await;
    let bytes = fs::read(whole.path().join(FILE)).expect("read");
    let mut cases = vec![
        ("empty", Vec::new()),
        ("text", b"not a database, whatever its name says".to_vec()),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("only a header", bytes[..4096].to_vec()),
        ("zeros after the header", [&bytes[..320], &vec![0; bytes.len() - 320]].concat()),
    ];
    let mut magic = bytes.clone();
    magic[0] ^= 1;
    cases.push(("another magic number", magic));
    let mut slots = bytes.clone();
    slots[64..320].fill(0xa5);
    cases.push(("nonsense for roots", slots));
    for (case, bytes) in cases {
        let folder = folder();
        fs::write(folder.path().join(FILE), &bytes).expect("write");
        match Embedded::open(dir(&folder), options(&setup)) {
            Err(OpenError::Corrupt(text)) => assert!(!text.is_empty(), "{case}"),
            other => panic!("{case}: {other:?}"),
        }
        assert_eq!(fs::read(folder.path().join(FILE)).expect("read").len(), bytes.len(), "{case}: left as it is");
    }
}

/// Makes "The value" of "the value", also in pages that are not in use any more.
fn damage_the_value(bytes: &mut [u8]) {
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"the value") {
            bytes[at] = b'T';
        }
    }
}

#[tokio::test]
async fn what_changed_in_a_value_is_noticed_when_the_store_is_opened() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    commit(&stores, put("k", "the value")).await.expect("a commit");
    stores.close().await;
    let file = folder.path().join(FILE);
    let mut bytes = fs::read(&file).expect("read");
    damage_the_value(&mut bytes);
    fs::write(&file, &bytes).expect("write");
    let refused = Embedded::open(dir(&folder), options(&setup));
    assert!(matches!(refused, Err(OpenError::Corrupt(_))), "{refused:?}");
    assert!(fs::read(&file).expect("read") == bytes, "left as it is");
    let check_max = ByteSize::bytes(u64::try_from(bytes.len()).expect("a size") - 1);
    let stores = Embedded::open(dir(&folder), Options { check_max, ..options(&setup) }).expect("it is not checked");
    assert_eq!(value(&stores, "k").await.as_deref(), Some(&b"The value"[..]));
}

/// Also after a crash behind an opening that checked it.
#[tokio::test]
async fn a_damaged_store_can_be_opened_without_a_check_for_what_is_readable() {
    let (setup, running, copy) = (Setup::default(), folder(), folder());
    let stores = Embedded::open(dir(&running), options(&setup)).expect("open");
    commit(&stores, put("k", "the value")).await.expect("a commit");
    stores.close().await;
    let stores = Embedded::open(dir(&running), options(&setup)).expect("it is checked");
    commit(&stores, put("later", "v")).await.expect("a commit");
    for file in [FILE, "stores.wal"] {
        let mut bytes = fs::read(running.path().join(file)).expect("read");
        damage_the_value(&mut bytes);
        fs::write(copy.path().join(file), bytes).expect("write");
    }
    let refused = Embedded::open(dir(&copy), options(&setup));
    assert!(matches!(refused, Err(OpenError::Corrupt(_))), "{refused:?}");
    let check_max = ByteSize::bytes(0);
    let stores = Embedded::open(dir(&copy), Options { check_max, ..options(&setup) }).expect("it is not checked");
    assert_eq!(value(&stores, "k").await.as_deref(), Some(&b"The value"[..]));
    assert_eq!(value(&stores, "later").await.as_deref(), Some(&b"v"[..]));
}

/// Whatever a page is for: one in use is refused, and of one that is not in use nothing is noticed.
#[tokio::test]
async fn each_page_in_use_is_checked_when_the_store_is_opened() {
    let (setup, folder) = (Setup::default(), folder());
    let stores = Embedded::open(dir(&folder), options(&setup)).expect("open");
    for n in 0..40 {
        commit(&stores, put(&format!("k{n}"), [7; 300])).await.expect("a commit");
    }
    stores.close().await;
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).expect("read");
    let mut refused = 0;
    for at in (4096..whole.len()).step_by(4096).filter(|at| whole[*at..*at + 4096] != [0; 4096]) {
        let mut bytes = whole.clone();
        bytes[at + 7] ^= 0x55;
        fs::write(&file, &bytes).expect("write");
        match Embedded::open(dir(&folder), options(&setup)) {
            Err(OpenError::Corrupt(_)) => refused += 1,
            Err(error) => panic!("{at}: {error:?}"),
            Ok(stores) => {
                for n in 0..40 {
                    assert!(value(&stores, &format!("k{n}")).await.is_some(), "{at}: k{n}");
                }
                commit(&stores, put("k", "v")).await.expect("a commit");
                stores.close().await;
            }
        }
    }
    assert!(refused > 10, "{refused} of {} pages", whole.len() / 4096);
}

/// Every page but the header, at places and with bytes that differ from round to round, of a store that is not checked. Values
/// may be other ones; what must not be is a panic, or a store that can't be closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_page_is_an_error_and_no_panic() {
    let setup = Setup::default();
    let whole = folder();
    let stores = Embedded::open(dir(&whole), options(&setup)).expect("open");
    let soon = Some(setup.clock.now().saturating_add(Duration::from_millis(1)));
    for n in 0..5 {
        let at = |key| if n % 2 == 0 { soon } else { None }.filter(|_| key % 2 == 0);
        let effects = (0..200).map(|key| put_until(&format!("k{n}{key:03}"), [7; 90], at(key))).collect();
        stores.commit(Commit::new(effects)).await.expect("a batch");
    }
    stores.close().await;
    setup.clock.advance(Duration::from_millis(2));
    let bytes = fs::read(whole.path().join(FILE)).expect("read");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("something was written");
    let every = Duration::from_millis(1);
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = bytes.clone();
        // Few or many; the heads of pages, where their kind and their lengths stand, more often than chance would.
        for _ in 0..random.random_range(1..400) {
            let at = random.random_range(4096..=used);
            let at = if random.random() { at } else { at / 4096 * 4096 + random.random_range(0..16) };
            bytes[at] = random.random();
        }
        let folder = folder();
        fs::write(folder.path().join(FILE), &bytes).expect("write");
        let collect = CollectOptions { every, ..CollectOptions::default() };
        let options = Options { collect, check_max: ByteSize::bytes(0), ..options(&setup) };
        let Ok(stores) = Embedded::open(dir(&folder), options) else { continue };
        let work = async {
            for key in ["k0000", "k1001", "k3100", "k4199", "none"] {
                let _one_or_an_error = stores.kv().get(&store(), key).await;
            }
            let _a_page_or_an_error = stores.kv().scan(&store(), "", None, 1000).await;
            let _done_or_an_error = commit(&stores, put("k1001", "w")).await;
            tokio::time::sleep(every * 2).await;
        };
        work.await;
        assert!(!stores.collector.has_ended(), "seed {seed}: the thread that collects has died");
        stores.close().await;
    }
}

#[tokio::test]
async fn expired_entries_are_removed_in_the_background() {
    let (setup, folder) = (Setup::default(), folder());
    let collect = CollectOptions { every: Duration::from_millis(5), round_max: 7 };
    let stores = Embedded::open(dir(&folder), Options { collect, ..options(&setup) }).expect("open");
    let at = |ms| Some(setup.clock.now().saturating_add(Duration::from_millis(ms)));
    for n in 0..40 {
        commit(&stores, put_until(&format!("k{n}"), "v", at(10))).await.expect("a commit");
    }
    commit(&stores, put_until("later", "v", at(20))).await.expect("a commit");
    commit(&stores, put_until("k0", "v", None)).await.expect("k0 stays");
    commit(&stores, put_until("k1", "v", at(20))).await.expect("k1 stays longer");
    let rows = || {
        let count = |kv: &redb::ReadTransaction| Ok((kv.open_table(KV)?.len()?, kv.open_table(EXPIRY)?.len()?));
        stores.database.read(count).expect("a read")
    };
    assert_eq!(rows(), (41, 40));
    setup.clock.advance(Duration::from_millis(10));
    until(|| rows() == (3, 2)).await;
    setup.clock.advance(Duration::from_millis(10));
    until(|| rows() == (1, 0)).await;
    assert!(value(&stores, "k0").await.is_some());
}

#[tokio::test]
async fn a_long_run_of_expired_entries_is_passed_in_short_pages() {
    let (setup, folder) = (Setup::default(), folder());
    let collect = CollectOptions { every: Duration::from_secs(3600), ..CollectOptions::default() };
    let stores = Embedded::open(dir(&folder), Options { collect, ..options(&setup) }).expect("open");
    let at = Some(setup.clock.now().saturating_add(Duration::from_millis(1)));
    for thousand in 0..25 {
        let effects = (0..1000).map(|n| put_until(&format!("k{thousand:02}{n:03}"), "", at)).collect();
        stores.commit(Commit::new(effects)).await.expect("a batch");
    }
    commit(&stores, put("k1", "in the middle")).await.expect("a commit");
    commit(&stores, put("z", "at the end")).await.expect("a commit");
    setup.clock.advance(Duration::from_millis(1));
    let (mut pages, mut keys, mut cursor) = (0, Vec::new(), None);
    loop {
        let page = stores.kv().scan(&store(), "", cursor.as_deref(), 10).await.expect("a page");
        keys.extend(page.items.into_iter().map(|item| item.key));
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() || pages == 10 {
            break;
        }
    }
    assert_eq!((pages, keys), (3, vec!["k1".to_owned(), "z".to_owned()]), "25,002 rows, 10,000 a page");
}

pub(super) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it came to be in ten seconds");
}

/// Changes a closed database behind the engine's back.
fn edit(folder: &tempfile::TempDir, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::open(folder.path().join(FILE)).expect("open");
    assert!(database.begin_read().is_ok());
    let transaction = database.begin_write().expect("begin");
    change(&transaction);
    transaction.commit().expect("commit");
}
