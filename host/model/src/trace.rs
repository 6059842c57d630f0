//! W3C trace context (<https://www.w3.org/TR/trace-context/>), version 00.

use std::fmt;

/// The longest `tracestate` that is passed on, in bytes; the specification asks for at least this.
pub const TRACESTATE_LENGTH_MAX: usize = 512;

/// How long a `traceparent` of version 00 is, in bytes.
const TRACEPARENT_LENGTH: usize = 55;

/// Where an event stands in a distributed trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// Whether the caller may have recorded it: the one flag that is passed on.
    sampled: bool,
    state: Option<String>,
}

impl TraceContext {
    /// Starts a trace, sampled.
    pub fn root() -> Self {
        Self { trace_id: nonzero(rand::random), span_id: nonzero(rand::random), sampled: true, state: None }
    }

    /// Reads the `traceparent` and `tracestate` fields. None if the first is not valid: the specification says to start a
    /// new trace then. A `tracestate` that is too long is dropped.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may append fields; version 00 has these four.
        let known = version == "00";
        if version == "ff" || hex(version, 2).is_none() || (known && parts.next().is_some()) {
            return None;
        }
        let context = Self {
            trace_id: hex(trace, 32)?,
            span_id: u64::try_from(hex(span, 16)?).ok()?,
            sampled: hex(flags, 2)? & 1 == 1,
            state: tracestate
                .filter(|state| !state.is_empty() && state.len() <= TRACESTATE_LENGTH_MAX)
                .map(str::to_owned),
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// The context of something that this context caused: the same trace, a span of its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: nonzero(rand::random), ..self.clone() }
    }

    /// Identifies the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }

    /// Identifies the span: 16 hexadecimal digits.
    pub fn span_id(&self) -> impl fmt::Display + use<> {
        Hex { value: self.span_id.into(), digits: 16 }
    }

    /// The `traceparent` field.
    pub fn traceparent(&self) -> String {
        // `format!` took 0.7 % of a request, each of which has one.
        let (mut trace, mut span) = (const_hex::Buffer::<16>::new(), const_hex::Buffer::<8>::new());
        let mut text = String::with_capacity(TRACEPARENT_LENGTH);
        text.push_str("00-");
        text.push_str(trace.format(&self.trace_id.to_be_bytes()));
        text.push('-');
        text.push_str(span.format(&self.span_id.to_be_bytes()));
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
    }

    /// The `tracestate` field, as it came.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Identifies a trace: 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex { value: self.0, digits: 32 }.fmt(f)
    }
}

struct Hex {
    value: u128,
    digits: usize,
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.value, width = self.digits)
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(lower_hex)).then(|| u128::from_str_radix(text, 16).ok())?
}

fn nonzero<T: Default + PartialEq>(mut random: impl FnMut() -> T) -> T {
    loop {
        let id = random();
        if id != T::default() {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_child_keeps_the_trace_and_has_a_span_of_its_own() {
        let parent = TraceContext::parse(PARENT, Some("a=1")).expect("valid");
        assert_eq!(parent.traceparent(), PARENT);
        let child = parent.child();
        assert_eq!(child.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(child.span_id().to_string(), parent.span_id().to_string());
        assert_eq!(child.tracestate(), Some("a=1"));
    }

    #[test]
    fn zeros_in_front_stay_and_of_the_flags_the_one_that_is_known() {
        for (flags, passed_on) in [("00", "00"), ("01", "01"), ("02", "00"), ("03", "01")] {
            let context = |flags| format!("00-00000000000000000000000000000a0b-000000000000000c-{flags}");
            let read = TraceContext::parse(&context(flags), None).expect("valid");
            assert_eq!(read.traceparent(), context(passed_on));
        }
    }

    #[test]
    fn what_the_specification_calls_invalid_is_refused() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceContext::parse(bad, None), None, "{bad}");
        }
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(TraceContext::parse(later, None).is_some());
    }
}
