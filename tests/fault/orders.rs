//! Those who send orders, and the book that says which orders have to be there.

use crate::it::harness::{Client, Host};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// So many send orders at once.
pub(crate) const WRITERS: usize = 64;

/// The store that the orders are in.
const STORE: &str = "/v1/kv/orders";

/// An order, by who sent it: everything else follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    round: usize,
    writer: usize,
    number: usize,
}

impl Order {
    fn id(self) -> String {
        format!("{}{:02}-{:05}", prefix(self.round), self.writer, self.number)
    }

    fn total(self) -> u64 {
        (self.writer as u64 + 1) * (self.number as u64 + 1)
    }

    fn body(self) -> Value {
        let item = json!({"sku": self.id(), "quantity": self.writer + 1, "price": self.number + 1});
        json!({"orderId": self.id(), "items": [item]})
    }

    fn answer(self) -> Value {
        json!({"orderId": self.id(), "total": self.total(), "status": "created"})
    }
}

fn prefix(round: usize) -> String {
    format!("{round:02}-")
}

/// What one round of writers was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    answered: Vec<Order>,
    /// Sent, and no answer came.
    open: Vec<Order>,
}

impl Told {
    /// How many writers got an answer.
    pub(crate) fn writers_answered(&self) -> usize {
        self.answered.iter().map(|order| order.writer).collect::<BTreeSet<_>>().len()
    }
}

/// Clients that send one order after the other, until the host is gone.
pub(crate) struct Writers {
    threads: Vec<JoinHandle<Told>>,
    answers: Receiver<()>,
}

impl Writers {
    /// Lets them begin.
    pub(crate) fn start(client: Client, round: usize) -> Self {
        let (answered, answers) = channel();
        let thread = |writer| {
            let answered = answered.clone();
            std::thread::spawn(move || send_until_the_end(client, round, writer, &answered))
        };
        Self { threads: (0..WRITERS).map(thread).collect(), answers }
    }

    /// Waits until one of them got an answer.
    pub(crate) fn wait_for_an_answer(&self) {
        self.answers.recv_timeout(Duration::from_secs(60)).expect("the host answers");
    }

    /// Waits for their end, after that of the host.
    pub(crate) fn join(self) -> Told {
        let mut told = Told::default();
        for thread in self.threads {
            let theirs = thread.join().expect("every answer is that an order was created");
            told.answered.extend(theirs.answered);
            told.open.extend(theirs.open);
        }
        told
    }
}

fn send_until_the_end(client: Client, round: usize, writer: usize, answered: &Sender<()>) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        let order = Order { round, writer, number };
        let Ok(response) = send(client, order) else {
            told.open.push(order);
            break;
        };
        assert_eq!((response.status.as_u16(), response.json()), (201, order.answer()));
        told.answered.push(order);
        // Who does not wait for the first answer does not listen.
        let _ = answered.send(());
    }
    told
}

fn send(client: Client, order: Order) -> Result<crate::it::harness::Response, Box<dyn std::error::Error>> {
    let headers = [("content-type", "application/json")];
    client.try_send(http::Method::POST, "/orders", &headers, order.body().to_string())
}

/// The orders that have to be there.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    orders: BTreeSet<Order>,
    /// Orders without an answer, of which nothing was there after the restart.
    lost_unanswered: usize,
    /// Orders without an answer that were there after the restart.
    kept_unanswered: usize,
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (orders, kept, lost) = (self.orders.len(), self.kept_unanswered, self.lost_unanswered);
        write!(f, "{orders} orders; of those without an answer {kept} were there and {lost} were not")
    }
}

impl Ledger {
    /// Compares what is there after a restart with what the round's writers were told, and sends again what was not answered.
    pub(crate) fn check(&mut self, host: &Host, round: usize, told: Told) {
        let there = find(host, round);
        let open: BTreeSet<Order> = told.open.into_iter().collect();
        let missing: Vec<_> = told.answered.iter().filter(|order| !there.contains(order)).collect();
        assert!(missing.is_empty(), "round {round}: answered, and not there: {missing:?}");
        self.orders.extend(told.answered);
        let unknown: Vec<_> =
            there.iter().filter(|&order| !self.orders.contains(order) && !open.contains(order)).collect();
        assert!(unknown.is_empty(), "round {round}: there, and never sent: {unknown:?}");
        for order in open {
            let response = send(host.http(), order).expect("the host answers");
            assert_eq!((response.status.as_u16(), response.json()), (201, order.answer()));
            let is_duplicate = there.contains(&order);
            assert_eq!(response.header("idempotent-replayed"), if is_duplicate { "true" } else { "" }, "{order:?}");
            *(if is_duplicate { &mut self.kept_unanswered } else { &mut self.lost_unanswered }) += 1;
            self.orders.insert(order);
        }
    }

    /// Compares all that is there with all that has to be: no later kill took what an earlier one had left.
    pub(crate) fn check_all(&self, host: &Host) {
        let rounds: BTreeSet<usize> = self.orders.iter().map(|order| order.round).collect();
        let there: BTreeSet<Order> = rounds.iter().flat_map(|&round| find(host, round)).collect();
        assert!(there == self.orders, "{} are there, {} were sent", there.len(), self.orders.len());
    }
}

/// Reads the orders of a round that are there. Half an order, or one with something else in it, fails the test.
fn find(host: &Host, round: usize) -> BTreeSet<Order> {
    let orders = scan(host, &format!("order/{}", prefix(round)));
    let duplicates = scan(host, &format!("id/{}", prefix(round)));
    let ids = |entries: &BTreeMap<String, Value>| -> Vec<String> {
        entries.keys().filter_map(|key| Some(key.split_once('/')?.1.to_owned())).collect()
    };
    assert_eq!(ids(&orders), ids(&duplicates), "half there");
    let check = |((key, order), processed): ((&String, &Value), &Value)| {
        let parsed = parse(key.strip_prefix("order/")?)?;
        let expected = json!({"request": parsed.body(), "answer": parsed.answer()});
        assert_eq!((order, processed), (&parsed.answer(), &expected));
        Some(parsed)
    };
    orders.iter().zip(duplicates.values()).map(|entries| check(entries).expect("an order of ours")).collect()
}

fn parse(id: &str) -> Option<Order> {
    let mut numbers = id.split('-').map(|number| number.parse().ok());
    Some(Order { round: numbers.next()??, writer: numbers.next()??, number: numbers.next()?? })
}

/// Reads all keys with a prefix, and their values.
fn scan(host: &Host, prefix: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut from = String::new();
    loop {
        let page = host.admin().get(&format!("{STORE}?prefix={prefix}&limit=1000{from}")).expect(200).json();
        for item in page["items"].as_array().expect("items") {
            let text = |name: &str| item[name].as_str().expect("text").to_owned();
            found.insert(text("key"), serde_json::from_str(&text("value")).expect("JSON"));
        }
        let Some(cursor) = page["cursor"].as_str() else { return found };
        from = format!("&cursor={cursor}");
    }
}
