//! Which connections may be open: so many at once, and so many of one client that there is room for others.
//!
//! Decides only: the listener accepts, opens, and says what has ended.

use super::activity::Activity;
use super::forwarded::is_listed;
use super::listener::Limits;
use super::rate::network;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::Id;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often all connections are looked at for idle ones, at most: who knocks more often pays for no more looks.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// How long a connection that was asked to end has for it before another one is asked: most take a moment, and each that is asked
/// more than needed is one that its client would have used again.
const FAREWELL: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Admission {
    connections_max: usize,
    per_client_max: usize,
    unbounded: Vec<IpNet>,
    open: HashMap<Id, Open>,
    clients: HashMap<Network, Client>,
    /// What was idle at the last look, the longest at the end. Who is idle still since the same moment is so for longer than
    /// whoever became idle later, so that this stays true until it is used up.
    idle: Vec<(Instant, Id)>,
    looked: Option<Instant>,
    /// When one was asked to end for the last time, and how many of those that were have not yet.
    asked: Option<Instant>,
    ending: usize,
}

/// What tells clients apart.
type Network = [u8; 8];

/// What becomes of a connection that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is room for it.
    Open,
    /// There will be, once another one ends.
    Wait,
    /// Its client has as many as it may.
    Refuse,
}

struct Open {
    /// None: of one that is not bounded.
    client: Option<Network>,
    activity: Arc<Activity>,
    end: CancellationToken,
    is_ending: bool,
}

#[derive(Default)]
struct Client {
    connections: usize,
    /// Whether the log has it that this is too many: once, or a client could fill the log.
    is_told: bool,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            connections_max: limits.connections_max,
            // A bound that is larger would be none.
            per_client_max: limits.connections_per_client_max.min((limits.connections_max / 2).max(1)),
            unbounded: limits.unbounded.clone(),
            open: HashMap::new(),
            clients: HashMap::new(),
            idle: Vec::new(),
            looked: None,
            asked: None,
            ending: 0,
        }
    }

    /// Decides on a connection from this address.
    pub(super) fn decide(&mut self, address: IpAddr) -> Verdict {
        let client = self.client(address).and_then(|client| self.clients.get_mut(&client));
        if let Some(client) = client.filter(|client| client.connections >= self.per_client_max) {
            if !client.is_told {
                client.is_told = true;
                tracing::warn!(%address, connections = client.connections, "a client opens more connections than it may");
            }
            return Verdict::Refuse;
        }
        if self.open.len() < self.connections_max { Verdict::Open } else { Verdict::Wait }
    }

    /// A connection is open; `end` lets it finish what it is at.
    pub(super) fn opened(&mut self, id: Id, address: IpAddr, activity: Arc<Activity>, end: CancellationToken) {
        let client = self.client(address);
        if let Some(client) = client {
            self.clients.entry(client).or_default().connections += 1;
        }
        self.open.insert(id, Open { client, activity, end, is_ending: false });
    }

    /// A connection has ended.
    pub(super) fn ended(&mut self, id: Id) {
        let Some(open) = self.open.remove(&id) else { return };
        self.ending -= usize::from(open.is_ending);
        let Some(network) = open.client else { return };
        let Some(client) = self.clients.get_mut(&network) else { return };
        client.connections -= 1;
        if client.connections == 0 {
            self.clients.remove(&network);
        }
    }

    /// Lets the connection end that has been idle for the longest time, if one is.
    pub(super) fn make_room(&mut self) {
        if self.ending > 0 && self.asked.is_some_and(|at| at.elapsed() < FAREWELL) {
            return;
        }
        if self.idle.is_empty() && self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            let idle = self.open.iter().filter(|(_, open)| !open.is_ending);
            self.idle = idle.filter_map(|(id, open)| Some((open.activity.idle_since()?, *id))).collect();
            self.idle.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        }
        while let Some((since, id)) = self.idle.pop() {
            let open = self.open.get_mut(&id);
            if let Some(open) = open.filter(|open| open.activity.idle_since() == Some(since)) {
                tracing::debug!("connection ended: idle, and another one needs its place");
                open.is_ending = true;
                open.end.cancel();
                (self.ending, self.asked) = (self.ending + 1, Some(Instant::now()));
                return;
            }
        }
    }

    fn client(&self, address: IpAddr) -> Option<Network> {
        (!is_listed(address, &self.unbounded)).then(|| network(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids are those of tasks, so there have to be some.
    async fn open(admission: &mut Admission, address: &str) -> (Id, Arc<Activity>, CancellationToken) {
        let id = tokio::spawn(async { tokio::task::id() }).await.expect("no panic");
        let (activity, end) = (Arc::new(Activity::new()), CancellationToken::new());
        admission.opened(id, ip(address), activity.clone(), end.clone());
        (id, activity, end)
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().expect("an address")
    }

    fn admission(connections_max: usize, connections_per_client_max: usize) -> Admission {
        let unbounded = vec!["10.0.0.0/8".parse().expect("a network")];
        Admission::new(&Limits { connections_max, connections_per_client_max, unbounded, ..Limits::default() })
    }

    #[tokio::test]
    async fn a_client_is_its_address_or_its_network_of_ipv6_and_some_are_not_bounded() {
        for (first, second, verdict) in [
            ("192.0.2.1", "192.0.2.1", Verdict::Refuse),
            ("192.0.2.1", "::ffff:192.0.2.1", Verdict::Refuse),
            ("192.0.2.1", "192.0.2.2", Verdict::Open),
            ("2001:db8::1", "2001:db8::2:3", Verdict::Refuse),
            ("2001:db8::1", "2001:db8:0:1::1", Verdict::Open),
            ("10.1.1.1", "10.1.1.1", Verdict::Open),
            ("10.1.1.1", "::ffff:10.1.1.1", Verdict::Open),
        ] {
            let mut admission = admission(10, 1);
            let (id, ..) = open(&mut admission, first).await;
            assert_eq!(admission.decide(ip(second)), verdict, "{first} {second}");
            admission.ended(id);
            assert_eq!(admission.decide(ip(second)), Verdict::Open, "{first} {second}");
            assert!(admission.clients.is_empty() && admission.open.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_way_and_whoever_was_asked_something_meanwhile_does_not() {
        let mut admission = admission(4, 4);
        let mut connections = Vec::new();
        for _ in 0..4 {
            tokio::time::advance(Duration::from_secs(1)).await;
            connections.push(open(&mut admission, "192.0.2.1").await);
        }
        let ended = |connections: &[(Id, Arc<Activity>, CancellationToken)]| -> Vec<_> {
            connections.iter().map(|(.., end)| end.is_cancelled()).collect()
        };
        // The second has begun to speak, and the first has been answered since.
        connections[1].1.received();
        connections[0].1.begin();
        connections[0].1.end();
        assert_eq!(admission.decide(ip("192.0.2.2")), Verdict::Wait);
        admission.make_room();
        assert_eq!(ended(&connections), [false, false, true, false]);
        admission.make_room();
        assert_eq!(ended(&connections), [false, false, true, false], "one is about to end");
        admission.ended(connections[2].0);
        admission.make_room();
        assert_eq!(ended(&connections), [true, false, true, false], "the fourth has only just come");
        // One that does not end is not waited for without end.
        tokio::time::advance(FAREWELL).await;
        admission.make_room();
        assert_eq!(ended(&connections), [true, false, true, true]);
        tokio::time::advance(FAREWELL).await;
        admission.make_room();
        assert_eq!(ended(&connections), [true, false, true, true], "none is idle");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_idle_at_the_last_look_and_is_no_more_stays() {
        let mut admission = admission(2, 2);
        let (first, second) = (open(&mut admission, "192.0.2.1").await, open(&mut admission, "192.0.2.1").await);
        tokio::time::advance(FAREWELL).await;
        admission.make_room();
        let ended = [&first, &second].map(|(.., end)| end.is_cancelled());
        assert_eq!(ended.iter().filter(|is_ended| **is_ended).count(), 1, "{ended:?}");
        let (gone, stays) = if ended[0] { (first, second) } else { (second, first) };
        admission.ended(gone.0);
        stays.1.begin();
        admission.make_room();
        assert!(!stays.2.is_cancelled());
    }
}
