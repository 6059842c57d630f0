//! `wasi:http/incoming-handler@0.2` and `wasi:http/handler@0.3`, streaming both ways.

use super::{HttpExport, Program, begin, failure_of, rest};
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::state::State;
use flint_engine::fault::Defect;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use futures::channel::oneshot;
use http::Uri;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use parking_lot::Mutex;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::handler::{Prepared, Request, Response};
use wasmtime_wasi_http::{WasiHttpView, p2, p3};

/// What the guest answers: the head leaves as soon as it is there, the body follows while the guest runs.
pub(crate) type Head = Result<Response, wasmtime::Error>;

/// Puts the host that the client asked for into the URI; `localhost` if it named none.
///
/// A guest of 0.3 learns the authority from there alone: the standard keeps the header `host` from it. The listener speaks
/// plain HTTP, so that is the scheme; whoever ends TLS in front of it says so in headers of its own.
pub(crate) fn with_authority<B>(mut request: http::Request<B>) -> http::Request<B> {
    let uri = request.uri();
    if uri.authority().is_none() {
        let host = request.headers().get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
        // HTTP/1.0 has no host, and 0.2 takes no request without one.
        let host = host.unwrap_or_else(|| Authority::from_static("localhost"));
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(host);
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        // What has all three parts is a URI.
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Calls the handler, and runs the guest until it has nothing left to do.
///
/// The head of the answer is sent through `head`. An error of the guest that has answered before is reported here alone.
pub(crate) async fn call(
    mut lease: Lease<Program>,
    request: Request,
    head: oneshot::Sender<Head>,
) -> Result<(), Failure> {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let result = match &exports.http {
        Some(HttpExport::Standard(proxy)) => {
            let prepared = Prepared::new(store.as_context_mut(), proxy, request, WasiHttpView::http, head);
            let call = pin!(store.run_concurrent(async |accessor| {
                // Time-outs are enforced from outside, where they always get their turn (wasmtime issues 11869 and 11870).
                prepared?.run(accessor, pending()).await?;
                // The body of the answer, trailers, and what the guest does behind them.
                rest(accessor).await;
                wasmtime::error::Ok(())
            }));
            Metered::new(call, meter).await.flatten()
        }
        Some(HttpExport::Sequential(proxy)) => {
            let call = pin!(call_sequential(store, proxy, request, head));
            Metered::new(call, meter).await
        }
        Some(HttpExport::Buffered(_)) | None => return Err(Failure::NoHandler("http")),
    };
    match result {
        Ok(()) => {
            lease.finish();
            Ok(())
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// Calls a handler of 0.2, which has sent its answer and ended all that it began when it returns.
async fn call_sequential(
    store: &mut Store<State>,
    proxy: &p2::bindings::Proxy,
    request: Request,
    head: oneshot::Sender<Head>,
) -> wasmtime::Result<()> {
    // A guest may keep what it answers with: behind the call, nobody listens to that.
    let head = Arc::new(Mutex::new(Some(head)));
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(p2::bindings::http::types::Scheme::Http, request)?;
    let answer = http.new_response_outparam_from_callback({
        let head = Arc::clone(&head);
        move |answer| send(&head, answer.map_err(wasmtime::Error::from))
    })?;
    proxy.wasi_http_incoming_handler().call_handle(store, request, answer).await?;
    // An error is only made for who gets it: it allocates.
    if head.lock().is_some() {
        send(&head, Err(wasmtime::format_err!("the handler returned without an answer")));
    }
    Ok(())
}

/// Sends the head of an answer, unless there was one.
fn send(head: &Mutex<Option<oneshot::Sender<Head>>>, answer: Head) {
    let sender = head.lock().take();
    if let Some(sender) = sender {
        // Who gave the event up does not want to know.
        _ = sender.send(answer);
    }
}

/// The call as a job of a shared instance, which is done when the head is there: the body follows while other jobs run.
pub(crate) fn job(invocation: Invocation, request: Request, head: oneshot::Sender<Head>) -> Job<Program> {
    Box::new(move |accessor, exports| {
        Box::pin(async move {
            let Some(HttpExport::Standard(proxy)) = &exports.http else {
                return Err(Defect("there is no HTTP handler").into());
            };
            begin(accessor, &invocation);
            let prepared = accessor
                .with(|mut access| Prepared::new(access.as_context_mut(), proxy, request, WasiHttpView::http, head));
            prepared?.run(accessor, pending()).await.map(drop)
        })
    })
}

/// Says what an error means that was sent in place of a head.
pub(crate) fn failure_of_head(error: &wasmtime::Error) -> Option<Failure> {
    let code = error
        .downcast_ref::<p3::bindings::http::types::ErrorCode>()
        .map(|code| format!("{code:?}"))
        .or_else(|| error.downcast_ref::<p2::bindings::http::types::ErrorCode>().map(|code| format!("{code:?}")));
    code.map(|code| Failure::NoAnswer(format!("it answered with the error {code}")))
}
