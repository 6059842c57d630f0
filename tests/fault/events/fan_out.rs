//! Jobs of `functions/fan-out`: tasks that are handled apart, and a last one that puts their results together.
//!
//! A job and its tasks are one commit, and so are a task's result, the counter and the end of its message. So each job that is
//! there, acknowledged or not, comes to have all its results, in their order, each counted once.

use super::book::open;
use super::look::{self, count};
use super::{Site, Work, brief, post};
use crate::it::harness::Host;
use crate::it::harness::guest::route;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

const STORE: &str = "fan-out";

/// The numbers of each job that was accepted, by its id.
#[derive(Default)]
pub(super) struct FanOut(Mutex<BTreeMap<String, Vec<u64>>>);

impl Work for FanOut {
    fn sections(&self) -> String {
        let grants = "grants = { kv = { fan-out = \"read-write\" }, queue = { tasks = \"send\" } }\n";
        let sections = [
            brief("fan-out", grants),
            route("/fan-out", "fan-out") + &route("/fan-out/{job}", "fan-out"),
            "[kv.fan-out]\n[queue.tasks]\nmax-receives = 200\nvisibility = \"1s\"\n".to_owned(),
            "[[trigger]]\nqueue = \"tasks\"\nfunction = \"fan-out\"\nretry-delay = \"5ms\"\n".to_owned(),
            "retry-delay-max = \"50ms\"\nbatch-size = 2\nconcurrency = 4\n".to_owned(),
        ];
        sections.concat()
    }

    fn workers(&self) -> usize {
        2
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        for number in 0.. {
            let numbers: Vec<u64> = (0..3 + number % 6).map(|n| n * 10 + (worker + round) as u64).collect();
            let Ok(answer) = post(site.http, "/fan-out", &json!({"numbers": numbers})) else { return };
            let job = answer.expect(202).json()["job"].as_str().expect("a job").to_owned();
            open(&self.0).insert(job, numbers);
            site.acknowledged();
            std::thread::sleep(super::PAUSE * 4);
        }
    }

    fn queues(&self) -> &[&str] {
        &["tasks"]
    }

    fn check(&self, host: &Host) -> String {
        let entries: BTreeMap<String, Value> =
            look::entries(host, STORE, "").into_iter().map(|entry| (look::key(&entry, "").to_owned(), entry)).collect();
        let accepted = open(&self.0);
        for (job, numbers) in &*accepted {
            let results: Vec<u64> = numbers.iter().copied().map(primes_below).collect();
            assert_eq!(json_of(&entries, &format!("{job}/results")), json!(results), "{job}");
        }
        let jobs: Vec<_> = entries.keys().filter_map(|key| key.strip_suffix("/job")).collect();
        for job in &jobs {
            let tasks = json_of(&entries, &format!("{job}/job"))["tasks"].as_i64().expect("a number");
            assert_eq!(entries.get(&format!("{job}/done")).map(count), Some(tasks), "{job}");
            assert_eq!(json_of(&entries, &format!("{job}/results")).as_array().map(Vec::len), Some(tasks as usize));
        }
        format!("{} jobs were put together, {} of them accepted", jobs.len(), accepted.len())
    }
}

/// What a key holds; nothing: null.
fn json_of(entries: &BTreeMap<String, Value>, key: &str) -> Value {
    let text = entries.get(key).and_then(|entry| entry["value"].as_str());
    text.map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON"))
}

fn primes_below(number: u64) -> u64 {
    let is_prime = |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (0..number).filter(is_prime).count() as u64
}
