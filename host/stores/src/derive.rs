//! Which messages an effect causes: pure, so that an engine puts them into their queues in the very commit of the effect.
//!
//! An engine asks here with what it found, and makes all that comes of it or nothing. A message that is derived keeps the
//! rules of its queue but for the sizes: what the topic or the store let pass is not refused behind it. If a queue is full,
//! the commit fails with [`CommitError::Full`]: better a writer who waits than a listener who misses something.

use flint_model::{QueueName, TopicName};

use crate::catalog::Catalog;
use crate::commit::{Cause, CommitError};
use crate::queue::{Message, Order, Source};

/// A message that an effect causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Where it goes.
    pub queue: QueueName,
    /// What goes there.
    pub message: Message,
}

/// What a publication causes: its message, for each subscription that wants it.
///
/// All have the id of the message, and name the topic as their source. On a FIFO queue they are in the group that the
/// publisher named, or else in that of the topic, so that the whole topic comes in its order.
///
/// # Errors
/// [`CommitError::NoSuch`] and [`CommitError::TooDeep`], for each message when it is asked for.
pub fn publication<'a>(
    catalog: &'a Catalog,
    cause: &'a Cause,
    topic: &'a TopicName,
    message: &'a Message,
) -> Result<impl Iterator<Item = Result<Derived, CommitError>> + 'a, CommitError> {
    let wanted = catalog.topic(topic)?.subscriptions.iter().filter(|one| one.wants(message));
    Ok(wanted.map(move |subscription| {
        let published = Message { source: Some(Source::Topic(topic.clone())), ..message.clone() };
        address(catalog, cause, &subscription.queue, published, topic.as_str())
    }))
}

/// Makes a message fit its queue, and gives it what it has from its cause.
fn address(
    catalog: &Catalog,
    cause: &Cause,
    queue: &QueueName,
    message: Message,
    group: &str,
) -> Result<Derived, CommitError> {
    let depth = cause.depth.saturating_add(1);
    if depth > catalog.depth_max {
        return Err(CommitError::TooDeep { queue: queue.clone(), limit: catalog.depth_max });
    }
    let group = match catalog.queue(queue)?.order {
        Order::Fifo => Some(message.group.unwrap_or_else(|| group.to_owned())),
        Order::Standard => None,
    };
    let trace = message.trace.or_else(|| cause.trace.clone());
    Ok(Derived { queue: queue.clone(), message: Message { group, trace, depth, ..message } })
}
