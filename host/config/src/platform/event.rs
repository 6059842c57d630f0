//! Queues, and who handles their messages.

use flint_model::filter::Filter;
use flint_model::{ByteSize, FunctionName, QueueName};
use std::time::Duration;

/// The rules of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Whether messages of a group are handled in their order.
    pub is_fifo: bool,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long nobody sees a message that has no delay of its own.
    pub delay: Duration,
    /// How long a message is kept; none: for ever.
    pub retention: Option<Duration>,
    /// How long a deduplication id is remembered.
    pub deduplication_window: Duration,
    /// A message that was received so often is given up.
    pub max_receives: usize,
    /// Where messages go that are given up; none if it holds dead letters itself: there, no number of receives is too many.
    pub dead_letter: Option<QueueName>,
    /// Largest message, body and attributes together.
    pub message_size_max: ByteSize,
    /// Most messages.
    pub length_max: usize,
    /// Most messages of one send, and of one receive.
    pub batch_max: usize,
    /// Largest send of several messages.
    pub batch_size_max: ByteSize,
}

impl Queue {
    /// The dead-letter queue that the host keeps for a queue that names none.
    pub fn kept_dead_letter(name: &QueueName) -> Option<QueueName> {
        name.below("dead").ok()
    }
}

/// Who handles the messages of a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The queue.
    pub queue: QueueName,
    /// The function.
    pub function: FunctionName,
    /// Most messages of one invocation.
    pub batch_size: usize,
    /// How long messages are gathered for a batch that is not full.
    pub batch_window: Duration,
    /// Most invocations at once.
    pub concurrency: usize,
    /// Whether the effects of the function and the end of its messages are one commit.
    pub transactional: bool,
    /// Which messages are handled; none: all.
    pub filter: Option<Filter>,
    /// How long a message waits after its first failure.
    pub retry_delay: Duration,
    /// How long it waits at most.
    pub retry_delay_max: Duration,
}
