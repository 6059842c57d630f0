//! Messages that start executions of workflows: those of queues and topics, changes of stores, events of blobs, ticks.
//!
//! [`event`] says what an execution gets of a message and what it is named after it, [`request`] what it gets of a request. What
//! starts an execution is committed with the end of its message, so each message starts one, once.

pub(super) mod event;
pub(super) mod request;

use super::services::origin;
use super::workflows::{Answer, StartError, start};
use super::{Generation, Served};
use event::Start;
use flint_config::platform::{Kind, Source};
use flint_model::{ScheduleName, WorkflowName};
use flint_stores::{BoxFuture, Delivery, Effect};
use flint_triggers::message::{Blame, Consumer, Failed, Handled, Retry, Unanswered, Why};
use flint_workflows::execution::{ExecutionError, Executions};
use flint_workflows::failure::Failure;
use flint_workflows::run::Outcome;
use flint_world::Invocation;
use std::sync::Arc;

/// What the messages tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// What a trigger listens to.
    Trigger(Source),
    /// A schedule: they are its ticks.
    Schedule(ScheduleName),
}

/// Starts an execution with each message.
pub(super) struct ToWorkflow {
    pub(super) served: Arc<Served>,
    pub(super) workflow: WorkflowName,
    pub(super) origin: Origin,
}

impl Consumer for ToWorkflow {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let current = self.served.current();
            let kind = current.platform.workflows.get(&self.workflow).map(|workflow| workflow.kind);
            match (kind, current.workflows.get(&self.workflow)) {
                (Some(Kind::Standard), Some(executions)) => self.begin(executions, batch).await,
                (Some(Kind::Express), Some(_)) => self.run(&current, batch).await,
                _ => Err(host(format!("there is no workflow {}", self.workflow))),
            }
        })
    }
}

impl ToWorkflow {
    /// What starts standard executions, for the commit that ends the messages.
    async fn begin(&self, executions: &Executions, batch: &[Delivery]) -> Result<Handled, Unanswered> {
        let mut handled = Handled::default();
        for delivery in batch {
            let beginning = match event::of(&self.origin, delivery) {
                Ok(Start { name, input }) => {
                    executions.beginning(&name, input, rand::random(), origin(&led(delivery))).await
                }
                Err(reason) => {
                    handled.failures.push(failed(delivery, reason, Retry::Never));
                    continue;
                }
            };
            match beginning {
                Ok(beginning) => add(&mut handled.effects, beginning.effects),
                Err(error) => handled.failures.push(failed(delivery, error.to_string(), retry(&error)?)),
            }
        }
        Ok(handled)
    }

    /// Runs express executions, one after the other: a message is done when its execution ended well.
    async fn run(&self, current: &Generation, batch: &[Delivery]) -> Result<Handled, Unanswered> {
        let mut handled = Handled::default();
        for delivery in batch {
            let failure = match event::of(&self.origin, delivery) {
                Ok(Start { name, input }) => match start(current, &self.workflow, &name, input, led(delivery)).await {
                    Ok(Answer::Started(_) | Answer::Ended(Outcome::Succeeded(_))) => continue,
                    Ok(Answer::Ended(outcome)) => failed(delivery, said(outcome), Retry::Default),
                    Err(StartError::Execution(error)) => failed(delivery, error.to_string(), retry(&error)?),
                    Err(error @ StartError::NoWorkflow(_)) => return Err(host(error.to_string())),
                },
                Err(reason) => failed(delivery, reason, Retry::Never),
            };
            handled.failures.push(failure);
        }
        Ok(handled)
    }
}

/// That this message led to what it starts.
fn led(delivery: &Delivery) -> Invocation {
    Invocation::of_messages(std::slice::from_ref(delivery))
}

/// Adds what starts one more execution. The definition need not be written with each.
fn add(effects: &mut Vec<Effect>, beginning: Vec<Effect>) {
    for effect in beginning {
        let is_there = matches!(effect, Effect::KvPut { expect: None, .. }) && effects.contains(&effect);
        if !is_there {
            effects.push(effect);
        }
    }
}

/// Whether a message that starts nothing is tried again.
///
/// # Errors
/// If the host is to blame: then it comes again, for as long as it takes.
fn retry(error: &ExecutionError) -> Result<Retry, Unanswered> {
    match error {
        ExecutionError::Commit(_) | ExecutionError::Read(_) => Err(host(error.to_string())),
        ExecutionError::Corrupt { .. } => Ok(Retry::Default),
        ExecutionError::Exists { .. }
        | ExecutionError::Missing { .. }
        | ExecutionError::Ended { .. }
        | ExecutionError::Name { .. }
        | ExecutionError::Express { .. }
        | ExecutionError::TooLarge { .. } => Ok(Retry::Never),
    }
}

fn failed(delivery: &Delivery, reason: String, retry: Retry) -> Failed {
    Failed { id: delivery.stored.message.id, why: Why::Failed { reason, retry } }
}

fn host(reason: String) -> Unanswered {
    Unanswered { reason, blame: Blame::Host }
}

/// Why an execution did not end well, for whoever finds its message among the dead letters.
fn said(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(Failure { error, cause }) | Outcome::Aborted(Failure { error, cause }) => {
            format!("the execution failed: {error}: {cause}")
        }
        Outcome::TimedOut => "the execution ran into its time-out".to_owned(),
        Outcome::Succeeded(_) => "the execution succeeded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::StoreName;
    use flint_stores::Expectation;

    #[test]
    fn the_definition_is_written_once_for_all_that_start_together() {
        let put = |key: &str, expect| Effect::KvPut {
            store: StoreName::executions(),
            key: key.to_owned(),
            value: "value".into(),
            expires_at: None,
            expect,
        };
        let mut effects = Vec::new();
        for name in ["one", "two"] {
            add(&mut effects, vec![put(name, Some(Expectation::Absent)), put("definition", None)]);
        }
        let expected =
            [put("one", Some(Expectation::Absent)), put("definition", None), put("two", Some(Expectation::Absent))];
        assert_eq!(effects, expected);
    }

    #[test]
    fn only_what_the_host_can_mend_comes_again_for_ever() {
        let unavailable = flint_stores::ReadError::Unavailable { reason: flint_stores::Unavailable::Failed };
        assert!(retry(&ExecutionError::Read(unavailable)).is_err_and(|unanswered| unanswered.blame == Blame::Host));
        let too_large = ExecutionError::TooLarge { size: 2, max: 1 };
        assert_eq!(retry(&too_large), Ok(Retry::Never));
        assert_eq!(retry(&ExecutionError::Exists { name: "one".to_owned() }), Ok(Retry::Never));
    }
}
