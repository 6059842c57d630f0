//! Between crate `http` and `wasi:http`: header fields, methods, and the pump that moves a body into a stream of the host.

use ::http::uri::PathAndQuery;
use ::http::{HeaderName, HeaderValue};
use wit_bindgen::{FutureReader, StreamReader};

use super::body::{Body, Source};
use super::channel::Receiver;
use super::incoming::{Incoming, Unopened};
use super::request::Request;
use super::{HeaderMap, Method, Response, StatusCode, Uri, header};
use crate::bindings::imports::wasi::http0_3_0::types as wasi;
use crate::bindings::imports::{wit_future, wit_stream};

/// What stands behind a body: trailers, or why it is not complete.
pub(crate) type Trailers = Result<Option<wasi::Fields>, wasi::ErrorCode>;

/// A body as the host takes it.
pub(crate) type Outgoing = (Option<StreamReader<u8>>, FutureReader<Trailers>);

/// Reads a request of the host. The body stays there until it is asked for.
pub(crate) fn request(wasi: wasi::Request) -> Result<Request, wasi::ErrorCode> {
    let mut request = Request::default();
    *request.method_mut() = method(wasi.get_method())?;
    if let Some(target) = wasi.get_path_with_query() {
        *request.uri_mut() = uri(target).ok_or(wasi::ErrorCode::HttpRequestUriInvalid)?;
    }
    let mut fields = wasi.get_headers().copy_all();
    // The standard moves `host` out of the headers; code written for servers looks for it there.
    if let Some(authority) = wasi.get_authority() {
        with_host(&mut fields, authority);
    }
    *request.headers_mut() = header_map(fields);
    *request.body_mut() = Body(Source::Incoming(Incoming::Unopened(Unopened::request(wasi))));
    Ok(request)
}

/// Makes a response for the host; the body follows from a task of its own.
pub(crate) fn response(response: Response) -> Result<wasi::Response, wasi::ErrorCode> {
    let (parts, body) = response.into_parts();
    let (stream, trailers) = outgoing(body);
    let (wasi, _sent) = wasi::Response::new(fields(&parts.headers)?, stream, trailers);
    if parts.status != StatusCode::OK {
        wasi.set_status_code(parts.status.as_u16()).map_err(|()| internal("the status code is invalid"))?;
    }
    Ok(wasi)
}

/// Turns a body into what the host takes. Bytes that came from the host go back without being looked at.
pub(crate) fn outgoing(body: Body) -> Outgoing {
    match body.0 {
        Source::Whole(bytes) if bytes.is_empty() => (None, no_trailers()),
        Source::Whole(bytes) => {
            let (mut writer, reader) = wit_stream::new();
            crate::spawn(async move {
                // What is left unwritten, the host did not want.
                let _unwanted = writer.write_all(bytes.into()).await;
            });
            (Some(reader), no_trailers())
        }
        Source::Incoming(incoming) => incoming.into_outgoing(),
        Source::Channel(receiver) => (receiver.pump)(receiver),
    }
}

/// Moves the pieces of a body into a stream as the host takes them, then the trailers.
pub(super) fn pump(mut body: Receiver) -> Outgoing {
    let (mut writer, reader) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Err(internal("the body was given up")));
    crate::spawn(async move {
        let result = loop {
            match body.chunk().await {
                Ok(Some(chunk)) => {
                    if !writer.write_all(chunk.into()).await.is_empty() {
                        return; // The host is gone; so is, with `body`, what the sender waits for.
                    }
                }
                Ok(None) => break Ok(body.take_trailers()),
                Err(error) => break Err(error.to_string()),
            }
        };
        drop(writer);
        // Fails when the host no longer wants to know.
        let _unwanted = end.write(to_trailers(result)).await;
    });
    (Some(reader), trailers)
}

/// What stands behind a body that is complete and has no trailers.
pub(crate) fn no_trailers() -> FutureReader<Trailers> {
    // Dropping the writer leaves the default.
    let (_, trailers) = wit_future::new(|| Ok(None));
    trailers
}

/// What stands behind a body that is not complete.
pub(crate) fn incomplete() -> FutureReader<Trailers> {
    let (_, trailers) = wit_future::new(|| Err(internal("the body is not complete")));
    trailers
}

fn to_trailers(trailers: Result<Option<HeaderMap>, String>) -> Trailers {
    trailers.map_err(internal)?.map(|trailers| fields(&trailers)).transpose()
}

/// The URI of a request as servers get it: a path with a query.
pub(crate) fn uri(target: String) -> Option<Uri> {
    PathAndQuery::try_from(target).map(Uri::from).ok()
}

/// Reads header fields. One that crate `http` cannot hold is left out; the host has checked them already.
pub(crate) fn headers(fields: &wasi::Fields) -> HeaderMap {
    header_map(fields.copy_all())
}

/// Adds the header `host` if it is not there.
pub(crate) fn with_host(fields: &mut Vec<(String, Vec<u8>)>, authority: String) {
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(header::HOST.as_str())) {
        fields.push((header::HOST.as_str().to_owned(), authority.into_bytes()));
    }
}

/// Header fields from names and values.
pub(crate) fn header_map(entries: Vec<(String, Vec<u8>)>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// Names and values of header fields.
pub(crate) fn header_list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

pub(crate) fn fields(headers: &HeaderMap) -> Result<wasi::Fields, wasi::ErrorCode> {
    wasi::Fields::from_list(&header_list(headers)).map_err(|_| internal("the host refuses a header field"))
}

/// What a code says, for people: the text that came with it, or its name.
pub(crate) fn describe(code: wasi::ErrorCode) -> String {
    match code {
        wasi::ErrorCode::InternalError(Some(text)) => text,
        other => format!("{other:?}"),
    }
}

fn method(method: wasi::Method) -> Result<Method, wasi::ErrorCode> {
    Ok(match method {
        wasi::Method::Get => Method::GET,
        wasi::Method::Head => Method::HEAD,
        wasi::Method::Post => Method::POST,
        wasi::Method::Put => Method::PUT,
        wasi::Method::Delete => Method::DELETE,
        wasi::Method::Connect => Method::CONNECT,
        wasi::Method::Options => Method::OPTIONS,
        wasi::Method::Trace => Method::TRACE,
        wasi::Method::Patch => Method::PATCH,
        wasi::Method::Other(name) => {
            Method::from_bytes(name.as_bytes()).map_err(|_| wasi::ErrorCode::HttpRequestMethodInvalid)?
        }
    })
}

pub(crate) fn internal(text: impl Into<String>) -> wasi::ErrorCode {
    wasi::ErrorCode::InternalError(Some(text.into()))
}
