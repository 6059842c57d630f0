//! Why the body of a request broke off, told by the door that the request came through.

use flint_model::ByteSize;
use std::error::Error as StdError;
use std::time::Duration;
use wasmtime_wasi_http::Error as WasiError;

/// Why a request's body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The client went away, or broke the framing.
    #[error("the request body is incomplete")]
    Client(#[source] Box<dyn StdError + Send + Sync>),
    /// The body is larger than its limit.
    #[error("the request body is larger than {0}")]
    TooLarge(ByteSize),
    /// The client did not send the next piece in time.
    #[error("no more of the request body came within {}", flint_model::duration::display(*.0))]
    Slow(Duration),
}

impl From<RequestError> for WasiError {
    /// What the guest sees of it.
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Client(source) => match source.downcast::<hyper::Error>() {
                Ok(source) => Self::Hyper(*source),
                Err(_) => Self::ConnectionTerminated,
            },
            RequestError::TooLarge(limit) => Self::HttpRequestBodySize(Some(limit.as_u64())),
            RequestError::Slow(_) => Self::ConnectionReadTimeout,
        }
    }
}
