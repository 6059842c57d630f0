//! What the stores refuse, as problems: the status follows from the kind of error, the code from the capability too.

use super::api::Problem;
use flint_stores::{CommitError, Missing, ReadError};
use http::StatusCode;

/// A read that failed; `area` is the capability, such as `kv`.
pub(crate) fn of_read(area: &str, error: &ReadError) -> Problem {
    let (status, code) = match error {
        ReadError::NoSuch(missing) => return no_such(missing),
        ReadError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        ReadError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
        ReadError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Problem::new(status, &format!("{area}/{code}"), error.to_string())
}

/// A change that was not made.
pub(crate) fn of_commit(area: &str, error: &CommitError) -> Problem {
    let (status, code) = match error {
        CommitError::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
        CommitError::BlobConflict { .. } => (StatusCode::CONFLICT, "conflict"),
        CommitError::NotACounter { .. } => (StatusCode::CONFLICT, "not-a-counter"),
        CommitError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        CommitError::NoSuch(missing) => return no_such(missing),
        CommitError::LeaseLost { .. } => (StatusCode::CONFLICT, "lease-lost"),
        CommitError::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, "full"),
        CommitError::Ticked { .. } => (StatusCode::CONFLICT, "ticked"),
        CommitError::TooDeep { .. } => (StatusCode::LOOP_DETECTED, "too-deep"),
        CommitError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
        CommitError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Problem::new(status, &format!("{area}/{code}"), error.to_string())
}

/// Something that the platform does not have.
pub(crate) fn no_such(missing: &Missing) -> Problem {
    let code = match missing {
        Missing::Store(_) => "kv/no-such-store",
        Missing::Queue(_) => "queue/no-such-queue",
        Missing::Bucket(_) => "blob/no-such-bucket",
        Missing::Topic(_) => "topic/no-such-topic",
    };
    Problem::new(StatusCode::NOT_FOUND, code, missing.to_string())
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        of_read("kv", &error)
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        of_commit("kv", &error)
    }
}
