//! The init step of a function: it runs when the function is loaded, and every instance starts from what it left.

use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch};

fn lookup() -> Launch {
    Launch::config(&(function("lookup", "") + &route("/lookup/{n}", "lookup")))
}

fn check(host: &Host) {
    for (n, primes) in [(0, 0), (2, 1), (10, 4), (1000, 168), (100_000, 9592), (159_999, 14_683)] {
        let answer = host.http().get(&format!("/lookup/{n}")).expect(200).json();
        assert_eq!(answer["primes"], primes, "{answer}");
        let invoked = host.invoke("lookup", n.to_string()).expect(200).json();
        assert_eq!(invoked["primes"], primes, "{invoked}");
    }
    assert_eq!(host.http().get("/lookup/160000").expect(404).json()["code"], "lookup/out-of-range");
}

#[test]
fn a_function_answers_from_what_its_init_step_left() {
    // Each of the answers comes from an instance of its own, and the guest itself has nothing that would fill the table: where
    // init did not run before, the answer is `lookup/not-initialised`.
    check(&lookup().start());
}

#[test]
fn a_snapshot_is_kept_and_a_restart_begins_from_it() {
    let host = lookup().compile_anew().start();
    check(&host);
    let kept = std::fs::read_dir(host.data_dir().join("compiled")).expect("a folder").count();
    assert!(kept >= 2, "the compiled snapshot and its sum");
    check(&host.restart());
}
