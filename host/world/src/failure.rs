//! Why an invocation did not come to an answer, in the kinds that a trigger can act on.

use flint_engine::deadline::Elapsed;
use std::time::Duration;

/// Why an invocation failed.
///
/// The texts are for the caller and name nothing that the caller may not know; what else is known is in the log, under the
/// invocation's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The function runs as often at once as it may, and as many wait as may. A retry can help, after a back-off.
    #[error("the function is at its limit of {limit} concurrent invocations")]
    Overloaded {
        /// The limit that was met.
        limit: usize,
    },
    /// The host has no room for another instance, of any function. A retry can help, after a back-off.
    #[error("the host is at its limit of concurrent instances")]
    Exhausted,
    /// Requests and answers that are held whole take as much memory as they may, all together. A retry can help, after a back-off.
    #[error("the host holds requests and answers of {0}, as much as it may")]
    RequestMemory(flint_model::ByteSize),
    /// The host is shutting down. A retry can help, elsewhere or later.
    #[error("the host is shutting down")]
    Draining,
    /// The function ran longer than its `timeout`. A retry can help if the cause was passing.
    #[error("the function ran into its time-out of {}", flint_model::duration::display(*.0))]
    TimedOut(Duration),
    /// The function had nothing of its answer within its `first-byte-timeout`. A retry can help if the cause was passing.
    #[error("the function did not begin to answer within {}", flint_model::duration::display(*.0))]
    NoFirstByte(Duration),
    /// The function used more CPU time than its `cpu`. A retry rarely helps.
    #[error("the function used up its CPU time of {}", flint_model::duration::display(*.0))]
    CpuExceeded(Duration),
    /// The function trapped, in a limit of memory or by itself. The text is the trap's, without a backtrace.
    #[error("the function failed: {0}")]
    Trapped(String),
    /// The function wanted more memory than its `memory`, and trapped then.
    #[error("the function ran into its memory limit of {0}")]
    OutOfMemory(flint_model::ByteSize),
    /// The guest gave no answer, or one that is not valid, such as an error code of `wasi:http`.
    #[error("the function gave no valid answer: {0}")]
    NoAnswer(String),
    /// The function has no handler of the kind that was called. A retry can't help.
    #[error("the function has no {0} handler")]
    NoHandler(&'static str),
    /// The request ended early, or is not valid. A retry of the same can't help.
    #[error("the request can't be read: {0}")]
    BadRequest(String),
    /// A request or an answer is larger than its limit.
    #[error("the {what} is larger than {limit}")]
    TooLarge {
        /// `request` or `response`.
        what: &'static str,
        /// The limit that was met.
        limit: flint_model::ByteSize,
    },
    /// The handler's changes were to be committed together with its messages, and are more than one commit may make. A retry
    /// can't help.
    #[error("the function's changes can't be committed together: {0}")]
    ChangesTooLarge(flint_stores::TooLarge),
    /// The handler's changes were to be held back, and its instances are shared: it can't be told whose changes they are. A
    /// retry can't help.
    #[error("the function shares its instances, and can't be transactional")]
    Untransactional,
    /// The handler of an event answered with a failure of its own.
    #[error("{name}: {message}")]
    Handler {
        /// The kind of error, such as `ValidationError`.
        name: String,
        /// What the guest said of it.
        message: String,
        /// Whether the same event could succeed later, and after how long; none: it can't.
        retry: Option<Duration>,
    },
    /// A defect of the host. The log has more, under the invocation's id.
    #[error("the host failed to run the function")]
    Internal,
}

impl Failure {
    /// A stable code for people and programs: the part before the slash names the area.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Overloaded { .. } => "function/overloaded",
            Self::Exhausted => "host/exhausted",
            Self::RequestMemory(_) => "host/request-memory",
            Self::Draining => "host/draining",
            Self::TimedOut(_) => "function/timed-out",
            Self::NoFirstByte(_) => "function/no-first-byte",
            Self::CpuExceeded(_) => "function/cpu-exceeded",
            Self::Trapped(_) => "function/trapped",
            Self::OutOfMemory(_) => "function/out-of-memory",
            Self::NoAnswer(_) => "function/no-answer",
            Self::NoHandler(_) => "function/no-handler",
            Self::BadRequest(_) => "http/bad-request",
            Self::TooLarge { .. } => "http/too-large",
            Self::ChangesTooLarge(_) => "function/changes-too-large",
            Self::Untransactional => "function/untransactional",
            Self::Handler { .. } => "function/failed",
            Self::Internal => "host/internal",
        }
    }
}

impl From<Elapsed> for Failure {
    fn from(elapsed: Elapsed) -> Self {
        Self::TimedOut(elapsed.0)
    }
}
