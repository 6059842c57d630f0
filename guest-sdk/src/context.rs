//! What a function can ask about the invocation that it is running.

use std::time::{Duration, SystemTime};

use crate::bindings::imports::flint::platform::context as wit;
use crate::time;

/// The invocation that is running.
///
/// ```
/// use flint_sdk::context::Invocation;
///
/// fn is_last_attempt(invocation: &Invocation) -> bool {
///     invocation.attempt == 3
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invocation {
    /// Unique, sortable by time: a ULID, 26 characters.
    pub id: String,
    /// The name that platform.toml gives the function.
    pub function: String,
    /// When the event was accepted.
    pub accepted_at: SystemTime,
    /// How long the function may still run before it is interrupted.
    pub remaining: Duration,
    /// 1 the first time, 2 when the same event comes again, and so on. Always 1 for requests.
    pub attempt: u32,
    /// The span of this invocation. Pass it on to what the function calls; the platform's own calls do so by themselves.
    pub trace: Trace,
}

/// A W3C trace context (<https://www.w3.org/TR/trace-context/>).
///
/// ```
/// use flint_sdk::context::Trace;
///
/// /// The header for a system that the platform does not call by itself.
/// fn header(trace: &Trace) -> String {
///     format!("traceparent: {}", trace.parent)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The header `traceparent`.
    pub parent: String,
    /// The header `tracestate`, if there is one.
    pub state: Option<String>,
}

/// Describes the running invocation. Never blocks.
///
/// ```no_run
/// let invocation = flint_sdk::context::current();
/// println!("{} has {:?} left", invocation.id, invocation.remaining);
/// ```
pub fn current() -> Invocation {
    let wit = wit::current();
    Invocation {
        id: wit.id,
        function: wit.function,
        accepted_at: time::from_timestamp(wit.accepted_at),
        remaining: Duration::from_millis(wit.remaining),
        attempt: wit.attempt,
        trace: Trace { parent: wit.trace.traceparent, state: wit.trace.tracestate },
    }
}
