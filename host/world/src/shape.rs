//! What a component exports and imports, in the terms of the platform.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// Which HTTP handler a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// `wasi:http/incoming-handler@0.2`.
    V02,
    /// `wasi:http/handler@0.3`.
    V03,
    /// `flint:platform/http-handler`, whose bodies are buffered.
    Buffered,
}

/// Something that a component asks of the host and that a function has to be given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Import {
    /// A key-value store, by `flint:platform/kv` or `wasi:keyvalue`.
    Kv,
    /// A queue to send to.
    Queue,
    /// A bucket of blobs, by `flint:platform/blob` or `wasi:blobstore`.
    Blob,
    /// A topic to publish to.
    Topic,
    /// Other functions to call.
    Invoke,
    /// Workflows to start, and to tell of.
    Workflow,
    /// Secrets.
    Secrets,
    /// Requests to other hosts.
    Outbound,
    /// An interface that this host does not serve.
    Unknown(String),
}

/// The outside of a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// The HTTP handler, the richest if there are several.
    pub http: Option<HttpVersion>,
    /// Whether it exports `invoke-handler`.
    pub invoke: bool,
    /// Whether it exports `queue-handler`.
    pub queue: bool,
    /// Whether it exports `schedule-handler`.
    pub schedule: bool,
    /// Whether it exports `topic-handler`.
    pub topic: bool,
    /// Whether it exports `kv-handler`.
    pub kv: bool,
    /// Whether it exports `blob-handler`.
    pub blob: bool,
    /// Whether it exports `init-handler`.
    pub init: bool,
    /// Names of all exports.
    pub exports: Vec<String>,
    /// What it has to be given, sorted, each once.
    pub imports: Vec<Import>,
}

/// The name under which the init function is called, in the notation of WIT item names.
pub const INIT_FUNCTION: &str = "flint:platform/init-handler.init@0.1.0";

/// What a handler of requests by WASI 0.2 is called, but for the end of its version.
pub(crate) const HANDLER_02: &str = "wasi:http/incoming-handler@0.2.";

/// The interface that exports the init function, and the function.
pub(crate) const INIT_EXPORT: (&str, &str) = ("flint:platform/init-handler@0.1.0", "init");

const PLATFORM: &str = "flint:platform/";

impl Shape {
    /// Reads the outside of a component. `served` says whether the host has an interface of a name.
    pub(crate) fn of(component: &Component, served: impl Fn(&str, &ComponentItem) -> bool) -> Self {
        let ty = component.component_type();
        let engine = component.engine();
        let exports: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let has = |interface: &str| exports.iter().any(|name| interface_of(name) == interface);
        let http = if exports.iter().any(|name| name.starts_with("wasi:http/handler@0.3.")) {
            Some(HttpVersion::V03)
        } else if exports.iter().any(|name| name.starts_with(HANDLER_02)) {
            Some(HttpVersion::V02)
        } else {
            has("flint:platform/http-handler").then_some(HttpVersion::Buffered)
        };
        let mut imports: Vec<Import> =
            ty.imports(engine).filter_map(|(name, item)| need(name, &item.ty, &served)).collect();
        imports.sort();
        imports.dedup();
        Self {
            http,
            invoke: has(&format!("{PLATFORM}invoke-handler")),
            queue: has(&format!("{PLATFORM}queue-handler")),
            schedule: has(&format!("{PLATFORM}schedule-handler")),
            topic: has(&format!("{PLATFORM}topic-handler")),
            kv: has(&format!("{PLATFORM}kv-handler")),
            blob: has(&format!("{PLATFORM}blob-handler")),
            init: has(&format!("{PLATFORM}init-handler")),
            exports,
            imports,
        }
    }
}

/// The name of an interface without its version.
fn interface_of(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn need(name: &str, item: &ComponentItem, served: &impl Fn(&str, &ComponentItem) -> bool) -> Option<Import> {
    if !served(name, item) {
        return Some(Import::Unknown(name.to_owned()));
    }
    match interface_of(name) {
        "flint:platform/kv" => Some(Import::Kv),
        "flint:platform/blob" => Some(Import::Blob),
        "flint:platform/queue" => Some(Import::Queue),
        "flint:platform/topic" => Some(Import::Topic),
        "flint:platform/invoke" => Some(Import::Invoke),
        "flint:platform/workflow" => Some(Import::Workflow),
        "flint:platform/secrets" => Some(Import::Secrets),
        "wasi:http/outgoing-handler" | "wasi:http/client" => Some(Import::Outbound),
        other if other.starts_with("wasi:keyvalue/") => Some(Import::Kv),
        other if other.starts_with("wasi:blobstore/") => Some(Import::Blob),
        _ => None,
    }
}
