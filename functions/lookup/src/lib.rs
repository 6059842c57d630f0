//! A heavy start that no event pays for: a table is built once, when the function is built, and is in the memory that every
//! instance starts from.
//!
//! The table answers how many prime numbers there are up to `n`.

use std::sync::OnceLock;

use flint_sdk::http::header;
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// The table knows the numbers below this: 160,000 entries of 2 bytes, which take about half a millisecond to compute.
const LIMIT: usize = 160_000;

/// At `n`, how many prime numbers there are up to `n`.
static PRIMES_UP_TO: OnceLock<Vec<u16>> = OnceLock::new();

#[derive(Serialize)]
struct Answer {
    n: usize,
    primes: u16,
}

/// The payload of an invocation.
#[derive(Deserialize)]
#[serde(transparent)]
struct Question(usize);

#[flint_sdk::init]
fn build_table() {
    // Nobody else can have set it: init is the first thing that runs.
    let _first = PRIMES_UP_TO.set(count_primes(LIMIT));
}

#[flint_sdk::http]
async fn lookup(request: Request) -> Result<Response, Problem> {
    let n = request.param_as("n")?;
    let answer = find(n).map_err(|why| {
        let status = match why {
            Unknown::OutOfRange => StatusCode::NOT_FOUND,
            Unknown::NotInitialised => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status).code(why.code()).detail(why.text())
    })?;
    let forever = [(header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((StatusCode::OK, forever, Json(answer)).into_response())
}

#[flint_sdk::invoke]
async fn answer(Question(n): Question) -> Result<Answer, Failure> {
    find(n).map_err(|why| Failure::new(why.code(), why.text()).never())
}

enum Unknown {
    OutOfRange,
    NotInitialised,
}

impl Unknown {
    fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange => "lookup/out-of-range",
            Self::NotInitialised => "lookup/not-initialised",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::OutOfRange => format!("the table knows the numbers below {LIMIT}"),
            Self::NotInitialised => "not initialised".to_owned(),
        }
    }
}

fn find(n: usize) -> Result<Answer, Unknown> {
    let table = PRIMES_UP_TO.get().ok_or(Unknown::NotInitialised)?;
    let primes = *table.get(n).ok_or(Unknown::OutOfRange)?;
    Ok(Answer { n, primes })
}

/// The sieve of Eratosthenes, then running sums.
fn count_primes(limit: usize) -> Vec<u16> {
    let mut composite = vec![false; limit];
    let mut counts = Vec::with_capacity(limit);
    let mut count = 0;
    for n in 0..limit {
        if n >= 2 && !composite[n] {
            count += 1;
            for multiple in (n * n..limit).step_by(n) {
                composite[multiple] = true;
            }
        }
        counts.push(count);
    }
    counts
}
