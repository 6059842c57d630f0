//! What went wrong in an instance, in the kinds that a caller can act on.

use std::time::Duration;
use wasmtime::component::ResourceTableError;

/// The guest used up its CPU time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("used up its CPU time of {}", flint_model::duration::display(*.0))]
pub struct CpuExceeded(pub Duration);

/// The guest ended itself. The world's `exit` gives this error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it called exit({0})")]
pub struct Exited(pub u8);

/// Why an instance could not be made, or stopped before it gave an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The guest used more CPU time than it may.
    #[error(transparent)]
    Cpu(CpuExceeded),
    /// The guest trapped after it was refused memory.
    #[error("ran out of memory")]
    Memory,
    /// The guest trapped, or did something else that ends it: the trap's text, without a backtrace.
    #[error("{0}")]
    Trap(String),
    /// The pool has no free slot. A retry can help.
    #[error("no free slot for an instance")]
    Exhausted,
    /// Something else, in the host or between host and guest; the text is for the log.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// Finds the kind of an error of wasmtime. `memory_refused`: whether the guest was refused memory before.
    pub fn classify(error: &wasmtime::Error, memory_refused: bool) -> Self {
        if let Some(exceeded) = error.downcast_ref::<CpuExceeded>() {
            return Self::Cpu(*exceeded);
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Self::Exhausted;
        }
        if memory_refused {
            // A guest that is refused memory mostly aborts, and an instance whose first memory is refused never starts.
            return Self::Memory;
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Self::Trap("it holds as many handles as it may (`handles-max`)".to_owned());
        }
        if let Some(exited) = error.downcast_ref::<Exited>() {
            return Self::Trap(exited.to_string());
        }
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => Self::Trap(trap.to_string()),
            None => Self::Other(format!("{error:#}")),
        }
    }
}
