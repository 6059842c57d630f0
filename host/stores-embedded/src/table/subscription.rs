//! How far each subscription to changes of a store has come.
//!
//! `subscription` has a row for each that has begun: its key is the store's name, a NUL and the queue's name; its value is 0
//! and the last key that was told, or 1 if all was.

use flint_model::{QueueName, StoreName};
use flint_stores::kv::Position;

use super::{Corrupt, NAME_END};
use crate::table::queue::Bytewise;

pub(crate) const SUBSCRIPTION: Bytewise = Bytewise::new("subscription");

/// The key of a subscription.
pub(crate) fn subscription_key(store: &StoreName, queue: &QueueName) -> Vec<u8> {
    [store.as_str().as_bytes(), &[NAME_END], queue.as_str().as_bytes()].concat()
}

/// The value of a subscription that has begun.
pub(crate) fn position_row(position: &Position) -> Vec<u8> {
    match position {
        Position::New => [&[0], &b""[..]].concat(),
        Position::At(key) => [&[0], key.as_bytes()].concat(),
        Position::Done => vec![1],
    }
}

/// Reads the value of a subscription.
pub(crate) fn parse_position(row: &[u8]) -> Result<Position, Corrupt> {
    let corrupt = Corrupt("a value of subscription");
    match row.split_first() {
        Some((0, key)) => Ok(Position::At(str::from_utf8(key).map_err(|_| corrupt)?.to_owned())),
        Some((1, [])) => Ok(Position::Done),
        _ => Err(corrupt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_was_written() {
        for position in [Position::At("é\0".to_owned()), Position::At(String::new()), Position::Done] {
            assert_eq!(parse_position(&position_row(&position)), Ok(position));
        }
        assert_eq!(
            parse_position(&position_row(&Position::New)),
            Ok(Position::At(String::new())),
            "no key comes before"
        );
        for row in [&[][..], &[1, 0], &[2], &[0, 0xff]] {
            assert!(parse_position(row).is_err(), "{row:?}");
        }
    }
}
