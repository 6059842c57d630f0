//! The target of a request and the host in it: the same to a guest, whatever the version of HTTP. Pure.

use super::header as headers;
use super::problem::Refusal;
use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri, request};

/// Says whether the host is one (RFC 9110, section 4.2.4 and 7.2): name and port, and nobody's name and password. It may be empty.
pub(super) fn has_valid_host<B>(request: &Request<B>) -> bool {
    let of_target = request.uri().authority().is_none_or(|authority| !authority.as_str().contains('@'));
    let of_header = request.headers().get(header::HOST).is_none_or(|host| {
        let host = host.as_bytes();
        host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
    });
    of_target && of_header
}

/// Makes a request of HTTP/2 look like one of HTTP/1.1: a path, a host, one line of cookies.
pub(super) fn as_of_http1<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(authority) = parts.authority.take() {
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::BadHost)?;
        // RFC 9113, section 8.3.1: two that differ are a mistake, or worse.
        if request.headers_mut().insert(header::HOST, value.clone()).is_some_and(|other| other != value) {
            return Err(Refusal::BadHost);
        }
    }
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Refusal::BadPath)?;
    headers::join_cookies(request.headers_mut());
    Ok(())
}

/// Makes the host that the target names, if it does, the one that the header names: it is the one that counts, and what a header
/// says besides is ignored (RFC 9112, section 3.2.2).
pub(super) fn name_host<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    let value = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::BadHost)?;
    request.headers_mut().insert(header::HOST, value);
    Ok(())
}

/// Says in the target whether the client spoke TLS: a guest learns it from there.
pub(super) fn say_scheme(parts: &mut request::Parts, secure: bool) {
    let host = || parts.headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let Some(authority) = parts.uri.authority().cloned().or_else(host) else { return };
    let mut uri = parts.uri.clone().into_parts();
    uri.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(authority);
    uri.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    // What has all three parts is a URI.
    if let Ok(uri) = Uri::from_parts(uri) {
        parts.uri = uri;
    }
}
