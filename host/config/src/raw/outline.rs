//! The root of the file: which sections there are.

use super::section::{Entry, Section};
use super::{
    File, Reader, bucket, function, kv, limits, listener, outbound, queue, route, schedule, topic, trigger, workflow,
};
use crate::source::Span;
use flint_model::{BucketName, FunctionName, NameError, QueueName, ScheduleName, StoreName, TopicName, WorkflowName};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};

/// Reads the whole file.
pub(crate) fn read(reader: &mut Reader<'_>, tree: &DeTable<'_>) -> File {
    let root = Section::root(reader, tree);
    let mut misnamed = BTreeSet::new();
    let mut functions = BTreeMap::new();
    for entry in root.entries(reader, "function").unwrap_or_default() {
        let name = entry.named(reader, "function", FunctionName::parse);
        let section = open(reader, &entry, "function.NAME", "function");
        let function = function::read(reader, entry.at.clone(), &section);
        match name {
            Some(name) => drop(functions.insert(name.value, function)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut stores = BTreeMap::new();
    for entry in root.entries(reader, "kv").unwrap_or_default() {
        let name = entry.named(reader, "store", StoreName::parse);
        let section = open(reader, &entry, "kv.STORE", "kv");
        let store = kv::read(reader, &section);
        match name {
            Some(name) => drop(stores.insert(name.value, store)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut queues = BTreeMap::new();
    for entry in root.entries(reader, "queue").unwrap_or_default() {
        let name = entry.named(reader, "queue", plain_queue);
        let section = open(reader, &entry, "queue.QUEUE", "queue");
        let queue = queue::read(reader, entry.at.clone(), name.as_ref().map(|name| &name.value), &section);
        match name {
            Some(name) => drop(queues.insert(name.value, queue)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut buckets = BTreeMap::new();
    for entry in root.entries(reader, "bucket").unwrap_or_default() {
        let name = entry.named(reader, "bucket", BucketName::parse);
        let section = open(reader, &entry, "bucket.BUCKET", "bucket");
        let bucket = bucket::read(reader, &section);
        match name {
            Some(name) => drop(buckets.insert(name.value, bucket)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut schedules = BTreeMap::new();
    for entry in root.entries(reader, "schedule").unwrap_or_default() {
        let name = entry.named(reader, "schedule", ScheduleName::parse);
        let section = open(reader, &entry, "schedule.SCHEDULE", "schedule");
        let schedule = schedule::read(reader, &section);
        match name {
            Some(name) => drop(schedules.insert(name.value, schedule)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut workflows = BTreeMap::new();
    for entry in root.entries(reader, "workflow").unwrap_or_default() {
        let name = entry.named(reader, "workflow", WorkflowName::parse);
        let section = open(reader, &entry, "workflow.WORKFLOW", "workflow");
        let workflow = workflow::read(reader, &section);
        match name {
            Some(name) => drop(workflows.insert(name.value, workflow)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let mut topics = BTreeMap::new();
    for entry in root.entries(reader, "topic").unwrap_or_default() {
        let name = entry.named(reader, "topic", TopicName::parse);
        let section = open(reader, &entry, "topic.TOPIC", "topic");
        let topic = topic::read(reader, &section);
        match name {
            Some(name) => drop(topics.insert(name.value, topic)),
            None => drop(misnamed.insert(entry.name.to_owned())),
        }
    }
    let listener = nested(reader, &root, "listener");
    let limits = nested(reader, &root, "limits");
    let outbound = nested(reader, &root, "outbound");
    File {
        data_dir: root.field(reader, "data-dir").value,
        listener: listener::read(reader, &listener),
        limits: limits::read(reader, &limits),
        outbound: outbound::read(reader, &outbound),
        functions,
        routes: read_list(reader, &root, "route", route::read),
        kv: stores,
        queues,
        buckets,
        topics,
        subscriptions: read_list(reader, &root, "subscription", topic::read_subscription),
        triggers: read_list(reader, &root, "trigger", trigger::read),
        schedules,
        workflows,
        misnamed,
    }
}

/// The folder for stores where none is given.
pub(crate) fn data_dir_default() -> PathBuf {
    Section::absent("").field(&mut Reader::new("", &|_: &str| None), "data-dir").value
}

/// Opens a section that a user has named.
fn open<'t, 'i>(reader: &mut Reader<'_>, entry: &Entry<'t, 'i>, path: &'static str, area: &str) -> Section<'t, 'i> {
    Section::open(reader, path, &format!("{area}.{}", entry.name), entry.at.clone(), Some(entry.value))
}

/// Opens a section with a fixed name.
fn nested<'t, 'i>(reader: &mut Reader<'_>, root: &Section<'t, 'i>, name: &'static str) -> Section<'t, 'i> {
    let found = root.get(name);
    let at = found.as_ref().map_or(0..0, |(at, _)| at.clone());
    Section::open(reader, name, name, at, found.map(|(_, value)| value))
}

/// A queue of the file has a plain name: paths are for those that the host keeps.
fn plain_queue(name: &str) -> Result<QueueName, NameError> {
    let queue = QueueName::parse(name)?;
    if queue.is_internal() { Err(NameError::Character('/')) } else { Ok(queue) }
}

/// Reads the sections of a list, such as `[[route]]`.
fn read_list<T>(
    reader: &mut Reader<'_>,
    root: &Section<'_, '_>,
    name: &'static str,
    read: impl Fn(&mut Reader<'_>, &Section<'_, '_>) -> T,
) -> Vec<T> {
    let Some((_, value)) = root.get(name) else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        reader.wrong_type(value, name, "a list of tables", format!("write `[[{name}]]`, with two brackets"));
        return Vec::new();
    };
    let mut read = |item| {
        let at: Span = toml::Spanned::span(item);
        let section = Section::open(reader, name, name, at, Some(item));
        read(reader, &section)
    };
    items.iter().map(&mut read).collect()
}
