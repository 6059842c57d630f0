//! `flint:platform/http-handler`: the request comes whole, the answer leaves whole.
//!
//! The ABI of `wasi:http` costs as much as the rest of an invocation; this interface is one call.

use super::{HttpExport, Program, failure_of};
use crate::bindings::http::exports::flint::platform::http_handler;
use crate::failure::Failure;
use bytes::Bytes;
use flint_engine::{Lease, Metered};
use http::{HeaderName, HeaderValue, Response, StatusCode, request};
use std::pin::pin;
use std::sync::Arc;

/// Calls the handler with a request whose body was read.
pub(crate) async fn call(
    mut lease: Lease<Program>,
    parts: request::Parts,
    body: Bytes,
) -> Result<Response<Bytes>, Failure> {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let Some(HttpExport::Buffered(http)) = &exports.http else { return Err(Failure::NoHandler("http")) };
    let request = lower(parts, body);
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            http.flint_platform_http_handler().call_handle(accessor, request).await
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            lift(answer)
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

fn lower(parts: request::Parts, body: Bytes) -> http_handler::Request {
    let host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str).or(host).unwrap_or_default().to_owned();
    let headers = &parts.headers;
    http_handler::Request {
        method: parts.method.as_str().to_owned(),
        target: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned()),
        authority,
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        body: body.into(),
    }
}

fn lift(answer: http_handler::Response) -> Result<Response<Bytes>, Failure> {
    let invalid = |what: String| Failure::NoAnswer(what);
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or_else(|| invalid(format!("{} is no status of an answer", answer.status)))?;
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(&name).map_err(|_| invalid(format!("{name:?} is no name of a header")))?;
        let value =
            HeaderValue::try_from(value).map_err(|_| invalid(format!("the value of header {name} is not valid")))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
