//! Messages of both kinds of queues, which `functions/batch` handles.
//!
//! It writes a result, counts it, and sends a copy on, all in the transaction of its message. So the copies say what happened: each
//! accepted job once, those of a group in their order, and none that failed for good, which are exactly the dead letters.

use super::book::{Told, open};
use super::look::{self, body, count};
use super::{Site, Work, brief, post};
use crate::it::harness::Host;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The queue of each worker.
const QUEUES: [&str; 4] = ["jobs", "jobs", "orders", "orders"];

/// The groups of each worker in the FIFO queue, one a round, in turn: a kill holds a group up until a lease ends, and others go on.
const GROUPS: usize = 40;

#[derive(Default)]
pub(super) struct Jobs(Mutex<Told<Job>>);

/// A job, by who sent it: everything else follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    worker: usize,
    round: usize,
    number: usize,
}

impl Job {
    fn queue(self) -> &'static str {
        QUEUES[self.worker]
    }

    fn group(self) -> (usize, usize) {
        (self.worker, self.round % GROUPS)
    }

    fn id(self) -> String {
        format!("job-{}-{}-{}", self.worker, self.round, self.number)
    }

    fn parse(id: &str) -> Self {
        let [worker, round, number] = look::numbers(id).expect("a job of ours");
        Self { worker, round, number }
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
        if self.queue() == "orders" {
            message["group"] = format!("{:?}", self.group()).into();
        }
        message
    }
}

impl Work for Jobs {
    fn sections(&self) -> String {
        let trigger = |queue: &str, order: &str| {
            format!(
                "[queue.{queue}]\norder = \"{order}\"\nmax-receives = 40\nvisibility = \"1s\"\n\
                 [[trigger]]\nqueue = \"{queue}\"\nfunction = \"batch\"\nconcurrency = 4\n\
                 retry-delay = \"5ms\"\nretry-delay-max = \"20ms\"\n"
            )
        };
        let lines = "grants = { kv = { results = \"read-write\" }, queue = { copies = \"send\" } }\n";
        let sections = [
            brief("batch", lines),
            "[kv.results]\n[queue.copies]\n".to_owned(),
            trigger("jobs", "standard"),
            trigger("orders", "fifo"),
        ];
        sections.concat()
    }

    fn workers(&self) -> usize {
        QUEUES.len()
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        let mut next = 0;
        loop {
            let size = 1 + (next + worker) % 4;
            let jobs = (next..next + size).map(|number| Job { worker, round, number });
            next += size;
            let messages: Vec<_> = jobs.clone().map(Job::message).collect();
            let path = format!("/v1/queues/{}/messages", QUEUES[worker]);
            let answer = post(site.admin, &path, &json!({"messages": messages}));
            open(&self.0).add(jobs, &answer);
            let Ok(answer) = answer else { return };
            answer.expect(200);
            site.acknowledged();
            std::thread::sleep(super::PAUSE * 2);
        }
    }

    fn queues(&self) -> &[&str] {
        &["jobs", "orders"]
    }

    fn check(&self, host: &Host) -> String {
        let told = open(&self.0);
        let copies: Vec<_> = look::messages(host, "copies")
            .iter()
            .map(|copy| Job::parse(copy["attributes"]["job"].as_str().expect("an id")))
            .collect();
        let done = told.check_once("done", copies.iter().copied(), |job| !job.is_poison());
        check_order(&copies);
        let counted = look::entry(host, "results", "done").map_or(0, |entry| count(&entry));
        assert_eq!(counted, done.len() as i64, "each job that is done counts once");
        let dead = ["jobs", "orders"].iter().flat_map(|queue| look::messages(host, &format!("{queue}%2Fdead")));
        let dead: Vec<_> = dead.map(|letter| Job::parse(body(&letter)["id"].as_str().expect("an id"))).collect();
        let dead = told.check_once("given up", dead, |job| job.is_poison());
        format!("{} jobs are done, {} were given up", done.len(), dead.len())
    }
}

/// Copies are in the order of the commits that sent them.
fn check_order(copies: &[Job]) {
    let mut last: BTreeMap<(usize, usize), Job> = BTreeMap::new();
    for job in copies.iter().filter(|job| job.queue() == "orders") {
        let before = last.insert(job.group(), *job);
        assert!(before.is_none_or(|before| before < *job), "{job:?} was handled behind {before:?}");
    }
}
