//! What is random, and yet the same each time that an execution is replayed.

use super::given::{Given, Outcome};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Makes the seed of a place from the seed of what is around it, so that two places have different random values.
///
/// The result is the same on every machine and in every version, which a hash of the standard library does not promise.
#[must_use]
pub fn seed_at(seed: u64, place: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(place).finalize();
    digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// `States.UUID()`: a random UUID (RFC 9562, version 4).
#[expect(clippy::unnecessary_wraps, reason = "all functions have one type")]
pub(super) fn uuid(given: &Given) -> Outcome {
    let random: u128 = StdRng::seed_from_u64(given.seed).random();
    let version = random & !(0xf << 76) | 0x4 << 76;
    let variant = version & !(0b11 << 62) | 0b10 << 62;
    let digits = format!("{variant:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(Value::String(parts.join("-")))
}
