//! Queues and their dead letters, and the queues that the host keeps for triggers.

use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Queue, Workflow};
use crate::raw::{self, File, Handler, Reader, Source};
use flint_model::QueueName;
use std::collections::BTreeMap;

/// The names of all queues, those too that the host keeps.
pub(crate) fn names(file: &File) -> impl Iterator<Item = QueueName> {
    let written = file.queues.iter().flat_map(|(name, raw)| {
        [Some(name), raw.queue.dead_letter.as_ref().filter(|to| to.is_internal())].into_iter().flatten().cloned()
    });
    let kept = file.triggers.iter().filter_map(listener);
    written.chain(kept.flat_map(|name| Queue::kept_dead_letter(&name).into_iter().chain([name])))
}

/// The queue that the host keeps for a trigger, if its source is none.
pub(crate) fn listener(trigger: &raw::Trigger) -> Option<QueueName> {
    let (source, handler) = (trigger.source.as_ref()?, trigger.handler.as_ref()?);
    if matches!(source, Source::Queue(_)) {
        return None;
    }
    let (area, source) = (source.area(), &source.name().value);
    match handler {
        Handler::Function(function) => QueueName::of_listener(area, source, &function.value).ok(),
        Handler::Workflow(workflow) => Workflow::listener(&workflow.value, area, source).ok(),
    }
}

/// Checks where dead letters lead, and adds the queues that the host keeps for them.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) -> BTreeMap<QueueName, Queue> {
    let mut queues: BTreeMap<_, _> = file.queues.iter().map(|(name, raw)| (name.clone(), raw.queue.clone())).collect();
    for (name, raw) in &file.queues {
        check_dead_letter(reader, file, name, raw);
    }
    let dead: Vec<_> = file.queues.values().filter_map(|raw| raw.queue.dead_letter.clone()).collect();
    for name in &dead {
        // A message that is given up among dead letters would be lost: there it stays until somebody takes it.
        if let Some(queue) = queues.get_mut(name) {
            queue.dead_letter = queue.dead_letter.take().filter(|to| !to.is_internal());
        }
    }
    for raw in file.queues.values() {
        if let Some(to) = raw.queue.dead_letter.as_ref().filter(|to| to.is_internal() && dead_is_used(&queues, to)) {
            queues.insert(to.clone(), raw.queue.dead_letters());
        }
    }
    queues.extend(file.triggers.iter().flat_map(listened));
    queues
}

/// The queue that the host keeps for a trigger, and that for its dead letters. What happens to a key stays in its order, so
/// what happens in a store or a bucket waits in a FIFO queue.
fn listened(trigger: &raw::Trigger) -> impl Iterator<Item = (QueueName, Queue)> {
    let is_fifo = matches!(trigger.source, Some(Source::Kv { .. } | Source::Bucket { .. }));
    listener(trigger).into_iter().flat_map(move |name| {
        let queue = Queue::of_listener(&name, is_fifo, trigger.max_receives, trigger.length_max);
        let dead = queue.dead_letter.clone().map(|dead| (dead, queue.dead_letters()));
        dead.into_iter().chain([(name, queue)])
    })
}

fn dead_is_used(queues: &BTreeMap<QueueName, Queue>, to: &QueueName) -> bool {
    queues.values().any(|queue| queue.dead_letter.as_ref() == Some(to))
}

fn check_dead_letter(reader: &mut Reader<'_>, file: &File, name: &QueueName, raw: &raw::Queue) {
    let Some(written) = &raw.dead_letter else { return };
    let Some(to) = file.queues.get(written.value.as_str()) else { return };
    let circle = circle(file, name);
    let (message, label, help) = if circle {
        let message = format!("the dead letters of `{name}` come back to it");
        (message, "leads in a circle", "name another queue, or remove `dead-letter`: the host keeps one".to_owned())
    } else if to.queue.is_fifo != raw.queue.is_fifo {
        let message = format!("the dead-letter queue of `{name}` has another `order`");
        (message, "keeps another order", format!("give `{}` the same `order`", written.value))
    } else {
        return;
    };
    let diagnostic = Diagnostic::new(Code::BadDeadLetter, written.at.clone(), message, label);
    reader.report(diagnostic.also(Some(to.at.clone()), "this queue").help(help));
}

/// Whether dead letters of a queue come back to it.
fn circle(file: &File, name: &QueueName) -> bool {
    let mut at = name;
    for _ in 0..=file.queues.len() {
        let Some(to) = file.queues.get(at).and_then(|raw| raw.queue.dead_letter.as_ref()) else { return false };
        if to == name {
            return true;
        }
        at = to;
    }
    false
}
