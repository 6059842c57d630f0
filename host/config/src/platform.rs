//! A platform as the binary wires it: everything valid, every default filled in.

mod asynchronous;
mod event;
mod function;
mod handler;
mod host;
mod route;
mod schedule;
mod single;
mod workflow;

pub use asynchronous::{Asynchronous, Destination};
pub use event::{BlobEvents, ChangeEvents, Queue, Source, Start, Subscription, Topic, Trigger};
pub use function::{Build, Function, FunctionSource, Isolation};
pub use handler::Handler;
pub use host::{HostError, HostPattern, Outbound};
pub use ipnet::IpNet;
pub use route::{Cors, Idempotency, Input, Methods, PathError, PathPattern, Rate, RateKey, Route, Segment, Target};
pub use schedule::{Overlap, Schedule};
pub use workflow::{Kind, Workflow};

use flint_model::{
    BucketName, ByteSize, FunctionName, QueueName, ScheduleName, Secret, StoreName, TopicName, WorkflowName,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a host serves.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Folder for stores and compiled components.
    pub data_dir: PathBuf,
    /// The addresses that are listened on.
    pub listener: Listener,
    /// Limits of the host as a whole.
    pub limits: HostLimits,
    /// What holds for all calls of other hosts.
    pub outbound: HostOutbound,
    /// The functions.
    pub functions: BTreeMap<FunctionName, Function>,
    /// The routes, more specific ones first: the first that takes a request is the one that gets it.
    pub routes: Vec<Route>,
    /// The key-value stores.
    pub kv: BTreeMap<StoreName, KvStore>,
    /// The queues, those too that the host keeps for dead letters, for ticks, for invocations, for executions, and for those who listen to
    /// something else than a queue.
    pub queues: BTreeMap<QueueName, Queue>,
    /// The buckets of blobs.
    pub buckets: BTreeMap<BucketName, Bucket>,
    /// The topics.
    pub topics: BTreeMap<TopicName, Topic>,
    /// The queues that listen to topics: each once to a topic.
    pub subscriptions: Vec<Subscription>,
    /// Who handles what happens: one for a queue at most.
    pub triggers: Vec<Trigger>,
    /// Who handles it when it is time.
    pub schedules: BTreeMap<ScheduleName, Schedule>,
    /// The state machines of which executions are started.
    pub workflows: BTreeMap<WorkflowName, Workflow>,
}

/// The addresses that are listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where requests come in.
    pub http: SocketAddr,
    /// Where encrypted requests come in.
    pub https: Option<Https>,
    /// How URLs begin that others get, without a slash at the end; none: they are paths.
    pub public_url: Option<String>,
    /// The networks of proxies that are believed when they say whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// Metrics, health and management; a loopback address, unless there is a token.
    pub admin: SocketAddr,
    /// What management asks for, without white space around it, if it asks for anything.
    pub admin_token: Option<Secret>,
}

/// Where encrypted requests come in, and what they are encrypted with. Paths are joined to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// The address that is listened on.
    pub address: SocketAddr,
    /// Certificate, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
    /// How often is looked whether they changed.
    pub certificate_check: Duration,
}

/// Limits of the host as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLimits {
    /// Invocations that run at once, of all functions together.
    pub invocations_max: usize,
    /// Invocations that wait for their turn, of all functions together, and as many that wait for an instance.
    pub queue: usize,
    /// How long one waits for each of the two.
    pub queue_timeout: Duration,
    /// Instances that wait ready for use, of all functions together.
    pub spares_max: usize,
    /// HTTP connections that are open at once.
    pub connections_max: usize,
    /// Of these, connections of one client.
    pub connections_per_client_max: usize,
    /// HTTP requests that are answered at once.
    pub requests_max: usize,
    /// Files that are open at once because they are being sent.
    pub files_open_max: usize,
    /// Largest head of an HTTP request.
    pub header_size_max: ByteSize,
    /// Header lines of an HTTP request.
    pub header_count_max: usize,
    /// How long the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long a client may take to agree on encryption.
    pub handshake_timeout: Duration,
    /// How long a function may have to wait for the next piece of a request's body.
    pub body_timeout: Duration,
    /// How long a connection is kept open without a request.
    pub idle_timeout: Duration,
    /// Requests that a connection of HTTP/2 may have open at once.
    pub http2_streams_max: usize,
    /// Requests that a client of HTTP/2 may take back.
    pub http2_resets_max: usize,
    /// How much of a request's body is taken before the function reads it, with HTTP/2.
    pub http2_window_size: ByteSize,
    /// How much of an answer is held for a client that does not take it, with HTTP/2.
    pub http2_buffer_size: ByteSize,
    /// How often a client of HTTP/2 is asked whether it is still there.
    pub http2_ping_interval: Duration,
    /// How long it has to say so.
    pub http2_ping_timeout: Duration,
    /// How long a host that is told to stop waits for what runs.
    pub drain_timeout: Duration,
    /// What requests that are held whole may take together.
    pub request_memory_max: ByteSize,
    /// Calls of functions and messages that may lead to a call, each causing the next.
    pub invoke_depth_max: usize,
    /// What of the data folder's disk stays free.
    pub disk_free_min: ByteSize,
    /// The largest file of the stores of which every page in use is checked when it is opened.
    pub store_check_max: ByteSize,
    /// Smaller answers are not compressed.
    pub compress_size_min: ByteSize,
    /// Answers that are compressed at once.
    pub compressions_max: usize,
    /// Clients that a route with a rate keeps apart at most.
    pub rate_keys_max: usize,
    /// Largest memory of any function.
    pub memory_max: ByteSize,
    /// What instances of all functions together may have of memory; none: what the machine has, but for a quarter.
    pub guest_memory_max: Option<ByteSize>,
    /// How long an instance that nobody waits for may take to start.
    pub start_timeout: Duration,
    /// How long an init function may run.
    pub init_timeout: Duration,
    /// How much memory an init function may use.
    pub init_memory_max: ByteSize,
    /// Slots whose memory is made resident ahead of their first use.
    pub touched_max: usize,
    /// Core instances of a component.
    pub core_instances_max: usize,
    /// Linear memories of a component.
    pub memories_max: usize,
    /// Tables of a component.
    pub tables_max: usize,
    /// Elements of a table.
    pub table_elements_max: usize,
    /// Stack of a guest.
    pub stack_size_max: ByteSize,
    /// Longest line of a function's log.
    pub log_line_max: ByteSize,
    /// Largest component that can be deployed.
    pub component_size_max: ByteSize,
    /// Versions that are kept of each function.
    pub versions_max: usize,
    /// Invocations whose records are kept.
    pub recent_invocations: usize,
}

/// What holds for all calls of other hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOutbound {
    /// The file with the certificates of own authorities, and what it holds.
    pub ca: Option<(PathBuf, Vec<u8>)>,
    /// How long a connection may take, name and TLS included.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take.
    pub first_byte_timeout: Duration,
    /// How long an answer may pause.
    pub between_bytes_timeout: Duration,
    /// How long a name may be looked up.
    pub lookup_timeout: Duration,
    /// Names that are looked up at once.
    pub lookups_max: usize,
    /// Connections that are open at once.
    pub connections_max: usize,
    /// Connections that are kept for the next call.
    pub idle_max: usize,
    /// How long these are kept.
    pub idle_timeout: Duration,
    /// Largest head of an answer.
    pub header_size_max: ByteSize,
}

/// A key-value store: its limits, and what it is as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvStore {
    /// Longest key.
    pub key_size_max: ByteSize,
    /// Largest value.
    pub value_size_max: ByteSize,
    /// Most entries of a page of a scan.
    pub scan_page_max: usize,
    /// A page of a scan is cut at this size.
    pub page_size_max: ByteSize,
    /// Most changes of a batch.
    pub batch_max: usize,
    /// Largest batch, keys and values together.
    pub batch_size_max: ByteSize,
    /// By what the tasks of workflows find items in it that take it for a table; none: it is none.
    pub key: Option<TableKey>,
}

/// The attributes of an item that are its key, as in DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKey {
    /// The attribute that every key has.
    pub partition: String,
    /// The one by which items of a partition are told apart, and sorted; none: a partition has one item.
    pub sort: Option<String>,
}

/// The limits of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Largest blob.
    pub blob_size_max: ByteSize,
    /// Longest key.
    pub key_size_max: ByteSize,
    /// Largest content type and metadata of a blob together.
    pub metadata_size_max: ByteSize,
    /// Most blobs and common prefixes of a page of a list.
    pub list_page_max: usize,
    /// Most changes of a bucket that happen together.
    pub batch_max: usize,
}
