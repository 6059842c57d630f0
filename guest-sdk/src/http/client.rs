//! Requests that a function sends to others.
//!
//! [`get`], [`post`] and their kin begin a [`Call`], which takes headers, a body and time-outs, and is [sent](Call::send).
//! What a function may call is listed in platform.toml:
//!
//! ```toml
//! [function.convert]
//! source = "functions/convert"
//! outbound = ["api.example.com"]
//! ```
//!
//! ```no_run
//! use flint_sdk::http::client;
//! use flint_sdk::prelude::*;
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! #[flint_sdk::http]
//! async fn rate(request: Request) -> Result<Json<f64>, Problem> {
//!     let currency: String = request.param_as("currency")?;
//!     let call = client::get("https://api.example.com/rates").timeout(Duration::from_secs(2));
//!     let rates: BTreeMap<String, f64> = call.success().await?.into_body().json().await?;
//!     Ok(Json(rates.get(&currency).copied().unwrap_or(1.0)))
//! }
//! ```
//!
//! Several calls run at once with [`join_all`](crate::join_all) or [`join!`](crate::join!):
//!
//! ```no_run
//! # async fn example() {
//! use flint_sdk::http::client;
//!
//! let urls = ["https://a.example.com/", "https://b.example.com/"];
//! let answers = flint_sdk::join_all(urls.map(|url| client::get(url).send())).await;
//! # }
//! ```
//!
//! Redirects are answers like any other, unless [a call follows them](Call::redirects).

mod call;
mod error;
mod redirect;

pub use self::call::{Call, delete, get, head, patch, post, put, request};
pub use self::error::SendError;

use ::http::HeaderValue;
use ::http::uri::Scheme;

use super::body::{Body, Source};
use super::incoming::{Incoming, Unopened};
use super::{HeaderMap, Method, Request, Response, StatusCode, header, wire};
use crate::bindings::imports::wasi::http0_3_0::{client as wasi_client, types as wasi};

/// Sends a request, and answers when the head of the response is here; its body is read as it comes.
///
/// The URI is absolute, and its host is one that platform.toml lists under `outbound` for this function. Both bodies
/// stream. Dropping the future, or the body of the answer, ends the exchange. [`client`](self) has a shorter way for most
/// requests.
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
    exchange(request, None).await
}

/// Sends a request with time-outs of its own.
async fn exchange(request: Request, options: Option<wasi::RequestOptions>) -> Result<Response, SendError> {
    let response = wasi_client::send(outgoing(request, options)?).await?;
    let mut answer = Response::default();
    *answer.status_mut() =
        StatusCode::from_u16(response.get_status_code()).map_err(|error| SendError::Protocol(error.to_string()))?;
    *answer.headers_mut() = wire::headers(&response.get_headers());
    *answer.body_mut() = Body(Source::Incoming(Incoming::Unopened(Unopened::response(response))));
    Ok(answer)
}

fn outgoing(request: Request, options: Option<wasi::RequestOptions>) -> Result<wasi::Request, SendError> {
    let (mut parts, body) = request.into_parts();
    let (Some(_), Some(authority)) = (parts.uri.scheme(), parts.uri.authority()) else {
        return Err(SendError::Invalid(format!("{} is no absolute URI", parts.uri)));
    };
    // The host makes it from the authority, and refuses one that the guest sets.
    parts.headers.remove(header::HOST);
    announce_length(&parts.method, &body, &mut parts.headers);
    let fields = wire::fields(&parts.headers).map_err(|code| SendError::Invalid(wire::describe(code)))?;
    let (stream, trailers) = wire::outgoing(body);
    let (request, _sent) = wasi::Request::new(fields, stream, trailers, options);
    let invalid = |what: &str| SendError::Invalid(format!("the host refuses the {what} of {}", parts.uri));
    request.set_method(&method(&parts.method)).map_err(|()| invalid("method"))?;
    request.set_scheme(parts.uri.scheme().map(scheme).as_ref()).map_err(|()| invalid("scheme"))?;
    request.set_authority(Some(authority.as_str())).map_err(|()| invalid("authority"))?;
    let target = parts.uri.path_and_query().map(|target| target.as_str());
    request.set_path_with_query(target).map_err(|()| invalid("path"))?;
    Ok(request)
}

/// A body that is whole is sent with its length: not every server takes one without.
fn announce_length(method: &Method, body: &Body, headers: &mut HeaderMap) {
    let Some(length) = body.len() else { return };
    // No length says as much as none, where nobody expects a body.
    let expected = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    if length > 0 || expected {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
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
