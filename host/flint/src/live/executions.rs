//! Executions that functions start, look at, stop and tell: of the workflows as they are served at that moment.

use flint_model::{Timestamp, WorkflowName};
use flint_stores::{BoxFuture, Effect, Stores, Unavailable};
use flint_workflows::execution::{self, Described, ExecutionError, Executions, Origin};
use flint_workflows::failure::Failure;
use flint_workflows::run::{Event, Ticket};
use flint_workflows::size;
use flint_workflows::token::Token;
use flint_world::Workflows;
use flint_world::workflow::{Cause, Execution, Refused, Start, Started, Status, Told};
use serde_json::Value;
use std::sync::Arc;

/// The executions of the workflows that something finds by their names.
pub(crate) struct OfFunctions<F>(pub(crate) F);

impl<F> OfFunctions<F>
where
    F: Fn(&WorkflowName) -> Option<Arc<Executions>> + Send + Sync,
{
    /// The executions among which one of this id is, if it is, and its name.
    fn of<'i>(&self, id: &'i str) -> Result<(Arc<Executions>, &'i str), Refused> {
        let (workflow, name) = execution::of_id(id).ok_or(Refused::NoSuchExecution)?;
        let workflow = WorkflowName::parse(workflow).map_err(|_| Refused::NoSuchExecution)?;
        Ok(((self.0)(&workflow).ok_or(Refused::NoSuchExecution)?, name))
    }
}

impl<F> Workflows for OfFunctions<F>
where
    F: Fn(&WorkflowName) -> Option<Arc<Executions>> + Send + Sync,
{
    fn of_execution(&self, id: &str) -> Option<WorkflowName> {
        WorkflowName::parse(execution::of_id(id)?.0).ok()
    }

    fn of_token(&self, token: &str) -> Option<WorkflowName> {
        self.of_execution(&Token::read(token)?.execution)
    }

    fn start<'a>(&'a self, stores: &'a dyn Stores, start: Start<'a>) -> BoxFuture<'a, Result<Started, Refused>> {
        Box::pin(async move {
            let executions = (self.0)(start.workflow).ok_or(Refused::NoSuchWorkflow)?;
            let (input, origin) = (read("input", start.input)?, Origin::new(start.trace, start.depth));
            let beginning = executions.within(stores).beginning(start.name, input, rand::random(), origin).await;
            beginning.map(|beginning| Started { id: beginning.id, effects: beginning.effects }).map_err(refused)
        })
    }

    fn describe<'a>(&'a self, stores: &'a dyn Stores, id: &'a str) -> BoxFuture<'a, Result<Execution, Refused>> {
        Box::pin(async move {
            let (executions, name) = self.of(id)?;
            executions.within(stores).described(name).await.map(shown).map_err(refused)
        })
    }

    fn stop<'a>(
        &'a self,
        stores: &'a dyn Stores,
        id: &'a str,
        cause: Cause,
    ) -> BoxFuture<'a, Result<Vec<Effect>, Refused>> {
        Box::pin(async move {
            let (executions, name) = self.of(id)?;
            match executions.within(stores).stopping(name, failure(cause)).await {
                Ok(effect) => Ok(vec![effect]),
                Err(ExecutionError::Ended { .. }) => Ok(Vec::new()),
                Err(error) => Err(refused(error)),
            }
        })
    }

    fn tell<'a>(
        &'a self,
        stores: &'a dyn Stores,
        token: &'a str,
        told: Told<'a>,
    ) -> BoxFuture<'a, Result<Vec<Effect>, Refused>> {
        Box::pin(async move {
            let id = Token::read(token).ok_or(Refused::NoSuchExecution)?.execution;
            let (executions, _) = self.of(&id)?;
            let event: Box<dyn FnOnce(Ticket) -> Event + Send> = match told {
                Told::Succeeded(output) => {
                    let output = read("output", output)?;
                    Box::new(|task| Event::TaskEnded { task, result: Ok(output) })
                }
                Told::Failed(cause) => {
                    let failure = failure(cause);
                    Box::new(|task| Event::TaskEnded { task, result: Err(failure) })
                }
                Told::Beat => Box::new(|task| Event::TaskBeat { task }),
            };
            executions.within(stores).telling(token, event).await.map(|effect| vec![effect]).map_err(refused)
        })
    }
}

/// Reads JSON that a state is to get.
fn read(what: &str, text: &str) -> Result<Value, Refused> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Refused::Invalid(format!("the {what} is not JSON: {error}")))?;
    // A number may be longer than it was written.
    let (size, max) = (size::of(&value), size::PAYLOAD_MAX);
    if size > max {
        return Err(Refused::TooLarge(format!("the {what} {}", size::excess(size, max))));
    }
    Ok(value)
}

fn failure(cause: Cause) -> Failure {
    Failure::new(cause.error, cause.cause)
}

fn shown(described: Described) -> Execution {
    let head = described.head;
    let status = match head.status {
        execution::Status::Running => Status::Running,
        execution::Status::Succeeded => Status::Succeeded(head.output.unwrap_or_default().to_string()),
        execution::Status::Failed => {
            let (error, cause) = head.failure.map(|failure| (failure.error, failure.cause)).unwrap_or_default();
            Status::Failed(Cause { error, cause })
        }
        execution::Status::TimedOut => Status::TimedOut,
        execution::Status::Aborted => Status::Aborted,
    };
    Execution {
        status,
        started_at: Timestamp::from_millis(head.started_at),
        stopped_at: head.stopped_at.map(Timestamp::from_millis),
    }
}

fn refused(error: ExecutionError) -> Refused {
    match error {
        ExecutionError::Exists { .. } => Refused::Exists(error.to_string()),
        ExecutionError::Missing { .. } => Refused::NoSuchExecution,
        ExecutionError::Name { .. } | ExecutionError::Ended { .. } | ExecutionError::Express { .. } => {
            Refused::Invalid(error.to_string())
        }
        ExecutionError::TooLarge { .. } => Refused::TooLarge(error.to_string()),
        ExecutionError::Commit(error) => Refused::Store(error),
        ExecutionError::Read(error) => Refused::Store(error.into()),
        ExecutionError::Corrupt { .. } => {
            tracing::error!(%error, "a function asked for an execution that can't be read");
            Refused::Store(Unavailable::Failed.into())
        }
    }
}
