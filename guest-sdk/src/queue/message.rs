//! One message, as a handler gets it.

use std::time::SystemTime;

use crate::bindings::queue::exports::flint::platform::queue_handler as wit;
use crate::context::Trace;
use crate::handler::invoke::FromPayload;
use crate::{Failure, Payload, time};

/// A message that was received.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::queue::Message;
///
/// #[flint_sdk::queue]
/// async fn greet(message: Message<String>) -> Result<(), Failure> {
///     println!("Hello, {}! For the {}. time.", message.body, message.receive_count);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<T> {
    /// Unique, the same when the message comes again.
    pub id: String,
    /// The queue that it was received from.
    pub queue: String,
    /// What was sent.
    pub body: T,
    /// What was sent with it; see [`Message::attribute`].
    pub attributes: Vec<(String, String)>,
    /// Of a FIFO queue: the group that it belongs to.
    pub group: Option<String>,
    /// When it came into the queue.
    pub sent_at: SystemTime,
    /// 1 the first time. A queue with `max-receives` gives a message up that was received more often.
    pub receive_count: u32,
    /// The trace of whoever sent it.
    pub trace: Option<Trace>,
}

impl<T> Message<T> {
    /// An attribute, by its name.
    ///
    /// ```
    /// use flint_sdk::queue::Message;
    ///
    /// fn is_urgent<T>(message: &Message<T>) -> bool {
    ///     message.attribute("priority") == Some("high")
    /// }
    /// ```
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl<T: FromPayload> Message<T> {
    /// Reads the body.
    pub(super) fn read(message: wit::Message) -> Result<Self, Failure> {
        Ok(Self {
            id: message.id,
            queue: message.queue,
            body: T::from_payload(Payload(message.body))?,
            attributes: message.attributes.into_iter().map(|one| (one.name, one.value)).collect(),
            group: message.group,
            sent_at: time::from_timestamp(message.sent_at),
            receive_count: message.receive_count,
            trace: message.trace.map(|trace| Trace { parent: trace.traceparent, state: trace.tracestate }),
        })
    }
}
