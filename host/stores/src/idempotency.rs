//! Answers that are kept under a client's key, so that work which is asked for twice is done once.
//!
//! A record is a value of one key-value store that the host keeps for itself ([`StoreName::answers`](flint_model::StoreName::answers)): a claim while the
//! work is done, then what came of it. [`judge`] is the rule for whoever comes with a key. It follows
//! draft-ietf-httpapi-idempotency-key-header, section 2.6.

use bytes::Bytes;
use flint_model::InvocationId;
use serde::{Deserialize, Serialize};

use crate::kv::KvLimits;

/// The largest answer that any setting lets be kept, in bytes.
pub const ANSWER_SIZE_MAX: usize = 64 << 20;

/// The room for the head of an answer, in bytes: more than any listener lets through.
const HEAD_SIZE_MAX: usize = 2 << 20;

/// The limits of the store of answers.
pub fn limits() -> KvLimits {
    KvLimits { value_size_max: ANSWER_SIZE_MAX + HEAD_SIZE_MAX, ..KvLimits::default() }
}

/// Tells requests apart: two of the same parts have the same one, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these parts, in their order.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // With its length, so that no part can pass for the end of one and the beginning of the next.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The key of the store of answers that has this fingerprint.
    pub fn key(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which request it was.
    pub request: Fingerprint,
    /// How far it has come.
    pub state: State,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It is worked on.
    Running {
        /// By which run of a host. What another run of it began, it did not end: one host at a time has the stores.
        host: [u8; 16],
    },
    /// It was answered.
    Answered(Answer),
    /// It was answered with more than is kept.
    Lost,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Record {
    /// The record as a value of the store.
    pub fn to_bytes(&self) -> Bytes {
        // Numbers, texts and bytes always serialize.
        postcard::to_allocvec(self).unwrap_or_default().into()
    }

    /// Reads a record; none if the value is none of this program's.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// What whoever comes with a key is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Claim the key, and do the work.
    Work,
    /// Answer as before.
    Replay(Answer),
    /// Refuse: the key came with another request.
    Mismatch,
    /// Refuse for now: the first request is not done.
    Wait,
    /// Refuse: the work is done, and what it was answered with is not known.
    Lost,
}

/// Decides what a request is to do that comes to this run of a host with a key under which this is kept.
pub fn judge(found: Option<Record>, request: Fingerprint, host: InvocationId) -> Verdict {
    let Some(record) = found else { return Verdict::Work };
    if record.request != request {
        return Verdict::Mismatch;
    }
    match record.state {
        State::Running { host: other } if other != host.to_bytes() => Verdict::Work,
        State::Running { .. } => Verdict::Wait,
        State::Answered(answer) => Verdict::Replay(answer),
        State::Lost => Verdict::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer { status: 201, headers: vec![("x".to_owned(), vec![0xFF])], body: b"body".to_vec() }
    }

    #[test]
    fn a_key_is_for_one_request_which_is_worked_on_once_and_answered_as_often_as_it_comes() {
        let (us, them) = (InvocationId::now(), InvocationId::now());
        let request = Fingerprint::of(&[b"POST", b"/a", b"1"]);
        let running = |host: InvocationId| State::Running { host: host.to_bytes() };
        for (state, expected) in [
            (None, Verdict::Work),
            (Some(running(us)), Verdict::Wait),
            (Some(running(them)), Verdict::Work),
            (Some(State::Answered(answer())), Verdict::Replay(answer())),
            (Some(State::Lost), Verdict::Lost),
        ] {
            let found = state.map(|state| Record { request, state });
            assert_eq!(judge(found.clone(), request, us), expected);
            let other = Fingerprint::of(&[b"POST", b"/a", b"2"]);
            let mismatch = if found.is_some() { Verdict::Mismatch } else { Verdict::Work };
            assert_eq!(judge(found, other, us), mismatch);
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = Record { request: Fingerprint::of(&[]), state: State::Answered(answer()) };
        assert_eq!(Record::parse(&record.to_bytes()), Some(record));
        assert_eq!(Record::parse(b"something else"), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
        assert_eq!(Fingerprint::of(&[b"a"]).key().len(), 64);
    }
}
