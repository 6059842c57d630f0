//! Triggers: what is between them, and between them and queues and functions.

use super::queue;
use crate::component::Shape;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Isolation, Source, Trigger};
use crate::raw::{self, At, Field, File, Handler, Reader};
use crate::source::Span;
use flint_model::{BucketName, FunctionName, QueueName, StoreName, TopicName};
use std::collections::BTreeMap;

/// Checks triggers, and answers those that are complete.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) -> Vec<Trigger> {
    check_single(reader, &file.triggers);
    for trigger in &file.triggers {
        check_batch(reader, file, trigger);
        check_start(reader, trigger.handler.as_ref(), &trigger.transactional);
    }
    file.triggers.iter().filter_map(finish).collect()
}

fn finish(raw: &raw::Trigger) -> Option<Trigger> {
    let queue = match raw.source.as_ref()? {
        raw::Source::Queue(queue) => QueueName::parse(&queue.value).ok()?,
        _ => queue::listener(raw)?,
    };
    let source = match raw.source.as_ref()? {
        raw::Source::Queue(_) => Source::Queue,
        raw::Source::Topic(topic) => Source::Topic(TopicName::parse(&topic.value).ok()?),
        raw::Source::Kv { store, keys, events, start } => Source::Kv {
            store: StoreName::parse(&store.value).ok()?,
            keys: keys.clone(),
            events: *events,
            start: *start,
        },
        raw::Source::Bucket { bucket, keys, events } => {
            Source::Bucket { bucket: BucketName::parse(&bucket.value).ok()?, keys: keys.clone(), events: *events }
        }
    };
    Some(Trigger {
        source,
        queue,
        handler: raw.handler.as_ref()?.finish()?,
        batch_size: raw.batch_size.value,
        batch_window: raw.batch_window,
        concurrency: raw.concurrency,
        transactional: raw.transactional.value,
        filter: raw.filter.clone(),
        retry_delay: raw.retry_delay,
        retry_delay_max: raw.retry_delay_max,
    })
}

/// A message is handled once.
fn check_single(reader: &mut Reader<'_>, triggers: &[raw::Trigger]) {
    let mut first: BTreeMap<String, &Span> = BTreeMap::new();
    for trigger in triggers {
        let Some(source) = &trigger.source else { continue };
        let (name, kept) = (source.name(), queue::listener(trigger));
        let queue = kept.as_ref().map_or_else(|| name.value.clone(), QueueName::to_string);
        if let Some(before) = first.insert(queue, &name.at) {
            let (message, help) = match kept {
                None => (
                    format!("a second trigger handles the messages of `{}`", name.value),
                    "a queue has one trigger: send to two queues, or publish to a topic",
                ),
                Some(_) => {
                    let key = trigger.handler.as_ref().map_or("function", Handler::key);
                    let help = match key {
                        "workflow" => {
                            "a workflow has one trigger of a source: widen its filter, or name another workflow"
                        }
                        _ => "a function has one trigger of a source: widen its filter, or name another function",
                    };
                    (format!("a second trigger leads `{}` to the same {key}", name.value), help)
                }
            };
            let diagnostic = Diagnostic::new(Code::SecondTrigger, name.at.clone(), message, "is handled already");
            reader.report(diagnostic.also(Some(before.clone()), "the first one").help(help.to_owned()));
        }
    }
}

fn check_batch(reader: &mut Reader<'_>, file: &File, trigger: &raw::Trigger) {
    let Some(raw::Source::Queue(queue)) = &trigger.source else { return };
    let Some(queue) = file.queues.get(queue.value.as_str()) else { return };
    let max = queue.queue.batch_max;
    if trigger.batch_size.value > max {
        let message = format!("a batch of {} is larger than its queue allows", trigger.batch_size.value);
        let at = trigger.batch_size.at.clone().unwrap_or_else(|| trigger.at.clone());
        let diagnostic = Diagnostic::new(Code::OutOfRange, at, message, "too large");
        let help = format!("at most {max}, or raise `batch-max` of the queue");
        reader.report(diagnostic.also(Some(queue.at.clone()), "this queue").help(help));
    }
}

/// Checks the triggers of a function against its component.
pub(crate) fn check_handler(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    isolation: Isolation,
    shape: &Shape,
    triggers: &[raw::Trigger],
) {
    for trigger in triggers {
        let function = trigger.handler.as_ref().and_then(Handler::function);
        let Some(function) = function.filter(|function| function.value == name.as_str()) else { continue };
        check_export(reader, name, shape, trigger, function);
        check_transactional(reader, name, isolation, &trigger.transactional, &function.at);
    }
}

/// What starts an execution and the end of its message are one commit, whoever likes it.
pub(super) fn check_start(reader: &mut Reader<'_>, handler: Option<&Handler>, transactional: &Field<bool>) {
    if let (Some(Handler::Workflow(name)), Some(at), false) = (handler, &transactional.at, transactional.value) {
        let message = "a message that starts an execution is done when the start is durable: both are one commit";
        let diagnostic = Diagnostic::new(Code::BadHandler, at.clone(), message, "is of no use");
        let diagnostic = diagnostic.also(Some(name.at.clone()), "this is a workflow");
        reader.report(diagnostic.help("remove `transactional`; it goes with `function`".to_owned()));
    }
}

/// What instances write that serve several events at once belongs to none of them.
pub(super) fn check_transactional(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    isolation: Isolation,
    transactional: &Field<bool>,
    function: &Span,
) {
    if transactional.value && matches!(isolation, Isolation::Shared { .. }) {
        let message = format!("the effects of `{name}` can't be held back: its instances serve several events at once");
        let at = transactional.at.clone().unwrap_or_else(|| function.clone());
        let diagnostic = Diagnostic::new(Code::NotTransactional, at, message, "can't be transactional");
        let help = "set `isolation = \"serial\"` or `\"fresh\"` for the function, or `transactional = false` here";
        reader.report(diagnostic.help(help.to_owned()));
    }
}

/// Whether the component has the handler that the source of a trigger wants.
fn check_export(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    shape: &Shape,
    trigger: &raw::Trigger,
    function: &At<String>,
) {
    let (has, what, export, label) = match &trigger.source {
        Some(raw::Source::Queue(_)) => (shape.queue, "queue", "queue", "handles no messages"),
        Some(raw::Source::Topic(_)) => (shape.topic, "topic", "topic", "handles no topics"),
        Some(raw::Source::Kv { .. }) => (shape.kv, "kv", "kv_change", "handles no changes"),
        Some(raw::Source::Bucket { .. }) => (shape.blob, "blob", "blob", "handles no events of blobs"),
        None => return,
    };
    if !has {
        let message = format!("a trigger leads to `{name}`, whose component has no {what} handler");
        let diagnostic = Diagnostic::new(Code::NoHandler, function.at.clone(), message, label);
        let help =
            format!("export flint:platform/{what}-handler, with #[flint_sdk::{export}] in Rust; or remove the trigger");
        reader.report(diagnostic.help(help));
    }
}
