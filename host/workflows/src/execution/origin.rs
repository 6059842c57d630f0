//! What led to an execution, which its tasks go on with, however much later they come.

use flint_model::{MessageId, TraceContext};
use flint_stores::Message;
use serde::{Deserialize, Serialize};

/// What led to an execution; nothing for one that was started by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    traceparent: Option<String>,
    tracestate: Option<String>,
    depth: u32,
}

impl Origin {
    /// An invocation of this trace, to which so many calls and messages led, each causing the next.
    #[must_use]
    pub fn new(trace: Option<&TraceContext>, depth: u32) -> Self {
        let tracestate = trace.and_then(TraceContext::tracestate).map(str::to_owned);
        Self { traceparent: trace.map(TraceContext::traceparent), tracestate, depth }
    }

    /// A message that the execution sends: of the same trace, and as deep.
    pub(super) fn message(&self, body: Vec<u8>) -> Message {
        let trace = self.traceparent.as_deref();
        let trace = trace.and_then(|parent| TraceContext::parse(parent, self.tracestate.as_deref()));
        Message { trace: trace.map(|trace| trace.child()), depth: self.depth, ..Message::new(MessageId::now(), body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_execution_sends_is_of_the_trace_that_led_to_it_and_as_deep() {
        let trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("a=1"));
        let written = serde_json::to_vec(&Origin::new(trace.as_ref(), 3)).expect("JSON");
        let origin: Origin = serde_json::from_slice(&written).expect("JSON");
        let message = origin.message(Vec::new());
        let sent = message.trace.expect("a trace");
        assert_eq!(
            (sent.trace_id().to_string(), sent.tracestate()),
            ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), Some("a=1"))
        );
        assert_eq!(message.depth, 3);
        assert_eq!(Origin::default().message(Vec::new()).trace, None);
    }
}
