//! Who handles messages, and what comes of it.

use std::time::Duration;

use flint_model::{MessageId, QueueName};
use flint_stores::{BoxFuture, Delivery, Effect};

/// Handles batches of messages: a function, or a part of the host.
pub trait Consumer: Send + Sync + 'static {
    /// Handles 1 or more messages of one queue.
    ///
    /// In a transactional trigger the effects are answered and not made: they are committed with the end of the messages.
    /// Dropping the future gives the batch up.
    ///
    /// # Errors
    /// [`Unanswered`]: then nothing is known of the single messages, and there are no effects.
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>>;
}

/// What a consumer answered about a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Handled {
    /// The messages that it could not handle; all others are done.
    pub failures: Vec<Failed>,
    /// What it wants to write, if that was held back.
    pub effects: Vec<Effect>,
}

/// A message that a consumer could not handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub id: MessageId,
    /// Why.
    pub why: Why,
}

/// Why a message was not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was tried, and failed.
    Failed {
        /// What went wrong, for people.
        reason: String,
        /// Whether another attempt is made.
        retry: Retry,
    },
    /// It was not tried, since one before it in its group failed.
    NotTried,
}

/// Whether another attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It can't help.
    Never,
    /// When the trigger's back-off says.
    Default,
    /// Not before so long has passed.
    After(Duration),
}

/// Why a consumer gave no answer about a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unanswered {
    /// What went wrong, for people.
    pub reason: String,
    /// What it is laid to.
    pub blame: Blame,
}

/// What a failure is laid to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// A message of the batch, nobody knows which: it trapped, or took too long. Each is tried again alone, and it counts.
    Messages {
        /// Whether another attempt is made.
        retry: Retry,
    },
    /// The host, which has no room now. The messages come again, and it does not count.
    Host,
}

/// Hears what becomes of messages, to count it.
pub trait Observer: Send + Sync + 'static {
    /// So many messages of a queue came to an end, or come again.
    fn settled(&self, queue: &QueueName, settled: Settled, messages: usize);
}

/// What became of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settled {
    /// They were handled.
    Done,
    /// The trigger's filter does not want them.
    Filtered,
    /// They come again.
    Retried,
    /// They were moved to the dead-letter queue.
    DeadLettered,
}
