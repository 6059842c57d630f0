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

/// A defect of the host that shows in a guest call: all other errors of a call are the guest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Defect(pub &'static str);

/// What is told of a guest that holds too many handles, of whichever table.
const HANDLES_MAX: &str = "it holds as many handles as it may (`handles-max`)";

/// How wasmtime's error about handles of the component model ends: it has no type.
const HANDLES_OF_WASMTIME: &str = "store handle limit exceeded";

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
    /// Something else, in the host; the text is for the log.
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
            return Self::Trap(HANDLES_MAX.to_owned());
        }
        if let Some(exited) = error.downcast_ref::<Exited>() {
            return Self::Trap(exited.to_string());
        }
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => Self::Trap(trap.to_string()),
            None => Self::Other(format!("{error:#}")),
        }
    }

    /// Finds the kind of an error that a guest call ended with: it is the guest's, unless the host says that it is its own.
    ///
    /// Most of what a guest can do wrong at the border (text that is not UTF-8, a handle that it does not have, a resource that is
    /// dropped before what belongs to it) has no type in wasmtime.
    pub fn of_call(error: &wasmtime::Error, memory_refused: bool) -> Self {
        match Self::classify(error, memory_refused) {
            Self::Other(text) if error.is::<Defect>() || error.is::<wasmtime::WasmtimeBug>() => Self::Other(text),
            Self::Other(_) => {
                let cause = error.root_cause().to_string();
                Self::Trap(if cause.ends_with(HANDLES_OF_WASMTIME) { HANDLES_MAX.to_owned() } else { cause })
            }
            fault => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_call_is_the_guests_unless_the_host_says_that_it_is_its_own() {
        let untyped = wasmtime::format_err!("incomplete utf-8 byte sequence").context("wasm backtrace: …");
        assert_eq!(Fault::of_call(&untyped, false), Fault::Trap("incomplete utf-8 byte sequence".to_owned()));
        assert!(matches!(Fault::classify(&untyped, false), Fault::Other(_)), "nobody was called");
        let defect = wasmtime::Error::from(Defect("there is no handler"));
        assert_eq!(Fault::of_call(&defect, false), Fault::Other("there is no handler".to_owned()));
        let handles = wasmtime::format_err!("cannot allocate another handle: store handle limit exceeded");
        assert_eq!(Fault::of_call(&handles, false), Fault::Trap(HANDLES_MAX.to_owned()));
        assert_eq!(Fault::of_call(&untyped, true), Fault::Memory);
    }
}
