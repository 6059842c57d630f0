//! Messages that the test itself leases: nobody gets one that is hidden, or that was settled.
//!
//! Who asks knows when he asked and when the answer came, not when the host did it. So a moment counts as the earliest or the latest that
//! it can have been, whichever forgives the host more: what is left is certain.

use super::book::{Told, open};
use super::{Site, Work, post};
use crate::it::harness::{Client, Host};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One sends, the others receive.
const WORKERS: usize = 3;

/// How long a lease lasts; longer than the host is away.
const LEASE: Duration = Duration::from_millis(600);
/// How long one lasts that is extended.
const EXTENDED: Duration = Duration::from_millis(1_500);
/// How long a message stays away that is to come again.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a message waits that is sent with a delay.
const DELAY: Duration = Duration::from_millis(300);
/// The host counts whole milliseconds, and starts to count anew with each start.
const SLACK: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Leases(Mutex<Book>);

#[derive(Default)]
struct Book {
    told: Told<String>,
    messages: BTreeMap<String, Seen>,
}

/// What was seen of a message.
#[derive(Debug, Default)]
struct Seen {
    /// It can't come before that.
    hidden_until: Option<Instant>,
    received: u32,
    is_done: bool,
}

impl Seen {
    /// It may come at this moment, or before, as far as was known.
    fn reveal(&mut self, at: Instant) {
        self.hidden_until = self.hidden_until.map(|until| until.min(at));
    }
}

impl Book {
    /// Compares a delivery with what is known of its message. Deliveries may be noted in another order than they were made.
    fn receive(&mut self, message: &Value, (asked, answered): (Instant, Instant)) {
        let id = message["value"].as_str().expect("text").to_owned();
        let count = message["receive_count"].as_u64().and_then(|count| u32::try_from(count).ok()).expect("a count");
        let seen = self.messages.entry(id.clone()).or_default();
        if count < seen.received {
            return;
        }
        assert_ne!(count, seen.received, "{id} was received twice at once: {message}");
        assert!(!seen.is_done, "{id} came again behind its end: {message}");
        let early = seen.hidden_until.and_then(|until| until.checked_duration_since(answered + SLACK));
        assert!(early.is_none(), "{id} came {early:?} too early: {message}, {seen:?}");
        (seen.received, seen.hidden_until) = (count, Some(asked + LEASE));
    }

    fn seen(&mut self, id: &str) -> &mut Seen {
        self.messages.entry(id.to_owned()).or_default()
    }
}

impl Leases {
    fn send(&self, site: &Site, round: usize) {
        for number in 0.. {
            let id = format!("lease-{round}-{number}");
            let delay = if number % 4 == 0 { DELAY } else { Duration::ZERO };
            // Noted before it is sent: others may receive it before the answer comes.
            open(&self.0).seen(&id).hidden_until = Some(Instant::now() + delay);
            let message = json!({"value": id, "delay_ms": delay.as_millis() as u64});
            let answer = post(site.admin, "/v1/queues/leases/messages", &json!({"messages": [message]}));
            open(&self.0).told.add([id], &answer);
            let Ok(answer) = answer else { return };
            answer.expect(200);
            site.acknowledged();
        }
    }

    fn receive(&self, site: &Site) {
        while let Ok(messages) = self.lease(site.admin) {
            for (number, message) in messages.iter().enumerate() {
                if self.end(site, message, number).is_err() {
                    return;
                }
            }
            site.acknowledged();
        }
    }

    fn lease(&self, admin: Client) -> Result<Vec<Value>, Box<dyn Error>> {
        let ask = json!({"max": 5, "visibility_ms": LEASE.as_millis() as u64});
        let asked = Instant::now();
        let mut answer = post(admin, "/v1/queues/leases/receive", &ask)?.expect(200).json();
        let span = (asked, Instant::now());
        let messages = std::mem::take(answer["messages"].as_array_mut().expect("messages"));
        let mut book = open(&self.0);
        messages.iter().for_each(|message| book.receive(message, span));
        Ok(messages)
    }

    /// Most messages are done, one is to come again, one is kept for longer, and one is left to its lease.
    fn end(&self, site: &Site, message: &Value, number: usize) -> Result<(), Box<dyn Error>> {
        let id = message["value"].as_str().expect("text");
        let receipt = &message["receipt"];
        match (number, message["receive_count"].as_u64()) {
            (1, Some(..3)) => {
                let again = json!({"receipts": [receipt], "verdict": "retry", "delay_ms": AGAIN.as_millis() as u64});
                // From here on it may come, whether the answer does or not.
                open(&self.0).seen(id).reveal(Instant::now() + AGAIN);
                post(site.admin, "/v1/queues/leases/settle", &again)?;
            }
            (2, Some(..3)) => {
                let ask = json!({"receipt": receipt, "visibility_ms": EXTENDED.as_millis() as u64});
                let until = Instant::now() + EXTENDED;
                if post(site.admin, "/v1/queues/leases/extend", &ask)?.status == 200 {
                    open(&self.0).seen(id).hidden_until = Some(until);
                }
            }
            (3, Some(..3)) => {}
            _ => self.done(site.admin, id, receipt)?,
        }
        Ok(())
    }

    fn done(&self, admin: Client, id: &str, receipt: &Value) -> Result<(), Box<dyn Error>> {
        let ask = json!({"receipts": [receipt], "verdict": "done"});
        let answer = post(admin, "/v1/queues/leases/settle", &ask)?;
        // A lease that was over by then is no one's any more, and the message comes again.
        if answer.status == 200 {
            open(&self.0).seen(id).is_done = true;
        }
        Ok(())
    }
}

fn is_empty(host: &Host) -> bool {
    let depth = host.admin().get("/v1/queues/leases").expect(200).json();
    depth["waiting"] == 0 && depth["hidden"] == 0
}

impl Work for Leases {
    fn sections(&self) -> String {
        "[queue.leases]\nmax-receives = 1000\n".to_owned()
    }

    fn workers(&self) -> usize {
        WORKERS
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        if worker == 0 { self.send(site, round) } else { self.receive(site) }
    }

    fn queues(&self) -> &[&str] {
        &[]
    }

    fn check(&self, host: &Host) -> String {
        while !is_empty(host) {
            for message in self.lease(host.admin()).expect("an answer") {
                let id = message["value"].as_str().expect("text");
                self.done(host.admin(), id, &message["receipt"]).expect("an answer");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let book = open(&self.0);
        let is_lost = |id: &&String| book.messages.get(*id).is_none_or(|seen| seen.received == 0);
        let lost: Vec<_> = book.told.accepted.iter().filter(is_lost).collect();
        assert!(lost.is_empty(), "accepted, and never received: {lost:?}");
        format!("{} messages were leased and settled", book.told.accepted.len())
    }
}
