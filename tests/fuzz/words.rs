//! Single words that are read: sizes, durations, names, ids, trace contexts.

use crate::{fuzz, split, text, texts};
use flint_model::{ByteSize, FunctionName, InvocationId, TraceContext, duration};

const PIECES: &[&str] = &[
    "0",
    "1",
    "9",
    "18446744073709551615",
    "18446744073709551616",
    "-",
    "+",
    ".",
    "_",
    "e",
    "B",
    "KiB",
    "MiB",
    "GiB",
    "kB",
    "ns",
    "us",
    "ms",
    "s",
    "m",
    "h",
    "days",
    " ",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-",
    "ff-",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
    "-01",
    "a=1",
    ",",
    "01M85R42ESM880CHBTYVTVCRME",
    "é",
    "\u{0}",
];

#[test]
fn a_size_that_is_read_is_written_so_that_it_is_read_again() {
    fuzz!("size", |input| {
        for size in texts(input, PIECES).iter().filter_map(|text| text.parse::<ByteSize>().ok()) {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    });
}

#[test]
fn a_duration_that_is_read_is_written_so_that_it_is_read_again() {
    fuzz!("duration", |input| {
        for length in texts(input, PIECES).iter().filter_map(|text| duration::parse(text).ok()) {
            assert_eq!(duration::parse(&duration::display(length).to_string()), Ok(length));
        }
    });
}

#[test]
fn a_trace_context_that_is_read_is_written_as_the_standard_says() {
    fuzz!("trace", |input| {
        let (parent, state) = split(input);
        let state = text(state, PIECES);
        for parent in texts(parent, PIECES) {
            let Some(trace) = TraceContext::parse(&parent, Some(&state)) else { continue };
            let written = trace.traceparent();
            assert_eq!((written.len(), &written[..3]), (55, "00-"), "{parent}");
            assert_eq!(TraceContext::parse(&written, trace.tracestate()), Some(trace.clone()));
            assert_eq!(trace.child().trace_id().to_string(), trace.trace_id().to_string());
        }
    });
}

#[test]
fn names_and_ids_are_read_back_as_they_are_written() {
    fuzz!("name", |input| {
        for text in texts(input, PIECES) {
            if let Ok(name) = FunctionName::parse(&text) {
                assert_eq!(name.as_str(), text);
            }
            if let Ok(id) = text.parse::<InvocationId>() {
                assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
    });
}
