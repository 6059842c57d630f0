//! `flint:platform/context`: what a function may know of the invocation that it runs.

use crate::bindings::platform::{context, types};
use crate::state::State;
use flint_model::TraceContext;

impl types::Host for State {}

impl context::Host for State {
    fn current(&mut self) -> wasmtime::Result<context::Invocation> {
        let remaining = u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX);
        let Some(invocation) = self.invocation() else {
            return Err(wasmtime::format_err!("there is no invocation while an instance is made"));
        };
        Ok(context::Invocation {
            id: invocation.id.to_string(),
            function: self.function.name.to_string(),
            accepted_at: invocation.accepted_at.as_millis(),
            remaining,
            attempt: invocation.attempt,
            trace: types::TraceContext::from(&invocation.trace),
        })
    }
}

impl From<&TraceContext> for types::TraceContext {
    fn from(trace: &TraceContext) -> Self {
        Self { traceparent: trace.traceparent(), tracestate: trace.tracestate().map(str::to_owned) }
    }
}
