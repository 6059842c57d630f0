//! Topics: what is published reaches every subscription whose filter it passes.
//!
//! A topic holds nothing itself. A publication ([`crate::Effect::TopicPublish`]) becomes a message of the queue of each
//! subscription, in the same commit ([`mod@crate::derive`]); from there on it is a message like any other.

use flint_model::QueueName;

use crate::filter::Filter;
use crate::queue::Message;

/// The rules of a topic, and who listens. All limits are inclusive.
///
/// They are for what is published: the queue of a subscription takes what its topic let pass, whatever its own
/// `message_size_max` and batch limits are.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRules {
    /// The largest message, body and attributes together, in bytes: 1 MiB by default.
    pub message_size_max: usize,
    /// The messages that one commit may publish: 1,000 by default.
    pub batch_max: usize,
    /// The bytes of the messages that one commit may publish, if they are several: 4 MiB by default.
    pub batch_bytes_max: usize,
    /// Who listens: none by default.
    pub subscriptions: Vec<Subscription>,
}

impl Default for TopicRules {
    fn default() -> Self {
        Self { message_size_max: 1 << 20, batch_max: 1000, batch_bytes_max: 4 << 20, subscriptions: Vec::new() }
    }
}

/// Who listens to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// Where the messages go: a queue of the platform, or one that the host keeps for a function. If it is full, nothing is
    /// published to anybody.
    pub queue: QueueName,
    /// Which messages; none: all.
    pub filter: Option<Filter>,
}

impl Subscription {
    /// A subscription to everything.
    pub fn all(queue: QueueName) -> Self {
        Self { queue, filter: None }
    }

    /// Says whether a message comes here.
    pub fn wants(&self, message: &Message) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(|name| message.attribute(name)))
    }
}
