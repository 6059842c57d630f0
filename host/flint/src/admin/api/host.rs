//! The host itself, as management tells it: routes, limits, and what happened last.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// All routes, the more specific ones first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Routes {
    pub(crate) routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Route {
    /// None: all hosts.
    pub(crate) host: Option<String>,
    /// None: all methods.
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) path: String,
    /// None: it leads to a workflow, or to files.
    pub(crate) function: Option<String>,
    /// The workflow of which each request starts an execution, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workflow: Option<String>,
    /// What of a request an execution gets, `body` or `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// The folder of files that it leads to, if it does.
    pub(crate) files: Option<String>,
    /// Whether answers are compressed.
    pub(crate) compress: bool,
    /// None: the function says.
    pub(crate) cors: Option<Cors>,
    /// None: a client may ask as often as it likes.
    pub(crate) rate: Option<Rate>,
    /// None: answers are not kept.
    pub(crate) idempotency: Option<Idempotency>,
}

/// Which pages of other origins may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Cors {
    /// None: all.
    pub(crate) origins: Option<Vec<String>>,
    pub(crate) methods: Vec<String>,
    /// Beside the usual ones. None: all.
    pub(crate) headers: Option<Vec<String>>,
    /// Beside the usual ones.
    pub(crate) expose: Vec<String>,
    pub(crate) credentials: bool,
    pub(crate) max_age_ms: u64,
}

/// How often a client may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Rate {
    pub(crate) requests: u32,
    pub(crate) per_ms: u64,
    pub(crate) burst: u32,
    /// `ip`, or `header:NAME`.
    pub(crate) key: String,
}

/// How answers are kept by `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Idempotency {
    pub(crate) kept_ms: u64,
    pub(crate) answer_size_max_bytes: u64,
    pub(crate) required: bool,
}

/// The limits of the host as a whole, and of its stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Limits {
    pub(crate) invocations_max: usize,
    pub(crate) queue: usize,
    pub(crate) queue_timeout_ms: u64,
    pub(crate) spares_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_client_max: usize,
    pub(crate) requests_max: usize,
    pub(crate) files_open_max: usize,
    pub(crate) header_size_max_bytes: u64,
    pub(crate) header_count_max: usize,
    pub(crate) header_timeout_ms: u64,
    pub(crate) handshake_timeout_ms: u64,
    pub(crate) body_timeout_ms: u64,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) http2_streams_max: usize,
    pub(crate) http2_resets_max: usize,
    pub(crate) http2_window_size_bytes: u64,
    pub(crate) http2_buffer_size_bytes: u64,
    pub(crate) http2_ping_interval_ms: u64,
    pub(crate) http2_ping_timeout_ms: u64,
    pub(crate) drain_timeout_ms: u64,
    pub(crate) request_memory_max_bytes: u64,
    pub(crate) compress_size_min_bytes: u64,
    pub(crate) disk_free_min_bytes: u64,
    pub(crate) store_check_max_bytes: u64,
    pub(crate) invoke_depth_max: usize,
    pub(crate) compressions_max: usize,
    pub(crate) rate_keys_max: usize,
    pub(crate) memory_max_bytes: u64,
    /// None: as much as each is granted, since nothing is set and the machine does not tell what it has.
    pub(crate) guest_memory_max_bytes: Option<u64>,
    pub(crate) start_timeout_ms: u64,
    pub(crate) init_timeout_ms: u64,
    pub(crate) init_memory_max_bytes: u64,
    pub(crate) touched_max: usize,
    pub(crate) core_instances_max: usize,
    pub(crate) memories_max: usize,
    pub(crate) tables_max: usize,
    pub(crate) table_elements_max: usize,
    pub(crate) stack_size_max_bytes: u64,
    pub(crate) log_line_max_bytes: u64,
    pub(crate) component_size_max_bytes: u64,
    pub(crate) versions_max: usize,
    pub(crate) recent_invocations: usize,
    /// For all calls of other hosts together.
    pub(crate) outbound: OutboundLimits,
    /// Of each key-value store, by its name.
    pub(crate) kv: BTreeMap<String, StoreLimits>,
    /// Of each queue, by its name.
    pub(crate) queues: BTreeMap<String, QueueLimits>,
    /// Of each bucket of blobs, by its name.
    pub(crate) buckets: BTreeMap<String, BucketLimits>,
    /// Of each topic, by its name.
    pub(crate) topics: BTreeMap<String, TopicLimits>,
}

/// The limits of all calls of other hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OutboundLimits {
    pub(crate) connect_timeout_ms: u64,
    pub(crate) first_byte_timeout_ms: u64,
    pub(crate) between_bytes_timeout_ms: u64,
    pub(crate) lookup_timeout_ms: u64,
    pub(crate) lookups_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) idle_max: usize,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) header_size_max_bytes: u64,
}

/// The limits of a key-value store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StoreLimits {
    pub(crate) key_size_max_bytes: u64,
    pub(crate) value_size_max_bytes: u64,
    pub(crate) scan_page_max: usize,
    pub(crate) page_size_max_bytes: u64,
    pub(crate) batch_max: usize,
    pub(crate) batch_size_max_bytes: u64,
}

/// The limits of a bucket of blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct BucketLimits {
    pub(crate) blob_size_max_bytes: u64,
    pub(crate) key_size_max_bytes: u64,
    pub(crate) metadata_size_max_bytes: u64,
    pub(crate) list_page_max: usize,
    pub(crate) batch_max: usize,
}

/// The limits of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QueueLimits {
    /// `standard` or `fifo`.
    pub(crate) order: String,
    pub(crate) visibility_ms: u64,
    pub(crate) delay_ms: u64,
    /// None: for ever.
    pub(crate) retention_ms: Option<u64>,
    pub(crate) deduplication_window_ms: u64,
    /// None where nothing is given up by count: among dead letters.
    pub(crate) max_receives: Option<usize>,
    pub(crate) dead_letter: Option<String>,
    pub(crate) message_size_max_bytes: u64,
    /// The bucket where the bodies of larger ones go.
    pub(crate) large_payloads: Option<String>,
    pub(crate) length_max: usize,
    pub(crate) batch_max: usize,
    pub(crate) batch_size_max_bytes: u64,
}

/// The limits of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicLimits {
    pub(crate) message_size_max_bytes: u64,
    pub(crate) batch_max: usize,
    pub(crate) batch_size_max_bytes: u64,
}

/// Which invocations are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Recent {
    /// Of this function only.
    #[serde(default)]
    pub(crate) function: Option<String>,
    /// At most so many; 100, if this is left out.
    #[serde(default)]
    pub(crate) limit: Option<usize>,
}

/// Invocations that are over, the youngest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Invocations {
    pub(crate) invocations: Vec<Invocation>,
}

/// The record of one invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Invocation {
    pub(crate) invocation: String,
    pub(crate) function: String,
    pub(crate) version: u64,
    /// The id of its trace.
    pub(crate) trace: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) accepted_at_ms: u64,
    /// `http` or `invoke`.
    pub(crate) trigger: String,
    /// `pooled`, `on-demand`, `reused` or `shared`.
    pub(crate) start: String,
    /// `ok`, or the code of the error.
    pub(crate) outcome: String,
    pub(crate) wall_us: u64,
    pub(crate) queued_us: u64,
    pub(crate) cpu_us: u64,
    pub(crate) memory_peak_bytes: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) store_calls: u32,
    pub(crate) outbound_calls: u32,
    pub(crate) outbound_bytes_sent: u64,
    pub(crate) outbound_bytes_received: u64,
}
