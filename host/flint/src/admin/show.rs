//! What is served, in the words of the management API.

use super::api::queue::{Changes, Events, Trigger, Triggers};
use super::api::{
    BucketLimits, Cors, Function, FunctionLimits, Idempotency, Invocation, Limits, OutboundLimits, QueueLimits, Rate,
    Route, Routes, Serving, Shape, StoreLimits, TopicLimits,
};
use crate::live::Generation;
use crate::live::slot::Slot;
use flint_config::Platform;
use flint_config::platform::{
    self, Bucket, HostOutbound, Isolation, KvStore, Methods, Queue, RateKey, Source, Start, Target, Topic,
};
use flint_model::ByteSize;
use flint_model::filter::KeyFilter;
use flint_telemetry::Recent;
use flint_world::{HttpVersion, Import};
use std::time::Duration;

/// A function of a generation; none if the generation has none of that name.
pub(crate) fn function(generation: &Generation, slot: &Slot) -> Option<Function> {
    let settings = generation.platform.functions.get(slot.name())?;
    let serving = slot.serving();
    let main = &serving.main.function;
    let (isolation, uses) = match settings.isolation {
        Isolation::Fresh => ("fresh", None),
        Isolation::Serial { uses } => ("serial", Some(uses)),
        Isolation::Shared { uses } => ("shared", Some(uses)),
    };
    let versions = serving.versions();
    let versions =
        versions.map(|(live, weight)| Serving { version: live.version, weight, spares: live.function.spares() });
    Some(Function {
        name: slot.name().to_string(),
        serving: versions.collect(),
        running: main.running(),
        waiting: main.waiting(),
        retired: slot.retired(),
        isolation: isolation.to_owned(),
        uses,
        warm: settings.warm,
        version_header: settings.version_header,
        limits: function_limits(settings),
        shape: shape(main.shape()),
    })
}

fn function_limits(function: &platform::Function) -> FunctionLimits {
    FunctionLimits {
        concurrency: function.concurrency,
        reserved: function.is_reserved,
        queue: function.queue,
        queue_timeout_ms: millis(function.queue_timeout),
        memory_bytes: function.memory.as_u64(),
        timeout_ms: millis(function.timeout),
        cpu_ms: millis(function.cpu),
        request_size_max_bytes: function.request_size_max.as_u64(),
        response_size_max_bytes: function.response_size_max.as_u64(),
        http_body_max_bytes: function.http_body_max.map(ByteSize::as_u64),
        http_response_max_bytes: function.http_response_max.map(ByteSize::as_u64),
        first_byte_timeout_ms: function.first_byte_timeout.map(millis),
        log_size_max_bytes: function.log_size_max.as_u64(),
        handles_max: function.handles_max,
        kv_calls_max: function.kv_calls_max,
        kv_size_max_bytes: function.kv_size_max.as_u64(),
        outbound_calls_max: function.outbound_calls_max,
        outbound_size_max_bytes: function.outbound_size_max.as_u64(),
        outbound_timeout_ms: millis(function.outbound_timeout),
        outbound_concurrency: function.outbound_concurrency,
        async_max_age_ms: millis(function.asynchronous.max_age),
        async_retries: function.asynchronous.retries,
        async_retry_delay_ms: millis(function.asynchronous.retry_delay),
        async_retry_delay_max_ms: millis(function.asynchronous.retry_delay_max),
        async_kept_ms: millis(function.asynchronous.kept),
    }
}

fn shape(shape: &flint_world::Shape) -> Shape {
    let http = shape.http.map(|version| match version {
        HttpVersion::V02 => "wasi:http@0.2",
        HttpVersion::V03 => "wasi:http@0.3",
        HttpVersion::Buffered => "buffered",
    });
    let import = |import: &Import| match import {
        Import::Kv => "kv".to_owned(),
        Import::Queue => "queue".to_owned(),
        Import::Blob => "blob".to_owned(),
        Import::Topic => "topic".to_owned(),
        Import::Invoke => "invoke".to_owned(),
        Import::Workflow => "workflow".to_owned(),
        Import::Secrets => "secrets".to_owned(),
        Import::Outbound => "outbound".to_owned(),
        Import::Unknown(name) => name.clone(),
    };
    Shape {
        http: http.map(str::to_owned),
        invoke: shape.invoke,
        init: shape.init,
        imports: shape.imports.iter().map(import).collect(),
    }
}

/// The routes of a generation.
pub(crate) fn routes(generation: &Generation) -> Routes {
    let routes = generation.platform.routes.iter().map(|route| Route {
        host: route.host.as_ref().map(ToString::to_string),
        methods: match &route.methods {
            Methods::Any => None,
            Methods::Only(methods) => Some(texts(methods)),
        },
        path: route.path.as_str().to_owned(),
        function: route.target.function().map(ToString::to_string),
        workflow: route.target.workflow().map(ToString::to_string),
        input: match &route.target {
            Target::Workflow(_, input) => Some(input.as_str().to_owned()),
            Target::Function(_) | Target::Files(_) => None,
        },
        files: match &route.target {
            Target::Function(_) | Target::Workflow(..) => None,
            Target::Files(folder) => Some(folder.display().to_string()),
        },
        compress: route.compress,
        cors: route.cors.as_ref().map(cors),
        rate: route.rate.as_ref().map(rate),
        idempotency: route.idempotency.map(|kept| Idempotency {
            kept_ms: millis(kept.kept),
            answer_size_max_bytes: kept.answer_size_max.as_u64(),
            required: kept.required,
        }),
    });
    Routes { routes: routes.collect() }
}

fn cors(cors: &platform::Cors) -> Cors {
    Cors {
        origins: cors.origins.clone(),
        methods: texts(&cors.methods),
        headers: cors.headers.as_deref().map(texts),
        expose: texts(&cors.expose),
        credentials: cors.credentials,
        max_age_ms: millis(cors.max_age),
    }
}

fn rate(rate: &platform::Rate) -> Rate {
    Rate {
        requests: rate.requests,
        per_ms: millis(rate.per),
        burst: rate.burst,
        key: match &rate.key {
            RateKey::Ip => "ip".to_owned(),
            RateKey::Header(name) => format!("header:{name}"),
        },
    }
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// The limits of the host, and what guests may have of memory together, which the machine decides if the configuration does not.
pub(crate) fn limits(platform: &Platform, guest_memory_max: Option<ByteSize>) -> Limits {
    let limits = &platform.limits;
    Limits {
        invocations_max: limits.invocations_max,
        queue: limits.queue,
        queue_timeout_ms: millis(limits.queue_timeout),
        spares_max: limits.spares_max,
        connections_max: limits.connections_max,
        connections_per_client_max: limits.connections_per_client_max,
        requests_max: limits.requests_max,
        files_open_max: limits.files_open_max,
        header_size_max_bytes: limits.header_size_max.as_u64(),
        header_count_max: limits.header_count_max,
        header_timeout_ms: millis(limits.header_timeout),
        handshake_timeout_ms: millis(limits.handshake_timeout),
        body_timeout_ms: millis(limits.body_timeout),
        idle_timeout_ms: millis(limits.idle_timeout),
        http2_streams_max: limits.http2_streams_max,
        http2_resets_max: limits.http2_resets_max,
        http2_window_size_bytes: limits.http2_window_size.as_u64(),
        http2_buffer_size_bytes: limits.http2_buffer_size.as_u64(),
        http2_ping_interval_ms: millis(limits.http2_ping_interval),
        http2_ping_timeout_ms: millis(limits.http2_ping_timeout),
        drain_timeout_ms: millis(limits.drain_timeout),
        request_memory_max_bytes: limits.request_memory_max.as_u64(),
        compress_size_min_bytes: limits.compress_size_min.as_u64(),
        disk_free_min_bytes: limits.disk_free_min.as_u64(),
        store_check_max_bytes: limits.store_check_max.as_u64(),
        invoke_depth_max: limits.invoke_depth_max,
        compressions_max: limits.compressions_max,
        rate_keys_max: limits.rate_keys_max,
        memory_max_bytes: limits.memory_max.as_u64(),
        guest_memory_max_bytes: guest_memory_max.map(ByteSize::as_u64),
        start_timeout_ms: millis(limits.start_timeout),
        init_timeout_ms: millis(limits.init_timeout),
        init_memory_max_bytes: limits.init_memory_max.as_u64(),
        touched_max: limits.touched_max,
        core_instances_max: limits.core_instances_max,
        memories_max: limits.memories_max,
        tables_max: limits.tables_max,
        table_elements_max: limits.table_elements_max,
        stack_size_max_bytes: limits.stack_size_max.as_u64(),
        log_line_max_bytes: limits.log_line_max.as_u64(),
        component_size_max_bytes: limits.component_size_max.as_u64(),
        versions_max: limits.versions_max,
        recent_invocations: limits.recent_invocations,
        outbound: outbound(&platform.outbound),
        kv: platform.kv.iter().map(|(name, store)| (name.to_string(), store_limits(store))).collect(),
        queues: platform.queues.iter().map(|(name, queue)| (name.to_string(), queue_limits(queue))).collect(),
        buckets: platform.buckets.iter().map(|(name, bucket)| (name.to_string(), bucket_limits(bucket))).collect(),
        topics: platform.topics.iter().map(|(name, topic)| (name.to_string(), topic_limits(topic))).collect(),
    }
}

fn outbound(outbound: &HostOutbound) -> OutboundLimits {
    OutboundLimits {
        connect_timeout_ms: millis(outbound.connect_timeout),
        first_byte_timeout_ms: millis(outbound.first_byte_timeout),
        between_bytes_timeout_ms: millis(outbound.between_bytes_timeout),
        lookup_timeout_ms: millis(outbound.lookup_timeout),
        lookups_max: outbound.lookups_max,
        connections_max: outbound.connections_max,
        idle_max: outbound.idle_max,
        idle_timeout_ms: millis(outbound.idle_timeout),
        header_size_max_bytes: outbound.header_size_max.as_u64(),
    }
}

fn store_limits(store: &KvStore) -> StoreLimits {
    StoreLimits {
        key_size_max_bytes: store.key_size_max.as_u64(),
        value_size_max_bytes: store.value_size_max.as_u64(),
        scan_page_max: store.scan_page_max,
        page_size_max_bytes: store.page_size_max.as_u64(),
        batch_max: store.batch_max,
        batch_size_max_bytes: store.batch_size_max.as_u64(),
    }
}

fn bucket_limits(bucket: &Bucket) -> BucketLimits {
    BucketLimits {
        blob_size_max_bytes: bucket.blob_size_max.as_u64(),
        key_size_max_bytes: bucket.key_size_max.as_u64(),
        metadata_size_max_bytes: bucket.metadata_size_max.as_u64(),
        list_page_max: bucket.list_page_max,
        batch_max: bucket.batch_max,
    }
}

fn queue_limits(queue: &Queue) -> QueueLimits {
    QueueLimits {
        order: if queue.is_fifo { "fifo" } else { "standard" }.to_owned(),
        visibility_ms: millis(queue.visibility),
        delay_ms: millis(queue.delay),
        retention_ms: queue.retention.map(millis),
        deduplication_window_ms: millis(queue.deduplication_window),
        max_receives: queue.dead_letter.is_some().then_some(queue.max_receives),
        dead_letter: queue.dead_letter.as_ref().map(ToString::to_string),
        message_size_max_bytes: queue.message_size_max.as_u64(),
        large_payloads: queue.large_payloads.as_ref().map(ToString::to_string),
        length_max: queue.length_max,
        batch_max: queue.batch_max,
        batch_size_max_bytes: queue.batch_size_max.as_u64(),
    }
}

fn topic_limits(topic: &Topic) -> TopicLimits {
    TopicLimits {
        message_size_max_bytes: topic.message_size_max.as_u64(),
        batch_max: topic.batch_max,
        batch_size_max_bytes: topic.batch_size_max.as_u64(),
    }
}

/// The triggers of a platform.
pub(crate) fn triggers(platform: &Platform) -> Triggers {
    let triggers = platform.triggers.iter().map(|trigger| Trigger {
        queue: trigger.queue.to_string(),
        topic: match &trigger.source {
            Source::Topic(topic) => Some(topic.to_string()),
            Source::Queue | Source::Kv { .. } | Source::Bucket { .. } => None,
        },
        kv: changes(&trigger.source),
        bucket: events(&trigger.source),
        function: trigger.handler.function().map(ToString::to_string),
        workflow: trigger.handler.workflow().map(ToString::to_string),
        batch_size: trigger.batch_size,
        batch_window_ms: millis(trigger.batch_window),
        concurrency: trigger.concurrency,
        transactional: trigger.transactional,
        filter: trigger.filter.as_ref().map(|filter| filter.source().clone()),
        retry_delay_ms: millis(trigger.retry_delay),
        retry_delay_max_ms: millis(trigger.retry_delay_max),
    });
    Triggers { triggers: triggers.collect() }
}

fn changes(source: &Source) -> Option<Changes> {
    let Source::Kv { store, keys, events, start } = source else { return None };
    let kinds = [("insert", events.insert), ("modify", events.modify), ("remove", events.remove)];
    let start = match start {
        Start::Latest => "latest",
        Start::Beginning => "beginning",
    };
    Some(Changes {
        store: store.to_string(),
        prefix: keys.prefix.clone(),
        events: told(kinds),
        start: start.to_owned(),
    })
}

fn events(source: &Source) -> Option<Events> {
    let Source::Bucket { bucket, keys, events } = source else { return None };
    let KeyFilter { prefix, suffix } = keys.clone();
    let events = told([("created", events.created), ("deleted", events.deleted)]);
    Some(Events { bucket: bucket.to_string(), prefix, suffix, events })
}

/// The kinds that are told.
fn told<const N: usize>(kinds: [(&str, bool); N]) -> Vec<String> {
    kinds.into_iter().filter(|(_, is_told)| *is_told).map(|(kind, _)| kind.to_owned()).collect()
}

/// The record of an invocation.
pub(crate) fn invocation(recent: &Recent) -> Invocation {
    Invocation {
        invocation: recent.invocation.to_string(),
        function: recent.function.to_string(),
        version: recent.version,
        trace: recent.trace.to_string(),
        accepted_at_ms: recent.invocation.accepted().as_millis(),
        trigger: recent.trigger.label().to_owned(),
        start: recent.start.label().to_owned(),
        outcome: recent.outcome.label().to_owned(),
        wall_us: micros(recent.wall),
        queued_us: micros(recent.queued),
        cpu_us: micros(recent.cpu),
        memory_peak_bytes: recent.memory_peak.as_u64(),
        bytes_in: recent.bytes_in,
        bytes_out: recent.bytes_out,
        store_calls: recent.store_calls,
        outbound_calls: recent.outbound.calls,
        outbound_bytes_sent: recent.outbound.sent,
        outbound_bytes_received: recent.outbound.received,
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
