//! `kill -9` among those who send messages and those who handle them, over and over, on one data folder.
//!
//! Every message is a job of `functions/batch`, which writes a result, counts it, and sends a copy on, all in the transaction of its
//! message. So when all is quiet, the copies say what happened: each accepted job once, those of a group in their order, and none
//! that failed for good, which are exactly the dead letters.
//!
//! Runs in a short form; for the long one set `FLINT_FAULT_KILLS=2000`.

use crate::build_function;
use crate::it::harness::{Client, Host, Launch};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// So many kills, if nobody says.
const KILLS: usize = 200;
/// The latest moment of a kill after the first message was accepted.
const LATEST: Duration = Duration::from_millis(250);
/// Those who send to the standard queue, and to the FIFO queue, where each has a group.
const SENDERS: [(&str, usize); 2] = [("jobs", 5), ("orders", 4)];
/// How long what is left may take when nothing is killed any more.
const QUIET: Duration = Duration::from_secs(180);

/// A job, by who sent it: everything else follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    queue: &'static str,
    sender: usize,
    round: usize,
    number: usize,
}

impl Job {
    fn id(self) -> String {
        format!("{}-{}-{}-{}", self.queue, self.sender, self.round, self.number)
    }

    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let queue = SENDERS.iter().map(|(queue, _)| *queue).find(|queue| Some(*queue) == id.split('-').next())?;
        parts.next()?;
        let mut number = || parts.next()?.parse().ok();
        Some(Self { queue, sender: number()?, round: number()?, number: number()? })
    }

    /// What goes wrong with it, and how often.
    fn trouble(self) -> Option<(&'static str, Option<u32>)> {
        match (self.number % 23, self.round % 10) {
            (7, _) => Some(("refuse", None)),
            (11, _) => Some(("fail", Some(1))),
            (13, 3) => Some(("trap", Some(1))),
            (17, 5) => Some(("trap", None)),
            _ => None,
        }
    }

    fn is_poison(self) -> bool {
        self.trouble().is_some_and(|(_, times)| times.is_none())
    }

    fn message(self) -> Value {
        let mut body = json!({"id": self.id(), "text": "one two three", "forward": "copies"});
        if let Some((trouble, times)) = self.trouble() {
            body["trouble"] = trouble.into();
            body["times"] = times.into();
        }
        let mut message = json!({"value": body.to_string()});
        if self.queue == "orders" {
            message["group"] = self.sender.to_string().into();
        }
        message
    }
}

#[test]
fn messages_survive_kill_9_and_their_effects_happen_once() {
    let kills = std::env::var("FLINT_FAULT_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let folder = tempfile::tempdir().expect("a folder");
    let component = build_function(folder.path(), "batch", &platform);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    let mut told = Told::default();
    let mut host = Launch::config(&platform(&component)).start();
    for round in 0..kills {
        let (accepted, is_accepted) = channel();
        let admin = host.admin();
        let senders: Vec<_> = SENDERS
            .iter()
            .flat_map(|(queue, count)| (0..*count).map(move |sender| (*queue, sender)))
            .map(|(queue, sender)| {
                let accepted = accepted.clone();
                std::thread::spawn(move || send_until_the_end(admin, (queue, sender), round, &accepted))
            })
            .collect();
        is_accepted.recv_timeout(Duration::from_secs(60)).expect("the host accepts messages");
        std::thread::sleep(LATEST.mul_f64(rng.random()));
        host = host.kill_and_restart();
        senders.into_iter().for_each(|sender| told.add(sender.join().expect("a sender")));
    }
    wait_until_quiet(&host);
    told.check(&host);
    println!("{kills} kills, {} messages accepted, {:?}", told.accepted.len(), began.elapsed());
    assert!(host.stop().success());
}

fn platform(source: &Path) -> String {
    let trigger = |queue: &str| {
        format!(
            "[queue.{queue}]\nmax-receives = 40\nvisibility = \"1s\"\n{}\n[[trigger]]\nqueue = \"{queue}\"\nfunction = \"batch\"\n\
             concurrency = 4\nretry-delay = \"5ms\"\nretry-delay-max = \"20ms\"\n",
            if queue == "orders" { "order = \"fifo\"" } else { "" },
        )
    };
    format!(
        "[function.batch]\nsource = {source:?}\ntimeout = \"1s\"\ncpu = \"1s\"\nqueue-timeout = \"1s\"\n\
         grants = {{ kv = {{ results = \"read-write\" }}, queue = {{ copies = \"send\" }} }}\n\n[kv.results]\n[queue.copies]\n{}{}",
        trigger("jobs"),
        trigger("orders"),
    )
}

/// What the senders of all rounds were told.
#[derive(Default)]
struct Told {
    accepted: BTreeSet<Job>,
    /// Sent, and no answer came.
    open: BTreeSet<Job>,
}

impl Told {
    fn add(&mut self, (accepted, open): (Vec<Job>, Vec<Job>)) {
        self.accepted.extend(accepted);
        self.open.extend(open);
    }

    /// Compares what happened with what was told.
    fn check(&self, host: &Host) {
        let copies = self.jobs(host, "copies", |message| message["attributes"]["job"].as_str().map(str::to_owned));
        let mut counts: BTreeMap<Job, usize> = BTreeMap::new();
        copies.iter().for_each(|job| *counts.entry(*job).or_default() += 1);
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "happened more than once: {twice:?}");
        let handled: BTreeSet<Job> = counts.into_keys().collect();
        let lost: Vec<_> = self.accepted.iter().filter(|job| !job.is_poison() && !handled.contains(job)).collect();
        assert!(lost.is_empty(), "accepted, and never handled: {lost:?}");
        let wrong: Vec<_> = handled.iter().filter(|job| job.is_poison() || !self.was_sent(job)).collect();
        assert!(wrong.is_empty(), "handled, and should not be: {wrong:?}");
        self.check_order(&copies);
        self.check_dead(host);
        let done = host.admin().get("/v1/kv/results/done").expect(200).json();
        assert_eq!(count(&done), handled.len() as i64, "each job that is done counts once");
    }

    fn was_sent(&self, job: &Job) -> bool {
        self.accepted.contains(job) || self.open.contains(job)
    }

    /// Copies are in the order of the commits that sent them.
    fn check_order(&self, copies: &[Job]) {
        let mut last: BTreeMap<usize, Job> = BTreeMap::new();
        for job in copies.iter().filter(|job| job.queue == "orders") {
            let before = last.insert(job.sender, *job);
            assert!(before.is_none_or(|before| before < *job), "{job:?} was handled behind {before:?}");
        }
    }

    fn check_dead(&self, host: &Host) {
        for (queue, _) in SENDERS {
            let id = |message: &Value| {
                let body: Value = serde_json::from_str(message["value"].as_str()?).ok()?;
                body["id"].as_str().map(str::to_owned)
            };
            let dead = self.jobs(host, &format!("{queue}%2Fdead"), id);
            let wrong: Vec<_> = dead.iter().filter(|job| !job.is_poison() || !self.was_sent(job)).collect();
            assert!(wrong.is_empty(), "given up, and no poison: {wrong:?}");
            let dead: BTreeSet<_> = dead.into_iter().collect();
            let missing: Vec<_> = self
                .accepted
                .iter()
                .filter(|job| job.queue == queue && job.is_poison() && !dead.contains(job))
                .collect();
            assert!(missing.is_empty(), "poison, and not among the dead letters: {missing:?}");
        }
    }

    /// Reads all messages of a queue, in their order.
    fn jobs(&self, host: &Host, queue: &str, id: impl Fn(&Value) -> Option<String>) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut from = String::new();
        loop {
            let page = host.admin().get(&format!("/v1/queues/{queue}/messages?limit=1000{from}")).expect(200).json();
            let messages = page["messages"].as_array().expect("messages");
            jobs.extend(
                messages.iter().map(|message| Job::parse(&id(message).expect("an id")).expect("a job of ours")),
            );
            let Some(cursor) = page["cursor"].as_str() else { return jobs };
            from = format!("&cursor={cursor}");
        }
    }
}

/// What a counter counts, which is shown as text if its bytes are that.
fn count(item: &Value) -> i64 {
    let bytes = match (item["value"].as_str(), item["value_base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (_, Some(text)) => base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).expect("base 64"),
        _ => panic!("{item}"),
    };
    i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

fn wait_until_quiet(host: &Host) {
    let began = Instant::now();
    loop {
        let left: Vec<_> = SENDERS
            .iter()
            .map(|(queue, _)| host.admin().get(&format!("/v1/queues/{queue}")).expect(200).json())
            .collect();
        if left.iter().all(|queue| queue["waiting"] == 0 && queue["hidden"] == 0) {
            return;
        }
        assert!(began.elapsed() < QUIET, "left after {QUIET:?}: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends one message or a few after the other, until the host is gone.
fn send_until_the_end(
    admin: Client,
    (queue, sender): (&'static str, usize),
    round: usize,
    told: &Sender<()>,
) -> (Vec<Job>, Vec<Job>) {
    let (mut accepted, mut open) = (Vec::new(), Vec::new());
    let mut next = 0;
    loop {
        let size = 1 + (next + sender) % 4;
        let jobs: Vec<_> = (next..next + size).map(|number| Job { queue, sender, round, number }).collect();
        next += size;
        let messages: Vec<_> = jobs.iter().map(|job| job.message()).collect();
        let headers = [("content-type", "application/json")];
        let body = json!({"messages": messages}).to_string();
        match admin.try_send(http::Method::POST, &format!("/v1/queues/{queue}/messages"), &headers, body) {
            Ok(response) => {
                response.expect(200);
                accepted.extend(jobs);
                // Who does not wait for the first does not listen.
                _ = told.send(());
            }
            Err(_) => {
                open.extend(jobs);
                return (accepted, open);
            }
        }
    }
}
