//! Why a request that a function sends got no answer.

use super::super::{StatusCode, wire};
use crate::bindings::imports::wasi::http0_3_0::types as wasi;

/// What a server answers that could do the same later.
const BUSY: [StatusCode; 5] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Why a request got no answer.
///
/// ```
/// use flint_sdk::http::{self, Request, Response, SendError};
///
/// /// Asks the second host when the first can't be reached.
/// async fn ask(first: Request, second: Request) -> Result<Response, SendError> {
///     match http::send(first).await {
///         Err(SendError::Unreachable(_)) => http::send(second).await,
///         answered => answered,
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The request can't be sent as it is: no absolute URI, a header that the host refuses. A retry can't help.
    #[error("the request is invalid: {0}")]
    Invalid(String),
    /// The function may not call this host or the address that it leads to (`outbound` and `outbound-internal` in
    /// platform.toml), or this invocation has made as many calls as it may (`outbound-calls-max`). A retry can't help.
    #[error("the function may not make this call")]
    Denied,
    /// The answer did not come in time. A retry can help.
    #[error("the request timed out: {0}")]
    TimedOut(String),
    /// The host was not found or not reached, or the connection broke. A retry can help, after a back-off.
    #[error("the host could not be reached: {0}")]
    Unreachable(String),
    /// The other side does not speak HTTP as it should. A retry can't help.
    #[error("the other side broke the protocol: {0}")]
    Protocol(String),
    /// The bodies of this invocation are larger than they may be (`outbound-size-max` in platform.toml). A retry can't help.
    #[error("the bodies are too large: {0}")]
    TooLarge(String),
    /// The answer has an error status, and [`Call::success`](super::Call::success) was asked for. A retry can help if the
    /// server says that it is busy (408, 429, 502, 503, 504).
    #[error("the other side answered with {0}")]
    Status(StatusCode),
}

impl SendError {
    /// Whether the same request could be answered later. (It may also have been carried out: retry what is idempotent.)
    ///
    /// ```
    /// use flint_sdk::http::SendError;
    ///
    /// assert!(SendError::TimedOut("connect".into()).is_retryable());
    /// assert!(!SendError::Denied.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Unreachable(_) => true,
            Self::Status(status) => BUSY.contains(status),
            Self::Invalid(_) | Self::Denied | Self::Protocol(_) | Self::TooLarge(_) => false,
        }
    }
}

impl From<wasi::ErrorCode> for SendError {
    fn from(code: wasi::ErrorCode) -> Self {
        use wasi::ErrorCode as Code;
        let text = wire::describe(code.clone());
        match code {
            Code::HttpRequestDenied | Code::DestinationIpProhibited => Self::Denied,
            Code::DnsTimeout
            | Code::ConnectionTimeout
            | Code::ConnectionReadTimeout
            | Code::ConnectionWriteTimeout
            | Code::HttpResponseTimeout => Self::TimedOut(text),
            Code::HttpRequestLengthRequired
            | Code::HttpRequestMethodInvalid
            | Code::HttpRequestUriInvalid
            | Code::HttpRequestUriTooLong
            | Code::HttpRequestHeaderSectionSize(_)
            | Code::HttpRequestHeaderSize(_)
            | Code::HttpRequestTrailerSectionSize(_)
            | Code::HttpRequestTrailerSize(_) => Self::Invalid(text),
            Code::DnsError(_)
            | Code::DestinationNotFound
            | Code::DestinationUnavailable
            | Code::DestinationIpUnroutable
            | Code::ConnectionRefused
            | Code::ConnectionTerminated
            | Code::ConnectionLimitReached
            | Code::HttpResponseIncomplete
            | Code::InternalError(_) => Self::Unreachable(text),
            Code::HttpRequestBodySize(_) | Code::HttpResponseBodySize(_) => Self::TooLarge(text),
            _ => Self::Protocol(text),
        }
    }
}
