//! The caller's trace context, as the headers of a request have it (W3C Trace Context, sections 3.2 and 3.3).

use flint_model::TraceContext;
use http::HeaderMap;
use http::header::HeaderName;
use std::borrow::Cow;

/// The position of an event in a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tracing systems add to it.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Reads the caller's context. None if there is none, or one that the specification says to ignore: then a new trace starts.
pub fn caller(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    TraceContext::parse(parent, state(headers).as_deref())
}

/// The state, of which a request may have several lines (section 3.3.1.1).
fn state(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut lines = headers.get_all(TRACESTATE).iter().filter_map(|line| line.to_str().ok());
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |all, line| Cow::Owned(format!("{all},{line}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(lines: &[(&'static str, &str)]) -> Option<(String, Option<String>)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a value"));
        }
        caller(&headers).map(|context| (context.traceparent(), context.tracestate().map(str::to_owned)))
    }

    #[test]
    fn one_valid_parent_is_taken_with_all_lines_of_the_state() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("tracestate", "a=1")]), None);
        assert_eq!(read(&[("traceparent", "nonsense"), ("tracestate", "a=1")]), None);
        assert_eq!(read(&[("traceparent", PARENT), ("traceparent", PARENT)]), None);
        assert_eq!(read(&[("traceparent", PARENT)]), Some((PARENT.to_owned(), None)));
        assert_eq!(
            read(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]),
            Some((PARENT.to_owned(), Some("a=1,b=2".to_owned())))
        );
    }
}
