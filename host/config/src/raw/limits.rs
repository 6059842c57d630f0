//! `[limits]`.

use super::Reader;
use super::section::Section;
use crate::platform::HostLimits;
use crate::source::Span;

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) host: HostLimits,
    /// Where `memory-max` stands, which functions are compared with.
    pub(crate) memory_max_at: Option<Span>,
    /// Where `spares-max` stands, which functions are compared with.
    pub(crate) spares_max_at: Option<Span>,
    /// Where `invocations-max` stands, which functions are compared with.
    pub(crate) invocations_max_at: Option<Span>,
}

pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Limits {
    let invocations_max = section.field(reader, "invocations-max");
    let spares_max = section.field(reader, "spares-max");
    let memory_max = section.field(reader, "memory-max");
    let host = HostLimits {
        invocations_max: invocations_max.value,
        queue: section.field(reader, "queue").value,
        queue_timeout: section.field(reader, "queue-timeout").value,
        spares_max: spares_max.value,
        connections_max: section.field(reader, "connections-max").value,
        connections_per_client_max: section.field(reader, "connections-per-client-max").value,
        requests_max: section.field(reader, "requests-max").value,
        files_open_max: section.field(reader, "files-open-max").value,
        header_size_max: section.field(reader, "header-size-max").value,
        header_count_max: section.field(reader, "header-count-max").value,
        header_timeout: section.field(reader, "header-timeout").value,
        handshake_timeout: section.field(reader, "handshake-timeout").value,
        body_timeout: section.field(reader, "body-timeout").value,
        idle_timeout: section.field(reader, "idle-timeout").value,
        http2_streams_max: section.field(reader, "http2-streams-max").value,
        http2_resets_max: section.field(reader, "http2-resets-max").value,
        http2_window_size: section.field(reader, "http2-window-size").value,
        http2_buffer_size: section.field(reader, "http2-buffer-size").value,
        http2_ping_interval: section.field(reader, "http2-ping-interval").value,
        http2_ping_timeout: section.field(reader, "http2-ping-timeout").value,
        drain_timeout: section.field(reader, "drain-timeout").value,
        request_memory_max: section.field(reader, "request-memory-max").value,
        compress_size_min: section.field(reader, "compress-size-min").value,
        invoke_depth_max: section.field(reader, "invoke-depth-max").value,
        disk_free_min: section.field(reader, "disk-free-min").value,
        store_check_max: section.field(reader, "store-check-max").value,
        compressions_max: section.field(reader, "compressions-max").value,
        rate_keys_max: section.field(reader, "rate-keys-max").value,
        memory_max: memory_max.value,
        guest_memory_max: section.optional(reader, "guest-memory-max").map(|max| max.value),
        start_timeout: section.field(reader, "start-timeout").value,
        init_timeout: section.field(reader, "init-timeout").value,
        init_memory_max: section.field(reader, "init-memory-max").value,
        touched_max: section.field(reader, "touched-max").value,
        core_instances_max: section.field(reader, "core-instances-max").value,
        memories_max: section.field(reader, "memories-max").value,
        tables_max: section.field(reader, "tables-max").value,
        table_elements_max: section.field(reader, "table-elements-max").value,
        stack_size_max: section.field(reader, "stack-size-max").value,
        log_line_max: section.field(reader, "log-line-max").value,
        component_size_max: section.field(reader, "component-size-max").value,
        versions_max: section.field(reader, "versions-max").value,
        recent_invocations: section.field(reader, "recent-invocations").value,
    };
    Limits { host, memory_max_at: memory_max.at, spares_max_at: spares_max.at, invocations_max_at: invocations_max.at }
}

impl Default for HostLimits {
    fn default() -> Self {
        read(&mut Reader::new("", &|_: &str| None), &Section::absent("limits")).host
    }
}
