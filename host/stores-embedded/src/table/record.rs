//! The tables of small records: how far schedules have come, and what became of invocations.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `schedule` | schedule | the last tick, in milliseconds |
//! | `invocation` | id | until when it is known, little endian, and how far it has come |
//! | `invocation_expiry` | moment, id | nothing |
//!
//! How far an invocation has come is a byte and what belongs to it: 0 queued; 1 running, the attempt; 2 succeeded, the
//! answer; 3 failed, the length of the error, the error, the message.

use bytes::Bytes;
use flint_model::Timestamp;
use flint_stores::{Invocation, InvocationState};
use redb::TableDefinition;

use super::Corrupt;
use crate::table::queue::Bytewise;

pub(crate) const SCHEDULE: TableDefinition<'static, &'static str, u64> = TableDefinition::new("schedule");
pub(crate) const INVOCATION: Bytewise = Bytewise::new("invocation");
pub(crate) const INVOCATION_EXPIRY: TableDefinition<'static, &'static [u8], ()> =
    TableDefinition::new("invocation_expiry");

/// Writes a row of `invocation`.
pub(crate) fn invocation_row(invocation: &Invocation) -> Vec<u8> {
    let mut row = Vec::with_capacity(16 + invocation.state.size());
    row.extend(invocation.expires_at.as_millis().to_le_bytes());
    match &invocation.state {
        InvocationState::Queued => row.push(0),
        InvocationState::Running { attempt } => {
            row.push(1);
            row.extend(attempt.to_le_bytes());
        }
        InvocationState::Succeeded { answer } => {
            row.push(2);
            row.extend(answer);
        }
        InvocationState::Failed { error, message } => {
            row.push(3);
            row.extend((error.len() as u64).to_le_bytes());
            row.extend(error.as_bytes());
            row.extend(message.as_bytes());
        }
    }
    row
}

/// Reads a row of `invocation`.
pub(crate) fn parse_invocation(row: &[u8]) -> Result<Invocation, Corrupt> {
    let corrupt = Corrupt("a value of invocation");
    let (expires_at, state) = row.split_first_chunk().ok_or(corrupt)?;
    let text = |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned).map_err(|_| corrupt);
    let state = match state.split_first().ok_or(corrupt)? {
        (0, []) => InvocationState::Queued,
        (1, attempt) => {
            InvocationState::Running { attempt: u32::from_le_bytes(attempt.try_into().map_err(|_| corrupt)?) }
        }
        (2, answer) => InvocationState::Succeeded { answer: Bytes::copy_from_slice(answer) },
        (3, rest) => {
            let (length, rest) = rest.split_first_chunk().ok_or(corrupt)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| corrupt)?;
            let (error, message) = rest.split_at_checked(length).ok_or(corrupt)?;
            InvocationState::Failed { error: text(error)?, message: text(message)? }
        }
        _ => return Err(corrupt),
    };
    Ok(Invocation { state, expires_at: Timestamp::from_millis(u64::from_le_bytes(*expires_at)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_reads_as_it_was_written() {
        let text = str::to_owned;
        for state in [
            InvocationState::Queued,
            InvocationState::Running { attempt: 7 },
            InvocationState::Succeeded { answer: Bytes::new() },
            InvocationState::Succeeded { answer: Bytes::from_static(&[0, 255]) },
            InvocationState::Failed { error: text("é"), message: text("") },
            InvocationState::Failed { error: text(""), message: text("m") },
        ] {
            let invocation = Invocation { state, expires_at: Timestamp::from_millis(9) };
            assert_eq!(parse_invocation(&invocation_row(&invocation)), Ok(invocation));
        }
        let row = |state: &[u8]| [&[0; 8], state].concat();
        for row in [vec![0; 7], row(&[]), row(&[0, 0]), row(&[1, 0, 0, 0]), row(&[4]), row(&[3; 8]), row(&[3; 9])] {
            assert!(parse_invocation(&row).is_err(), "{row:?}");
        }
    }
}
