//! Triggers: what is between them, and between them and queues and functions.

use crate::component::Shape;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Isolation, Trigger};
use crate::raw::{self, Field, File, Reader};
use crate::source::Span;
use flint_model::{FunctionName, QueueName};
use std::collections::BTreeMap;

/// Checks triggers, and answers those that are complete.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) -> Vec<Trigger> {
    check_single(reader, &file.triggers);
    file.triggers.iter().for_each(|trigger| check_batch(reader, file, trigger));
    file.triggers.iter().filter_map(finish).collect()
}

fn finish(raw: &raw::Trigger) -> Option<Trigger> {
    Some(Trigger {
        queue: QueueName::parse(&raw.queue.as_ref()?.value).ok()?,
        function: FunctionName::parse(&raw.function.as_ref()?.value).ok()?,
        batch_size: raw.batch_size.value,
        batch_window: raw.batch_window,
        concurrency: raw.concurrency,
        transactional: raw.transactional.value,
        filter: raw.filter.clone(),
        retry_delay: raw.retry_delay,
        retry_delay_max: raw.retry_delay_max,
    })
}

/// A message is handled by one function.
fn check_single(reader: &mut Reader<'_>, triggers: &[raw::Trigger]) {
    let mut first: BTreeMap<&str, &Span> = BTreeMap::new();
    for queue in triggers.iter().filter_map(|trigger| trigger.queue.as_ref()) {
        if let Some(before) = first.insert(&queue.value, &queue.at) {
            let message = format!("a second trigger handles the messages of `{}`", queue.value);
            let diagnostic = Diagnostic::new(Code::SecondTrigger, queue.at.clone(), message, "is handled already");
            let help = "a queue has one trigger: send to two queues, or publish to a topic".to_owned();
            reader.report(diagnostic.also(Some(before.clone()), "the first one").help(help));
        }
    }
}

fn check_batch(reader: &mut Reader<'_>, file: &File, trigger: &raw::Trigger) {
    let Some(queue) = trigger.queue.as_ref().and_then(|queue| file.queues.get(queue.value.as_str())) else { return };
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
        let Some(function) = trigger.function.as_ref().filter(|function| function.value == name.as_str()) else {
            continue;
        };
        if !shape.queue {
            let message = format!("a trigger leads to `{name}`, whose component has no queue handler");
            let diagnostic = Diagnostic::new(Code::NoHandler, function.at.clone(), message, "handles no messages");
            let help = "export flint:platform/queue-handler, with #[flint_sdk::queue] in Rust; or remove the trigger";
            reader.report(diagnostic.help(help.to_owned()));
        }
        check_transactional(reader, name, isolation, &trigger.transactional, &function.at);
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
