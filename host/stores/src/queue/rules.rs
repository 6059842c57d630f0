//! The rules of a queue.

use std::time::Duration;

use flint_model::{BucketName, QueueName, Timestamp};

use super::Message;

/// The order that a queue keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// None between messages; about the order in which they were sent.
    #[default]
    Standard,
    /// First in, first out within each group.
    Fifo,
}

impl Order {
    /// The word for it: `standard` or `fifo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Fifo => "fifo",
        }
    }
}

/// The rules of a queue. All limits are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRules {
    /// The order that it keeps.
    pub order: Order,
    /// The largest message, body and attributes together, in bytes: 1 MiB by default.
    pub message_size_max: usize,
    /// Where the body of a message goes that is larger: to this bucket, up to its limit and [`super::LARGE_PAYLOAD_MAX`]. The message
    /// leads to it, and it goes with the message. None, the default: such a message is refused.
    pub large_payloads: Option<BucketName>,
    /// The most messages that it holds: 10 million by default. More are refused.
    pub length_max: u64,
    /// The messages that one commit may send, and one call receive: 1,000 by default.
    pub batch_max: usize,
    /// The bytes of the messages that one commit may send, if they are several: 4 MiB by default.
    pub batch_bytes_max: usize,
    /// How long a lease lasts: 30 s by default.
    pub visibility: Duration,
    /// The longest that a lease or an extension may last, and a retry may be put off: 12 h by default.
    pub visibility_max: Duration,
    /// How long nobody sees a message that is sent without a delay of its own: none by default.
    pub delay: Duration,
    /// The longest delay: 15 min by default.
    pub delay_max: Duration,
    /// How long a message is kept before it is given up; none, the default: for ever. Leased messages are kept.
    pub retention: Option<Duration>,
    /// How long a deduplication id is remembered: 5 min by default.
    pub deduplication_window: Duration,
    /// Where messages go that are given up. None: they are removed.
    pub dead_letter: Option<QueueName>,
    /// A message that was received so often without being settled as done is given up; none: never.
    pub receives_max: Option<u32>,
}

impl Default for QueueRules {
    fn default() -> Self {
        Self {
            order: Order::Standard,
            message_size_max: 1 << 20,
            large_payloads: None,
            length_max: 10_000_000,
            batch_max: 1000,
            batch_bytes_max: 4 << 20,
            visibility: Duration::from_secs(30),
            visibility_max: Duration::from_secs(12 * 60 * 60),
            delay: Duration::ZERO,
            delay_max: Duration::from_secs(15 * 60),
            retention: None,
            deduplication_window: Duration::from_secs(5 * 60),
            dead_letter: None,
            receives_max: None,
        }
    }
}

impl QueueRules {
    /// Whether the body of a message goes to a bucket.
    pub fn is_large(&self, message: &Message) -> bool {
        self.large_payloads.is_some() && message.size() > self.message_size_max
    }

    /// Whether a message that was sent at a moment has been kept long enough.
    pub fn is_stale(&self, sent_at: Timestamp, now: Timestamp) -> bool {
        self.retention.is_some_and(|retention| sent_at.saturating_add(retention) <= now)
    }

    /// Why a message is to be given up instead of being leased once more, if it is.
    pub fn gives_up(&self, sent_at: Timestamp, receives: u32, now: Timestamp) -> Option<GivenUp> {
        if self.is_stale(sent_at, now) {
            return Some(GivenUp::Stale);
        }
        self.receives_max.is_some_and(|max| receives >= max).then_some(GivenUp::Received(receives))
    }
}

/// Why the engine itself gives a message up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// It was kept for as long as the queue keeps messages.
    #[error("it was kept longer than the queue's `retention`")]
    Stale,
    /// It was received too often.
    #[error("it was received {0} times and never settled as done")]
    Received(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_given_up_when_it_was_received_too_often_or_kept_too_long() {
        let at = Timestamp::from_millis;
        let rules =
            QueueRules { receives_max: Some(3), retention: Some(Duration::from_millis(10)), ..QueueRules::default() };
        for (receives, now, expected) in
            [(0, 9, None), (2, 9, None), (3, 9, Some(GivenUp::Received(3))), (0, 10, Some(GivenUp::Stale))]
        {
            assert_eq!(rules.gives_up(at(0), receives, at(now)), expected, "{receives} at {now}");
        }
        assert_eq!(QueueRules::default().gives_up(at(0), u32::MAX, at(u64::MAX)), None);
    }
}
