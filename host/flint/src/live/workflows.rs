//! Workflows at work: what happens to executions, their tasks, and the moments that they wait for.

use super::services::{Call, Done, of_execution};
use super::{Generation, Served, express};
use flint_config::platform::Kind;
use flint_model::{MessageId, WorkflowName};
use flint_stores::{BoxFuture, Delivery, Effect};
use flint_triggers::message::{Blame, Consumer, Failed, Handled, Retry, Unanswered, Why};
use flint_workflows::execution::{Alarm, ExecutionError, Executions, Job, Notice, STEP_MAX, Started, Stepped, Work};
use flint_workflows::failure::{self, Failure};
use flint_workflows::resource::Resource;
use flint_workflows::run::Outcome;
use flint_world::Invocation;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The executions of each workflow.
pub(crate) type Workflows = BTreeMap<WorkflowName, Arc<Executions>>;

/// What came of a start.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The execution runs, whatever happens, or ran before: a standard one.
    Started(Started),
    /// The execution is over: an express one.
    Ended(Outcome),
}

/// Why no execution was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// There is no such workflow: a change of the configuration was faster. A retry can help after the next one.
    #[error("there is no workflow {0}")]
    NoWorkflow(WorkflowName),
    /// What is to be started can't be, or not now.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
}

/// Starts an execution of what is served; of an express workflow, waits for its end.
///
/// # Errors
/// [`StartError`].
pub(crate) async fn start(
    current: &Generation,
    workflow: &WorkflowName,
    name: &str,
    input: Value,
    led: Invocation,
) -> Result<Answer, StartError> {
    let missing = || StartError::NoWorkflow(workflow.clone());
    let executions = current.workflows.get(workflow).ok_or_else(missing)?;
    match current.platform.workflows.get(workflow).ok_or_else(missing)?.kind {
        Kind::Standard => Ok(Answer::Started(executions.start(name, input, rand::random()).await?)),
        Kind::Express => Ok(Answer::Ended(express::run(current, executions, name, input, led).await?)),
    }
}

/// What a queue of a workflow holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What happened to executions.
    Events,
    /// What is to be done for them.
    Tasks,
    /// The moments that they wait for.
    Timers,
}

impl Part {
    /// As [`crate::wire::workflow::dispatched`] has them.
    pub(super) const ALL: [Self; 3] = [Self::Events, Self::Tasks, Self::Timers];
}

/// Hands the messages of a workflow to its executions.
pub(super) struct ToExecutions {
    pub(super) served: Arc<Served>,
    pub(super) workflow: WorkflowName,
    pub(super) part: Part,
}

impl Consumer for ToExecutions {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let current = self.served.current();
            let Some(executions) = current.workflows.get(&self.workflow) else {
                return Err(host(format!("there is no workflow {}", self.workflow)));
            };
            match self.part {
                Part::Events => events(executions, batch).await,
                Part::Timers => timers(executions, batch).await,
                Part::Tasks => tasks(&current, executions, batch).await,
            }
        })
    }
}

fn host(reason: String) -> Unanswered {
    Unanswered { reason, blame: Blame::Host }
}

/// A message that says nothing: it is given up.
fn unreadable(delivery: &Delivery, reason: String) -> Failed {
    Failed { id: delivery.stored.message.id, why: Why::Failed { reason, retry: Retry::Never } }
}

async fn events(executions: &Executions, batch: &[Delivery]) -> Result<Handled, Unanswered> {
    let began = Instant::now();
    let mut handled = Handled::default();
    let mut told: BTreeMap<String, (Vec<MessageId>, Vec<Notice>)> = BTreeMap::new();
    for delivery in batch {
        match Notice::read(&delivery.stored.message.body) {
            Ok(notice) => {
                let (ids, notices) = told.entry(notice.to.clone()).or_default();
                ids.push(delivery.stored.message.id);
                notices.push(notice);
            }
            Err(reason) => handled.failures.push(unreadable(delivery, reason)),
        }
    }
    for (name, (ids, notices)) in told {
        // What is not begun in time comes again at once: a batch has to end long before its lease does.
        let stepped = match began.elapsed() < STEP_MAX {
            true => executions.step(&name, notices).await,
            false => Ok(Stepped { effects: Vec::new(), left: ids.len() }),
        };
        match stepped {
            Ok(Stepped { effects, left }) => {
                handled.effects.extend(effects);
                let left = ids.into_iter().rev().take(left);
                handled.failures.extend(left.map(|id| Failed { id, why: Why::NotTried }));
            }
            // The others' steps are none the worse for it.
            Err(error @ ExecutionError::Corrupt { .. }) => {
                tracing::error!(workflow = executions.workflow(), execution = name, %error, "an execution can't go on");
                let why = || Why::Failed { reason: error.to_string(), retry: Retry::Default };
                handled.failures.extend(ids.into_iter().map(|id| Failed { id, why: why() }));
            }
            Err(error) => return Err(of_execution(&error)),
        }
    }
    Ok(handled)
}

async fn timers(executions: &Executions, batch: &[Delivery]) -> Result<Handled, Unanswered> {
    let mut handled = Handled::default();
    for delivery in batch {
        match Alarm::read(&delivery.stored.message.body) {
            Ok(alarm) => handled.effects.extend(executions.fire(alarm).await.map_err(|error| of_execution(&error))?),
            Err(reason) => handled.failures.push(unreadable(delivery, reason)),
        }
    }
    Ok(handled)
}

/// Does tasks; there is one, as their queue is dispatched.
async fn tasks(current: &Generation, executions: &Executions, batch: &[Delivery]) -> Result<Handled, Unanswered> {
    let mut handled = Handled::default();
    for delivery in batch {
        let effects = match Job::read(&delivery.stored.message.body) {
            Ok(Job::Task(work)) => task(current, executions, &work, delivery).await?,
            Ok(Job::ReadItems { execution, seed, order }) => {
                executions.read_items(&execution, seed, &order).await.map_err(|error| of_execution(&error))?
            }
            Ok(Job::GatherResults(map)) => {
                executions.gather_results(&map).await.map_err(|error| of_execution(&error))?
            }
            Ok(Job::Run { name, input }) => {
                let led = Invocation::of_messages(std::slice::from_ref(delivery));
                let outcome = express::run(current, executions, &name, input, led).await;
                tracing::debug!(
                    workflow = executions.workflow(),
                    execution = name,
                    ?outcome,
                    "an express execution ended"
                );
                Vec::new()
            }
            Err(reason) => {
                handled.failures.push(unreadable(delivery, reason));
                continue;
            }
        };
        handled.effects.extend(effects);
    }
    Ok(handled)
}

/// Does a task, and answers what it changes, together with what tells its execution.
async fn task(
    current: &Generation,
    executions: &Executions,
    work: &Work,
    delivery: &Delivery,
) -> Result<Vec<Effect>, Unanswered> {
    if executions.is_given_up(work).await.map_err(|error| of_execution(&error))? {
        return Ok(Vec::new());
    }
    let resource = match Resource::parse(&work.resource) {
        Ok(resource) => resource,
        Err(reason) => {
            let failed = executions.answered(work, Err(Failure::new(failure::name::RUNTIME, reason)));
            return Ok(failed.into_iter().collect());
        }
    };
    let message = Invocation::of_messages(std::slice::from_ref(delivery));
    let invocation = Invocation {
        attempt: message.attempt.saturating_add(work.attempt),
        time_max: work.timeout.filter(|_| !work.waits()).map(Duration::from_secs),
        ..message
    };
    let call = Call { current, executions, resource: &resource, input: &work.input, invocation, work: Some(work) };
    let Done { result, mut effects } = call.make().await?;
    effects.extend(executions.answered(work, result));
    Ok(effects)
}
