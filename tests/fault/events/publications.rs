//! What is published to a topic: a queue gets all of it, `functions/subscribers` two types, each once.
//!
//! The function writes a mail, counts it, and publishes again, in the transaction of its message. So for each order and each user that
//! was acknowledged there is one mail, the counter and the queue agree with them, and the dead letters are exactly the orders of
//! nothing.

use super::book::{Told, open};
use super::look::{self, body, count};
use super::{Site, Work, brief, post};
use crate::it::harness::Host;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;

#[derive(Default)]
pub(super) struct Publications(Mutex<Told<Publication>>);

/// What is published, by who did: everything else follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Publication {
    worker: usize,
    round: usize,
    number: usize,
}

impl Publication {
    fn id(self) -> String {
        format!("p-{}-{}-{}", self.worker, self.round, self.number)
    }

    fn parse(id: &str) -> Self {
        let [worker, round, number] = look::numbers(id).expect("one of ours");
        Self { worker, round, number }
    }

    fn of(self) -> &'static str {
        ["order.created", "user.signup", "stock.low"][self.number % 3]
    }

    fn is_order(self) -> bool {
        self.of() == "order.created"
    }

    /// Whether it is an order that can't be handled.
    fn is_poison(self) -> bool {
        self.is_order() && self.number % 17 == 3
    }

    fn message(self) -> Value {
        let (id, total) = (self.id(), u64::from(!self.is_poison()));
        let busy = u32::from(self.number % 13 == 6);
        let body = json!({"id": id, "total": total, "busy": busy, "email": id, "name": id});
        json!({"value": body.to_string(), "attributes": {"type": self.of(), "id": id}})
    }
}

impl Work for Publications {
    fn sections(&self) -> String {
        let grants = "grants = { kv = { mails = \"read-write\" }, topic = { events = \"publish\" } }\n";
        let sections = [
            brief("subscribers", grants),
            "[kv.mails]\n[queue.audit]\n[topic.events]\n".to_owned(),
            "[[subscription]]\ntopic = \"events\"\nqueue = \"audit\"\n".to_owned(),
            "[[trigger]]\ntopic = \"events\"\nfunction = \"subscribers\"\nmax-receives = 40\nconcurrency = 4\n"
                .to_owned(),
            "retry-delay = \"5ms\"\nfilter = { type = [\"order.created\", \"user.signup\"] }\n".to_owned(),
        ];
        sections.concat()
    }

    fn workers(&self) -> usize {
        2
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        let mut next = 0;
        loop {
            let size = 1 + next % 3;
            let some = (next..next + size).map(|number| Publication { worker, round, number });
            next += size;
            let messages: Vec<_> = some.clone().map(Publication::message).collect();
            let answer = post(site.admin, "/v1/topics/events/messages", &json!({"messages": messages}));
            open(&self.0).add(some, &answer);
            let Ok(answer) = answer else { return };
            answer.expect(200);
            site.acknowledged();
        }
    }

    fn queues(&self) -> &[&str] {
        &["topic%2Fevents%2Fsubscribers"]
    }

    fn check(&self, host: &Host) -> String {
        let told = open(&self.0);
        let confirmed = written(host, "order/");
        let is_order = |one: &Publication| one.is_order() && !one.is_poison();
        let confirmed = told.check_once("confirmed", confirmed, is_order);
        let counted = look::entry(host, "mails", "confirmations").map_or(0, |entry| count(&entry));
        assert_eq!(counted, confirmed.len() as i64, "each order counts once");
        let welcomed = told.check_once("welcomed", written(host, "welcome/"), |one| one.of() == "user.signup");
        let dead = look::messages(host, "topic%2Fevents%2Fsubscribers%2Fdead");
        told.check_once("given up", dead.iter().map(published), |one| one.is_poison());
        let (sent, audit): (Vec<_>, Vec<_>) =
            look::messages(host, "audit").into_iter().partition(|message| message["attributes"]["type"] == "mail.sent");
        told.check_once("in the other queue", audit.iter().map(published), |_| true);
        let told_of: BTreeSet<_> = sent.iter().map(mailed).collect();
        assert_eq!((sent.len(), told_of), (welcomed.len(), welcomed), "each welcome is published once");
        format!("{counted} orders were confirmed, {} messages are in the other queue", audit.len())
    }
}

/// What there is a mail of.
fn written(host: &Host, prefix: &str) -> Vec<Publication> {
    look::entries(host, "mails", prefix).iter().map(|mail| Publication::parse(look::key(mail, prefix))).collect()
}

fn published(message: &Value) -> Publication {
    Publication::parse(message["attributes"]["id"].as_str().expect("an id"))
}

/// Whom a message says that a mail was sent to.
fn mailed(message: &Value) -> Publication {
    let key = body(message);
    Publication::parse(key.as_str().and_then(|key| key.strip_prefix("welcome/")).expect("a key"))
}
