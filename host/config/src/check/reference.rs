//! Names that refer to something: it has to be there.

use super::queue;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::Destination;
use crate::raw::{At, File, Grant, Granted, Handler, Reader, Source};
use crate::suggest;
use flint_model::{BucketName, QueueName, StoreName, TopicName, WorkflowName};
use std::collections::BTreeSet;

/// Every route, trigger and schedule leads to a function or a workflow that is there; what is granted, listened to, subscribed, or named for dead letters is there.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) {
    let functions = handlers(file).filter_map(Handler::function);
    let functions = functions.chain(granted(file, |grants| &grants.functions));
    for target in functions {
        let known = || file.functions.keys().map(|name| name.as_str());
        if !file.functions.contains_key(target.value.as_str()) && !file.misnamed.contains(&target.value) {
            dangling(reader, Code::NoSuchFunction, "function", target, suggest::nearest(&target.value, known()));
        }
    }
    check_stores(reader, file);
    check_queues(reader, file);
    check_topics(reader, file);
    check_destinations(reader, file);
    check_buckets(reader, file);
    check_workflows(reader, file);
}

fn check_stores(reader: &mut Reader<'_>, file: &File) {
    let names = granted(file, |grants| &grants.kv).chain(sources(file, "kv"));
    let known: BTreeSet<&str> = file.kv.keys().map(StoreName::as_str).collect();
    check_names(reader, file, names, &known, (Code::NoSuchStore, "kv"));
}

/// Whoever is told what became of an invocation is there.
fn check_destinations(reader: &mut Reader<'_>, file: &File) {
    let told = file.functions.values().flat_map(|function| {
        let told = &function.asynchronous;
        told.on_success.iter().chain(&told.on_failure)
    });
    for At { value, at } in told {
        let named = |name: &str| At { value: name.to_owned(), at: at.clone() };
        match value {
            Destination::Function(name) if !file.functions.contains_key(name) => {
                let known = file.functions.keys().map(|name| name.as_str());
                dangling(
                    reader,
                    Code::NoSuchFunction,
                    "function",
                    &named(name.as_str()),
                    suggest::nearest(name.as_str(), known),
                );
            }
            Destination::Queue(name) if !file.queues.contains_key(name) => {
                let known = file.queues.keys().map(QueueName::as_str);
                dangling(
                    reader,
                    Code::NoSuchQueue,
                    "queue",
                    &named(name.as_str()),
                    suggest::nearest(name.as_str(), known),
                );
            }
            Destination::Topic(name) if !file.topics.contains_key(name) => {
                let known = file.topics.keys().map(TopicName::as_str);
                dangling(
                    reader,
                    Code::NoSuchTopic,
                    "topic",
                    &named(name.as_str()),
                    suggest::nearest(name.as_str(), known),
                );
            }
            Destination::Function(_) | Destination::Queue(_) | Destination::Topic(_) => {}
        }
    }
}

fn check_buckets(reader: &mut Reader<'_>, file: &File) {
    let names = granted(file, |grants| &grants.buckets).chain(sources(file, "bucket"));
    let names = names.chain(file.queues.values().filter_map(|queue| queue.large_payloads.as_ref()));
    let known: BTreeSet<&str> = file.buckets.keys().map(BucketName::as_str).collect();
    check_names(reader, file, names, &known, (Code::NoSuchBucket, "bucket"));
}

fn check_queues(reader: &mut Reader<'_>, file: &File) {
    let names = granted(file, |grants| &grants.queues).chain(sources(file, "queue"));
    let names = names.chain(file.queues.values().filter_map(|queue| queue.dead_letter.as_ref()));
    let names = names.chain(file.subscriptions.iter().filter_map(|subscription| subscription.queue.as_ref()));
    let all: BTreeSet<QueueName> = queue::names(file).collect();
    let known: BTreeSet<&str> = all.iter().map(QueueName::as_str).collect();
    check_names(reader, file, names, &known, (Code::NoSuchQueue, "queue"));
}

fn check_topics(reader: &mut Reader<'_>, file: &File) {
    let names = granted(file, |grants| &grants.topics).chain(sources(file, "topic"));
    let names = names.chain(file.subscriptions.iter().filter_map(|subscription| subscription.topic.as_ref()));
    let known: BTreeSet<&str> = file.topics.keys().map(TopicName::as_str).collect();
    check_names(reader, file, names, &known, (Code::NoSuchTopic, "topic"));
}

fn check_workflows(reader: &mut Reader<'_>, file: &File) {
    let known: BTreeSet<&str> = file.workflows.keys().map(WorkflowName::as_str).collect();
    let names = granted(file, |grants| &grants.workflows).chain(handlers(file).filter_map(Handler::workflow));
    check_names(reader, file, names, &known, (Code::NoSuchWorkflow, "workflow"));
}

/// Whoever routes, triggers and schedules lead to.
fn handlers(file: &File) -> impl Iterator<Item = &Handler> {
    let routes = file.routes.iter().map(|route| &route.handler);
    let triggers = file.triggers.iter().map(|trigger| &trigger.handler);
    routes.chain(triggers).chain(file.schedules.values().map(|schedule| &schedule.handler)).flatten()
}

/// The names in the grants of all functions.
fn granted<'f>(
    file: &'f File,
    of: impl Fn(&'f Granted) -> &'f Option<Vec<Grant>>,
) -> impl Iterator<Item = &'f At<String>> {
    file.functions.values().flat_map(move |function| of(&function.grants).iter().flatten()).map(|grant| &grant.name)
}

/// What triggers listen to, of one kind.
fn sources<'f>(file: &'f File, area: &'static str) -> impl Iterator<Item = &'f At<String>> {
    let sources = file.triggers.iter().filter_map(|trigger| trigger.source.as_ref());
    sources.filter(move |source| source.area() == area).map(Source::name)
}

fn check_names<'f>(
    reader: &mut Reader<'_>,
    file: &File,
    names: impl Iterator<Item = &'f At<String>>,
    known: &BTreeSet<&str>,
    (code, area): (Code, &str),
) {
    for name in names {
        if !known.contains(name.value.as_str()) && !file.misnamed.contains(&name.value) {
            let nearest = suggest::nearest(&name.value, known.iter().copied());
            dangling(reader, code, area, name, nearest);
        }
    }
}

fn dangling(reader: &mut Reader<'_>, code: Code, area: &str, name: &At<String>, nearest: Option<&str>) {
    let what = if area == "kv" { "key-value store" } else { area };
    let written = reader.quote(&name.at);
    let message = format!("there is no {what} {written}");
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if written.contains("${") => format!("add a section [{area}.NAME] of that name"),
        None => format!("add a section [{area}.{}]", name.value),
    };
    reader.report(Diagnostic::new(code, name.at.clone(), message, "does not exist").help(help));
}
