//! A start that takes about 100 ms of computing, as of a function that reads a model or builds an index.
//!
//! The table orders numbers by the length of their Collatz chains: a number is halved if it is even, and else tripled and one added,
//! until it is 1 (<https://oeis.org/A006577>).

use std::cmp::Reverse;
use std::sync::OnceLock;

use flint_sdk::http::Params;
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// The table has the numbers from 1 to below this: 1.6 MB, after some 43 million steps.
const LIMIT: u32 = 400_000;

/// Those with the longest chains first; of the same length, the smallest first.
static BY_CHAIN: OnceLock<Vec<u32>> = OnceLock::new();

#[derive(Serialize)]
struct Answer {
    place: usize,
    number: u32,
    steps: u32,
}

/// The payload of an invocation.
#[derive(Deserialize)]
#[serde(transparent)]
struct Place(usize);

#[flint_sdk::init]
fn order_chains() {
    // Nobody else can have set it: init is the first thing that runs.
    let _first = BY_CHAIN.set(by_chain(LIMIT));
}

#[flint_sdk::http(buffered)]
async fn number_at(params: Params) -> Result<Json<Answer>, Problem> {
    let place = params.get_as("place")?;
    find(place).map(Json).map_err(|why| Problem::new(StatusCode::NOT_FOUND).code(why.code).detail(why.text))
}

#[flint_sdk::invoke]
async fn answer(Place(place): Place) -> Result<Answer, Failure> {
    find(place).map_err(|why| Failure::new(why.code, why.text).never())
}

/// Why there is no number at a place.
struct Nothing {
    code: &'static str,
    text: &'static str,
}

fn find(place: usize) -> Result<Answer, Nothing> {
    let table = BY_CHAIN.get().ok_or(Nothing { code: "slow-start/not-initialised", text: "not initialised" })?;
    let number = *table.get(place).ok_or(Nothing { code: "slow-start/no-such-place", text: "the table is shorter" })?;
    Ok(Answer { place, number, steps: steps(number) })
}

fn by_chain(limit: u32) -> Vec<u32> {
    let mut chains: Vec<_> = (1..limit).map(|number| (Reverse(steps(number)), number)).collect();
    chains.sort_unstable();
    chains.into_iter().map(|(_, number)| number).collect()
}

/// From a number to 1.
fn steps(number: u32) -> u32 {
    // Below the limit, no chain gets beyond 64 bits.
    let mut at = u64::from(number);
    let mut steps = 0;
    while at > 1 {
        at = if at.is_multiple_of(2) { at / 2 } else { 3 * at + 1 };
        steps += 1;
    }
    steps
}
