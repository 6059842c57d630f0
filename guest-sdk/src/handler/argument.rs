//! What an HTTP handler can take.

use super::{http, http_buffered};
use crate::http::{Body, Method, Params, Request, wire};

/// What an HTTP handler can take: the whole request, or what it needs of it.
///
/// A type of its own, rather than something that is asked of a request: what no handler takes, the linker drops.
#[diagnostic::on_unimplemented(
    message = "a request can't be handed over as `{Self}`",
    label = "a handler takes `Request`, or `Params` if the parameters of the path are enough"
)]
pub trait FromRequest: Sized {
    /// From a request of `wasi:http`.
    ///
    /// # Errors
    /// That crate `http` has no form for the request.
    fn from_streamed(incoming: http::Incoming) -> Result<Self, http::ErrorCode>;

    /// From a request that came whole. None if crate `http` has no form for it.
    fn from_whole(incoming: http_buffered::Incoming) -> Option<Self>;
}

impl FromRequest for Request {
    fn from_streamed(incoming: http::Incoming) -> Result<Self, http::ErrorCode> {
        wire::request(incoming)
    }

    fn from_whole(incoming: http_buffered::Incoming) -> Option<Self> {
        let mut request = Self::new(Body::from(incoming.body));
        *request.method_mut() = Method::from_bytes(incoming.method.as_bytes()).ok()?;
        *request.uri_mut() = wire::uri(incoming.target)?;
        let mut fields = incoming.headers;
        wire::with_host(&mut fields, incoming.authority);
        *request.headers_mut() = wire::header_map(fields);
        Some(request)
    }
}

impl FromRequest for Params {
    fn from_streamed(incoming: http::Incoming) -> Result<Self, http::ErrorCode> {
        Ok(Self::from_fields(incoming.get_headers().copy_all()))
    }

    fn from_whole(incoming: http_buffered::Incoming) -> Option<Self> {
        Some(Self::from_fields(incoming.headers))
    }
}
