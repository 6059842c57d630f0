//! Errors of states: names, causes, and which of them a name in `ErrorEquals` means.

use serde::{Deserialize, Serialize};

/// An error that `Retry` and `Catch` look at, and that an execution fails with if neither takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's name, such as `States.Timeout` or `OutOfStockError`.
    pub error: String,
    /// What a person reads.
    pub cause: String,
}

/// The reserved error names ("Error handling in Step Functions workflows" of AWS's developer guide, and the appendix of the
/// Amazon States Language).
pub mod name {
    /// Matches any error name that may be caught.
    pub const ALL: &str = "States.ALL";
    /// A task sent no heartbeat in time.
    pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
    /// A task, or the execution, took longer than it may.
    pub const TIMEOUT: &str = "States.Timeout";
    /// A task failed.
    pub const TASK_FAILED: &str = "States.TaskFailed";
    /// A task had no right to do what it was to do.
    pub const PERMISSIONS: &str = "States.Permissions";
    /// `ResultPath` can't be applied to the input.
    pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
    /// A path of a payload template finds nothing. Only to be named: see [`RUNTIME`], which the service reports.
    pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
    /// A query of JSONata failed.
    pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
    /// A branch of a Parallel state failed. Only to be named: the service reports the error of the branch.
    pub const BRANCH_FAILED: &str = "States.BranchFailed";
    /// No rule of a Choice state matched, and it has no default.
    pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
    /// An intrinsic function was called with what it can't take.
    pub const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
    /// More items of a Map state failed than it tolerates.
    pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
    /// The items of a Map state can't be read.
    pub const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";
    /// The results of a Map state can't be written.
    pub const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";
    /// A payload is larger than it may be.
    pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
    /// The state itself can't be executed: most of the time a path that finds nothing.
    pub const RUNTIME: &str = "States.Runtime";

    /// What the names of the errors of HTTP tasks start with. Nothing here raises them; a definition may name them.
    const HTTP: &str = "States.Http.";

    /// Whether a name is one of those that may start with `States.`.
    #[must_use]
    pub fn is_reserved(error: &str) -> bool {
        RESERVED.contains(&error) || error.starts_with(HTTP)
    }

    /// All of them, but those of HTTP tasks.
    pub const RESERVED: [&str; 16] = [
        ALL,
        HEARTBEAT_TIMEOUT,
        TIMEOUT,
        TASK_FAILED,
        PERMISSIONS,
        RESULT_PATH_MATCH_FAILURE,
        PARAMETER_PATH_FAILURE,
        QUERY_EVALUATION_ERROR,
        BRANCH_FAILED,
        NO_CHOICE_MATCHED,
        INTRINSIC_FAILURE,
        EXCEED_TOLERATED_FAILURE_THRESHOLD,
        ITEM_READER_FAILED,
        RESULT_WRITER_FAILED,
        DATA_LIMIT_EXCEEDED,
        RUNTIME,
    ];
}

impl Failure {
    /// A failure with this name and cause.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }

    /// Whether one of these names, of a retrier or a catcher, means this failure.
    ///
    /// `States.Runtime` always makes the execution fail, whatever is named; `States.ALL` can't catch
    /// `States.DataLimitExceeded` either; `States.TaskFailed` means any error but `States.Timeout` (AWS's developer guide,
    /// "Error names"). A heartbeat that did not come is a time-out too.
    #[must_use]
    pub fn is_among(&self, names: &[String]) -> bool {
        if self.error == name::RUNTIME {
            return false;
        }
        let terminal = self.error == name::DATA_LIMIT_EXCEEDED;
        names.iter().any(|wanted| match wanted.as_str() {
            name::ALL => !terminal,
            name::TASK_FAILED => !terminal && self.error != name::TIMEOUT,
            name::TIMEOUT => [name::TIMEOUT, name::HEARTBEAT_TIMEOUT].contains(&self.error.as_str()),
            wanted => wanted == self.error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(error: &str, wanted: &str) -> bool {
        Failure::new(error, "").is_among(&[wanted.to_owned()])
    }

    /// "States.ALL: a wildcard that matches any known error name … can't catch the States.DataLimitExceeded terminal error or
    /// Runtime error types."
    /// "States.Runtime … isn't retriable, and will always cause the execution to fail."
    #[test]
    fn all_matches_what_is_not_terminal() {
        assert!(is("OutOfStock", "States.ALL") && is("States.Timeout", "States.ALL"));
        assert!(!is("States.DataLimitExceeded", "States.ALL") && !is("States.Runtime", "States.ALL"));
        assert!(!is("States.Runtime", "States.Runtime") && is("States.DataLimitExceeded", "States.DataLimitExceeded"));
    }

    /// "States.TaskFailed acts as a wildcard that matches any known error name except for States.Timeout."
    #[test]
    fn task_failed_matches_all_but_a_time_out() {
        assert!(is("OutOfStock", "States.TaskFailed") && is("States.TaskFailed", "States.TaskFailed"));
        assert!(!is("States.Timeout", "States.TaskFailed") && !is("States.Runtime", "States.TaskFailed"));
    }

    /// "States.Timeout: a Task state either ran longer than the TimeoutSeconds value, or failed to send a heartbeat for a
    /// period longer than the HeartbeatSeconds value."
    #[test]
    fn a_heartbeat_that_did_not_come_is_a_time_out() {
        assert!(is("States.HeartbeatTimeout", "States.Timeout"));
        assert!(!is("States.Timeout", "States.HeartbeatTimeout"));
    }
}
