//! `kill -9` in the midst of all that must not be lost, over and over, on one data folder.
//!
//! Several kinds of work go on side by side, each with a book of what it was told. The host is killed at a random moment and comes
//! back, round after round. When nothing is killed for a while and all is quiet, each book says what has to be there: what was
//! acknowledged, what followed from it exactly once, and nothing else.
//!
//! Runs in a short form; for the long one set `FLINT_FAULT_KILLS=2000`.

mod blobs;
pub(super) mod book;
mod calls;
mod changes;
mod fan_out;
mod jobs;
mod leases;
pub(super) mod look;
mod publications;
mod ticks;

use crate::it::harness::guest::function;
use crate::it::harness::{Client, Host, Launch, PATIENCE, Response};
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use std::error::Error;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// So many kills, if nobody says.
const KILLS: usize = 200;
/// So many kills between two checks.
const CHECKED: usize = 500;
/// The latest moment of a kill after the first answer.
const LATEST: Duration = Duration::from_millis(300);
/// Between two requests of a worker: what is accepted has to be handled, too.
const PAUSE: Duration = Duration::from_millis(5);
/// How long what is left may take when nothing is killed any more.
const QUIET: Duration = Duration::from_secs(180);

/// The section of a function that takes no longer than this. A lease lasts as long as what it was taken for may, so that what a kill
/// left to one comes again soon.
pub(super) fn brief(name: &str, lines: &str) -> String {
    function(name, &format!("timeout = \"1s\"\ncpu = \"1s\"\nqueue-timeout = \"1s\"\n{lines}"))
}

/// One kind of work, and the book of what has to come of it.
trait Work: Sync {
    /// The sections of `platform.toml` that it needs.
    fn sections(&self) -> String;

    /// How many do it at once.
    fn workers(&self) -> usize;

    /// Works until the host is gone, and writes down what it was told.
    fn work(&self, site: &Site, worker: usize, round: usize);

    /// The queues that are empty when all of it is done, as they stand in a path.
    fn queues(&self) -> &[&str];

    /// Compares what there is with the book, and says what it came to.
    fn check(&self, host: &Host) -> String;
}

/// A host that will be killed.
pub(super) struct Site {
    pub(super) http: Client,
    pub(super) admin: Client,
    /// Hears of each answer.
    pub(super) answered: Sender<()>,
}

impl Site {
    /// Says that something was acknowledged, and lets others have their turn.
    pub(super) fn acknowledged(&self) {
        // Who does not wait for the first does not listen.
        _ = self.answered.send(());
        std::thread::sleep(PAUSE);
    }
}

/// What came of a request: no answer, if the host was killed meanwhile.
pub(super) type Answer = Result<Response, Box<dyn Error>>;

/// Posts JSON to a host that may be gone.
pub(super) fn post(client: Client, path: &str, body: &Value) -> Answer {
    client.try_send(Method::POST, path, &[("content-type", "application/json")], body.to_string())
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_what_follows_happens_once() {
    let kills = std::env::var("FLINT_FAULT_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let works: [Box<dyn Work>; 8] = [
        Box::<jobs::Jobs>::default(),
        Box::<leases::Leases>::default(),
        Box::<fan_out::FanOut>::default(),
        Box::<publications::Publications>::default(),
        Box::<changes::Changes>::default(),
        Box::<blobs::Blobs>::default(),
        Box::<calls::Calls>::default(),
        Box::new(ticks::Ticks),
    ];
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let config: Vec<_> = works.iter().map(|work| work.sections()).collect();
    let mut host = Launch::config(&config.concat()).start();
    let began = Instant::now();
    for round in 0..kills {
        host = kill_among(&works, host, round, LATEST.mul_f64(rng.random()));
        if (round + 1) % CHECKED == 0 || round + 1 == kills {
            println!("{} kills after {:?}", round + 1, began.elapsed());
            wait_until_quiet(&works, &host);
            works.iter().for_each(|work| println!("{}", work.check(&host)));
        }
    }
    assert!(host.stop().success());
}

/// Kills the host so long after somebody had an answer, and starts it again.
fn kill_among(works: &[Box<dyn Work>], host: Host, round: usize, after: Duration) -> Host {
    let (answered, is_answered) = channel();
    std::thread::scope(|scope| {
        for work in works {
            for worker in 0..work.workers() {
                let site = Site { http: host.http(), admin: host.admin(), answered: answered.clone() };
                scope.spawn(move || work.work(&site, worker, round));
            }
        }
        is_answered.recv_timeout(PATIENCE).expect("the host answers");
        std::thread::sleep(after);
        host.kill_and_restart()
    })
}

fn wait_until_quiet(works: &[Box<dyn Work>], host: &Host) {
    let began = Instant::now();
    let depth = |queue: &&str| host.admin().get(&format!("/v1/queues/{queue}")).expect(200).json();
    loop {
        let left: Vec<_> = works.iter().flat_map(|work| work.queues()).map(depth).collect();
        if left.iter().all(|queue| queue["waiting"] == 0 && queue["hidden"] == 0) {
            return;
        }
        assert!(began.elapsed() < QUIET, "left after {QUIET:?}: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
