//! What the management API says, on both sides of the wire.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /metrics` | OpenMetrics text |
//! | `GET /health/live` | [`Live`] |
//! | `GET /health/ready` | 200, or 503 while the host starts or stops |
//! | `GET /v1/openapi.json` | the whole of this, as OpenAPI 3.1 |
//! | `GET /v1/functions`, `GET /v1/functions/{name}` | [`Functions`], [`Function`] |
//! | `POST /v1/functions/{name}/invoke`, payload | the function's answer, and `flint-invocation-id` |
//! | `POST /v1/functions/{name}/invoke?async`, payload | 202 and [`invoke::Accepted`] |
//! | `GET /v1/invocations/{invocation}` | [`invoke::Status`] |
//! | `GET /v1/functions/{name}/versions` | [`Versions`] |
//! | `POST /v1/functions/{name}/versions?weight=&from=`, component | [`Changed`] |
//! | `POST /v1/functions/{name}/rollback`, [`Rollback`] | [`Changed`] |
//! | `PUT /v1/functions/{name}/split`, [`Split`] | [`Changed`] |
//! | `GET /v1/routes`, `GET /v1/limits` | [`Routes`], [`Limits`] |
//! | `GET /v1/invocations?function=&limit=` | [`Invocations`] |
//! | `GET /v1/kv/{store}?prefix=&cursor=&limit=` | [`Page`] |
//! | `GET /v1/kv/{store}/{key}` | [`Item`] |
//! | `PUT /v1/kv/{store}/{key}?ttl-ms=&if-absent=&if-version=`, value | [`Written`] |
//! | `GET /v1/triggers`, `GET /v1/queues`, `GET /v1/queues/{queue}` | [`queue::Triggers`], [`queue::Queues`], [`queue::Queue`] |
//! | `POST /v1/queues/{queue}/messages`, [`queue::Send`] | [`queue::Sent`] |
//! | `GET /v1/queues/{queue}/messages?cursor=&limit=` | [`queue::Messages`] |
//! | `POST /v1/queues/{queue}/receive`, [`queue::Receive`] | [`queue::Messages`] |
//! | `POST /v1/queues/{queue}/settle`, [`queue::Settle`] | [`queue::Counted`] |
//! | `POST /v1/queues/{queue}/extend`, [`queue::Extend`] | [`queue::Extended`] |
//! | `POST /v1/queues/{queue}/purge` | [`queue::Counted`] |
//! | `POST /v1/queues/{queue}/redrive`, [`queue::Redrive`] | [`queue::Counted`] |
//! | `GET /v1/buckets/{bucket}?prefix=&delimiter=&cursor=&limit=` | [`blob::BlobPage`] |
//! | `GET /v1/buckets/{bucket}/{key}` | the content |
//! | `PUT /v1/buckets/{bucket}/{key}?if-absent=&if-match=`, content | [`blob::BlobInfo`] |
//! | `DELETE /v1/buckets/{bucket}/{key}?if-match=` | [`blob::Removed`] |
//! | `POST /v1/signed-urls`, [`blob::Sign`] | [`blob::SignedUrl`] |
//! | `GET /v1/schedules` | [`schedule::Schedules`] |
//! | `POST /v1/schedules/{schedule}/run` | [`schedule::Ran`] |
//! | `POST /v1/topics/{topic}/messages`, [`topic::Publish`] | [`queue::Sent`] |
//! | `GET /v1/workflows` | [`workflow::Workflows`] |
//! | `GET /v1/workflows/{workflow}/executions?cursor=&limit=` | [`workflow::Executions`] |
//! | `POST /v1/workflows/{workflow}/executions`, [`workflow::Start`] | [`workflow::Started`] |
//! | `GET /v1/workflows/{workflow}/executions/{execution}` | [`workflow::Execution`] |
//! | `GET /v1/workflows/{workflow}/executions/{execution}/history?cursor=&limit=` | [`workflow::History`] |
//! | `POST /v1/workflows/{workflow}/executions/{execution}/stop`, [`workflow::Why`] | [`workflow::Accepted`] |
//! | `POST /v1/workflows/{workflow}/executions/{execution}/redrive` | [`workflow::Accepted`] |
//! | `POST /v1/workflow-tasks`, [`workflow::Told`] | [`workflow::Accepted`] |
//!
//! Keys and names of queues are percent-encoded. An error is a [`Problem`], sent as [`ProblemDetails`], `application/problem+json` (RFC 9457).

pub(crate) mod blob;
mod function;
mod host;
pub(crate) mod invoke;
pub(crate) mod queue;
pub(crate) mod schedule;
pub(crate) mod topic;
pub(crate) mod workflow;

pub(crate) use function::{
    Changed, Deploy, Function, FunctionLimits, Functions, Rollback, Serving, Shape, Split, Version, Versions,
};
pub(crate) use host::{
    BucketLimits, Cors, Idempotency, Invocation, Invocations, Limits, OutboundLimits, QueueLimits, Rate, Recent, Route,
    Routes, StoreLimits, TopicLimits,
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The header with the id of an invocation.
pub(crate) const INVOCATION_HEADER: &str = "flint-invocation-id";

/// The media type of an error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Says who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Live {
    /// The same as in the host's run file; another process that got the port has another one.
    pub(crate) host: String,
    /// The version of the program.
    pub(crate) version: String,
}

/// A key with its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Item {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) value: Printable,
    pub(crate) version: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at_ms: Option<u64>,
}

/// Bytes: as text if they are UTF-8, else in base 64, under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum Printable {
    #[serde(rename = "value")]
    Text(String),
    #[serde(rename = "value_base64")]
    Base64(String),
}

impl Printable {
    pub(crate) fn new(bytes: &Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes; none if what should be base 64 is not.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Self::Base64(text) => STANDARD.decode(text).ok().map(Bytes::from),
        }
    }
}

/// Some keys of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Where to go on; none when this was the last page.
    pub(crate) cursor: Option<String>,
}

/// What a write came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Written {
    pub(crate) key: String,
    pub(crate) version: u64,
}

/// Which part of a store is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct Scan {
    #[serde(default)]
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    #[serde(default)]
    pub(crate) limit: Option<u32>,
}

/// How a key is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct Put {
    #[serde(default)]
    pub(crate) ttl_ms: Option<u64>,
    #[serde(default)]
    pub(crate) if_absent: bool,
    #[serde(default)]
    pub(crate) if_version: Option<u64>,
}

/// An error, as whoever asks needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) invocation: Option<String>,
}

/// An error, as RFC 9457 writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Always `about:blank`: the status says what it is, and the code exactly.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    pub(crate) status: u16,
    /// A stable code, such as `kv/conflict`.
    pub(crate) code: String,
    /// What happened, for people.
    pub(crate) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invocation: Option<String>,
}

impl From<Problem> for ProblemDetails {
    fn from(problem: Problem) -> Self {
        let Problem { status, code, detail, invocation } = problem;
        let title = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let (kind, title) = ("about:blank".to_owned(), title.unwrap_or("Error").to_owned());
        Self { kind, title, status, code, detail, invocation }
    }
}

impl Problem {
    pub(crate) fn new(status: http::StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status: status.as_u16(), code: code.to_owned(), detail: detail.into(), invocation: None }
    }

    /// Whether doing the same again can help.
    pub(crate) fn is_passing(&self) -> bool {
        self.status == http::StatusCode::SERVICE_UNAVAILABLE.as_u16()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn any_value_goes_over_the_wire_and_text_stays_readable() {
        for (bytes, json) in [
            (&b"text"[..], json!({"key": "k", "value": "text", "version": 1})),
            (&b"\xff\x00"[..], json!({"key": "k", "value_base64": "/wA=", "version": 1})),
        ] {
            let bytes = Bytes::from_static(bytes);
            let item = Item { key: "k".to_owned(), value: Printable::new(&bytes), version: 1, expires_at_ms: None };
            assert_eq!(serde_json::to_value(&item).expect("JSON"), json);
            let back: Item = serde_json::from_value(json).expect("an item");
            assert_eq!(back.value.bytes(), Some(bytes));
        }
    }
}
