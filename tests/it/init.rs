//! The init step of a function: it runs when the function is loaded, and every instance starts from what it left.

use crate::harness::guest::{function, route};
use crate::harness::{Host, Launch};
use serde_json::json;

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
fn a_table_that_takes_long_to_make_is_there_for_the_first_request() {
    let config = function("slow-start", "") + &route("/slow-start/{place}", "slow-start");
    let host = Launch::config(&config).start();
    // Of the numbers below 400,000, the one with the longest chain: <https://oeis.org/A006877>.
    for (place, number, steps) in [(0, 230_631, 442), (399_997, 2, 1), (399_998, 1, 0)] {
        let expected = json!({"place": place, "number": number, "steps": steps});
        assert_eq!(host.http().get(&format!("/slow-start/{place}")).expect(200).json(), expected);
        assert_eq!(host.invoke("slow-start", place.to_string()).expect(200).json(), expected);
    }
    assert_eq!(host.http().get("/slow-start/399999").expect(404).json()["code"], "slow-start/no-such-place");
}

#[test]
fn a_snapshot_is_kept_and_a_restart_begins_from_it() {
    let host = lookup().compile_anew().start();
    check(&host);
    let kept = std::fs::read_dir(host.data_dir().join("compiled")).expect("a folder").count();
    assert!(kept >= 2, "the compiled snapshot and its sum");
    check(&host.restart());
}
