//! `kill -9`, and a last write that did not reach the disk whole, as after a loss of power.
//!
//! A commit is appended to the log and synced before anybody is answered; now and then it is one of redb's instead, which writes pages
//! that nothing refers to yet, then its other header, and then puts that one in force, each behind a sync. So what a torn commit may
//! leave is garbage behind the end of the log, in that header, and in what the database has just grown by; none of it may cost anything
//! that was acknowledged before. Pages in the middle are torn below, where the tests have the disk in their hands
//! (`host/stores-embedded/src/tests/faults.rs`).

use crate::it::harness::{Client, Host, Launch};
use http::Method;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CONFIG: &str = "[kv.links]\n[queue.jobs]\n";
const ROUNDS: usize = 25;
const WRITERS: usize = 4;

/// The byte whose lowest bit says which header is in force, and where they are, behind the version of the format, which no write
/// changes.
const IN_FORCE: u64 = 9;
/// What the file grows by.
const PAGE: u64 = 4096;
const HEADERS: [Range<u64>; 2] = [72..192, 200..320];

#[test]
fn a_torn_last_write_costs_nothing_that_was_acknowledged() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut host = Launch::config(CONFIG).start();
    let counts: [AtomicUsize; WRITERS] = Default::default();
    for _ in 0..ROUNDS {
        std::thread::scope(|scope| {
            let admin = host.admin();
            for (writer, count) in counts.iter().enumerate() {
                scope.spawn(move || write_until_the_end(admin, writer, count));
            }
            std::thread::sleep(Duration::from_millis(rng.random_range(20..150)));
            host.signal(Signal::KILL);
            host.wait();
        });
        host = host.start_again();
        check(&host, &counts);
        // Now nothing is under way, so the write that is torn is one of which nobody heard.
        host.signal(Signal::KILL);
        host.wait();
        tear(&host, &mut rng);
        host = host.start_again();
        check(&host, &counts);
    }
    assert!(host.stop().success());
}

/// Writes a key and sends a message in turn, and counts what was answered.
fn write_until_the_end(admin: Client, writer: usize, count: &AtomicUsize) {
    loop {
        let number = count.load(Ordering::Relaxed);
        let put = admin.try_send(Method::PUT, &format!("/v1/kv/links/{writer}"), &[], number.to_string());
        let Ok(put) = put else { return };
        put.expect(200);
        let body = json!({"messages": [{"value": format!("{writer}-{number}")}]}).to_string();
        let headers = [("content-type", "application/json")];
        let Ok(sent) = admin.try_send(Method::POST, "/v1/queues/jobs/messages", &headers, body) else { return };
        sent.expect(200);
        count.store(number + 1, Ordering::Relaxed);
    }
}

/// Leaves what writes would that power was lost in: garbage behind the end of the log, which was never full here; some of the
/// database's other header, and pages of garbage behind its end.
fn tear(host: &Host, rng: &mut StdRng) {
    let open = |name| {
        let path = host.data_dir().join("stores").join(name);
        File::options().read(true).write(true).open(path).expect("a file of the stores")
    };
    let log = open("stores.wal");
    let end = log.metadata().expect("a file").len();
    garble(&log, end..end + rng.random_range(0..1000), rng);
    let file = open("stores.redb");
    let mut flags = [0];
    file.read_exact_at(&mut flags, IN_FORCE).expect("a header");
    let other = HEADERS[usize::from(flags[0] & 1 == 0)].clone();
    garble(&file, rng.random_range(other.clone())..other.end, rng);
    let end = file.metadata().expect("a file").len();
    garble(&file, end..end + PAGE * rng.random_range(0..50), rng);
}

fn garble(file: &File, range: Range<u64>, rng: &mut StdRng) {
    let mut garbage = vec![0; usize::try_from(range.end - range.start).expect("small")];
    rng.fill_bytes(&mut garbage);
    file.write_all_at(&garbage, range.start).expect("written");
}

fn check(host: &Host, counts: &[AtomicUsize]) {
    let mut sent = [0; WRITERS];
    for message in messages(host) {
        let (writer, _) = message["value"].as_str().and_then(|body| body.split_once('-')).expect("one of ours");
        sent[writer.parse::<usize>().expect("a writer")] += 1;
    }
    for (writer, count) in counts.iter().enumerate() {
        let count = count.load(Ordering::Relaxed);
        let value = host.admin().get(&format!("/v1/kv/links/{writer}"));
        let value = value.json()["value"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        // One more of each may be there without an answer, in each round.
        assert!((count.saturating_sub(1)..=count).contains(&value), "{writer}: {value} of {count}");
        assert!((count..=count + ROUNDS).contains(&sent[writer]), "{writer}: {} of {count}", sent[writer]);
    }
}

fn messages(host: &Host) -> Vec<Value> {
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let mut page = host.admin().get(&format!("/v1/queues/jobs/messages?limit=1000{from}")).expect(200).json();
        found.append(page["messages"].as_array_mut().expect("messages"));
        let Some(cursor) = page["cursor"].as_str() else { return found };
        from = format!("&cursor={cursor}");
    }
}
