//! Workflows at work: what happens to executions, their tasks, and the moments that they wait for.

use super::messages::unanswered;
use super::{Generation, Served};
use flint_config::platform::Kind;
use flint_model::{FunctionName, MessageId, QueueName, TopicName, WorkflowName};
use flint_stores::{BoxFuture, Delivery, Effect, Message, SendOptions};
use flint_triggers::message::{Blame, Consumer, Failed, Handled, Retry, Unanswered, Why};
use flint_workflows::execution::{Alarm, ExecutionError, Executions, Notice, Started, Work};
use flint_workflows::failure::{self, Failure};
use flint_workflows::resource::{Resource, Service, kebab};
use flint_workflows::run::{Event, Outcome};
use flint_world::{Failure as Unfinished, Invocation};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The executions of each workflow.
pub(crate) type Workflows = BTreeMap<WorkflowName, Arc<Executions>>;

/// What came of a start.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The execution runs, whatever happens, or ran before: a standard one.
    Started(Started),
    /// The execution is over: an express one.
    #[expect(dead_code, reason = "no express execution is run yet")]
    Ended(Outcome),
}

/// Why no execution was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// There is no such workflow: a change of the configuration was faster. A retry can help after the next one.
    #[error("there is no workflow {0}")]
    NoWorkflow(WorkflowName),
    /// Nobody runs express executions yet; `flint check` says so of the workflow. A retry can't help.
    #[error("express executions are not run yet, and {0} has no others")]
    Unserved(WorkflowName),
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
) -> Result<Answer, StartError> {
    let missing = || StartError::NoWorkflow(workflow.clone());
    let executions = current.workflows.get(workflow).ok_or_else(missing)?;
    match current.platform.workflows.get(workflow).ok_or_else(missing)?.kind {
        Kind::Standard => Ok(Answer::Started(executions.start(name, input, rand::random()).await?)),
        Kind::Express => Err(StartError::Unserved(workflow.clone())),
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

fn of_execution(error: &ExecutionError) -> Unanswered {
    host(error.to_string())
}

/// A message that says nothing: it is given up.
fn unreadable(delivery: &Delivery, reason: String) -> Failed {
    Failed { id: delivery.stored.message.id, why: Why::Failed { reason, retry: Retry::Never } }
}

async fn events(executions: &Executions, batch: &[Delivery]) -> Result<Handled, Unanswered> {
    let mut handled = Handled::default();
    let mut told: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for delivery in batch {
        match Notice::read(&delivery.stored.message.body) {
            Ok(notice) => told.entry(notice.execution).or_default().push(notice.event),
            Err(reason) => handled.failures.push(unreadable(delivery, reason)),
        }
    }
    for (name, events) in told {
        handled.effects.extend(executions.step(&name, events).await.map_err(|error| of_execution(&error))?);
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
        match Work::read(&delivery.stored.message.body) {
            Ok(work) => {
                let Done { result, effects } = task(current, &work, delivery).await?;
                handled.effects.extend(effects);
                handled.effects.push(executions.answered(&work, result));
            }
            Err(reason) => handled.failures.push(unreadable(delivery, reason)),
        }
    }
    Ok(handled)
}

/// What came of a task, and what it changes, which is committed with that.
struct Done {
    result: Result<Value, Failure>,
    effects: Vec<Effect>,
}

impl From<Result<Value, Failure>> for Done {
    fn from(result: Result<Value, Failure>) -> Self {
        Self { result, effects: Vec::new() }
    }
}

async fn task(current: &Generation, work: &Work, delivery: &Delivery) -> Result<Done, Unanswered> {
    let service = work.resource.as_deref().map(Resource::parse);
    let Some(Ok(resource)) = service else {
        let cause = format!("The state '{}' can't be run by a platform.", work.state);
        return Ok(Err(Failure::new(failure::name::RUNTIME, cause)).into());
    };
    Ok(match &resource.service {
        Service::Function { name } => invoke(current, name, &work.input, delivery).await?.into(),
        Service::Invoke => {
            let name = text(&work.input, "FunctionName");
            let payload = work.input.get("Payload").cloned().unwrap_or_else(|| json!({}));
            let answer = invoke(current, &name, &payload, delivery).await?;
            answer.map(|answer| json!({"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200})).into()
        }
        Service::SqsSendMessage => send(current, &work.input),
        Service::SnsPublish => publish(current, &work.input),
        // Nobody has to be told: a worker asks.
        _ => {
            let cause = format!("The resource '{}' is not served by this host.", resource.text);
            Err(Failure::new(failure::name::RUNTIME, cause)).into()
        }
    })
}

/// The last part of a name or an ARN, without version or alias, in kebab case.
pub(crate) fn function_of(name: &str) -> String {
    let name = name.split_once(":function:").map_or(name, |(_, name)| name);
    kebab(name.split(':').next().unwrap_or(name))
}

fn text(input: &Value, field: &str) -> String {
    match input.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// Calls a function. What only another moment would do better, the host is to blame for: the task comes again.
async fn invoke(
    current: &Generation,
    name: &str,
    input: &Value,
    delivery: &Delivery,
) -> Result<Result<Value, Failure>, Unanswered> {
    let found = FunctionName::parse(&function_of(name)).ok().and_then(|name| current.functions.get(&name));
    let Some(slot) = found else {
        let cause = format!("Function not found: {name}");
        return Ok(Err(Failure::new("Lambda.ResourceNotFoundException", cause)));
    };
    let invocation = Invocation::of_messages(std::slice::from_ref(delivery));
    Ok(match slot.choose().function.invoke(invocation, input.to_string().into()).await {
        Ok(answer) if answer.is_empty() => Ok(Value::Null),
        Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap_or_else(|_| json!(String::from_utf8_lossy(&answer)))),
        Err(Unfinished::Handler { name, message, .. }) => Err(Failure::new(name, message)),
        Err(failure @ (Unfinished::TimedOut(_) | Unfinished::NoFirstByte(_) | Unfinished::CpuExceeded(_))) => {
            Err(Failure::new(failure::name::TIMEOUT, failure.to_string()))
        }
        Err(
            failure @ (Unfinished::Overloaded { .. }
            | Unfinished::Exhausted
            | Unfinished::RequestMemory(_)
            | Unfinished::Draining),
        ) => return Err(unanswered(failure)),
        Err(failure) => Err(Failure::new(failure::name::TASK_FAILED, failure.to_string())),
    })
}

/// A body as AWS has it: a text as it is, anything else as JSON.
fn body(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// Sends a message to the queue that the last part of a URL or an ARN names.
fn send(current: &Generation, input: &Value) -> Done {
    let url = text(input, "QueueUrl");
    let name = url.rsplit(['/', ':']).next().unwrap_or_default();
    let queue = QueueName::parse(name).ok().filter(|queue| current.platform.queues.contains_key(queue));
    let Some(queue) = queue else {
        return Err(Failure::new("SQS.QueueDoesNotExistException", format!("There is no queue '{name}'."))).into();
    };
    let id = MessageId::now();
    let is_fifo = current.platform.queues.get(&queue).is_some_and(|queue| queue.is_fifo);
    let group = is_fifo.then(|| text(input, "MessageGroupId"));
    let message = Message { group, ..Message::new(id, body(input.get("MessageBody"))) };
    let deduplication_id = input.get("MessageDeduplicationId").and_then(Value::as_str).map(str::to_owned);
    let options = SendOptions { deduplication_id, ..SendOptions::default() };
    Done {
        result: Ok(json!({ "MessageId": id.to_string() })),
        effects: vec![Effect::QueueSend { queue, message, options }],
    }
}

/// Publishes to the topic that the last part of an ARN names.
fn publish(current: &Generation, input: &Value) -> Done {
    let arn = text(input, "TopicArn");
    let name = arn.rsplit(':').next().unwrap_or_default();
    let topic = TopicName::parse(name).ok().filter(|topic| current.platform.topics.contains_key(topic));
    let Some(topic) = topic else {
        return Err(Failure::new("SNS.NotFoundException", format!("There is no topic '{name}'."))).into();
    };
    let id = MessageId::now();
    let message = Message::new(id, body(input.get("Message")));
    Done { result: Ok(json!({ "MessageId": id.to_string() })), effects: vec![Effect::TopicPublish { topic, message }] }
}
