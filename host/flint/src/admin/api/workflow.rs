//! Executions of workflows.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// All workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Workflows {
    pub(crate) workflows: Vec<Workflow>,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Workflow {
    pub(crate) workflow: String,
    /// The file of its definition.
    pub(crate) definition: String,
    /// `standard` or `express`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Most tasks of its executions at once.
    pub(crate) concurrency: usize,
    /// How long an execution is kept after its end.
    pub(crate) retention_ms: u64,
    /// Most executions that are kept in memory between their steps.
    pub(crate) runs_cached: usize,
}

/// An execution that is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Makes the call idempotent: the same name with the same input answers the execution that is there. One is made up otherwise.
    pub(crate) name: Option<String>,
    /// What it gets, at most 256 KiB as JSON; `{}` if it is not there.
    #[schema(value_type = Object)]
    pub(crate) input: Option<Value>,
}

/// An execution that was started, or was there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Started {
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    /// Whether this call started it.
    pub(crate) is_new: bool,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Execution {
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    pub(crate) workflow: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub(crate) status: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) started_ms: u64,
    /// The same; none while it runs.
    pub(crate) stopped_ms: Option<u64>,
    #[schema(value_type = Object)]
    pub(crate) input: Value,
    /// What came out, if it succeeded.
    #[schema(value_type = Object)]
    pub(crate) output: Option<Value>,
    /// The name of the error, if it did not.
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    /// How often it was redriven.
    pub(crate) redrives: u32,
}

/// Some executions of a workflow, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Executions {
    pub(crate) executions: Vec<Execution>,
    /// Where to go on; none when these were the last.
    pub(crate) cursor: Option<String>,
}

/// Which executions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct List {
    /// The cursor of the page before.
    pub(crate) cursor: Option<String>,
    /// Most executions, 100 if nobody says.
    pub(crate) limit: Option<u32>,
}

/// What happened in an execution, as `GetExecutionHistory` of Step Functions tells it: a page of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct History {
    #[schema(value_type = Vec<Object>)]
    pub(crate) events: Vec<Value>,
    /// Where to go on; none when these were the last so far.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

/// Which events of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryPage {
    /// The cursor of the page before.
    pub(crate) cursor: Option<String>,
    /// Most events, at most 1,000, as many if nobody says; a page of large ones has fewer.
    pub(crate) limit: Option<u64>,
}

/// How a drawing is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GraphFormat {
    /// For terminals
    #[default]
    Text,
    /// For Markdown that draws Mermaid
    Mermaid,
    /// An image
    Svg,
}

/// How an execution is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Draw {
    /// `text` if nobody says.
    #[serde(default)]
    pub(crate) format: GraphFormat,
}

/// A drawing of a definition, with what became of its states in an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Drawn {
    pub(crate) graph: String,
}

/// A worker that asks an activity for a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeTask {
    /// Stands in the history.
    pub(crate) worker: Option<String>,
    /// How long to wait for one, at most a minute; not at all if nobody says.
    pub(crate) wait_ms: Option<u64>,
}

/// A task that a worker has taken on, if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TakenTask {
    /// With this its end is told.
    pub(crate) task_token: Option<String>,
    #[schema(value_type = Object)]
    pub(crate) input: Option<Value>,
}

/// Why an execution is stopped, or a task failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// The name of an error.
    #[serde(default)]
    pub(crate) error: String,
    #[serde(default)]
    pub(crate) cause: String,
}

/// What became of a task that waits for its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// The token, as the context object had it.
    pub(crate) token: String,
    /// What came out; or else it failed, if there is an `error`; or else it is worked on.
    #[schema(value_type = Object)]
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

/// It is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Accepted {
    pub(crate) accepted: bool,
}
