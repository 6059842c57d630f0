//! Express executions: run in memory by whoever starts them, with the services that standard ones have.

use super::Generation;
use super::services::{Call, Done};
use flint_model::Timestamp;
use flint_stores::{BoxFuture, CommitError};
use flint_workflows::execution::{ExecutionError, Executions};
use flint_workflows::express::{self, World};
use flint_workflows::failure::{self, Failure};
use flint_workflows::run::{Outcome, TaskOrder};
use flint_world::Invocation;
use serde_json::Value;
use std::time::Duration;

/// How often a task is done again whose changes met those of others.
const CONFLICTS_MAX: u32 = 10;

/// Runs an execution to its end, to which this has led.
///
/// # Errors
/// [`ExecutionError::Name`], [`ExecutionError::TooLarge`].
pub(super) async fn run(
    current: &Generation,
    executions: &Executions,
    name: &str,
    input: Value,
    led: Invocation,
) -> Result<Outcome, ExecutionError> {
    let run = executions.in_memory(name, input, rand::random())?;
    let host = Host { current, executions, led };
    Ok(express::run(run, &host, executions.aside()).await)
}

/// What executions of this workflow call.
struct Host<'h> {
    current: &'h Generation,
    executions: &'h Executions,
    /// What led to it.
    led: Invocation,
}

impl World for Host<'_> {
    fn now(&self) -> u64 {
        Timestamp::now().as_millis()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn call(&self, order: Box<TaskOrder>) -> BoxFuture<'_, Result<Value, Failure>> {
        Box::pin(async move {
            let mut conflicts = 0;
            loop {
                let Done { result, effects } = self.done(&order, conflicts).await?;
                if effects.is_empty() {
                    return result;
                }
                match self.executions.commit(effects).await {
                    Ok(()) => return result,
                    // Another one changed what the task had read: it is done again.
                    Err(CommitError::Conflict { .. }) if conflicts < CONFLICTS_MAX => conflicts += 1,
                    Err(error) => return Err(Failure::new(failure::name::TASK_FAILED, error.to_string())),
                }
            }
        })
    }
}

impl Host<'_> {
    async fn done(&self, order: &TaskOrder, conflicts: u32) -> Result<Done, Failure> {
        let invocation = Invocation {
            attempt: order.attempt.saturating_add(conflicts).saturating_add(1),
            time_max: order.timeout.map(Duration::from_secs),
            depth: self.led.depth,
            ..Invocation::accept(Some(self.led.trace.clone()))
        };
        let (current, executions) = (self.current, self.executions);
        let call = Call { current, executions, resource: &order.resource, input: &order.input, invocation, work: None };
        // What another moment would do better has a name that a retrier of the definition can take.
        let too_busy = |reason| Failure::new("Lambda.TooManyRequestsException", reason);
        call.make().await.map_err(|unanswered| too_busy(unanswered.reason))
    }
}
