//! Queues that listen to topics.

use crate::diagnostic::{Code, Diagnostic};
use crate::platform::Subscription;
use crate::raw::{self, File, Reader};
use flint_model::{QueueName, TopicName};
use std::collections::BTreeMap;

/// Checks subscriptions, and answers those that are complete.
pub(crate) fn check(reader: &mut Reader<'_>, file: &File) -> Vec<Subscription> {
    let mut first = BTreeMap::new();
    for subscription in &file.subscriptions {
        let (Some(topic), Some(queue)) = (&subscription.topic, &subscription.queue) else { continue };
        if let Some(before) = first.insert((&topic.value, &queue.value), &subscription.at) {
            let message = format!("`{}` listens to `{}` already", queue.value, topic.value);
            let diagnostic = Diagnostic::new(Code::SecondTrigger, queue.at.clone(), message, "would get all twice");
            let help = "a queue listens once to a topic: `$or` in its filter says what else it wants".to_owned();
            reader.report(diagnostic.also(Some(before.clone()), "the first subscription").help(help));
        }
    }
    file.subscriptions.iter().filter_map(finish).collect()
}

fn finish(raw: &raw::Subscription) -> Option<Subscription> {
    Some(Subscription {
        topic: TopicName::parse(&raw.topic.as_ref()?.value).ok()?,
        queue: QueueName::parse(&raw.queue.as_ref()?.value).ok()?,
        filter: raw.filter.clone(),
    })
}
