//! The rows of the reference.

use super::Key;
use super::Kind::{Address, Choice, Count, Flag, List, OneOrList, Path, Table, Text};
use super::Presence::{Default, Optional, Required};
use flint_model::ByteSize;
use std::time::Duration;

const fn size(min: ByteSize, max: ByteSize) -> super::Kind {
    super::Kind::Size { min, max }
}

const fn millis(min: u64, max: u64) -> super::Kind {
    super::Kind::Duration { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

const fn count(min: u64, max: u64) -> super::Kind {
    Count { min, max }
}

const fn key(path: &'static str, kind: super::Kind, presence: super::Presence, meaning: &'static str) -> Key {
    Key { path, kind, presence, meaning }
}

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// As long as the words for durations take it to be.
const YEAR: u64 = 365 * DAY + 6 * HOUR;
const BYTE: ByteSize = ByteSize::bytes(1);

/// Every key, in the order in which people read of them.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key("data-dir", Path, Default(".flint"), "Folder for stores and compiled components; relative to the file, like all paths here."),

    key("listener.http", Address, Default("127.0.0.1:8080"), "Where requests come in."),
    key("listener.https", Address, Optional("none"), "Where encrypted requests come in; with `certificate` and `key`."),
    key("listener.certificate", Path, Optional("required with `https`"), "Certificate of the host and those that vouch for it, as PEM; read again when it changes."),
    key("listener.key", Path, Optional("required with `https`"), "Its private key, as PEM; read again when it changes."),
    key("listener.certificate-check", millis(10, HOUR), Default("5s"), "How often is looked whether certificate or key changed."),
    key("listener.public-url", Text, Optional("such URLs are paths"), "How the host is reached from outside, such as `https://example.com`: signed URLs of blobs begin so."),
    key("listener.trusted-proxies", List, Optional("none"), "Networks, such as `10.0.0.0/8`, whose `x-forwarded-…` and `forwarded` headers are believed; those of others are dropped."),
    key("listener.admin", Address, Default("127.0.0.1:9090"), "Metrics, health and management; a loopback address, unless there is an `admin-token`."),
    key("listener.admin-token.env", Text, Optional("`env` or `file`; no token"), "Environment variable of the host that holds the token which management asks for."),
    key("listener.admin-token.file", Path, Optional("`env` or `file`; no token"), "File that holds this token, at least 16 bytes; white space around it does not count."),

    key("limits.invocations-max", count(1, 10_000), Default("1000"), "Invocations that run at once, of all functions together."),
    key("limits.queue", count(0, 1_000_000), Default("1000"), "Invocations that wait until so few run, of all functions that reserve none; more are refused."),
    key("limits.queue-timeout", millis(0, HOUR), Default("1s"), "How long such an invocation waits before it is refused; and how long any waits for a free instance."),
    key("limits.spares-max", count(0, 10_000), Default("500"), "Instances that wait ready for use, of all functions together."),
    key("limits.connections-max", count(1, 1_000_000), Default("10000"), "HTTP connections that are open at once, at each address; for a further one, the longest idle is closed, or else it waits."),
    key("limits.connections-per-client-max", count(1, 1_000_000), Default("1000"), "Of these, connections of one client (an address, or of IPv6 its first 64 bits), and never more than half. More are closed at once, but for those of loopback and `trusted-proxies`."),
    key("limits.requests-max", count(1, 1_000_000), Default("20000"), "HTTP requests that are answered at once, whatever the version; more are asked to come again."),
    key("limits.files-open-max", count(1, 1_000_000), Default("1000"), "Files of more than 64 KiB that are sent at once, and are open meanwhile; who asks for more is asked to come again."),
    key("limits.header-size-max", size(ByteSize::kib(8), ByteSize::mib(1)), Default("64KiB"), "Largest head of an HTTP request, and of an answer."),
    key("limits.header-count-max", count(1, 10_000), Default("100"), "Header lines of an HTTP request, and of an answer."),
    key("limits.header-timeout", millis(1, HOUR), Default("10s"), "How long the head of a request may take to arrive."),
    key("limits.handshake-timeout", millis(1, HOUR), Default("10s"), "How long a client may take to agree on encryption."),
    key("limits.body-timeout", millis(1, HOUR), Default("30s"), "How long a function that reads a request's body may have to wait for the next piece."),
    key("limits.idle-timeout", millis(1, HOUR), Default("75s"), "How long a connection is kept open without a request, or an answer that its client does not take."),
    key("limits.http2-streams-max", count(1, 10_000), Default("100"), "Requests that a connection of HTTP/2 may have open at once."),
    key("limits.http2-resets-max", count(1, 100_000), Default("200"), "Requests that a client of HTTP/2 may take back before it is disconnected; each ten that it lets be answered make good for one."),
    key("limits.http2-window-size", size(ByteSize::kib(64), ByteSize::mib(16)), Default("256KiB"), "How much of a request's body is taken before the function reads it, with HTTP/2; of all requests of a connection as much as each may send so."),
    key("limits.http2-buffer-size", size(ByteSize::kib(16), ByteSize::mib(16)), Default("64KiB"), "How much of an answer is held for a client that does not take it, with HTTP/2."),
    key("limits.http2-ping-interval", millis(10, HOUR), Default("30s"), "How often a client of HTTP/2 is asked whether it is still there."),
    key("limits.http2-ping-timeout", millis(10, HOUR), Default("20s"), "How long it has to say so."),
    key("limits.drain-timeout", millis(0, HOUR), Default("10s"), "How long a host that is told to stop waits for what runs."),
    key("limits.invoke-depth-max", count(1, 1000), Default("16"), "Calls of functions and messages that may lead to a call, each causing the next: a further one fails, so that functions which call each other in a circle come to an end."),
    key("limits.disk-free-min", size(ByteSize::bytes(0), ByteSize::gib(1024)), Default("32MiB"), "What of the data folder's disk stays free: with less, writes are refused and reads go on."),
    key("limits.compress-size-min", size(ByteSize::bytes(0), ByteSize::mib(1)), Default("1KiB"), "Smaller answers are not compressed."),
    key("limits.compressions-max", count(0, 100_000), Default("256"), "Answers that are compressed at once; others are sent as they are."),
    key("limits.rate-keys-max", count(2, 10_000_000), Default("100000"), "Clients that a route with a `rate` keeps apart at most."),
    key("limits.memory-max", size(ByteSize::mib(1), ByteSize::gib(4)), Default("4GiB"), "Largest `memory` that a function may have."),
    key("limits.request-memory-max", size(ByteSize::mib(1), ByteSize::gib(1024)), Default("256MiB"), "What requests and answers that are held whole may take together; more are asked to come again."),
    key("limits.guest-memory-max", size(ByteSize::mib(1), ByteSize::gib(65536)), Optional("three quarters of the machine's, or of the control group's"), "Memory of all instances together. The first 4 MiB of each do not count."),
    key("limits.start-timeout", millis(1, HOUR), Default("2s"), "How long an instance may take to start that is made ahead."),
    key("limits.init-timeout", millis(1, HOUR), Default("1m"), "How long an init function may run."),
    key("limits.init-memory-max", size(ByteSize::mib(1), ByteSize::gib(4)), Default("512MiB"), "Memory that an init function may use."),
    key("limits.touched-max", count(0, 10_000), Default("256"), "Instances whose memory is made resident ahead of their first use, which takes 100 KiB each."),
    key("limits.core-instances-max", count(1, 1000), Default("50"), "Core instances that a component may be made of; of the SDK it is three."),
    key("limits.memories-max", count(1, 100), Default("8"), "Linear memories that a component may have."),
    key("limits.tables-max", count(1, 1000), Default("16"), "Tables that a component may have."),
    key("limits.table-elements-max", count(1, 10_000_000), Default("100000"), "Elements that a table may have."),
    key("limits.stack-size-max", size(ByteSize::kib(64), ByteSize::mib(64)), Default("512KiB"), "Stack that a function may use."),
    key("limits.log-line-max", size(ByteSize::bytes(256), ByteSize::mib(1)), Default("16KiB"), "Longest line of a function's log; longer ones are cut."),
    key("limits.component-size-max", size(ByteSize::kib(1), ByteSize::gib(1)), Default("64MiB"), "Largest component that can be deployed."),
    key("limits.versions-max", count(1, 1_000), Default("5"), "Versions that are kept of each function, those in service included."),
    key("limits.recent-invocations", count(0, 1_000_000), Default("1000"), "Invocations whose records management can show."),

    key("outbound.ca", Path, Optional("none"), "Certificates (PEM) of authorities that are trusted besides the public ones."),
    key("outbound.connect-timeout", millis(1, HOUR), Default("10s"), "How long a connection to another host may take, name and TLS included."),
    key("outbound.first-byte-timeout", millis(1, HOUR), Default("30s"), "How long another host may take to answer."),
    key("outbound.between-bytes-timeout", millis(1, HOUR), Default("30s"), "How long another host may pause in its answer."),
    key("outbound.lookup-timeout", millis(1, HOUR), Default("5s"), "How long a name may be looked up."),
    key("outbound.lookups-max", count(1, 500), Default("32"), "Names that are looked up at once, a quarter of them for one function; others wait."),
    key("outbound.connections-max", count(1, 1_000_000), Default("1000"), "Connections to other hosts that are open at once; others wait."),
    key("outbound.idle-max", count(0, 1_000_000), Default("200"), "Connections to other hosts that are kept for the next call."),
    key("outbound.idle-timeout", millis(1, HOUR), Default("30s"), "How long such a connection is kept."),
    key("outbound.header-size-max", size(ByteSize::kib(8), ByteSize::mib(1)), Default("64KiB"), "Largest head of an answer of another host."),

    key("function.NAME.source", Path, Required, "A folder that is built, or a `.wasm` file."),
    key("function.NAME.build", Text, Optional("a Rust crate is built by flint"), "Command that builds the folder; run in it, by a shell."),
    key("function.NAME.artifact", Path, Optional("required with `build`"), "Where `build` leaves the component; relative to the folder."),
    key("function.NAME.memory", size(ByteSize::kib(64), ByteSize::gib(4)), Default("128MiB"), "All memory of an instance together."),
    key("function.NAME.timeout", millis(1, DAY), Default("30s"), "How long an invocation may take."),
    key("function.NAME.first-byte-timeout", millis(1, DAY), Optional("`timeout`"), "How long the head of an answer to an HTTP request may take."),
    key("function.NAME.cpu", millis(1, DAY), Default("10s"), "How much CPU time an invocation may use."),
    key("function.NAME.concurrency", count(1, 10_000), Default("100"), "Invocations that run at once. Written out, they are reserved: no other function takes them."),
    key("function.NAME.queue", count(0, 1_000_000), Default("1000"), "Invocations that wait for their turn; more are refused."),
    key("function.NAME.queue-timeout", millis(0, HOUR), Default("1s"), "How long an invocation waits for its turn before it is refused."),
    key("function.NAME.warm", count(0, 10_000), Default("1"), "Instances that are always kept ready."),
    key("function.NAME.isolation", Choice(&["fresh", "serial", "shared"]), Default("fresh"), "Events an instance serves: one; several, one after the other; several at once."),
    key("function.NAME.uses", count(1, 1_000_000_000), Default("1000"), "Events an instance serves before it is replaced; with `serial` and `shared` only."),
    key("function.NAME.request-size-max", size(BYTE, ByteSize::gib(1)), Default("6MiB"), "Largest payload or body that is handed over whole."),
    key("function.NAME.response-size-max", size(BYTE, ByteSize::gib(1)), Default("6MiB"), "Largest answer that is taken whole."),
    key("function.NAME.http-body-max", size(BYTE, ByteSize::gib(1024)), Optional("no limit"), "Largest body of an HTTP request that is streamed."),
    key("function.NAME.http-response-max", size(BYTE, ByteSize::gib(1024)), Optional("no limit"), "Largest body of an HTTP answer that is streamed; a larger one breaks off."),
    key("function.NAME.log-size-max", size(ByteSize::bytes(0), ByteSize::gib(1)), Default("1MiB"), "How much one invocation may log, with 200 bytes for what is written beside each line; the rest is dropped, and counted."),
    key("function.NAME.handles-max", count(1, 1_000_000), Default("1000"), "Resources of the host that an instance holds at once: requests, bodies, timers, opened stores."),
    key("function.NAME.kv-calls-max", count(0, 1_000_000_000), Default("10000"), "Calls of stores, queues, functions and workflows that one invocation may make."),
    key("function.NAME.kv-size-max", size(ByteSize::bytes(0), ByteSize::gib(1024)), Default("256MiB"), "How much one invocation may read from and write to stores, and send to queues."),
    key("function.NAME.async-max-age", millis(1, 14 * DAY), Default("6h"), "An invocation that nobody waits for, and that is older, is given up."),
    key("function.NAME.async-retries", count(0, 1000), Default("2"), "How often such an invocation is tried again."),
    key("function.NAME.async-retry-delay", millis(0, HOUR), Default("1s"), "How long it waits after its first failure; twice as long after each further one, up to a quarter more or less."),
    key("function.NAME.async-retry-delay-max", millis(0, 12 * HOUR), Default("5m"), "The longest such wait."),
    key("function.NAME.async-kept", millis(1, YEAR), Default("1d"), "How long is known what became of it, once it has come to an end."),
    key("function.NAME.async-on-success", Text, Optional("nobody"), "Who is told that it succeeded: `queue:NAME`, `topic:NAME` or `function:NAME`."),
    key("function.NAME.async-on-failure", Text, Optional("nobody"), "Who is told that it was given up."),
    key("function.NAME.version-header", Flag, Default("false"), "Whether a request may choose the version that answers, with `flint-version`; answers name theirs."),
    key("function.NAME.environment", Table, Optional("empty"), "Environment variables."),
    key("function.NAME.config", Table, Optional("empty"), "Values that are read through `wasi:config`."),
    key("function.NAME.secrets.SECRET.env", Text, Optional("`env` or `file`"), "Environment variable of the host that holds the secret."),
    key("function.NAME.secrets.SECRET.file", Path, Optional("`env` or `file`"), "File that holds the secret, byte for byte; at most 64 KiB."),
    key("function.NAME.grants.kv.STORE", Choice(&["read", "read-write"]), Optional("no access"), "What the function may do with a key-value store."),
    key("function.NAME.grants.queue.QUEUE", Choice(&["send"]), Optional("no access"), "What the function may do with a queue; handling its messages needs no grant."),
    key("function.NAME.grants.topic.TOPIC", Choice(&["publish"]), Optional("no access"), "What the function may do with a topic; handling what is published needs no grant."),
    key("function.NAME.grants.invoke.FUNCTION", Choice(&["call"]), Optional("no access"), "Another function that it may call, and leave invocations for."),
    key("function.NAME.grants.workflow.WORKFLOW", Choice(&["read", "callback", "start"]), Optional("no access"), "What it may do with a workflow: `read` describes executions, `callback` ends tasks that wait, by their tokens, `start` starts and stops executions and does both of the others."),
    key("function.NAME.grants.blob.BUCKET", Choice(&["read", "read-write"]), Optional("no access"), "What the function may do with a bucket of blobs."),
    key("function.NAME.outbound", List, Optional("none"), "Hosts it may call: `api.example.com`, `*.example.com:8443`, `127.0.0.1:9000`. Without a port: 80 and 443."),
    key("function.NAME.outbound-internal", List, Optional("none"), "Internal networks that the names in `outbound` may lead to, such as `10.0.0.0/8`."),
    key("function.NAME.outbound-calls-max", count(0, 1_000_000), Default("1000"), "Calls of other hosts that one invocation may make."),
    key("function.NAME.outbound-size-max", size(ByteSize::bytes(0), ByteSize::gib(1024)), Default("100MiB"), "Bodies that one invocation may send to other hosts together; and as much that it may receive."),
    key("function.NAME.outbound-timeout", millis(1, DAY), Default("30s"), "How long one call of another host may take, its answer included."),
    key("function.NAME.outbound-concurrency", count(1, 100_000), Default("100"), "Calls of other hosts that all invocations have at once; others wait."),

    key("route.path", Text, Required, "Segments are literals, `{parameter}`s or, at the end, `{*rest}`."),
    key("route.method", OneOrList, Optional("all"), "`\"GET\"`, or `[\"GET\", \"POST\"]`."),
    key("route.host", Text, Optional("all"), "`api.example.com` or `*.example.com`, without a port."),
    key("route.function", Text, Optional("`function` or `files`"), "The function that answers."),
    key("route.files", Path, Optional("`function` or `files`"), "A folder whose files are the answers, to `GET`; the path ends in `{*rest}`, which names the file."),
    key("route.compress", Flag, Default("false"), "Answers are compressed (Brotli, zstd, gzip) for clients that like that."),
    key("route.cors.origins", OneOrList, Required, "Pages that may ask: `https://example.com`, or `*` for all."),
    key("route.cors.methods", OneOrList, Optional("those of the route"), "What they may ask with."),
    key("route.cors.headers", OneOrList, Optional("none"), "Request headers that they may set beside the usual ones, or `*` for all."),
    key("route.cors.expose", OneOrList, Optional("none"), "Response headers that they may read beside the usual ones."),
    key("route.cors.credentials", Flag, Default("false"), "Whether cookies may be sent along; not for all origins, nor for `null`."),
    key("route.cors.max-age", millis(0, DAY), Default("10m"), "How long a client may remember what it may do."),
    key("route.rate.requests", count(1, 1_000_000), Required, "So many requests a client may send …"),
    key("route.rate.per", millis(1, DAY), Default("1s"), "… in this time."),
    key("route.rate.burst", count(1, 1_000_000), Optional("as `requests`"), "So many at once, after a pause."),
    key("route.rate.key", Text, Default("ip"), "What tells clients apart: `ip`, or `header:NAME`; without that header, their address does."),
    key("route.idempotency.kept", millis(1, YEAR), Default("1d"), "With this table, even an empty one, a request with an `Idempotency-Key` is done once. How long its answer is kept."),
    key("route.idempotency.answer-size-max", size(ByteSize::bytes(0), ByteSize::mib(64)), Default("1MiB"), "Largest body of an answer that is kept. A larger one is sent and not kept: who asks again is told so."),
    key("route.idempotency.required", Flag, Default("false"), "Whether `POST`, `PUT`, `PATCH` and `DELETE` without a key are refused."),

    key("kv.STORE.key-size-max", size(BYTE, ByteSize::kib(32)), Default("1KiB"), "Longest key."),
    key("kv.STORE.value-size-max", size(BYTE, ByteSize::mib(64)), Default("1MiB"), "Largest value."),
    key("kv.STORE.scan-page-max", count(1, 100_000), Default("1000"), "Most entries of a page of a scan."),
    key("kv.STORE.page-size-max", size(ByteSize::kib(1), ByteSize::mib(256)), Default("4MiB"), "A page of a scan is cut at this size."),
    key("kv.STORE.batch-max", count(1, 100_000), Default("1000"), "Most changes of a batch."),
    key("kv.STORE.batch-size-max", size(ByteSize::kib(1), ByteSize::mib(256)), Default("4MiB"), "Largest batch, keys and values together."),

    key("queue.QUEUE.order", Choice(&["standard", "fifo"]), Default("standard"), "`fifo`: messages of a group are handled one after the other, in their order."),
    key("queue.QUEUE.visibility", millis(1, 12 * HOUR), Default("30s"), "How long a received message is hidden from others; for a trigger at least as long as its function may take."),
    key("queue.QUEUE.delay", millis(0, HOUR / 4), Default("0s"), "How long nobody sees a message that is sent without a delay of its own."),
    key("queue.QUEUE.retention", millis(1, YEAR), Optional("for ever"), "How long a message is kept before it is given up."),
    key("queue.QUEUE.deduplication-window", millis(1, DAY), Default("5m"), "How long a deduplication id is remembered."),
    key("queue.QUEUE.max-receives", count(1, 10_000), Default("5"), "A message that was received so often and never handled is given up."),
    key("queue.QUEUE.dead-letter", Text, Optional("`QUEUE/dead`, which the host keeps"), "The queue where messages go that are given up; of the same `order`."),
    key("queue.QUEUE.message-size-max", size(BYTE, ByteSize::mib(64)), Default("1MiB"), "Largest message, body and attributes together."),
    key("queue.QUEUE.large-payloads", Text, Optional("they are refused"), "A bucket where bodies of larger messages go, up to its `blob-size-max` and 64 MiB. They come back with their messages, and go with them."),
    key("queue.QUEUE.length-max", count(1, 1_000_000_000), Default("10000000"), "Most messages that it holds; more are refused."),
    key("queue.QUEUE.batch-max", count(1, 10_000), Default("1000"), "Most messages of one send, and of one receive."),
    key("queue.QUEUE.batch-size-max", size(ByteSize::kib(1), ByteSize::mib(256)), Default("4MiB"), "Largest send of several messages."),

    key("bucket.BUCKET.blob-size-max", size(BYTE, ByteSize::gib(1024)), Default("5GiB"), "Largest blob."),
    key("bucket.BUCKET.key-size-max", size(BYTE, ByteSize::kib(32)), Default("1KiB"), "Longest key."),
    key("bucket.BUCKET.metadata-size-max", size(ByteSize::bytes(0), ByteSize::kib(64)), Default("2KiB"), "Largest content type and metadata of a blob together."),
    key("bucket.BUCKET.list-page-max", count(1, 100_000), Default("1000"), "Most blobs and common prefixes of a page of a list."),
    key("bucket.BUCKET.batch-max", count(1, 100_000), Default("1000"), "Most changes of a bucket that happen together."),

    key("topic.TOPIC.message-size-max", size(BYTE, ByteSize::mib(64)), Default("1MiB"), "Largest message, body and attributes together."),
    key("topic.TOPIC.batch-max", count(1, 10_000), Default("1000"), "Most messages of one publication."),
    key("topic.TOPIC.batch-size-max", size(ByteSize::kib(1), ByteSize::mib(256)), Default("4MiB"), "Largest publication of several messages."),

    key("subscription.topic", Text, Required, "The topic that a queue listens to."),
    key("subscription.queue", Text, Required, "The queue that gets what is published, by its own rules but for the sizes."),
    key("subscription.filter", Table, Optional("all messages"), "Which messages, by their attributes, as in `trigger.filter`."),

    key("trigger.queue", Text, Optional("one of `queue`, `topic`, `kv`, `bucket`"), "The queue whose messages are handled; a queue has one trigger at most."),
    key("trigger.topic", Text, Optional("one of `queue`, `topic`, `kv`, `bucket`"), "The topic that is listened to. What is published waits in `topic/TOPIC/FUNCTION`, which the host keeps."),
    key("trigger.kv", Text, Optional("one of `queue`, `topic`, `kv`, `bucket`"), "The store whose changes are handled. They wait in `kv/STORE/FUNCTION`, those of a key in their order."),
    key("trigger.bucket", Text, Optional("one of `queue`, `topic`, `kv`, `bucket`"), "The bucket of which it is handled what happens. It waits in `bucket/BUCKET/FUNCTION`, that of a key in its order."),
    key("trigger.function", Text, Required, "The function that handles what comes."),
    key("trigger.batch-size", count(1, 1000), Default("10"), "Most messages of one invocation."),
    key("trigger.batch-window", millis(0, HOUR / 12), Default("0s"), "How long messages are gathered for a batch that is not full."),
    key("trigger.concurrency", count(1, 10_000), Default("10"), "Most invocations at once."),
    key("trigger.transactional", Flag, Default("true"), "Whether what the function writes becomes durable together with its messages being done, or not at all."),
    key("trigger.filter", Table, Optional("all messages"), "Which messages are handled, by their attributes: `{ kind = [\"a\", { prefix = \"b\" }] }`. Others are done with at once; of a topic, they never come. Not for stores and buckets."),
    key("trigger.prefix", Text, Optional("all keys"), "Of a store or a bucket: what is handled happened to keys that start with this."),
    key("trigger.suffix", Text, Optional("all keys"), "Of a bucket: what is handled happened to keys that end with this, such as `.png`."),
    key("trigger.events", OneOrList, Optional("all"), "Of a store: which changes are handled, `\"insert\"`, `\"modify\"`, `\"remove\"`; of a bucket: `\"created\"` (put or copied to a key), `\"deleted\"`."),
    key("trigger.start", Choice(&["latest", "beginning"]), Default("latest"), "Of a store: where a new trigger starts; `beginning`: with what is there, as if it were inserted now."),
    key("trigger.max-receives", count(1, 10_000), Default("5"), "Not of a queue, which has its own: what was tried so often is given up, and goes to `…/dead`."),
    key("trigger.length-max", count(1, 1_000_000_000), Default("100000000"), "Not of a queue, which has its own: most messages that wait. Then nothing more is published or written before there is room."),
    key("trigger.retry-delay", millis(0, HOUR), Default("1s"), "How long a message waits after its first failure; twice as long after each further one, up to a quarter more or less."),
    key("trigger.retry-delay-max", millis(0, 12 * HOUR), Default("5m"), "The longest such wait."),

    key("schedule.SCHEDULE.when", Text, Required, "When it is due: `every 30s`, `rate(5 minutes)`, `30 3 * * MON-FRI` (seconds first, if there are six fields), `@daily`."),
    key("schedule.SCHEDULE.zone", Text, Default("UTC"), "The time zone of the expression, such as `Europe/Berlin`."),
    key("schedule.SCHEDULE.function", Text, Required, "The function that handles the ticks."),
    key("schedule.SCHEDULE.payload", Text, Optional("empty"), "What it is called with."),
    key("schedule.SCHEDULE.missed", Choice(&["run-once", "skip"]), Default("run-once"), "Ticks that fell due while no host was there: they are handled once, however many they were, or passed over."),
    // A timer wakes up late, by a millisecond at the best: with none, hardly a tick would be on time.
    key("schedule.SCHEDULE.grace", millis(100, DAY), Default("1m"), "How late a tick may be and still be on time."),
    key("schedule.SCHEDULE.overlap", Choice(&["allow", "queue", "skip"]), Default("queue"), "A tick that falls due while one before it is not done: is handled beside it, waits for it, or is passed over."),
    key("schedule.SCHEDULE.concurrency", count(1, 10_000), Default("10"), "Most ticks that are handled at once, with `allow`."),
    key("schedule.SCHEDULE.waiting-max", count(1, 1_000_000), Default("1000"), "Most ticks that are not done; a further one is passed over."),
    key("schedule.SCHEDULE.transactional", Flag, Default("true"), "Whether what the function writes becomes durable together with its tick being done, or not at all."),
    key("schedule.SCHEDULE.max-receives", count(1, 10_000), Default("5"), "A tick that was tried so often is moved to `schedule/SCHEDULE/dead`."),
    key("schedule.SCHEDULE.retry-delay", millis(0, HOUR), Default("1s"), "How long a tick waits after its first failure; twice as long after each further one, up to a quarter more or less."),
    key("schedule.SCHEDULE.retry-delay-max", millis(0, 12 * HOUR), Default("5m"), "The longest such wait."),

    key("workflow.WORKFLOW.definition", Text, Required, "The file of its definition, in Amazon States Language (JSON)."),
    key("workflow.WORKFLOW.concurrency", count(1, 10_000), Default("100"), "Most tasks of its executions at once."),
    key("workflow.WORKFLOW.retention", millis(0, 366 * DAY), Default("90d"), "How long an execution is kept after its end, with its history."),
    key("workflow.WORKFLOW.runs-cached", count(1, 1_000_000), Default("10000"), "Most executions that are kept in memory between their steps; others are made anew of their journals."),
];
