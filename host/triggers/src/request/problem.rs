//! Errors as `application/problem+json` (RFC 9457): what went wrong, in words for a client and in a code for a program.
//!
//! The one place where a [`Failure`] or a [`Refusal`] becomes a status. Nothing that only the function's owner may know is in
//! the answer: that is in the log, under the invocation's id, which the answer has.

use super::router::NoText;
use bytes::Bytes;
use flint_model::InvocationId;
use flint_stores::Unavailable;
use flint_stores::blob::sign::SignatureError;
use flint_world::Failure;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a client is asked to wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why the door itself refused a request, before any function was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No route matches host and path.
    #[error("no route matches this host and path")]
    NoRoute,
    /// Routes match host and path, but not the method. Has the value of `Allow`.
    #[error("this path does not take this method")]
    MethodNotAllowed(HeaderValue),
    /// The path has a dot segment or a broken percent escape.
    #[error("the path has a `.` or `..` segment, or a broken percent escape")]
    BadPath,
    /// A parameter of the path is no text.
    #[error(transparent)]
    BadParam(NoText),
    /// There is no `host` where there must be one, or more than one, or what it says is no host.
    #[error("the request must have exactly one host header, with a host and perhaps a port")]
    BadHost,
    /// The method is `CONNECT`: this is no proxy.
    #[error("this server is no proxy")]
    NoProxy,
    /// The request asks for another protocol, such as WebSocket.
    #[error("this server changes to no other protocol")]
    NoUpgrade,
    /// The body is framed in a way that others may read differently.
    #[error("the transfer-encoding of the request is not `chunked` alone")]
    BadFraming,
    /// There are more header lines than may be.
    #[error("the request has more than {0} headers")]
    TooManyHeaders(usize),
    /// The client asks too often. Has the time after which it may ask again.
    #[error("this client asks too often")]
    RateLimited(Duration),
    /// There is no such file.
    #[error("there is no such file")]
    NoFile,
    /// The client wants another version of a file than there is.
    #[error("the file is not the version that the request is about")]
    PreconditionFailed,
    /// The part that is asked for begins behind the end of the file, which has this size.
    #[error("the file has {0} bytes, and no such part")]
    BadRange(u64),
    /// As many files are being sent as may be.
    #[error("the host sends too many files at once")]
    TooManyFiles,
    /// As many requests are being answered as may be.
    #[error("the host answers too many requests at once")]
    TooManyRequests,
    /// A file can't be read. The log has more.
    #[error("the host failed to read the file")]
    Unreadable,
    /// The URL of a blob is not good, or not any more.
    #[error(transparent)]
    Signature(SignatureError),
    /// There is no such blob.
    #[error("there is no such blob")]
    NoBlob,
    /// A blob can't be stored in this way.
    #[error("{0}")]
    BadBlob(String),
    /// The body of an upload broke off. Nothing is left of it.
    #[error("the upload was cut short")]
    CutShort,
    /// The blobs can't be had now.
    #[error("{0}")]
    BlobStore(Unavailable),
    /// The route asks for an `Idempotency-Key`, and there is none.
    #[error("requests to this path have the header `Idempotency-Key`")]
    NoIdempotencyKey,
    /// There are several keys, or what is said is none.
    #[error("`Idempotency-Key` is one text of 1 to 255 printable ASCII characters, perhaps in quotes")]
    BadIdempotencyKey,
    /// The key came with another request before.
    #[error("this `Idempotency-Key` was used for another request")]
    IdempotencyMismatch,
    /// The first request with this key is not done.
    #[error("a request with this `Idempotency-Key` is not done yet")]
    IdempotencyRunning,
    /// The first request with this key is done, and its answer was not kept.
    #[error("the request with this `Idempotency-Key` is done, and its answer was too large to be kept")]
    IdempotencyLost,
    /// It can't be found out now whether a key is known.
    #[error("{0}")]
    AnswerStore(Unavailable),
    /// The client took too long to send the next piece of the body.
    #[error("no more of the request body came within {}", flint_model::duration::display(*.0))]
    SlowBody(Duration),
    /// The request target is longer than its limit, in bytes.
    #[error("the request target is longer than {0} bytes")]
    UriTooLong(usize),
    /// The body is larger than its limit.
    #[error("the request is larger than {0}")]
    TooLarge(flint_model::ByteSize),
}

/// What an error answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// A stable code, such as `function/timed-out`.
    pub code: &'static str,
    /// What happened, for people.
    pub detail: Cow<'static, str>,
    /// What it says besides, by name.
    members: Vec<(&'static str, String)>,
    extra: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with this status. One that passes (503) asks its client to come again.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry = (status == StatusCode::SERVICE_UNAVAILABLE).then_some((header::RETRY_AFTER, RETRY_AFTER));
        Self { status, code, detail: detail.into(), members: Vec::new(), extra: retry }
    }

    /// The same, which says one more thing.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Makes the answer. Cold path: allocates.
    pub fn into_response(self, invocation: InvocationId) -> Response<Bytes> {
        #[derive(Serialize)]
        struct Body<'a> {
            // No page describes these types, and then the RFC asks for this value and the status's phrase as title.
            r#type: &'static str,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            invocation: InvocationId,
            #[serde(flatten)]
            members: BTreeMap<&'static str, String>,
        }
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            invocation,
            members: self.members.into_iter().collect(),
        };
        // Strings and a number always serialize.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Bytes::from(bytes));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.extra {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<&Failure> for Problem {
    /// Overload is 503, not 429: the server as a whole is busy, this client did nothing wrong.
    fn from(failure: &Failure) -> Self {
        use Failure as F;
        let status = match failure {
            F::Overloaded { .. } | F::Exhausted | F::RequestMemory(_) | F::Draining => StatusCode::SERVICE_UNAVAILABLE,
            F::TimedOut(_) | F::NoFirstByte(_) | F::CpuExceeded(_) => StatusCode::GATEWAY_TIMEOUT,
            F::BadRequest(_) => StatusCode::BAD_REQUEST,
            F::NoAnswer(_) => StatusCode::BAD_GATEWAY,
            F::TooLarge { what: "request", .. } => StatusCode::PAYLOAD_TOO_LARGE,
            F::TooLarge { .. } => StatusCode::BAD_GATEWAY,
            F::Trapped(_)
            | F::OutOfMemory(_)
            | F::NoHandler(_)
            | F::ChangesTooLarge(_)
            | F::Untransactional
            | F::Handler { .. }
            | F::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let detail = match failure {
            // These hold the guest's own words, which are for its owner.
            F::Trapped(_) | F::Handler { .. } => Cow::Borrowed("the function failed"),
            F::NoAnswer(_) => Cow::Borrowed("the function gave no valid answer"),
            other => Cow::Owned(other.to_string()),
        };
        Self::new(status, failure.code(), detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        use Refusal as R;
        let (status, code) = match &refusal {
            R::NoRoute => (StatusCode::NOT_FOUND, "http/no-route"),
            R::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "http/method-not-allowed"),
            R::BadPath | R::BadParam(_) => (StatusCode::BAD_REQUEST, "http/bad-path"),
            R::BadHost => (StatusCode::BAD_REQUEST, "http/bad-host"),
            R::NoProxy => (StatusCode::NOT_IMPLEMENTED, "http/no-proxy"),
            R::NoUpgrade => (StatusCode::NOT_IMPLEMENTED, "http/no-upgrade"),
            R::BadFraming => (StatusCode::BAD_REQUEST, "http/bad-framing"),
            R::TooManyHeaders(_) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "http/too-many-headers"),
            R::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "http/rate-limited"),
            R::NoFile => (StatusCode::NOT_FOUND, "http/no-file"),
            R::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "http/precondition-failed"),
            R::BadRange(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "http/bad-range"),
            R::TooManyFiles | R::TooManyRequests => (StatusCode::SERVICE_UNAVAILABLE, "host/exhausted"),
            R::Unreadable => (StatusCode::INTERNAL_SERVER_ERROR, "host/internal"),
            R::Signature(SignatureError::Expired) => (StatusCode::FORBIDDEN, "blob/url-expired"),
            R::Signature(SignatureError::Forged) => (StatusCode::FORBIDDEN, "blob/url-forged"),
            R::NoBlob => (StatusCode::NOT_FOUND, "blob/no-such-blob"),
            R::BadBlob(_) => (StatusCode::BAD_REQUEST, "blob/invalid"),
            R::CutShort => (StatusCode::BAD_REQUEST, "blob/interrupted"),
            R::BlobStore(_) => (StatusCode::SERVICE_UNAVAILABLE, "blob/unavailable"),
            R::NoIdempotencyKey => (StatusCode::BAD_REQUEST, "http/no-idempotency-key"),
            R::BadIdempotencyKey => (StatusCode::BAD_REQUEST, "http/bad-idempotency-key"),
            R::IdempotencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "http/idempotency-mismatch"),
            R::IdempotencyRunning => (StatusCode::CONFLICT, "http/idempotency-running"),
            R::IdempotencyLost => (StatusCode::CONFLICT, "http/idempotency-answer-lost"),
            R::AnswerStore(_) => (StatusCode::SERVICE_UNAVAILABLE, "http/idempotency-unavailable"),
            R::SlowBody(_) => (StatusCode::REQUEST_TIMEOUT, "http/slow-body"),
            R::UriTooLong(_) => (StatusCode::URI_TOO_LONG, "http/uri-too-long"),
            R::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "http/too-large"),
        };
        let mut problem = Self::new(status, code, refusal.to_string());
        match refusal {
            R::MethodNotAllowed(allow) => problem.extra = Some((header::ALLOW, allow)),
            // In whole seconds, and not too early.
            R::RateLimited(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                problem.extra = Some((header::RETRY_AFTER, HeaderValue::from(seconds.max(1))));
            }
            R::IdempotencyRunning => problem.extra = Some((header::RETRY_AFTER, RETRY_AFTER)),
            R::BadRange(size) => {
                // Digits are a value.
                let range = HeaderValue::try_from(format!("bytes */{size}")).ok();
                problem.extra = range.map(|range| (header::CONTENT_RANGE, range));
            }
            // What follows on the connection may not be what it looks like.
            R::BadFraming | R::SlowBody(_) => {
                problem.extra = Some((header::CONNECTION, HeaderValue::from_static("close")));
            }
            _ => {}
        }
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_model::{ByteSize, Timestamp};

    fn large(what: &'static str) -> Failure {
        Failure::TooLarge { what, limit: ByteSize::bytes(1024) }
    }

    #[test]
    fn each_failure_has_its_status_and_its_code_and_no_secret_of_the_guest() {
        let secret = || "secret".to_owned();
        for (failure, status, code) in [
            (Failure::Overloaded { limit: 5 }, 503, "function/overloaded"),
            (Failure::Exhausted, 503, "host/exhausted"),
            (Failure::RequestMemory(ByteSize::bytes(1)), 503, "host/request-memory"),
            (Failure::Draining, 503, "host/draining"),
            (Failure::TimedOut(Duration::from_secs(1)), 504, "function/timed-out"),
            (Failure::NoFirstByte(Duration::from_secs(1)), 504, "function/no-first-byte"),
            (Failure::CpuExceeded(Duration::from_secs(1)), 504, "function/cpu-exceeded"),
            (Failure::Trapped(secret()), 500, "function/trapped"),
            (Failure::OutOfMemory(ByteSize::bytes(1)), 500, "function/out-of-memory"),
            (Failure::BadRequest("no target".to_owned()), 400, "http/bad-request"),
            (Failure::NoAnswer(secret()), 502, "function/no-answer"),
            (Failure::NoHandler("http"), 500, "function/no-handler"),
            (large("request"), 413, "http/too-large"),
            (large("response"), 502, "http/too-large"),
            (Failure::Handler { name: secret(), message: secret(), retry: None }, 500, "function/failed"),
            (Failure::Internal, 500, "host/internal"),
        ] {
            let problem = Problem::from(&failure);
            assert_eq!((problem.status.as_u16(), problem.code), (status, code), "{failure:?}");
            assert!(!problem.detail.contains("secret"), "{failure:?}");
            let response = problem.into_response(InvocationId::now());
            assert_eq!(response.headers().contains_key("retry-after"), status == 503, "{failure:?}");
        }
    }

    #[test]
    fn each_refusal_has_its_status_and_its_code() {
        for (refusal, status, code) in [
            (Refusal::NoRoute, 404, "http/no-route"),
            (Refusal::MethodNotAllowed(HeaderValue::from_static("GET")), 405, "http/method-not-allowed"),
            (Refusal::BadPath, 400, "http/bad-path"),
            (Refusal::BadParam(NoText), 400, "http/bad-path"),
            (Refusal::BadHost, 400, "http/bad-host"),
            (Refusal::NoProxy, 501, "http/no-proxy"),
            (Refusal::NoUpgrade, 501, "http/no-upgrade"),
            (Refusal::BadFraming, 400, "http/bad-framing"),
            (Refusal::TooManyHeaders(9), 431, "http/too-many-headers"),
            (Refusal::RateLimited(Duration::from_millis(1500)), 429, "http/rate-limited"),
            (Refusal::NoFile, 404, "http/no-file"),
            (Refusal::PreconditionFailed, 412, "http/precondition-failed"),
            (Refusal::BadRange(9), 416, "http/bad-range"),
            (Refusal::TooManyFiles, 503, "host/exhausted"),
            (Refusal::TooManyRequests, 503, "host/exhausted"),
            (Refusal::Unreadable, 500, "host/internal"),
            (Refusal::Signature(SignatureError::Expired), 403, "blob/url-expired"),
            (Refusal::Signature(SignatureError::Forged), 403, "blob/url-forged"),
            (Refusal::NoBlob, 404, "blob/no-such-blob"),
            (Refusal::BadBlob("a rule".to_owned()), 400, "blob/invalid"),
            (Refusal::CutShort, 400, "blob/interrupted"),
            (Refusal::BlobStore(Unavailable::DiskFull), 503, "blob/unavailable"),
            (Refusal::NoIdempotencyKey, 400, "http/no-idempotency-key"),
            (Refusal::BadIdempotencyKey, 400, "http/bad-idempotency-key"),
            (Refusal::IdempotencyMismatch, 422, "http/idempotency-mismatch"),
            (Refusal::IdempotencyRunning, 409, "http/idempotency-running"),
            (Refusal::IdempotencyLost, 409, "http/idempotency-answer-lost"),
            (Refusal::AnswerStore(Unavailable::DiskFull), 503, "http/idempotency-unavailable"),
            (Refusal::SlowBody(Duration::from_secs(1)), 408, "http/slow-body"),
            (Refusal::UriTooLong(9), 414, "http/uri-too-long"),
            (Refusal::TooLarge(ByteSize::bytes(9)), 413, "http/too-large"),
        ] {
            let allows = matches!(refusal, Refusal::MethodNotAllowed(_));
            let is_passing = [429, 503].contains(&status) || refusal == Refusal::IdempotencyRunning;
            let problem = Problem::from(refusal);
            assert_eq!((problem.status.as_u16(), problem.code), (status, code));
            let response = problem.into_response(InvocationId::now());
            assert_eq!(response.headers().contains_key("retry-after"), is_passing);
            assert_eq!(response.headers().get("allow").is_some_and(|allow| allow == "GET"), allows);
        }
    }

    #[test]
    fn the_body_is_what_the_rfc_says() {
        let id = InvocationId::new(Timestamp::from_millis(0), 0);
        let response = Problem::from(&Failure::TimedOut(Duration::from_secs(30))).into_response(id);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": "Gateway Timeout", "status": 504,
                "detail": "the function ran into its time-out of 30s",
                "code": "function/timed-out", "invocation": "00000000000000000000000000",
            })
        );
        let problem = Problem::new(StatusCode::CONFLICT, "workflow/failed", "it failed").with("error", "OutOfStock");
        let body: serde_json::Value = serde_json::from_slice(problem.into_response(id).body()).expect("JSON");
        assert_eq!((&body["code"], &body["error"]), (&"workflow/failed".into(), &"OutOfStock".into()));
    }
}
