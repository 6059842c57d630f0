//! What is published to topics.

use std::collections::BTreeMap;

use flint_model::TopicName;

use super::queue::{attributes, text};
use crate::catalog::Catalog;
use crate::effect::Effect;
use crate::queue::{GROUP_MAX, Message};
use crate::refusal::{Refusal, TooLarge, What};

/// Checks one message that is published.
pub(super) fn publish(catalog: &Catalog, topic: &TopicName, message: &Message) -> Result<(), Refusal> {
    let rules = catalog.topic(topic)?;
    TooLarge::check(What::Message, message.size(), rules.message_size_max)?;
    attributes(message)?;
    message.group.as_deref().map_or(Ok(()), |group| text(What::Group, group, GROUP_MAX))
}

/// Checks what a commit of several effects publishes to each topic.
pub(super) fn batch(catalog: &Catalog, effects: &[Effect]) -> Result<(), Refusal> {
    let mut load: BTreeMap<&TopicName, (usize, usize)> = BTreeMap::new();
    for effect in effects {
        let Effect::TopicPublish { topic, message } = effect else { continue };
        let (count, bytes) = load.entry(topic).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(message.size());
    }
    for (topic, (count, bytes)) in load {
        let rules = catalog.topic(topic)?;
        TooLarge::check(What::Batch, count, rules.batch_max)?;
        if count > 1 {
            TooLarge::check(What::Batch, bytes, rules.batch_bytes_max)?;
        }
    }
    Ok(())
}
