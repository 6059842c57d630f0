//! Starts executions of workflows, tells of them, and tells them.

use super::api::Problem;
use super::api::workflow as api;
use super::api::workflow::{Accepted, Execution, Executions, History, List, Start, Started, Told, Why};
use super::show::millis;
use crate::live::workflows::Workflows;
use flint_config::platform;
use flint_model::{InvocationId, WorkflowName};
use flint_workflows::execution::{self, Described, ExecutionError};
use flint_workflows::failure::Failure;
use flint_workflows::history::Happened;
use flint_workflows::run::{Event, Ticket};
use http::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many executions are told when nobody says.
const LISTED: u32 = 100;

/// All workflows.
pub(crate) fn all(workflows: &BTreeMap<WorkflowName, platform::Workflow>) -> api::Workflows {
    let shown = |(name, workflow): (&WorkflowName, &platform::Workflow)| api::Workflow {
        workflow: name.to_string(),
        definition: workflow.definition.display().to_string(),
        kind: workflow.kind.as_str().to_owned(),
        concurrency: workflow.concurrency,
        retention_ms: millis(workflow.retention),
        runs_cached: workflow.runs_cached,
    };
    api::Workflows { workflows: workflows.iter().map(shown).collect() }
}

/// The executions of a workflow.
///
/// # Errors
/// A problem, if there is no such workflow.
pub(crate) fn of(workflows: &Workflows, name: &WorkflowName) -> Result<Arc<execution::Executions>, Problem> {
    workflows.get(name).cloned().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "workflow/no-such-workflow", format!("there is no workflow {name}"))
    })
}

/// Starts an execution.
///
/// # Errors
/// A problem, if there is one of this name with another input, or the stores refuse.
pub(crate) async fn start(executions: &execution::Executions, start: Start) -> Result<Started, Problem> {
    let name = start.name.unwrap_or_else(|| InvocationId::now().to_string());
    let input = start.input.unwrap_or_else(|| json!({}));
    let started = executions.start(&name, input, rand::random()).await?;
    Ok(Started { name, id: started.id, is_new: started.is_new })
}

/// Some executions.
///
/// # Errors
/// A problem, if the stores can't be read.
pub(crate) async fn list(
    executions: &execution::Executions,
    workflow: &WorkflowName,
    list: &List,
) -> Result<Executions, Problem> {
    let listed = executions.list(list.cursor.as_deref(), list.limit.unwrap_or(LISTED).max(1)).await?;
    let executions = listed.executions.into_iter().map(|described| shown(workflow, described)).collect();
    Ok(Executions { executions, cursor: listed.cursor })
}

/// An execution.
///
/// # Errors
/// A problem, if there is none of this name.
pub(crate) async fn describe(
    executions: &execution::Executions,
    workflow: &WorkflowName,
    name: &str,
) -> Result<Execution, Problem> {
    Ok(shown(workflow, executions.described(name).await?))
}

/// What happened in an execution.
///
/// # Errors
/// A problem, if there is none of this name.
pub(crate) async fn history(executions: &execution::Executions, name: &str) -> Result<History, Problem> {
    let events = executions.history(name).await?.iter().map(Happened::to_json).collect();
    Ok(History { events })
}

/// Stops an execution.
///
/// # Errors
/// A problem, if there is none of this name, or it has ended.
pub(crate) async fn stop(executions: &execution::Executions, name: &str, why: Why) -> Result<Accepted, Problem> {
    executions.stop(name, Failure::new(why.error, why.cause)).await?;
    Ok(Accepted { accepted: true })
}

/// Has an execution that did not succeed go on from where it failed.
///
/// # Errors
/// A problem, if there is none of this name, or it runs or has succeeded.
pub(crate) async fn redrive(executions: &execution::Executions, name: &str) -> Result<Accepted, Problem> {
    executions.redrive(name).await?;
    Ok(Accepted { accepted: true })
}

/// Tells the task of a token what became of it.
///
/// # Errors
/// A problem, if no task waits with this token.
pub(crate) async fn tell(workflows: &Workflows, told: Told) -> Result<Accepted, Problem> {
    let Told { token, output, error, cause } = told;
    let event = |task: Ticket| match (output.clone(), &error) {
        (Some(output), _) => Event::TaskEnded { task, result: Ok(output) },
        (None, Some(error)) => {
            let failure = Failure::new(error, cause.clone().unwrap_or_default());
            Event::TaskEnded { task, result: Err(failure) }
        }
        (None, None) => Event::TaskBeat { task },
    };
    for executions in workflows.values() {
        match executions.tell(&token, event).await {
            Err(ExecutionError::Missing { .. }) => {}
            told => return Ok(told.map(|()| Accepted { accepted: true })?),
        }
    }
    Err(Problem::new(StatusCode::NOT_FOUND, "workflow/no-such-task", "no task waits with this token"))
}

fn shown(workflow: &WorkflowName, described: Described) -> Execution {
    let Described { name, id, head } = described;
    let (error, cause) = head.failure.map(|failure| (failure.error, failure.cause)).unzip();
    Execution {
        name,
        id,
        workflow: workflow.to_string(),
        status: head.status.name().to_owned(),
        started_ms: head.started_at,
        stopped_ms: head.stopped_at,
        input: head.input,
        output: head.output,
        error,
        cause,
        redrives: head.redrives,
    }
}

impl From<ExecutionError> for Problem {
    fn from(error: ExecutionError) -> Self {
        let (status, code) = match &error {
            ExecutionError::Exists { .. } => (StatusCode::CONFLICT, "workflow/execution-exists"),
            ExecutionError::Missing { .. } => (StatusCode::NOT_FOUND, "workflow/no-such-execution"),
            ExecutionError::Ended { .. } => (StatusCode::CONFLICT, "workflow/execution-status"),
            ExecutionError::Name { .. } => (StatusCode::BAD_REQUEST, "workflow/invalid-name"),
            ExecutionError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "workflow/too-large"),
            ExecutionError::Corrupt { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "workflow/corrupt"),
            ExecutionError::Commit(error) => return super::problem::of_commit("workflow", error),
            ExecutionError::Read(error) => return super::problem::of_read("workflow", error),
        };
        Self::new(status, code, error.to_string())
    }
}
