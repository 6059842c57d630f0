//! Workflows, and where their executions are.

use flint_model::{QueueName, WorkflowName};
use std::path::PathBuf;
use std::time::Duration;

/// A state machine, of which executions are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The file of its definition, in Amazon States Language.
    pub definition: PathBuf,
    /// Most tasks at once.
    pub concurrency: usize,
    /// How long an execution is kept after its end.
    pub retention: Duration,
    /// Most executions that are kept in memory between their steps.
    pub runs_cached: usize,
}

impl Workflow {
    /// The queue of what happens to executions.
    pub fn inbox(name: &WorkflowName) -> QueueName {
        queue(&format!("workflow/{name}"))
    }

    /// The queue of the tasks that are to be done.
    pub fn tasks(name: &WorkflowName) -> QueueName {
        queue(&format!("workflow/{name}/tasks"))
    }

    /// The queue of the moments that are waited for.
    pub fn timers(name: &WorkflowName) -> QueueName {
        queue(&format!("workflow/{name}/timers"))
    }
}

fn queue(path: &str) -> QueueName {
    QueueName::parse(path).expect("a path of names is that of a queue")
}
