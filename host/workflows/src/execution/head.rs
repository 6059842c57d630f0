//! What is known about an execution without its journal.

use super::Origin;
use crate::failure::Failure;
use crate::run::{Outcome, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is known about an execution: written when it starts and when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The hash of the definition that it was started with.
    pub definition: String,
    /// What it was started with.
    pub input: Value,
    /// What is random in it follows from this.
    pub seed: u64,
    /// What led to it.
    #[serde(default)]
    pub origin: Origin,
    /// In milliseconds since 1970.
    pub started_at: u64,
    /// In milliseconds since 1970, if it has ended.
    pub stopped_at: Option<u64>,
    /// How it is.
    pub status: Status,
    /// What came out, if it succeeded.
    pub output: Option<Value>,
    /// Why it did not, if it did not.
    pub failure: Option<Failure>,
    /// How often it was redriven.
    pub redrives: u32,
    /// Who waits for its end, if somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// Who waits for an execution's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Parent {
    /// A task that started it (`.sync`).
    Task {
        /// The inbox of the workflow of the execution that the task is of.
        inbox: String,
        /// That execution's name.
        execution: String,
        /// Its seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
        /// The task's number in it.
        task: Ticket,
        /// Whether input and output are told as JSON, rather than as texts (`.sync:2`).
        is_json: bool,
    },
    /// The map run whose item it is.
    Map {
        /// The map run's name.
        map: String,
        /// Its seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
        /// The Map state's name.
        state: String,
        /// Which item: counts from 0.
        index: usize,
    },
}

/// How an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// It took too long.
    TimedOut,
    /// It was stopped.
    Aborted,
}

impl Status {
    /// As AWS names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

impl Head {
    /// The head of an execution that starts.
    pub(super) fn new(definition: String, input: Value, seed: u64, started_at: u64) -> Self {
        Self {
            definition,
            input,
            seed,
            origin: Origin::default(),
            started_at,
            stopped_at: None,
            status: Status::Running,
            output: None,
            failure: None,
            redrives: 0,
            parent: None,
        }
    }

    /// The head when the execution has ended so.
    pub(super) fn ended(self, outcome: &Outcome, now: u64) -> Self {
        let (status, output, failure) = match outcome {
            Outcome::Succeeded(output) => (Status::Succeeded, Some(output.clone()), None),
            Outcome::Failed(failure) => (Status::Failed, None, Some(failure.clone())),
            Outcome::TimedOut => (Status::TimedOut, None, Some(Failure::new(crate::failure::name::TIMEOUT, ""))),
            Outcome::Aborted(failure) => (Status::Aborted, None, Some(failure.clone())),
        };
        Self { status, output, failure, stopped_at: Some(now), ..self }
    }

    /// The head when the execution goes on.
    pub(super) fn redriven(self, redrives: u32) -> Self {
        Self { status: Status::Running, failure: None, stopped_at: None, redrives, ..self }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        // Maps whose keys are texts can be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}
