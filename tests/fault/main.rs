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
mod messages;
mod orders;

use it::harness::{Launch, flint, root};
use orders::{Ledger, Writers};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::path::{Path, PathBuf};
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
    let folder = tempfile::tempdir().expect("a folder");
    let component = build_function(folder.path(), "order", &platform);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for backtrace in ["0", "1"] {
        let began = Instant::now();
        let mut ledger = Ledger::default();
        let mut host = Launch::config(&platform(&component)).env("RUST_BACKTRACE", backtrace).start();
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

/// Has the binary build a function, in a platform that is made of its source, and answers where its component is.
fn build_function(folder: &Path, name: &str, platform: &dyn Fn(&Path) -> String) -> PathBuf {
    let config = folder.join("build.toml");
    std::fs::write(&config, platform(&root().join("functions").join(name))).expect("a configuration");
    let data = folder.join("data");
    let args = [Path::new("build"), "--json".as_ref(), "--config".as_ref(), &config, "--data-dir".as_ref(), &data];
    let built = flint(folder, args).ok().json();
    built["components"][0]["component"].as_str().expect("a path").into()
}

fn platform(source: &Path) -> String {
    format!(
        "[function.order]\nsource = {source:?}\ngrants = {{ kv = {{ orders = \"read-write\" }} }}\n\n\
         [[route]]\npath = \"/orders\"\nfunction = \"order\"\n\n\
         [[route]]\npath = \"/orders/{{id}}\"\nfunction = \"order\"\n\n[kv.orders]\n"
    )
}
