//! Fuzzing: whatever reads bytes from outside answers, and never panics; what it accepts keeps the rules.
//!
//! `cargo test` tries each target for a moment, after all that is in `__fuzz__/TARGET/corpus` and `__fuzz__/TARGET/crashes`. A
//! finding is kept there, as a file of bytes. For long, ten minutes a target here:
//!
//! ```sh
//! BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p flint --test fuzz -- --test-threads 2
//! ```
//!
//! What only its crate can reach is tried there, in the same way: `-p flint --bins live::record`.
//!
//! A failure names its `BOLERO_RANDOM_SEED`, which repeats it. With `cargo bolero` and a nightly compiler, the same targets run
//! guided by coverage: `cargo bolero test --package flint --test fuzz router::…`.

mod component;
mod config;
mod cursor;
mod definition;
mod door;
mod http2;
mod outbound;
mod pem;
mod router;
mod store;
mod words;

use std::time::Duration;

/// How long `cargo test` tries a target.
const MOMENT: Duration = Duration::from_secs(1);

/// How many inputs it tries at most in that time.
const TRIES: usize = 100_000;

/// The longest input.
const LENGTH_MAX: usize = 1024;

/// Tries a target with what its folder in `__fuzz__` holds, and with arbitrary bytes.
macro_rules! fuzz {
    ($name:literal, |$input:ident| $body:expr) => {
        bolero::check!(name = $name)
            .with_test_time($crate::MOMENT)
            .with_iterations($crate::TRIES)
            .with_max_len($crate::LENGTH_MAX)
            .for_each(|$input: &[u8]| $body)
    };
}
pub(crate) use fuzz;

/// Makes a text of an input: as it is, if it starts with a space; else three bytes in four stand for a piece, to get further than
/// arbitrary characters do, and the others for themselves.
fn text(input: &[u8], pieces: &[&str]) -> String {
    match input.split_first() {
        Some((b' ', rest)) => String::from_utf8_lossy(rest).into_owned(),
        _ => {
            let piece = |byte: &u8| match byte {
                0xc0.. => char::from(byte & 0x7f).to_string(),
                _ => pieces[usize::from(*byte) % pieces.len()].to_owned(),
            };
            input.iter().map(piece).collect()
        }
    }
}

/// Reads an input byte by byte, as choices; at its end come zeros.
struct Script<'i>(std::slice::Iter<'i, u8>);

impl<'i> Script<'i> {
    fn of(input: &'i [u8]) -> Self {
        Self(input.iter())
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn raw(&mut self, count: u8) -> Vec<u8> {
        self.0.by_ref().take(usize::from(count)).copied().collect()
    }

    fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    fn is_over(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

/// Makes many short texts of an input, or one that is as it is.
fn texts(input: &[u8], pieces: &[&str]) -> Vec<String> {
    match input.first() {
        Some(b' ') => vec![text(input, pieces)],
        _ => input.chunks(5).map(|input| text(input, pieces)).collect(),
    }
}

/// Cuts an input in two at a byte of its own choice.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((at, rest)) = input.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(*at).min(rest.len()))
}
