//! Heads of requests and answers: what belongs to one connection stays with it, and the trace goes on.

use crate::invocation::Invocation;
use http::header::{CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, request, response};
use wasmtime_wasi_http::Error;

/// What is about one connection, by <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1> and by habit.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    UPGRADE,
];

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Makes the head of a request fit to leave.
///
/// The guest can't set most of what is removed here; that its message can't be read as two does not hang on that.
///
/// # Errors
/// `HttpRequestMethodInvalid` for `CONNECT`, which would make a tunnel of the connection.
pub(crate) fn leave(head: &mut request::Parts, invocation: Option<&Invocation>) -> Result<(), Error> {
    if head.method == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    strip(&mut head.headers);
    head.headers.remove(HOST);
    let trailers = |te: &HeaderValue| te.to_str().is_ok_and(|te| te.split(',').any(|te| te.trim() == "trailers"));
    if let Some(te) = head.headers.remove(TE)
        && trailers(&te)
    {
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(invocation) = invocation
        && !head.headers.contains_key(TRACEPARENT)
    {
        let trace = &invocation.trace;
        head.headers.remove(TRACESTATE);
        let mut insert = |name, value: &str| {
            if let Ok(value) = HeaderValue::try_from(value) {
                head.headers.insert(name, value);
            }
        };
        insert(TRACEPARENT, &trace.traceparent());
        trace.tracestate().into_iter().for_each(|state| insert(TRACESTATE, state));
    }
    Ok(())
}

/// Makes the head of an answer fit for the guest.
///
/// # Errors
/// `HttpProtocolError` for an upgrade that nobody asked for.
pub(crate) fn arrive(head: &mut response::Parts) -> Result<(), Error> {
    if head.status.is_informational() {
        return Err(Error::HttpProtocolError);
    }
    strip(&mut head.headers);
    Ok(())
}

/// Removes what is about one connection, and what `connection` names to be.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::TraceContext;
    use http::{Request, Response};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn left(request: request::Builder, invocation: &Invocation) -> HeaderMap {
        let mut head = request.body(()).unwrap().into_parts().0;
        leave(&mut head, Some(invocation)).unwrap();
        head.headers
    }

    #[test]
    fn what_is_about_a_connection_does_not_leave() {
        let invocation = Invocation::accept(None);
        let request =
            Request::get("http://a/").header("x-kept", "1").header("x-named", "1").header("te", "a, trailers");
        let request = request.header("connection", "X-Named, close").header("transfer-encoding", "chunked");
        let request = request.header("host", "elsewhere").header("upgrade", "x").header("keep-alive", "1");
        let headers = left(request, &invocation);
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!((names.len(), headers["te"].to_str().unwrap()), (3, "trailers"), "{headers:?}");
        assert!(names.contains(&"x-kept") && names.contains(&"traceparent"), "{headers:?}");
        let mut connect = Request::connect("a:1").body(()).unwrap().into_parts().0;
        assert!(matches!(leave(&mut connect, None), Err(Error::HttpRequestMethodInvalid)));
    }

    #[test]
    fn the_trace_goes_on_unless_the_guest_says_another() {
        let invocation = Invocation::accept(TraceContext::parse(PARENT, Some("a=1")));
        let headers = left(Request::get("http://a/").header("tracestate", "forged=1"), &invocation);
        assert_eq!(headers["traceparent"].to_str().unwrap(), invocation.trace.traceparent());
        assert_eq!(headers["tracestate"], "a=1");
        let headers = left(Request::get("http://a/").header("traceparent", PARENT), &invocation);
        assert_eq!((headers["traceparent"].to_str().unwrap(), headers.len()), (PARENT, 1));
    }

    #[test]
    fn what_is_about_a_connection_does_not_arrive() {
        let answer = Response::builder().header("connection", "x-a").header("x-a", "1").header("x-b", "1");
        let mut head = answer.body(()).unwrap().into_parts().0;
        arrive(&mut head).unwrap();
        assert_eq!(head.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-b"]);
        let mut head = Response::builder().status(101).body(()).unwrap().into_parts().0;
        assert!(matches!(arrive(&mut head), Err(Error::HttpProtocolError)));
    }
}
