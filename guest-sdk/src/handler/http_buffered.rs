//! `#[flint_sdk::http(buffered)]`: `flint:platform/http-handler`, one call in and out, bodies held in memory.

use crate::bindings::http_buffered::exports::flint::platform::http_handler as wit;
use crate::http::{IntoResponse, Method, Problem, Request, Response, StatusCode, wire};

pub use crate::bindings::http_buffered::export_http_buffered as export;
pub use wit::{Guest, Request as Incoming, Response as Outgoing};

/// Answers a request of the host by a handler of the user.
pub async fn serve<F>(incoming: Incoming, handler: impl FnOnce(Request) -> F) -> Outgoing
where
    F: Future<Output: IntoResponse>,
{
    let response = match request(incoming) {
        Ok(request) => handler(request).await.into_response(),
        Err(problem) => problem.into_response(),
    };
    whole(response).await
}

fn request(incoming: Incoming) -> Result<Request, Problem> {
    let invalid = || Problem::new(StatusCode::BAD_REQUEST).code("http/invalid-request");
    let mut request = Request::new(incoming.body.into());
    *request.method_mut() = Method::from_bytes(incoming.method.as_bytes()).map_err(|_| invalid())?;
    *request.uri_mut() = wire::uri(incoming.target).ok_or_else(invalid)?;
    let mut fields = incoming.headers;
    wire::with_host(&mut fields, incoming.authority);
    *request.headers_mut() = wire::header_map(fields);
    Ok(request)
}

/// Reads what the handler may have streamed. Its length is for the host to limit.
async fn whole(response: Response) -> Outgoing {
    let (parts, body) = response.into_parts();
    let headers = wire::header_list(&parts.headers);
    match body.bytes_up_to(usize::MAX).await {
        Ok(body) => Outgoing { status: parts.status.as_u16(), headers, body: body.into() },
        Err(error) => Box::pin(whole(broken(&error))).await,
    }
}

/// Nothing was sent yet, so an answer that broke off can still become an error.
fn broken(error: &dyn std::error::Error) -> Response {
    crate::log::error("an answer broke off", &[("error", error.to_string().into())]);
    Problem::internal("http/body-incomplete").into_response()
}
