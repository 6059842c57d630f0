//! `flint:platform/workflow`: executions that a guest starts, looks at and stops, and tasks that it ends by their tokens.
//!
//! A grant is for a workflow. An execution's id and a token say of which one they are, so the grant is checked before anything
//! is looked for.

use super::sender::{Sender, sender};
use super::stores::Spent;
use crate::bindings::platform::workflow as wit;
use crate::state::{Platform, State};
use crate::workflow::{Cause, Execution, Refused, Start, Started, Status, Told};
use flint_model::{Access, Capability, InvocationId, WorkflowName};
use flint_stores::{CommitError, Effect, Unavailable};
use wasmtime::component::Accessor;

/// The most bytes of an input, an output or a cause: those of a payload of a state.
const PAYLOAD_MAX: usize = 256 * 1024;

/// So often a start looks again that meets others of the same name: they start it, or forget one that has ended.
const ATTEMPTS_MAX: usize = 5;

impl wit::Host for &mut State {}

impl<T> wit::HostWithStore<T> for Platform {
    async fn start(
        accessor: &Accessor<T, Self>,
        workflow: String,
        input: String,
        name: Option<String>,
    ) -> Result<String, wit::Error> {
        sender(accessor).start(workflow, &input, name).await
    }

    async fn describe(accessor: &Accessor<T, Self>, execution: String) -> Result<wit::Execution, wit::Error> {
        sender(accessor).describe(execution).await
    }

    async fn stop(accessor: &Accessor<T, Self>, execution: String, cause: wit::Cause) -> Result<(), wit::Error> {
        sender(accessor).stop(&execution, cause).await
    }

    async fn task_succeeded(accessor: &Accessor<T, Self>, token: String, output: String) -> Result<(), wit::Error> {
        sender(accessor).tell(&token, output.len(), Told::Succeeded(&output)).await
    }

    async fn task_failed(accessor: &Accessor<T, Self>, token: String, cause: wit::Cause) -> Result<(), wit::Error> {
        sender(accessor).tell(&token, size(&cause), Told::Failed(cause.into())).await
    }

    async fn task_heartbeat(accessor: &Accessor<T, Self>, token: String) -> Result<(), wit::Error> {
        sender(accessor).tell(&token, 0, Told::Beat).await
    }
}

impl Sender {
    /// Starts an execution, or finds the one of this name.
    async fn start(&self, workflow: String, input: &str, name: Option<String>) -> Result<String, wit::Error> {
        self.allows(&workflow, Access::Start)?;
        let max = self.account.function.invoke_depth_max;
        if self.depth() >= max {
            let why = "a workflow probably has functions start it again, in a circle";
            return Err(wit::Error::Invalid(format!("more than {max} calls and messages led to this start: {why}")));
        }
        self.account.count()?;
        let beside = name.as_ref().map_or(0, String::len);
        let bytes = self.spend(input.len(), beside)?;
        let name = name.unwrap_or_else(|| InvocationId::at(self.account.function.clock.now()).to_string());
        let parsed = WorkflowName::parse(&workflow).map_err(|_| wit::Error::NoSuchWorkflow(workflow.clone()))?;
        let _turn = self.account.enter(bytes).await.map_err(unavailable)?;
        let (trace, depth) = (self.trace(), self.depth());
        let start = Start { workflow: &parsed, name: &name, input, trace: trace.as_ref(), depth };
        let (workflows, stores) = (&self.account.function.workflows, &*self.account.stores);
        for _ in 0..ATTEMPTS_MAX {
            let started = workflows.start(stores, start).await;
            let Started { id, effects } = started.map_err(|refused| of_refused(refused, &workflow))?;
            match self.commit(effects).await {
                Ok(()) => return Ok(id),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(unavailable(Unavailable::Overloaded))
    }

    async fn describe(&self, id: String) -> Result<wit::Execution, wit::Error> {
        let (workflows, stores) = (&self.account.function.workflows, &*self.account.stores);
        let missing = || wit::Error::NoSuchExecution(id.clone());
        let workflow = workflows.of_execution(&id).ok_or_else(missing)?;
        self.allows(workflow.as_str(), Access::Read)?;
        self.account.count()?;
        let _turn = self.account.enter(id.len()).await.map_err(unavailable)?;
        let described = workflows.describe(stores, &id).await;
        let Execution { status, started_at, stopped_at } = described.map_err(|refused| of_refused(refused, &id))?;
        if let Status::Succeeded(output) = &status {
            self.account.spend(output.len())?;
        }
        let (started_at, stopped_at) = (started_at.as_millis(), stopped_at.map(|at| at.as_millis()));
        Ok(wit::Execution { id, workflow: workflow.to_string(), status: status.into(), started_at, stopped_at })
    }

    async fn stop(&self, id: &str, cause: wit::Cause) -> Result<(), wit::Error> {
        let (workflows, stores) = (&self.account.function.workflows, &*self.account.stores);
        let workflow = workflows.of_execution(id).ok_or_else(|| wit::Error::NoSuchExecution(id.to_owned()))?;
        self.allows(workflow.as_str(), Access::Start)?;
        self.account.count()?;
        let bytes = self.spend(size(&cause), id.len())?;
        let _turn = self.account.enter(bytes).await.map_err(unavailable)?;
        let stopping = workflows.stop(stores, id, cause.into()).await;
        Ok(self.commit(stopping.map_err(|refused| of_refused(refused, id))?).await?)
    }

    /// Tells a task what became of it, in so many bytes.
    async fn tell(&self, token: &str, size: usize, told: Told<'_>) -> Result<(), wit::Error> {
        let (workflows, stores) = (&self.account.function.workflows, &*self.account.stores);
        let workflow = workflows.of_token(token).ok_or_else(no_such_task)?;
        self.allows(workflow.as_str(), Access::Callback)?;
        self.account.count()?;
        let bytes = self.spend(size, token.len())?;
        let _turn = self.account.enter(bytes).await.map_err(unavailable)?;
        let telling = workflows.tell(stores, token, told).await;
        let effects = telling.map_err(|refused| match refused {
            Refused::NoSuchExecution | Refused::NoSuchWorkflow => no_such_task(),
            other => of_refused(other, ""),
        })?;
        Ok(self.commit(effects).await?)
    }

    fn allows(&self, workflow: &str, access: Access) -> Result<(), wit::Error> {
        if self.account.allows(Capability::Workflow, workflow, access) {
            return Ok(());
        }
        Err(wit::Error::Denied(format!("the function has no grant `{access}` of the workflow {workflow:?}")))
    }

    /// Counts what a call was given: what the execution gets, which has a limit, and what stands beside it. Answers the sum.
    fn spend(&self, payload: usize, beside: usize) -> Result<usize, wit::Error> {
        if payload > PAYLOAD_MAX {
            return Err(wit::Error::TooLarge(format!("{payload} bytes, and at most {PAYLOAD_MAX} are taken")));
        }
        let bytes = payload.saturating_add(beside);
        self.account.spend(bytes)?;
        Ok(bytes)
    }

    async fn commit(&self, effects: Vec<Effect>) -> Result<(), CommitError> {
        if effects.is_empty() {
            return Ok(());
        }
        self.account.commit(effects).await.map(drop)
    }
}

fn size(cause: &wit::Cause) -> usize {
    cause.error.len() + cause.cause.len()
}

/// What it says is the same for a token that was never one and for one whose task has ended.
fn no_such_task() -> wit::Error {
    wit::Error::NoSuchExecution("no task waits with this token".to_owned())
}

fn unavailable(reason: Unavailable) -> wit::Error {
    wit::Error::Unavailable(reason.to_string())
}

/// What stands in the way of something with this name or id.
fn of_refused(refused: Refused, what: &str) -> wit::Error {
    match refused {
        Refused::NoSuchWorkflow => wit::Error::NoSuchWorkflow(what.to_owned()),
        Refused::NoSuchExecution => wit::Error::NoSuchExecution(what.to_owned()),
        Refused::Exists(why) => wit::Error::Conflict(why),
        Refused::TooLarge(why) => wit::Error::TooLarge(why),
        Refused::Invalid(why) => wit::Error::Invalid(why),
        Refused::Store(error) => error.into(),
    }
}

impl From<wit::Cause> for Cause {
    fn from(cause: wit::Cause) -> Self {
        Self { error: cause.error, cause: cause.cause }
    }
}

impl From<Status> for wit::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Succeeded(output) => Self::Succeeded(output),
            Status::Failed(Cause { error, cause }) => Self::Failed(wit::Cause { error, cause }),
            Status::TimedOut => Self::TimedOut,
            Status::Aborted => Self::Aborted,
        }
    }
}

impl From<Spent> for wit::Error {
    fn from(spent: Spent) -> Self {
        Self::TooLarge(spent.to_string())
    }
}

impl From<CommitError> for wit::Error {
    fn from(error: CommitError) -> Self {
        match error {
            // More than a transaction may hold.
            CommitError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            // The queue of what happens to executions.
            CommitError::Full { .. } => Self::Unavailable(error.to_string()),
            CommitError::Invalid(invalid) => Self::Invalid(invalid.to_string()),
            CommitError::Unavailable { reason } => unavailable(reason),
            // The store and the queues are the host's own, and what is looked at is looked at again.
            _ => unavailable(Unavailable::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_stores::{Invalid, TooLarge, What};

    /// Whether a retry can help is told by the case, so each refusal has to be the right one.
    #[test]
    fn what_is_refused_is_told_by_its_case() {
        let too_large = TooLarge { what: What::Batch, size: 2, limit: 1 };
        for (refused, expected) in [
            (Refused::NoSuchWorkflow, "no-such-workflow: order"),
            (Refused::NoSuchExecution, "no-such-execution: order"),
            (Refused::Exists("another input".to_owned()), "conflict: another input"),
            (Refused::TooLarge("2 bytes".to_owned()), "too-large: 2 bytes"),
            (Refused::Invalid("no JSON".to_owned()), "invalid: no JSON"),
            (CommitError::TooLarge(too_large).into(), "too-large: the batch is too large: 2, and at most 1 is allowed"),
            (CommitError::Invalid(Invalid::Over).into(), &format!("invalid: {}", Invalid::Over)),
            (CommitError::from(Unavailable::Overloaded).into(), "unavailable: the store is overloaded"),
            (
                CommitError::Conflict { index: 0, key: "k".to_owned(), current: None }.into(),
                "unavailable: the storage failed",
            ),
        ] {
            let told = match of_refused(refused, "order") {
                wit::Error::NoSuchWorkflow(what) => format!("no-such-workflow: {what}"),
                wit::Error::NoSuchExecution(what) => format!("no-such-execution: {what}"),
                wit::Error::Denied(why) => format!("denied: {why}"),
                wit::Error::Conflict(why) => format!("conflict: {why}"),
                wit::Error::TooLarge(why) => format!("too-large: {why}"),
                wit::Error::Invalid(why) => format!("invalid: {why}"),
                wit::Error::Unavailable(why) => format!("unavailable: {why}"),
            };
            assert_eq!(told, expected);
        }
    }
}
