//! Functions whose results are random.

use super::{call, call_seeded, fails};
use crate::chance::seed_at;
use serde_json::{Value, json};

/// The results of a call for the seeds from 0 to 99.
fn results(text: &str) -> Vec<Value> {
    (0..100).map(|seed| call_seeded(text, &json!({}), seed).unwrap()).collect()
}

#[test]
fn a_random_number_is_at_least_the_start_and_less_than_the_end() {
    for number in results("States.MathRandom(1, 999)") {
        assert!((1..999).contains(&number.as_i64().unwrap()), "{number}");
    }
    for (text, expected) in [("States.MathRandom(1, 2)", 1), ("States.MathRandom(-1.6, -0.9)", -2)] {
        assert!(results(text).iter().all(|number| *number == expected), "{text}");
    }
    let both = results("States.MathRandom(0, 2)");
    assert!(both.contains(&json!(0)) && both.contains(&json!(1)));
}

#[test]
fn a_random_number_with_a_seed_is_always_the_same() {
    let numbers = results("States.MathRandom(0, 1000000, 42)");
    assert!(numbers.iter().all(|number| *number == numbers[0]));
    assert_ne!(Ok(numbers[0].clone()), call("States.MathRandom(0, 1000000, 43)", &json!({})));
}

#[test]
fn a_random_number_is_between_integers() {
    fails(
        &json!({}),
        [
            ("States.MathRandom(2, 2)", "the start number (2) must be less than the end number (2)"),
            ("States.MathRandom(3, 2)", "the start number (3) must be less than the end number (2)"),
            ("States.MathRandom('a', 2)", "argument 1 must be an integer, and is a string"),
            ("States.MathRandom(1, true)", "argument 2 must be an integer, and is true"),
            ("States.MathRandom(1, 2, null)", "argument 3 must be an integer, and is null"),
        ],
    );
}

#[test]
fn a_uuid_is_one_of_version_4() {
    for uuid in results("States.UUID()") {
        let uuid = uuid.as_str().unwrap();
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(&uuid[14..15], "4", "{uuid}");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        assert!(uuid.bytes().all(|byte| b"0123456789abcdef-".contains(&byte)), "{uuid}");
    }
}

#[test]
fn one_seed_gives_one_value_and_two_calls_give_two() {
    let pair = |seed| call_seeded("States.Array(States.UUID(), States.UUID())", &json!({}), seed).unwrap();
    assert_eq!(pair(1), pair(1));
    assert_ne!(pair(1), pair(2));
    assert_ne!(pair(1)[0], pair(1)[1]);
}

/// Whoever replays an execution has to find the same values, also with a later version of this crate.
#[test]
fn a_place_has_a_seed_that_never_changes() {
    assert_eq!(seed_at(1, "a"), 0x3b19_6fd4_907b_edf5);
    assert_ne!(seed_at(1, "a"), seed_at(1, "b"));
    assert_ne!(seed_at(1, "a"), seed_at(2, "a"));
}
