//! Workflows, and where their executions are.

use flint_model::{NameError, QueueName, WorkflowName};
use std::path::PathBuf;
use std::time::Duration;

/// A state machine, of which executions are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The file of its definition, in Amazon States Language.
    pub definition: PathBuf,
    /// What its executions promise.
    pub kind: Kind,
    /// Most tasks at once.
    pub concurrency: usize,
    /// How long an execution is kept after its end.
    pub retention: Duration,
    /// Most executions that are kept in memory between their steps.
    pub runs_cached: usize,
}

/// What executions promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Each is a journal: it goes on after a crash, for as long as it takes, and no step is made twice.
    Standard,
    /// Each is in memory alone, and soon over: who starts it may wait for what comes out.
    Express,
}

impl Kind {
    /// As the configuration names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Express => "express",
        }
    }
}

impl Workflow {
    /// The queue of what a trigger that is no queue tells: `area` is what is listened to, such as `topic`, and `source` its name.
    ///
    /// # Errors
    /// [`NameError`] if one of the three is no name.
    pub fn listener(workflow: &str, area: &str, source: &str) -> Result<QueueName, NameError> {
        QueueName::parse(&format!("workflow/{workflow}/{area}/{source}"))
    }

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
