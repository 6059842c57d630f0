//! `kill -9` in the middle of 64 concurrent writers, over and over, on one data folder.
//!
//! The host is the real binary and the writers are clients of `functions/order`, which creates an order by one batch of two
//! keys: the order itself, and the key by which a duplicate is known, with the answer. After each restart every order that was
//! answered is there, no order is half there, and a client that got no answer can send its order again.

/// What the tests of the whole system share.
#[path = "../it"]
mod it {
    pub(crate) mod harness;
}
mod events;
mod orders;
mod torn;
mod workflows;

use it::harness::Launch;
use it::harness::guest::{function, route};
use orders::{Ledger, Writers};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::time::{Duration, Instant};

/// Kills that fall among most of the writers, with each setting of `RUST_BACKTRACE`: what the environment says changes the
/// speed of the host, and nothing else. Others come earlier, and are counted on top.
const KILLS: usize = 27;

/// So many rounds at most, if the machine is too slow for so many kills among most of the writers.
const ROUNDS_MAX: usize = 99;

/// The latest moment of a kill, mostly counted from the first answer.
const LATEST: Duration = Duration::from_millis(300);

#[test]
fn every_order_that_was_answered_survives_kill_9_and_none_is_half_there() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for backtrace in ["0", "1"] {
        let began = Instant::now();
        let mut ledger = Ledger::default();
        let mut host = Launch::config(&platform()).env("RUST_BACKTRACE", backtrace).start();
        let (mut round, mut busy) = (0, 0);
        while busy < KILLS {
            assert!(round < ROUNDS_MAX, "only {busy} of {round} kills fell among most of the writers");
            let writers = Writers::start(host.http(), round);
            // One in four falls around the first request.
            if rng.random_ratio(3, 4) {
                writers.wait_for_an_answer();
            }
            std::thread::sleep(LATEST.mul_f64(rng.random()));
            host = host.kill_and_restart();
            let told = writers.join();
            busy += usize::from(told.writers_answered() > orders::WRITERS / 2);
            ledger.check(&host, round, told);
            round += 1;
        }
        ledger.check_all(&host);
        assert!(host.stop().success());
        println!(
            "RUST_BACKTRACE={backtrace}: {round} kills, {busy} among most of {} writers; {ledger}; {:?}",
            orders::WRITERS,
            began.elapsed()
        );
    }
}

fn platform() -> String {
    let grants = "grants = { kv = { orders = \"read-write\" } }\n";
    let sections = [function("order", grants), route("/orders", "order"), route("/orders/{id}", "order")];
    sections.concat() + "[kv.orders]\n"
}
