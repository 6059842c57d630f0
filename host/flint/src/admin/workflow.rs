//! Starts executions of workflows, tells of them, and tells them.

use super::api::Problem;
use super::api::workflow as api;
use super::api::workflow::{
    Accepted, Drawn, Execution, Executions, GraphFormat, History, HistoryPage, List, Start, Started, TakeTask,
    TakenTask, Told, Why,
};
use super::problem::{of_commit, of_read};
use super::show::millis;
use crate::live::Generation;
use crate::live::workflows::{self, Answer, StartError, Workflows};
use flint_config::platform;
use flint_model::{InvocationId, QueueName, Timestamp, WorkflowName};
use flint_stores::{Commit, CommitError, Effect, Receive, Settle, Stores};
use flint_workflows::definition::Machine;
use flint_workflows::draw::{self, Marks};
use flint_workflows::execution::{self, Described, ExecutionError, Status};
use flint_workflows::failure::{self, Failure};
use flint_workflows::history::Happened;
use flint_workflows::resource::kebab;
use flint_workflows::run::{Event, Outcome, Ticket};
use flint_world::Invocation;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many executions are told when nobody says.
const LISTED: u32 = 100;
/// How many events of a history a page has at most, and when nobody says.
const HISTORY: u64 = 1_000;
/// The longest that a worker waits for a task.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Between two looks at an execution whose end somebody waits for, at least and at most; in between a sixteenth of how long it
/// runs already.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(50);

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

/// Starts an execution, and waits for its end, however long that takes.
///
/// # Errors
/// As [`start`].
pub(crate) async fn run(current: &Generation, workflow: &WorkflowName, start: Start) -> Result<Execution, Problem> {
    let executions = of(&current.workflows, workflow)?;
    let name = start.name.unwrap_or_else(|| InvocationId::now().to_string());
    let input = start.input.unwrap_or_else(|| json!({}));
    let started_ms = Timestamp::now().as_millis();
    match workflows::start(current, workflow, &name, input.clone(), Invocation::accept(None)).await? {
        Answer::Started(_) => ended(&executions, workflow, &name).await,
        Answer::Ended(outcome) => {
            let status = outcome.status().to_owned();
            let (output, failure) = match outcome {
                Outcome::Succeeded(output) => (Some(output), None),
                Outcome::Failed(failure) | Outcome::Aborted(failure) => (None, Some(failure)),
                Outcome::TimedOut => (None, Some(Failure::new(failure::name::TIMEOUT, ""))),
            };
            let (error, cause) = failure.map(|failure| (failure.error, failure.cause)).unzip();
            let (id, workflow, stopped_ms) =
                (executions.id(&name), workflow.to_string(), Some(Timestamp::now().as_millis()));
            Ok(Execution {
                name,
                id,
                workflow,
                status,
                started_ms,
                stopped_ms,
                input,
                output,
                error,
                cause,
                redrives: 0,
            })
        }
    }
}

/// Waits for an execution's end.
async fn ended(executions: &execution::Executions, workflow: &WorkflowName, name: &str) -> Result<Execution, Problem> {
    let began = Instant::now();
    loop {
        let described = executions.described(name).await?;
        if described.head.status != Status::Running {
            return Ok(shown(workflow, described));
        }
        tokio::time::sleep((began.elapsed() / 16).clamp(PAUSE_MIN, PAUSE_MAX)).await;
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::NoWorkflow(_) => {
                Self::new(StatusCode::NOT_FOUND, "workflow/no-such-workflow", error.to_string())
            }
            StartError::Execution(error) => error.into(),
        }
    }
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

/// What happened in an execution, a page of it.
///
/// # Errors
/// A problem, if there is none of this name, or the cursor is none.
pub(crate) async fn history(
    executions: &execution::Executions,
    name: &str,
    page: &HistoryPage,
) -> Result<History, Problem> {
    let no_cursor = |_| {
        let detail = "the cursor is not one that a page of a history had";
        Problem::new(StatusCode::BAD_REQUEST, "workflow/invalid-cursor", detail)
    };
    let after = page.cursor.as_deref().map_or(Ok(0), str::parse).map_err(no_cursor)?;
    let most = page.limit.unwrap_or(HISTORY).clamp(1, HISTORY);
    let execution::History { events, cursor } = executions.history(name, after, most).await?;
    Ok(History {
        events: events.iter().map(Happened::to_json).collect(),
        cursor: cursor.map(|cursor| cursor.to_string()),
    })
}

/// Draws what an execution runs, with what became of its states.
///
/// # Errors
/// A problem, if there is none of this name.
pub(crate) async fn graph(
    executions: &execution::Executions,
    name: &str,
    format: GraphFormat,
) -> Result<Drawn, Problem> {
    let machine = executions.machine(name).await?;
    let marks = executions.marks(name).await?;
    Ok(Drawn { graph: drawn(&machine, &marks, format) })
}

/// A drawing.
pub(crate) fn drawn(machine: &Machine, marks: &Marks, format: GraphFormat) -> String {
    match format {
        GraphFormat::Text => draw::text(machine, marks),
        GraphFormat::Mermaid => draw::mermaid(machine, marks),
        GraphFormat::Svg => draw::svg(machine, marks),
    }
}

/// Has a worker take on a task of an activity: it is its own then, and nobody else gets it.
///
/// # Errors
/// A problem, if there is no such activity, or the stores refuse.
pub(crate) async fn take_task(
    stores: &dyn Stores,
    workflows: &Workflows,
    activity: &str,
    take: TakeTask,
) -> Result<TakenTask, Problem> {
    let missing = || {
        let detail = format!("there is no queue {}, which the activity {activity} would go through", kebab(activity));
        Problem::new(StatusCode::NOT_FOUND, "workflow/no-such-activity", detail)
    };
    let queue = QueueName::parse(&kebab(activity)).map_err(|_| missing())?;
    let wait = take.wait_ms.map(Duration::from_millis).unwrap_or_default().min(WAIT_MAX);
    let until = Instant::now() + wait;
    loop {
        let wait = until.saturating_duration_since(Instant::now());
        let receive = Receive { max: 1, wait, ..Receive::default() };
        let received = stores.queues().receive(&queue, receive).await.map_err(|error| match error {
            CommitError::NoSuch(_) => missing(),
            error => of_commit("workflow", &error),
        })?;
        let Some(delivery) = received.messages.into_iter().next() else { return Ok(TakenTask::default()) };
        let task: ActivityTask = serde_json::from_slice(&delivery.stored.message.body).map_err(|error| {
            let detail = format!("a message of the queue {queue} is no task of an activity: {error}");
            Problem::new(StatusCode::CONFLICT, "workflow/no-task", detail)
        })?;
        let told = tell_started(workflows, &task.task_token, take.worker.as_ref()).await?;
        let is_waited_for = told.is_some();
        let mut commit = Commit::settle(vec![Settle::done(delivery.receipt)]);
        commit.effects.extend(told);
        stores.commit(commit).await.map_err(|error| of_commit("workflow", &error))?;
        if is_waited_for {
            return Ok(TakenTask { task_token: Some(task.task_token), input: Some(task.input) });
        }
    }
}

/// What tells an execution that a worker has its task; none if no execution waits for the task any more.
async fn tell_started(
    workflows: &Workflows,
    token: &str,
    worker: Option<&String>,
) -> Result<Option<Effect>, ExecutionError> {
    for executions in workflows.values() {
        match executions.telling(token, |task| Event::TaskStarted { task, worker: worker.cloned() }).await {
            Err(ExecutionError::Missing { .. }) => {}
            told => return told.map(Some),
        }
    }
    Ok(None)
}

/// A message of an activity's queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivityTask {
    task_token: String,
    input: Value,
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
            ExecutionError::Express { .. } => (StatusCode::CONFLICT, "workflow/express"),
            ExecutionError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "workflow/too-large"),
            ExecutionError::Corrupt { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "workflow/corrupt"),
            ExecutionError::Commit(error) => return of_commit("workflow", error),
            ExecutionError::Read(error) => return of_read("workflow", error),
        };
        Self::new(status, code, error.to_string())
    }
}
