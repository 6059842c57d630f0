//! Requests that a function sends out.

use ::http::uri::Scheme;

use super::body::{Body, Source};
use super::incoming::{Incoming, Unopened};
use super::wire;
use super::{Method, Request, Response, StatusCode};
use crate::bindings::imports::wasi::http0_3_0::{client, types as wasi};

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
    /// The function may not call this host (`outbound` in platform.toml). A retry can't help.
    #[error("the function may not call this host")]
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
            Self::Invalid(_) | Self::Denied | Self::Protocol(_) => false,
        }
    }
}

/// Sends a request, and answers when the head of the response is here; its body is read as it comes.
///
/// The URI is absolute, and its host is one that platform.toml lists under `outbound` for this function. Both bodies
/// stream. Dropping the future cancels the request.
///
/// ```no_run
/// use flint_sdk::http::{self, Body, Request};
///
/// # async fn example() -> Result<(), http::Problem> {
/// let request = Request::get("https://api.example.com/rates").body(Body::empty())?;
/// let response = http::send(request).await?;
/// let rates: Vec<f64> = response.into_body().json().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any of [`SendError`]. An answer with an error status is an answer, no error.
pub async fn send(request: Request) -> Result<Response, SendError> {
    let response = client::send(outgoing(request)?).await?;
    let mut answer = Response::default();
    *answer.status_mut() =
        StatusCode::from_u16(response.get_status_code()).map_err(|error| SendError::Protocol(error.to_string()))?;
    *answer.headers_mut() = wire::headers(&response.get_headers());
    *answer.body_mut() = Body(Source::Incoming(Incoming::Unopened(Unopened::response(response))));
    Ok(answer)
}

fn outgoing(request: Request) -> Result<wasi::Request, SendError> {
    let (mut parts, body) = request.into_parts();
    let Some(authority) = parts.uri.authority() else {
        return Err(SendError::Invalid(format!("{} is no absolute URI", parts.uri)));
    };
    // The host makes it from the authority, and refuses one that the guest sets.
    parts.headers.remove(super::header::HOST);
    let fields = wire::fields(&parts.headers).map_err(|code| SendError::Invalid(wire::describe(code)))?;
    let (stream, trailers) = wire::outgoing(body);
    let (request, _sent) = wasi::Request::new(fields, stream, trailers, None);
    let invalid = |what: &str| SendError::Invalid(format!("the host refuses the {what} of {}", parts.uri));
    request.set_method(&method(&parts.method)).map_err(|()| invalid("method"))?;
    request.set_scheme(parts.uri.scheme().map(scheme).as_ref()).map_err(|()| invalid("scheme"))?;
    request.set_authority(Some(authority.as_str())).map_err(|()| invalid("authority"))?;
    let target = parts.uri.path_and_query().map(|target| target.as_str());
    request.set_path_with_query(target).map_err(|()| invalid("path"))?;
    Ok(request)
}

fn method(method: &Method) -> wasi::Method {
    match method.as_str() {
        "GET" => wasi::Method::Get,
        "HEAD" => wasi::Method::Head,
        "POST" => wasi::Method::Post,
        "PUT" => wasi::Method::Put,
        "DELETE" => wasi::Method::Delete,
        "CONNECT" => wasi::Method::Connect,
        "OPTIONS" => wasi::Method::Options,
        "TRACE" => wasi::Method::Trace,
        "PATCH" => wasi::Method::Patch,
        other => wasi::Method::Other(other.to_owned()),
    }
}

fn scheme(scheme: &Scheme) -> wasi::Scheme {
    match scheme.as_str() {
        "http" => wasi::Scheme::Http,
        "https" => wasi::Scheme::Https,
        other => wasi::Scheme::Other(other.to_owned()),
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
            | Code::HttpRequestBodySize(_)
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
            _ => Self::Protocol(text),
        }
    }
}
