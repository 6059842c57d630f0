//! What went wrong below `wasi:http`, as its error codes.

use std::error::Error as StdError;
use std::io;
use wasmtime_wasi_http::Error;

/// A connection could not be made.
pub(crate) fn of_connect(error: &io::Error) -> Error {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Error::ConnectionRefused,
        Kind::TimedOut => Error::ConnectionTimeout,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => Error::DestinationIpUnroutable,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Error::ConnectionTerminated,
        _ => Error::DestinationUnavailable,
    }
}

/// TLS could not be agreed on.
pub(crate) fn of_tls(error: &io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            Error::TlsAlertReceived { alert_id: Some((*alert).into()), alert_message: Some(format!("{alert:?}")) }
        }
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

/// There was no head of an answer.
pub(crate) fn of_exchange(error: &hyper::Error) -> Error {
    match () {
        () if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => Error::ConnectionTerminated,
        () => common(error),
    }
}

/// The body of an answer ended early.
pub(crate) fn of_body(error: &hyper::Error) -> Error {
    match () {
        () if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            Error::HttpResponseIncomplete
        }
        () => common(error),
    }
}

fn common(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(None);
    }
    let mut cause = error.source();
    while let Some(found) = cause {
        match found.downcast_ref::<Error>() {
            Some(Error::HttpRequestBodySize(size)) => return Error::HttpRequestBodySize(*size),
            Some(Error::HttpRequestTrailerSectionSize(size)) => return Error::HttpRequestTrailerSectionSize(*size),
            _ => {}
        }
        if found.is::<io::Error>() {
            return Error::ConnectionTerminated;
        }
        cause = found.source();
    }
    Error::HttpProtocolError
}
