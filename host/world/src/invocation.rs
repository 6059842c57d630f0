//! What is known of an invocation before it starts.

use flint_model::{InvocationId, Timestamp, TraceContext};
use std::time::Instant;

/// One event on its way to a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Identifies it, in logs, answers and records.
    pub id: InvocationId,
    /// The span of this invocation.
    pub trace: TraceContext,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// The same moment, for measuring.
    pub accepted: Instant,
    /// 1 the first time, 2 when the same event comes again.
    pub attempt: u32,
}

impl Invocation {
    /// Accepts an event now, as part of a trace: the invocation gets a span of its own in it.
    pub fn accept(caller: Option<TraceContext>) -> Self {
        let accepted_at = Timestamp::now();
        Self {
            id: InvocationId::at(accepted_at),
            trace: caller.map_or_else(TraceContext::root, |caller| caller.child()),
            accepted_at,
            accepted: Instant::now(),
            attempt: 1,
        }
    }
}
