//! Invocations that nobody waits for.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How a function is invoked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Given, with any value: the invocation is accepted for later, and the answer is 202 with its id.
    #[serde(default, rename = "async", skip_serializing_if = "Option::is_none")]
    pub(crate) asynchronous: Option<String>,
}

/// An invocation that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Accepted {
    /// By which its status is asked for.
    pub(crate) invocation: String,
}

/// What became of an invocation that nobody waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Status {
    pub(crate) invocation: String,
    pub(crate) status: Progress,
    /// While it runs: for which time it is tried, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
    /// When it succeeded: the answer, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<String>,
    /// When it succeeded: the answer, if it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer_base64: Option<String>,
    /// When it was given up: the kind of the last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// When it was given up: what happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// When this is forgotten. Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) expires_at_ms: u64,
}

/// How far an invocation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Progress {
    Queued,
    Running,
    Succeeded,
    Failed,
}
