//! `flint:platform/http-handler`: the request comes whole, the answer leaves whole.
//!
//! The ABI of `wasi:http` costs as much as the rest of an invocation; this interface is one call.

use super::{Exports, HttpExport, Program, begin, failure_of, finish, is_idle};
use crate::bindings::http::exports::flint::platform::http_handler;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::state::State;
use crate::tally::Tally;
use bytes::Bytes;
use flint_engine::deadline::Deadline;
use flint_engine::fault::Defect;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use futures::channel::oneshot;
use http::{HeaderName, HeaderValue, Response, StatusCode, request};
use std::pin::pin;
use std::sync::Arc;
use wasmtime::component::Accessor;

/// Calls the handler with a request whose body was read.
pub(crate) async fn call(
    mut lease: Lease<Program>,
    parts: request::Parts,
    body: Bytes,
    deadline: Deadline,
    tally: &Arc<Tally>,
) -> Result<Response<Bytes>, Failure> {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let answer = {
        let request = lower(parts, body);
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, request).await?;
            wasmtime::error::Ok((answer, is_idle(accessor).await))
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok((answer, idle)) => {
            finish(lease, idle, deadline, tally);
            lift(answer)
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// The call itself, in an instance of one's own or a shared one.
async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    request: http_handler::Request,
) -> wasmtime::Result<http_handler::Response> {
    let Some(HttpExport::Buffered(http)) = &exports.http else { return Err(Defect("there is no HTTP handler").into()) };
    http.flint_platform_http_handler().call_handle(accessor, request).await
}

/// The call as a job of a shared instance, and where its answer comes out.
pub(crate) fn job(
    invocation: Invocation,
    parts: request::Parts,
    body: Bytes,
) -> (Job<Program>, oneshot::Receiver<Result<Response<Bytes>, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let job: Job<Program> = Box::new(move |accessor, exports| {
        Box::pin(async move {
            begin(accessor, &invocation);
            let answer = handle(accessor, &exports, lower(parts, body)).await?;
            // Who gave the event up does not want to know.
            _ = sender.send(lift(answer));
            Ok(())
        })
    });
    (job, answer)
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
        // A map of headers holds 24,576 names at most.
        let kept = response.headers_mut().try_append(name, value);
        kept.map_err(|_| invalid("it has more headers than an answer can have".to_owned()))?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_more_headers_than_can_be_kept_is_none() {
        let answer = |headers: u32| http_handler::Response {
            status: 200,
            headers: (0..headers).map(|n| (format!("x-{n}"), Vec::new())).collect(),
            body: Vec::new(),
        };
        assert!(lift(answer(20_000)).is_ok());
        let refused = lift(answer(40_000)).map(drop);
        assert!(matches!(&refused, Err(Failure::NoAnswer(why)) if why.contains("more headers")), "{refused:?}");
    }
}
