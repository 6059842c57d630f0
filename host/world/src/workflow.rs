//! Workflows as functions use them: what the world asks of whoever has their executions, which is the binary.
//!
//! What changes something is answered as effects, which the world commits as it commits all else that a function writes: at once,
//! or with a transaction. So what is asked is asked through the stores that the function sees.

use flint_model::{Timestamp, TraceContext, WorkflowName};
use flint_stores::{BoxFuture, CommitError, Effect, Stores};

/// Has the executions of workflows, as they are served at that moment.
///
/// What an execution or a token says of its workflow is no more than what it says: there may be neither.
pub trait Workflows: Send + Sync {
    /// The workflow that an execution is of, by the execution's id; none if it is no id.
    fn of_execution(&self, id: &str) -> Option<WorkflowName>;

    /// The workflow that a task's token is of; none if it is no token.
    fn of_token(&self, token: &str) -> Option<WorkflowName>;

    /// What starts an execution. Where these effects are a conflict, somebody else has started one of this name meanwhile.
    fn start<'a>(&'a self, stores: &'a dyn Stores, start: Start<'a>) -> BoxFuture<'a, Result<Started, Refused>>;

    /// What is known of an execution.
    fn describe<'a>(&'a self, stores: &'a dyn Stores, id: &'a str) -> BoxFuture<'a, Result<Execution, Refused>>;

    /// What stops an execution; nothing if it has ended.
    fn stop<'a>(
        &'a self,
        stores: &'a dyn Stores,
        id: &'a str,
        cause: Cause,
    ) -> BoxFuture<'a, Result<Vec<Effect>, Refused>>;

    /// What tells the task that waits with a token what became of it.
    fn tell<'a>(
        &'a self,
        stores: &'a dyn Stores,
        token: &'a str,
        told: Told<'a>,
    ) -> BoxFuture<'a, Result<Vec<Effect>, Refused>>;
}

/// An execution that is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Its workflow.
    pub workflow: &'a WorkflowName,
    /// Its name: a second start with the same one and the same input comes to the same execution.
    pub name: &'a str,
    /// JSON.
    pub input: &'a str,
    /// The trace of who starts it.
    pub trace: Option<&'a TraceContext>,
    /// How many calls and messages led to it, each causing the next.
    pub depth: u32,
}

/// An execution that starts when effects are committed, or is there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Its id.
    pub id: String,
    /// What starts it; nothing if it is there.
    pub effects: Vec<Effect>,
}

/// What is known of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it is.
    pub status: Status,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub stopped_at: Option<Timestamp>,
}

/// How an execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Running,
    /// It has this output, as JSON.
    Succeeded(String),
    /// It failed.
    Failed(Cause),
    /// It took longer than it may.
    TimedOut,
    /// It was stopped.
    Aborted,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A name that programs know.
    pub error: String,
    /// A text for people.
    pub cause: String,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<'a> {
    /// It ended with this output, as JSON.
    Succeeded(&'a str),
    /// It failed.
    Failed(Cause),
    /// It is being worked on.
    Beat,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no workflow of this name. A retry can't help.
    #[error("there is no such workflow")]
    NoSuchWorkflow,
    /// There is no such execution, or no task waits with this token. A retry can't help.
    #[error("there is no such execution")]
    NoSuchExecution,
    /// There is one of this name with another input. A retry can't help.
    #[error("{0}")]
    Exists(String),
    /// Something is larger than it may be. A retry can't help.
    #[error("{0}")]
    TooLarge(String),
    /// An argument breaks a rule. A retry can't help.
    #[error("{0}")]
    Invalid(String),
    /// The stores refuse.
    #[error(transparent)]
    Store(#[from] CommitError),
}

/// Where there are no workflows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NoWorkflows;

impl Workflows for NoWorkflows {
    fn of_execution(&self, _: &str) -> Option<WorkflowName> {
        None
    }

    fn of_token(&self, _: &str) -> Option<WorkflowName> {
        None
    }

    fn start<'a>(&'a self, _: &'a dyn Stores, _: Start<'a>) -> BoxFuture<'a, Result<Started, Refused>> {
        Box::pin(async { Err(Refused::NoSuchWorkflow) })
    }

    fn describe<'a>(&'a self, _: &'a dyn Stores, _: &'a str) -> BoxFuture<'a, Result<Execution, Refused>> {
        Box::pin(async { Err(Refused::NoSuchExecution) })
    }

    fn stop<'a>(&'a self, _: &'a dyn Stores, _: &'a str, _: Cause) -> BoxFuture<'a, Result<Vec<Effect>, Refused>> {
        Box::pin(async { Err(Refused::NoSuchExecution) })
    }

    fn tell<'a>(&'a self, _: &'a dyn Stores, _: &'a str, _: Told<'a>) -> BoxFuture<'a, Result<Vec<Effect>, Refused>> {
        Box::pin(async { Err(Refused::NoSuchExecution) })
    }
}
