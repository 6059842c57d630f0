//! Functions and their versions, as management tells them.

use crate::live::record::{Origin, Record};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// All functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Functions {
    pub(crate) functions: Vec<Function>,
}

/// One function: what serves it, how busy it is, and what is in force for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The versions in service, the main one first.
    pub(crate) serving: Vec<Serving>,
    /// Invocations that run now, of all versions.
    pub(crate) running: usize,
    /// Invocations that wait for their turn, of all versions.
    pub(crate) waiting: usize,
    /// Versions that were swapped out and still have invocations that run.
    pub(crate) retired: usize,
    /// `fresh`, `serial` or `shared`.
    pub(crate) isolation: String,
    /// Events an instance serves before it is replaced; none with `fresh`.
    pub(crate) uses: Option<usize>,
    /// Instances that are always kept ready.
    pub(crate) warm: usize,
    /// Whether a request may choose the version.
    pub(crate) version_header: bool,
    pub(crate) limits: FunctionLimits,
    pub(crate) shape: Shape,
}

/// A version in service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Serving {
    pub(crate) version: u64,
    /// Of a hundred requests.
    pub(crate) weight: u8,
    /// Instances that are ready.
    pub(crate) spares: usize,
}

/// The limits in force for a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FunctionLimits {
    pub(crate) concurrency: usize,
    /// Whether so many are set aside for it.
    pub(crate) reserved: bool,
    pub(crate) queue: usize,
    pub(crate) queue_timeout_ms: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) cpu_ms: u64,
    pub(crate) request_size_max_bytes: u64,
    pub(crate) response_size_max_bytes: u64,
    /// None: no limit.
    pub(crate) http_body_max_bytes: Option<u64>,
    /// None: no limit.
    pub(crate) http_response_max_bytes: Option<u64>,
    /// None: `timeout_ms`.
    pub(crate) first_byte_timeout_ms: Option<u64>,
    pub(crate) log_size_max_bytes: u64,
    pub(crate) handles_max: usize,
    pub(crate) kv_calls_max: usize,
    pub(crate) kv_size_max_bytes: u64,
    pub(crate) outbound_calls_max: usize,
    pub(crate) outbound_size_max_bytes: u64,
    pub(crate) outbound_timeout_ms: u64,
    pub(crate) outbound_concurrency: usize,
    /// Of invocations that nobody waits for, as all that follow.
    pub(crate) async_max_age_ms: u64,
    pub(crate) async_retries: usize,
    pub(crate) async_retry_delay_ms: u64,
    pub(crate) async_retry_delay_max_ms: u64,
    pub(crate) async_kept_ms: u64,
}

/// What a component exports and imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Shape {
    /// `wasi:http@0.2`, `wasi:http@0.3`, `buffered`, or none.
    pub(crate) http: Option<String>,
    /// Whether it can be invoked with a payload.
    pub(crate) invoke: bool,
    /// Whether it has an init function.
    pub(crate) init: bool,
    /// What it has to be granted: `kv`, `secrets`, `outbound`.
    pub(crate) imports: Vec<String>,
}

/// The versions of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Versions {
    pub(crate) function: String,
    /// The version that gets the requests, or most of them.
    pub(crate) active: u64,
    /// The version that gets some of them beside it.
    pub(crate) canary: Option<u64>,
    /// Those that are kept, the youngest first.
    pub(crate) versions: Vec<Version>,
}

/// One version of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Version {
    pub(crate) version: u64,
    /// Of a hundred requests.
    pub(crate) weight: u8,
    pub(crate) origin: Origin,
    /// The file or folder that it was made from.
    pub(crate) from: String,
    /// The SHA-256 of its component.
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) made_at_ms: u64,
}

/// What a change of the versions came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Changed {
    /// Whether anything is served otherwise than before.
    pub(crate) changed: bool,
    #[serde(flatten)]
    pub(crate) versions: Versions,
}

/// How a component is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(crate) struct Deploy {
    /// Of a hundred requests, so many go to the new version; all, if this is left out.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub(crate) weight: Option<u8>,
    /// Where the component comes from, for people.
    #[serde(default)]
    pub(crate) from: Option<String>,
}

/// Where a function goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Rollback {
    /// The version; the one that served before, if this is left out.
    #[serde(default)]
    pub(crate) to: Option<u64>,
}

/// How requests are split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Split {
    /// The version; the canary, if this is left out.
    #[serde(default)]
    pub(crate) version: Option<u64>,
    /// Of a hundred requests: 100 makes it the main version, 0 ends the split.
    #[schema(maximum = 100)]
    pub(crate) weight: u8,
}

impl Versions {
    /// Tells a record.
    pub(crate) fn of(function: String, record: &Record) -> Self {
        let serving = record.serving();
        let weight =
            |version: u64| serving.iter().find(|(other, _)| *other == version).map_or(0, |(_, weight)| *weight);
        let versions = record.versions().iter().rev().map(|kept| Version {
            version: kept.version,
            weight: weight(kept.version),
            origin: kept.origin,
            from: kept.from.clone(),
            sha256: kept.sum.to_string(),
            bytes: kept.size,
            made_at_ms: kept.made_at_ms,
        });
        Self {
            function,
            active: record.active(),
            canary: record.canary().map(|canary| canary.version),
            versions: versions.collect(),
        }
    }
}
