//! `#[flint_sdk::http]`: `wasi:http/handler`, streaming both ways.

use crate::bindings::imports::wasi::http0_3_0::types as wasi;
use crate::http::{IntoResponse, Request, wire};

pub use crate::bindings::http::export_http as export;
pub use crate::bindings::http::exports::wasi::http0_3_0::handler::Guest;
pub use wasi::{ErrorCode, Request as Incoming, Response as Outgoing};

/// Answers a request of the host by a handler of the user.
pub async fn serve<F>(incoming: Incoming, handler: impl FnOnce(Request) -> F) -> Result<Outgoing, ErrorCode>
where
    F: Future<Output: IntoResponse>,
{
    let request = wire::request(incoming)?;
    let response = handler(request).await.into_response();
    wire::response(response)
}
