//! Schedules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Schedules {
    pub(crate) schedules: Vec<Schedule>,
}

/// A schedule, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Schedule {
    pub(crate) schedule: String,
    pub(crate) when: String,
    pub(crate) zone: String,
    /// The function, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
    /// The workflow of which an execution is started, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<String>,
    /// What becomes of ticks that nobody was there for: `run-once` or `skip`.
    pub(crate) missed: String,
    /// What becomes of a tick while one before it is not done: `allow`, `queue` or `skip`.
    pub(crate) overlap: String,
    pub(crate) transactional: bool,
    pub(crate) grace_ms: u64,
    /// Ticks that are handled at once at most: 1, unless they may overlap.
    pub(crate) concurrency: usize,
    pub(crate) waiting_max: usize,
    pub(crate) max_receives: usize,
    pub(crate) retry_delay_ms: u64,
    pub(crate) retry_delay_max_ms: u64,
    /// The last tick that was sent or passed over; none if there was none. Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) last_ms: Option<u64>,
    /// The next tick; none if there is none any more.
    pub(crate) next_ms: Option<u64>,
    /// Ticks that wait.
    pub(crate) waiting: u64,
    /// Ticks that are handled now, or come again after a failure.
    pub(crate) hidden: u64,
}

/// A tick that was sent by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Ran {
    /// The id of the tick.
    pub(crate) id: String,
}
