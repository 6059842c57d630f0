//! `#[flint_sdk::http(buffered)]`: `flint:platform/http-handler`, one call in and out, bodies held in memory.

use super::argument::FromRequest;
use crate::bindings::http_buffered::exports::flint::platform::http_handler as wit;
use crate::http::{IntoResponse, Response, StatusCode, wire};

pub use crate::bindings::http_buffered::export_http_buffered as export;
pub use wit::{Guest, Request as Incoming, Response as Outgoing};

/// Answers a request of the host by a handler of the user.
pub async fn serve<A, F>(incoming: Incoming, handler: impl FnOnce(A) -> F) -> Outgoing
where
    A: FromRequest,
    F: Future<Output: IntoResponse>,
{
    let Some(argument) = A::from_whole(incoming) else {
        return whole(StatusCode::BAD_REQUEST.into_response()).await;
    };
    whole(handler(argument).await.into_response()).await
}

/// Reads what the handler may have streamed. Its length is for the host to limit.
async fn whole(response: Response) -> Outgoing {
    let (parts, body) = response.into_parts();
    match body.bytes_up_to(usize::MAX).await {
        Ok(body) => {
            Outgoing { status: parts.status.as_u16(), headers: wire::header_list(&parts.headers), body: body.into() }
        }
        // Nothing was sent yet: the host answers a trap with 500, and the log says why.
        Err(error) => panic!("the answer broke off: {error}"),
    }
}
