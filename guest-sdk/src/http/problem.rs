//! Errors as documents that programs can read: `application/problem+json`
//! ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).

use std::borrow::Cow;

use ::http::HeaderValue;
use serde::Serialize;
use serde_json::Value;

use super::body::{Body, BodyError};
use super::client::SendError;
use super::params::ParamError;
use super::response::{IntoResponse, Response};
use super::{StatusCode, header};
use crate::{blob, config, idempotent, invoke, kv, queue, secrets, topic, transaction, workflow};

/// An error as a client sees it: a status, a code for programs and a text for people.
///
/// The errors of this crate turn into problems by `?`: what the client did wrong becomes a 4xx that says so; what is wrong
/// inside becomes a 500 that tells no more than its code, and 503 when a retry can help.
///
/// ```
/// use flint_sdk::http::{Problem, StatusCode};
///
/// fn find(code: &str) -> Result<&'static str, Problem> {
///     Err(Problem::new(StatusCode::NOT_FOUND)
///         .code("links/unknown")
///         .detail(format!("there is no link {code}")))
/// }
/// # assert_eq!(find("x").unwrap_err().status(), StatusCode::NOT_FOUND);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Document>);

/// Boxed, so that a `Result` with a problem stays small.
#[derive(Debug, Clone, PartialEq)]
struct Document {
    status: StatusCode,
    kind: Option<Cow<'static, str>>,
    title: Option<Cow<'static, str>>,
    code: Option<Cow<'static, str>>,
    detail: Option<Cow<'static, str>>,
    members: Vec<(Cow<'static, str>, Value)>,
}

impl Problem {
    /// A problem with a status, and the title that belongs to it.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// assert_eq!(Problem::new(StatusCode::CONFLICT).status(), 409);
    /// ```
    pub fn new(status: StatusCode) -> Self {
        Self(Box::new(Document { status, kind: None, title: None, code: None, detail: None, members: Vec::new() }))
    }

    /// Something inside went wrong: 500, with a code for the log and nothing else for the client.
    ///
    /// ```
    /// # use flint_sdk::http::Problem;
    /// assert_eq!(Problem::internal("links/corrupt").status(), 500);
    /// ```
    pub fn internal(code: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR).code(code)
    }

    /// Sets the code: a stable name of this kind of error, such as `links/unknown`.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// let problem = Problem::new(StatusCode::CONFLICT).code("orders/changed");
    /// ```
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Sets the detail: what went wrong this time, for people. The client reads it, so it holds no secret.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// let problem = Problem::new(StatusCode::BAD_REQUEST).detail("`url` has to start with https://");
    /// ```
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Sets another title than the one of the status.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// let problem = Problem::new(StatusCode::PAYMENT_REQUIRED).title("Out of credit");
    /// ```
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.0.title = Some(title.into());
        self
    }

    /// Sets the type: a URI at which this kind of problem is described.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// let problem = Problem::new(StatusCode::CONFLICT).kind("https://example.com/problems/changed");
    /// ```
    #[must_use]
    pub fn kind(mut self, uri: impl Into<Cow<'static, str>>) -> Self {
        self.0.kind = Some(uri.into());
        self
    }

    /// Adds a member of your own to the document.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// let problem = Problem::new(StatusCode::CONFLICT).with("version", 7);
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.0.members.push((name.into(), value.into()));
        self
    }

    /// The status.
    ///
    /// ```
    /// # use flint_sdk::http::{Problem, StatusCode};
    /// assert_eq!(Problem::new(StatusCode::GONE).status(), StatusCode::GONE);
    /// ```
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let document = &*self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(kind) = &document.kind {
            map.serialize_entry("type", kind)?;
        }
        let title = document.title.as_deref().or(document.status.canonical_reason());
        if let Some(title) = title {
            map.serialize_entry("title", title)?;
        }
        map.serialize_entry("status", &document.status.as_u16())?;
        if let Some(detail) = &document.detail {
            map.serialize_entry("detail", detail)?;
        }
        if let Some(code) = &document.code {
            map.serialize_entry("code", code)?;
        }
        for (name, value) in &document.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and JSON values under texts: there is nothing in a problem that has no JSON form.
        let json = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = self.0.status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().append(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<StatusCode> for Problem {
    fn from(status: StatusCode) -> Self {
        Self::new(status)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, code) = match error {
            BodyError::Incomplete(_) => (StatusCode::BAD_REQUEST, "http/body-incomplete"),
            BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "http/body-too-large"),
        };
        Self::new(status).code(code).detail(error.to_string())
    }
}

impl From<ParamError> for Problem {
    fn from(error: ParamError) -> Self {
        match error {
            ParamError::Missing(_) => Self::internal("http/no-such-param"),
            ParamError::Invalid { .. } => {
                Self::new(StatusCode::BAD_REQUEST).code("http/invalid-param").detail(error.to_string())
            }
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::TimedOut(_) => Self::new(StatusCode::GATEWAY_TIMEOUT).code("outbound/timed-out"),
            SendError::Unreachable(_) => Self::new(StatusCode::BAD_GATEWAY).code("outbound/unreachable"),
            SendError::Protocol(_) => Self::new(StatusCode::BAD_GATEWAY).code("outbound/protocol"),
            SendError::TooLarge(_) => Self::new(StatusCode::BAD_GATEWAY).code("outbound/too-large"),
            SendError::Status(_) => Self::new(StatusCode::BAD_GATEWAY).code("outbound/status"),
            SendError::Invalid(_) => Self::internal("outbound/invalid-request"),
            SendError::Denied => Self::internal("outbound/denied"),
        }
    }
}

impl From<::http::Error> for Problem {
    fn from(_: ::http::Error) -> Self {
        Self::internal("http/invalid-message")
    }
}

impl From<kv::Error> for Problem {
    fn from(error: kv::Error) -> Self {
        use kv::Error as Kv;
        match error {
            Kv::Conflict(_) => Self::new(StatusCode::CONFLICT).code("kv/conflict"),
            Kv::TooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("kv/too-large").detail(error.to_string()),
            Kv::Unavailable(_) => unavailable("kv/unavailable"),
            Kv::NoSuchStore(_) => Self::internal("kv/no-such-store"),
            Kv::Denied(_) => Self::internal("kv/denied"),
            Kv::Invalid(_) => Self::internal("kv/invalid"),
            Kv::NotACounter(_) => Self::internal("kv/not-a-counter"),
            Kv::Json { .. } => Self::internal("kv/json"),
        }
    }
}

impl From<blob::Error> for Problem {
    fn from(error: blob::Error) -> Self {
        use blob::Error as Blob;
        match error {
            Blob::NoSuchBlob(_) => Self::new(StatusCode::NOT_FOUND).code("blob/no-such-blob"),
            Blob::Conflict(_) => Self::new(StatusCode::CONFLICT).code("blob/conflict"),
            Blob::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("blob/too-large").detail(error.to_string())
            }
            Blob::Interrupted => unavailable("blob/interrupted"),
            Blob::Unavailable(_) => unavailable("blob/unavailable"),
            Blob::NoSuchBucket(_) => Self::internal("blob/no-such-bucket"),
            Blob::Denied(_) => Self::internal("blob/denied"),
            Blob::Invalid(_) => Self::internal("blob/invalid"),
        }
    }
}

impl From<queue::Error> for Problem {
    fn from(error: queue::Error) -> Self {
        use queue::Error as Queue;
        match error {
            Queue::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("queue/too-large").detail(error.to_string())
            }
            Queue::Full(_) => unavailable("queue/full"),
            Queue::Unavailable(_) => unavailable("queue/unavailable"),
            Queue::NoSuchQueue(_) => Self::internal("queue/no-such-queue"),
            Queue::Denied(_) => Self::internal("queue/denied"),
            Queue::Invalid(_) => Self::internal("queue/invalid"),
            Queue::Json(_) => Self::internal("queue/json"),
        }
    }
}

impl From<topic::Error> for Problem {
    fn from(error: topic::Error) -> Self {
        use topic::Error as Topic;
        match error {
            Topic::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("topic/too-large").detail(error.to_string())
            }
            Topic::Unavailable(_) => unavailable("topic/unavailable"),
            Topic::NoSuchTopic(_) => Self::internal("topic/no-such-topic"),
            Topic::Denied(_) => Self::internal("topic/denied"),
            Topic::Invalid(_) => Self::internal("topic/invalid"),
            Topic::Json(_) => Self::internal("topic/json"),
        }
    }
}

impl From<invoke::Error> for Problem {
    fn from(error: invoke::Error) -> Self {
        use invoke::Error as Invoke;
        match error {
            Invoke::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("invoke/too-large").detail(error.to_string())
            }
            Invoke::TimedOut(_) => Self::new(StatusCode::GATEWAY_TIMEOUT).code("invoke/timed-out"),
            Invoke::Unavailable(_) => unavailable("invoke/unavailable"),
            Invoke::Failed(_) => Self::internal("invoke/failed"),
            Invoke::Trapped(_) => Self::internal("invoke/trapped"),
            Invoke::TooDeep(_) => Self::internal("invoke/too-deep"),
            Invoke::NoSuchFunction(_) => Self::internal("invoke/no-such-function"),
            Invoke::Denied(_) => Self::internal("invoke/denied"),
            Invoke::Payload(_) => Self::internal("invoke/payload"),
        }
    }
}

impl From<workflow::Error> for Problem {
    fn from(error: workflow::Error) -> Self {
        use workflow::Error as Workflow;
        match error {
            Workflow::Conflict(_) => Self::new(StatusCode::CONFLICT).code("workflow/conflict"),
            Workflow::NoSuchExecution(_) => Self::new(StatusCode::NOT_FOUND).code("workflow/no-such-execution"),
            Workflow::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE).code("workflow/too-large").detail(error.to_string())
            }
            Workflow::Unavailable(_) => unavailable("workflow/unavailable"),
            Workflow::NoSuchWorkflow(_) => Self::internal("workflow/no-such-workflow"),
            Workflow::Denied(_) => Self::internal("workflow/denied"),
            Workflow::Invalid(_) => Self::internal("workflow/invalid"),
            Workflow::Json(_) => Self::internal("workflow/json"),
        }
    }
}

impl From<idempotent::Error> for Problem {
    fn from(error: idempotent::Error) -> Self {
        match error {
            idempotent::Error::Running => {
                Self::new(StatusCode::CONFLICT).code("idempotent/running").detail(error.to_string())
            }
            idempotent::Error::Store(error) => error.into(),
            idempotent::Error::Transaction(error) => error.into(),
        }
    }
}

impl From<transaction::Error> for Problem {
    fn from(error: transaction::Error) -> Self {
        use transaction::Error as Transaction;
        match error {
            Transaction::Conflict(_) => Self::new(StatusCode::CONFLICT).code("transaction/conflict"),
            Transaction::Refused(_) => unavailable("transaction/refused"),
            Transaction::Unavailable(_) => unavailable("transaction/unavailable"),
            Transaction::TooLarge(_) => Self::internal("transaction/too-large"),
            Transaction::Invalid(_) => Self::internal("transaction/invalid"),
        }
    }
}

impl From<secrets::Error> for Problem {
    fn from(error: secrets::Error) -> Self {
        match error {
            secrets::Error::Unavailable(_) => unavailable("secrets/unavailable"),
            secrets::Error::NoSuchSecret(_) => Self::internal("secrets/no-such-secret"),
            secrets::Error::NotText(_) => Self::internal("secrets/not-text"),
        }
    }
}

impl From<config::Error> for Problem {
    fn from(error: config::Error) -> Self {
        match error {
            config::Error::Unavailable(_) => unavailable("config/unavailable"),
            config::Error::Missing(_) => Self::internal("config/missing"),
            config::Error::Invalid { .. } => Self::internal("config/invalid"),
        }
    }
}

fn unavailable(code: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_with_the_members_of_rfc_9457() {
        let problem = Problem::new(StatusCode::CONFLICT)
            .kind("https://example.com/changed")
            .code("orders/changed")
            .detail("somebody was faster")
            .with("version", 7);
        let json = serde_json::to_value(&problem).unwrap();
        let expected = serde_json::json!({
            "type": "https://example.com/changed",
            "title": "Conflict",
            "status": 409,
            "detail": "somebody was faster",
            "code": "orders/changed",
            "version": 7,
        });
        assert_eq!(json, expected);
        let response = problem.into_response();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    #[test]
    fn what_is_wrong_inside_tells_the_client_nothing_but_a_code() {
        let problem = Problem::from(kv::Error::NoSuchStore("internal-name".into()));
        assert_eq!(problem.status(), 500);
        assert!(!serde_json::to_string(&problem).unwrap().contains("internal-name"));
    }
}
