//! `#[flint_sdk::http]`: `wasi:http/handler`, streaming both ways.

use super::argument::FromRequest;
use crate::bindings::imports::wasi::http0_3_0::types as wasi;
use crate::http::{IntoResponse, wire};

pub use crate::bindings::http::export_http as export;
pub use crate::bindings::http::exports::wasi::http0_3_0::handler::Guest;
pub use wasi::{ErrorCode, Request as Incoming, Response as Outgoing};

/// Answers a request of the host by a handler of the user.
pub async fn serve<A, F>(incoming: Incoming, handler: impl FnOnce(A) -> F) -> Result<Outgoing, ErrorCode>
where
    A: FromRequest,
    F: Future<Output: IntoResponse>,
{
    let argument = A::from_streamed(incoming)?;
    wire::response(handler(argument).await.into_response())
}
