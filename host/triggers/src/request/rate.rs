//! How often a client may ask: a bucket of tokens for each key, in bounded memory.
//!
//! A bucket is one number: the moment at which it would be full again (the generic cell rate algorithm of ATM, ITU-T I.371). One
//! that is full again is the same as one that never was, so buckets are forgotten: two maps, of which the older one is dropped
//! when the younger one is full. Who is forgotten early, because there are more clients than room, starts with a full bucket.

use super::forwarded::Origin;
use http::header::{HeaderMap, HeaderName};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What tells clients apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The address; of IPv6 its first 64 bits, since a client has as many addresses as it likes in the rest.
    Ip,
    /// What a header says. Requests without it are told apart by their address.
    Header(HeaderName),
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many requests …
    pub requests: u32,
    /// … in this time; at least one.
    pub per: Duration,
    /// So many at once, after a pause; at least one.
    pub burst: u32,
}

/// Counts the requests of a route by client.
#[derive(Debug)]
pub struct Rate {
    key: Key,
    pace: Pace,
    /// Keyed, so that nobody can choose keys that meet.
    hasher: RandomState,
    begun: Instant,
    keys_max: usize,
    buckets: Mutex<Buckets>,
}

/// A limit, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Pace {
    token: u64,
    full: u64,
}

#[derive(Debug, Default)]
struct Buckets {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
}

impl Rate {
    /// Keeps `keys_max` clients apart at most.
    pub fn new(limit: Limit, key: Key, keys_max: usize) -> Self {
        Self {
            key,
            pace: Pace::new(limit),
            hasher: RandomState::new(),
            begun: Instant::now(),
            keys_max,
            buckets: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The client asks too often; it may ask again after this time.
    pub(super) fn take(&self, headers: &HeaderMap, origin: &Origin) -> Result<(), Duration> {
        let named = match &self.key {
            Key::Ip => None,
            Key::Header(name) => headers.get(name),
        };
        let client =
            named.map_or_else(|| self.hasher.hash_one(network(origin.address)), |value| self.hasher.hash_one(value));
        let now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.get(client);
        let full_at = self.pace.take(full_at, now).map_err(Duration::from_nanos)?;
        buckets.put(client, full_at, self.keys_max.div_ceil(2));
        Ok(())
    }
}

/// The part of an address that belongs to one client.
pub(super) fn network(address: IpAddr) -> [u8; 8] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            // Of no client's: this network begins with zeros (RFC 4291, section 2.5.5).
            [0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            [a, b, c, d, e, f, g, h]
        }
    }
}

impl Pace {
    fn new(limit: Limit) -> Self {
        let per = u64::try_from(limit.per.as_nanos()).unwrap_or(u64::MAX);
        let token = (per / u64::from(limit.requests.max(1))).max(1);
        Self { token, full: token.saturating_mul(u64::from(limit.burst.max(1))) }
    }

    /// Takes a token from a bucket that is full at a moment; answers when it is full then, or how long it has none.
    fn take(self, full_at: u64, now: u64) -> Result<u64, u64> {
        let after = full_at.max(now).saturating_add(self.token);
        match (after - now).checked_sub(self.full) {
            None | Some(0) => Ok(after),
            Some(wait) => Err(wait),
        }
    }
}

impl Buckets {
    fn get(&self, client: u64) -> u64 {
        self.young.get(&client).or_else(|| self.old.get(&client)).copied().unwrap_or(0)
    }

    fn put(&mut self, client: u64, full_at: u64, max: usize) {
        if self.young.len() >= max && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Client;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_a_token_at_a_time() {
        let pace = Pace::new(Limit { requests: 2, per: Duration::from_secs(1), burst: 3 });
        let mut full_at = 0;
        let now = 10 * SECOND;
        for _ in 0..3 {
            full_at = pace.take(full_at, now).expect("a token");
        }
        assert_eq!(pace.take(full_at, now), Err(SECOND / 2));
        assert_eq!(pace.take(full_at, now + SECOND / 4), Err(SECOND / 4));
        full_at = pace.take(full_at, now + SECOND / 2).expect("a token");
        assert_eq!(pace.take(full_at, now + SECOND / 2), Err(SECOND / 2));
        // A long pause fills it, and no further.
        let later = now + 100 * SECOND;
        for _ in 0..3 {
            full_at = pace.take(full_at, later).expect("a token");
        }
        assert!(pace.take(full_at, later).is_err());
    }

    #[test]
    fn clients_are_told_apart_by_address_or_header_and_memory_is_bounded() {
        let limit = Limit { requests: 1, per: Duration::from_secs(3600), burst: 1 };
        let from = |address: &str| {
            let client = Client::new(std::net::SocketAddr::new(address.parse().expect("an address"), 1), false);
            Origin::of(&client, &HeaderMap::new(), &[])
        };
        let (none, mut one, mut two) = (HeaderMap::new(), HeaderMap::new(), HeaderMap::new());
        one.insert("x-key", "one".parse().expect("a value"));
        two.insert("x-key", "two".parse().expect("a value"));
        let by_ip = Rate::new(limit, Key::Ip, 100);
        for (address, passes) in [
            ("192.0.2.1", true),
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
        ] {
            assert_eq!(by_ip.take(&none, &from(address)).is_ok(), passes, "{address}");
        }
        let by_key = Rate::new(limit, Key::Header(HeaderName::from_static("x-key")), 100);
        let here = from("192.0.2.1");
        for (headers, passes) in [(&one, true), (&two, true), (&one, false), (&none, true), (&none, false)] {
            assert_eq!(by_key.take(headers, &here).is_ok(), passes, "{headers:?}");
        }
        for n in 0..10_000_u32 {
            _ = by_ip.take(&none, &from(&std::net::Ipv4Addr::from(n).to_string()));
        }
        let buckets = by_ip.buckets.lock().expect("unpoisoned");
        assert!(buckets.young.len() + buckets.old.len() <= 100);
    }
}
