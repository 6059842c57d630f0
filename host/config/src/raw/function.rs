//! `[function.NAME]`.

use super::asynchronous::{self, Asynchronous};
use super::scalar::Scalar as _;
use super::section::{Entry, Section};
use super::{At, Field, Reader, SecretEntry, outbound, secrets};
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{self, FunctionSource, IpNet, Isolation, Outbound};
use crate::reference;
use crate::source::Span;
use flint_model::{
    Access, BucketName, ByteSize, Capability, FunctionName, Grants, NameError, QueueName, StoreName, TopicName,
    WorkflowName,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Function {
    /// Where the name stands.
    pub(crate) at: Span,
    pub(crate) source: Option<At<PathBuf>>,
    pub(crate) build: Option<At<String>>,
    pub(crate) artifact: Option<At<PathBuf>>,
    pub(crate) memory: Field<ByteSize>,
    /// Reserved if it is written.
    pub(crate) concurrency: Field<usize>,
    pub(crate) warm: Field<usize>,
    pub(crate) isolation: Field<String>,
    pub(crate) uses: Field<usize>,
    /// None if the file has no such key, as in those after it.
    pub(crate) secrets: Option<Vec<SecretEntry>>,
    pub(crate) grants: Granted,
    pub(crate) outbound: Option<Vec<Outbound>>,
    pub(crate) asynchronous: Asynchronous,
    plain: Plain,
}

/// What is granted of each capability; none where the file does not have it.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    pub(crate) kv: Option<Vec<Grant>>,
    pub(crate) queues: Option<Vec<Grant>>,
    pub(crate) topics: Option<Vec<Grant>>,
    pub(crate) buckets: Option<Vec<Grant>>,
    pub(crate) functions: Option<Vec<Grant>>,
    pub(crate) workflows: Option<Vec<Grant>>,
}

/// An access to a key-value store, a queue, a topic, a bucket, a function or a workflow.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) name: At<String>,
    pub(crate) access: Access,
}

/// What no other value depends on.
#[derive(Debug)]
struct Plain {
    timeout: Duration,
    first_byte_timeout: Option<Duration>,
    cpu: Duration,
    queue: usize,
    queue_timeout: Duration,
    request_size_max: ByteSize,
    response_size_max: ByteSize,
    http_body_max: Option<ByteSize>,
    http_response_max: Option<ByteSize>,
    log_size_max: ByteSize,
    handles_max: usize,
    kv_calls_max: usize,
    kv_size_max: ByteSize,
    version_header: bool,
    outbound_internal: Vec<IpNet>,
    outbound_calls_max: usize,
    outbound_size_max: ByteSize,
    outbound_timeout: Duration,
    outbound_concurrency: usize,
    environment: BTreeMap<String, String>,
    config: BTreeMap<String, String>,
}

/// Reads a function's section.
pub(super) fn read(reader: &mut Reader<'_>, at: Span, section: &Section<'_, '_>) -> Function {
    Function {
        at,
        source: section.required(reader, "source"),
        build: section.optional(reader, "build"),
        artifact: section.optional(reader, "artifact"),
        memory: section.field(reader, "memory"),
        concurrency: section.field(reader, "concurrency"),
        warm: section.field(reader, "warm"),
        isolation: section.field(reader, "isolation"),
        uses: section.field(reader, "uses"),
        secrets: section.entries(reader, "secrets").map(|entries| secrets::read(reader, &entries)),
        grants: read_grants(reader, section),
        outbound: outbound::read_hosts(reader, section),
        asynchronous: asynchronous::read(reader, section),
        plain: Plain {
            timeout: section.field(reader, "timeout").value,
            first_byte_timeout: section.optional(reader, "first-byte-timeout").map(|timeout| timeout.value),
            cpu: section.field(reader, "cpu").value,
            queue: section.field(reader, "queue").value,
            queue_timeout: section.field(reader, "queue-timeout").value,
            request_size_max: section.field(reader, "request-size-max").value,
            response_size_max: section.field(reader, "response-size-max").value,
            http_body_max: section.optional(reader, "http-body-max").map(|max| max.value),
            http_response_max: section.optional(reader, "http-response-max").map(|max| max.value),
            log_size_max: section.field(reader, "log-size-max").value,
            handles_max: section.field(reader, "handles-max").value,
            kv_calls_max: section.field(reader, "kv-calls-max").value,
            kv_size_max: section.field(reader, "kv-size-max").value,
            version_header: section.field(reader, "version-header").value,
            outbound_internal: outbound::read_networks(reader, section).unwrap_or_default(),
            outbound_calls_max: section.field(reader, "outbound-calls-max").value,
            outbound_size_max: section.field(reader, "outbound-size-max").value,
            outbound_timeout: section.field(reader, "outbound-timeout").value,
            outbound_concurrency: section.field(reader, "outbound-concurrency").value,
            environment: read_texts(reader, section, "environment", is_variable),
            config: read_texts(reader, section, "config", |_| true),
        },
    }
}

impl Function {
    /// The function as the platform has it, without its secrets.
    pub(crate) fn finish(&self, source: FunctionSource) -> platform::Function {
        let Plain { environment, config, .. } = &self.plain;
        let mut grants = Grants::none();
        let Granted { kv, queues, topics, buckets, functions, workflows } = &self.grants;
        for (capability, granted) in [
            (Capability::Kv, kv),
            (Capability::Queue, queues),
            (Capability::Topic, topics),
            (Capability::Blob, buckets),
            (Capability::Invoke, functions),
            (Capability::Workflow, workflows),
        ] {
            for grant in granted.iter().flatten() {
                grants.add(capability, grant.name.value.as_str(), grant.access);
            }
        }
        let uses = self.uses.value;
        platform::Function {
            source,
            memory: self.memory.value,
            timeout: self.plain.timeout,
            first_byte_timeout: self.plain.first_byte_timeout,
            cpu: self.plain.cpu,
            concurrency: self.concurrency.value,
            is_reserved: self.concurrency.at.is_some(),
            queue: self.plain.queue,
            queue_timeout: self.plain.queue_timeout,
            warm: self.warm.value,
            isolation: match self.isolation.value.as_str() {
                "serial" => Isolation::Serial { uses },
                "shared" => Isolation::Shared { uses },
                _ => Isolation::Fresh,
            },
            request_size_max: self.plain.request_size_max,
            response_size_max: self.plain.response_size_max,
            http_body_max: self.plain.http_body_max,
            http_response_max: self.plain.http_response_max,
            log_size_max: self.plain.log_size_max,
            handles_max: self.plain.handles_max,
            kv_calls_max: self.plain.kv_calls_max,
            kv_size_max: self.plain.kv_size_max,
            version_header: self.plain.version_header,
            asynchronous: self.asynchronous.finish(),
            environment: environment.clone(),
            config: config.clone(),
            secrets: BTreeMap::new(),
            grants,
            outbound: self.outbound.clone().unwrap_or_default(),
            outbound_internal: self.plain.outbound_internal.clone(),
            outbound_calls_max: self.plain.outbound_calls_max,
            outbound_size_max: self.plain.outbound_size_max,
            outbound_timeout: self.plain.outbound_timeout,
            outbound_concurrency: self.plain.outbound_concurrency,
        }
    }
}

/// A function of which nothing is said but its source.
pub(crate) fn defaults(source: FunctionSource) -> platform::Function {
    read(&mut Reader::new("", &|_: &str| None), 0..0, &Section::absent("function.NAME")).finish(source)
}

fn read_grants(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Granted {
    let Some((at, grants)) = section.get("grants") else { return Granted::default() };
    let grants = Section::open(reader, "function.NAME.grants", "grants", at, Some(grants));
    let store = |name: &str| StoreName::parse(name).map(|name| name.to_string());
    let queue = |name: &str| QueueName::parse(name).map(|name| name.to_string());
    let topic = |name: &str| TopicName::parse(name).map(|name| name.to_string());
    let function = |name: &str| FunctionName::parse(name).map(|name| name.to_string());
    let bucket = |name: &str| BucketName::parse(name).map(|name| name.to_string());
    let workflow = |name: &str| WorkflowName::parse(name).map(|name| name.to_string());
    Granted {
        kv: read_granted(reader, &grants, ("kv", "store"), store, reference::key("function.NAME.grants.kv", "STORE")),
        queues: read_granted(
            reader,
            &grants,
            ("queue", "queue"),
            queue,
            reference::key("function.NAME.grants.queue", "QUEUE"),
        ),
        topics: read_granted(
            reader,
            &grants,
            ("topic", "topic"),
            topic,
            reference::key("function.NAME.grants.topic", "TOPIC"),
        ),
        buckets: read_granted(
            reader,
            &grants,
            ("blob", "bucket"),
            bucket,
            reference::key("function.NAME.grants.blob", "BUCKET"),
        ),
        functions: read_granted(
            reader,
            &grants,
            ("invoke", "function"),
            function,
            reference::key("function.NAME.grants.invoke", "FUNCTION"),
        ),
        workflows: read_granted(
            reader,
            &grants,
            ("workflow", "workflow"),
            workflow,
            reference::key("function.NAME.grants.workflow", "WORKFLOW"),
        ),
    }
}

fn read_granted(
    reader: &mut Reader<'_>,
    grants: &Section<'_, '_>,
    (capability, what): (&str, &str),
    parse: impl Fn(&str) -> Result<String, NameError>,
    key: &reference::Key,
) -> Option<Vec<Grant>> {
    let entries = grants.entries(reader, capability)?;
    Some(entries.iter().filter_map(|entry| read_grant(reader, entry, what, &parse, key)).collect())
}

fn read_grant(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, '_>,
    what: &str,
    parse: impl FnOnce(&str) -> Result<String, NameError>,
    key: &reference::Key,
) -> Option<Grant> {
    let name = entry.named(reader, what, parse);
    let access = match String::read(reader, entry.value, entry.name, key)?.as_str() {
        "read" => Access::Read,
        "send" | "publish" => Access::Send,
        "call" => Access::Call,
        "callback" => Access::Callback,
        "start" => Access::Start,
        _ => Access::ReadWrite,
    };
    Some(Grant { name: name?, access })
}

/// Reads a table of texts whose names follow a rule.
fn read_texts(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    name: &str,
    valid: fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for entry in section.entries(reader, name).unwrap_or_default() {
        if !valid(entry.name) {
            let message = format!("`{}` is no name for an environment variable", entry.name);
            let help = "a name is not empty and has no `=`".to_owned();
            reader.report(Diagnostic::new(Code::BadName, entry.at.clone(), message, "not a name").help(help));
        }
        if let Some(text) = reader.text(entry.value, entry.name, "\"value\"") {
            texts.insert(entry.name.to_owned(), text);
        }
    }
    texts
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

#[cfg(test)]
mod tests {
    use crate::reference::{KEYS, Kind, Presence};

    #[test]
    fn the_words_of_isolation_are_those_of_the_reference() {
        let key = KEYS.iter().find(|key| key.path == "function.NAME.isolation").expect("the key");
        assert!(matches!(key.kind, Kind::Choice(["fresh", "serial", "shared"])));
        assert!(matches!(key.presence, Presence::Default("fresh")));
    }
}
