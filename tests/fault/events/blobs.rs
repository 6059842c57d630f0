//! Blobs that are put and removed, through the management API and by `functions/depot`.
//!
//! Each worker has keys of its own, so that it knows what they lead to; of one that got no answer, two things may be there, each whole.
//! In the end there is a file for each large blob, and for nothing else.

use super::book::open;
use super::look;
use super::{Site, Work};
use crate::it::harness::guest::{function, route};
use crate::it::harness::{Client, Host, eventually};
use bytes::Bytes;
use http::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The first half asks the management API, the rest the function.
const WORKERS: usize = 4;

/// The keys of each worker.
const KEYS: usize = 4;

/// The sizes of blobs, in turn: up to 64 KiB they are in the database, above in files.
const SIZES: [usize; 5] = [40, 5_000, 64 << 10, 70_000, 600_000];

/// What the largest blob without a file has.
const INLINE_MAX: u64 = 64 << 10;

/// What each key leads to.
#[derive(Default)]
pub(super) struct Blobs(Mutex<BTreeMap<String, Slot>>);

#[derive(Debug, Default, Clone)]
struct Slot {
    /// None: nothing.
    holds: Option<Content>,
    /// A change that no answer came to.
    open: Option<Option<Content>>,
}

/// Content, by who wrote it: its bytes follow from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    worker: usize,
    round: usize,
    number: usize,
}

impl Content {
    fn bytes(self) -> Bytes {
        let line = format!("{} {} {} ", self.worker, self.round, self.number);
        let size = SIZES[(self.round + self.number) % SIZES.len()];
        line.bytes().cycle().take(size).collect()
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

impl Blobs {
    fn slot(&self, key: &str) -> Slot {
        open(&self.0).get(key).cloned().unwrap_or_default()
    }

    fn note(&self, key: &str, slot: Slot) {
        open(&self.0).insert(key.to_owned(), slot);
    }

    /// Looks which of two things is there, if an answer was lost with a host.
    fn look(&self, admin: Client, key: &str) -> Done {
        let slot = self.slot(key);
        let Some(open) = slot.open else { return Ok(()) };
        let found = read(admin, key)?;
        let holds = [open, slot.holds].into_iter().find(|content| content.map(Content::bytes) == found);
        let size = found.map(|bytes| bytes.len());
        let holds = holds.unwrap_or_else(|| panic!("{key} has {size:?} bytes, and should lead to one of {slot:?}"));
        self.note(key, Slot { holds, open: None });
        Ok(())
    }

    fn change(&self, site: &Site, key: &str, to: Option<Content>) -> Done {
        let slot = self.slot(key);
        self.note(key, Slot { open: Some(to), ..slot });
        let is_by_guest = key.starts_with("guest");
        let (client, path) = match is_by_guest {
            true => (site.http, format!("/depot/{key}")),
            false => (site.admin, path(key)),
        };
        let method = if to.is_some() { Method::PUT } else { Method::DELETE };
        client.try_send(method, &path, &[], to.map(Content::bytes).unwrap_or_default())?.expect(200);
        self.note(key, Slot { holds: to, open: None });
        Ok(())
    }
}

fn path(key: &str) -> String {
    format!("/v1/buckets/depot/{key}")
}

/// What a key leads to.
fn read(admin: Client, key: &str) -> Result<Option<Bytes>, Box<dyn std::error::Error>> {
    let answer = admin.try_send(Method::GET, &path(key), &[], "")?;
    Ok(if answer.status == 404 { None } else { Some(answer.expect(200).body) })
}

impl Work for Blobs {
    fn sections(&self) -> String {
        let grants = "grants = { blob = { depot = \"read-write\" } }\n";
        function("depot", grants) + &route("/depot/{key}", "depot") + "[bucket.depot]\n"
    }

    fn workers(&self) -> usize {
        WORKERS
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        let door = if worker < WORKERS / 2 { "api" } else { "guest" };
        for number in 0.. {
            let key = format!("{door}-{worker}-{}", (round + number) % KEYS);
            let to = Some(Content { worker, round, number }).filter(|_| number % 7 != 6);
            if self.look(site.admin, &key).is_err() || self.change(site, &key, to).is_err() {
                return;
            }
            site.acknowledged();
        }
    }

    fn queues(&self) -> &[&str] {
        &[]
    }

    fn check(&self, host: &Host) -> String {
        let keys: Vec<_> = open(&self.0).keys().cloned().collect();
        keys.iter().for_each(|key| self.look(host.admin(), key).expect("an answer"));
        let slots = open(&self.0);
        for (key, slot) in &*slots {
            let found = read(host.admin(), key).expect("an answer");
            assert!(found == slot.holds.map(Content::bytes), "{key} should lead to {slot:?}");
        }
        let listed = look::blobs(host, "depot");
        let found: BTreeSet<_> = listed.iter().map(|blob| look::key(blob, "")).collect();
        let expected: BTreeSet<_> =
            slots.iter().filter(|(_, slot)| slot.holds.is_some()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(found, expected);
        let large = listed.iter().filter(|blob| blob["size"].as_u64() > Some(INLINE_MAX)).count();
        eventually("a folder without what nothing leads to", || (files(host) == large).then_some(()));
        format!("{} blobs are there, {large} in files", found.len())
    }
}

fn files(host: &Host) -> usize {
    std::fs::read_dir(host.data_dir().join("stores/blobs")).expect("the folder of content").count()
}
