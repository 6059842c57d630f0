//! Who a trigger or a schedule leads to.

use flint_model::{FunctionName, WorkflowName};
use std::fmt;

/// Who handles what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// A function is called with it.
    Function(FunctionName),
    /// An execution of a workflow is started with it.
    Workflow(WorkflowName),
}

impl Handler {
    /// The function, if it is one.
    pub fn function(&self) -> Option<&FunctionName> {
        match self {
            Self::Function(name) => Some(name),
            Self::Workflow(_) => None,
        }
    }

    /// The workflow, if it is one.
    pub fn workflow(&self) -> Option<&WorkflowName> {
        match self {
            Self::Function(_) => None,
            Self::Workflow(name) => Some(name),
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(name) => name.fmt(f),
            Self::Workflow(name) => write!(f, "workflow {name}"),
        }
    }
}
