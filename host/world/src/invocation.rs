//! What is known of an invocation before it starts.

use flint_model::{InvocationId, Timestamp, TraceContext};
use flint_stores::{Cause, Delivery};
use std::time::{Duration, Instant};

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
    /// How many messages and calls, one causing the next, led to it: 0 for what a request or a schedule causes. What it sends says
    /// so, so that a circle is found.
    pub depth: u32,
    /// How long it may take at most, whatever the function may: what its caller has left; none if nobody waits for less.
    pub time_max: Option<Duration>,
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
            depth: 0,
            time_max: None,
        }
    }

    /// What the invocation is to what it causes in the stores.
    pub fn cause(&self) -> Cause {
        // Of a message that is handled, its own depth: what it causes is one deeper.
        Cause { trace: Some(self.trace.clone()), depth: self.depth.saturating_sub(1) }
    }

    /// Accepts messages that come now, as part of the trace of the first. Of several, the one that came most often, and the one
    /// that comes from farthest, tell attempt and depth.
    pub fn of_messages(messages: &[Delivery]) -> Self {
        let stored = || messages.iter().map(|delivery| &delivery.stored);
        Self {
            attempt: stored().map(|stored| stored.receives).max().unwrap_or(1),
            depth: stored().map(|stored| stored.message.depth).max().map_or(0, |depth| depth.saturating_add(1)),
            ..Self::accept(stored().next().and_then(|stored| stored.message.trace.clone()))
        }
    }
}
