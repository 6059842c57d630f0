//! One message, as a handler gets it.

use std::time::SystemTime;

use serde::de::DeserializeOwned;

use crate::bindings::topic::exports::flint::platform::topic_handler as wit;
use crate::context::Trace;
use crate::handler::invoke::FromPayload;
use crate::{Failure, Payload, time};

/// A message that was published.
///
/// ```
/// use flint_sdk::Failure;
/// use flint_sdk::topic::Message;
///
/// #[flint_sdk::topic]
/// async fn greet(message: Message<String>) -> Result<(), Failure> {
///     println!("Hello, {}! From {}.", message.body, message.topic);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<T> {
    /// Unique, the same for all who listen, and when the message comes again.
    pub id: String,
    /// The topic that it was published to.
    pub topic: String,
    /// What was published.
    pub body: T,
    /// What was published with it; see [`Message::attribute`].
    pub attributes: Vec<(String, String)>,
    /// When it was published.
    pub published_at: SystemTime,
    /// 1 the first time. A trigger with `max-receives` gives a message up that came more often.
    pub receive_count: u32,
    /// The trace of whoever published it.
    pub trace: Option<Trace>,
}

impl<T> Message<T> {
    /// An attribute, by its name.
    ///
    /// ```
    /// use flint_sdk::topic::Message;
    ///
    /// fn is_order<T>(message: &Message<T>) -> bool {
    ///     message.attribute("type").is_some_and(|of| of.starts_with("order."))
    /// }
    /// ```
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(attribute, _)| attribute == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Message<Payload> {
    /// Reads the body from JSON: for handlers that look at the type of a message first.
    ///
    /// ```
    /// use flint_sdk::topic::Message;
    /// use flint_sdk::{Failure, Payload};
    ///
    /// #[flint_sdk::topic]
    /// async fn route(message: Message<Payload>) -> Result<(), Failure> {
    ///     match message.attribute("type") {
    ///         Some("number") => println!("{}", message.read::<u64>()?),
    ///         _ => println!("{}", message.read::<String>()?),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The failure `InvalidPayload`, which no retry helps.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        T::from_payload(self.body.clone())
    }
}

impl<T: FromPayload> Message<T> {
    pub(crate) fn lift(message: wit::Message) -> Result<Self, Failure> {
        Ok(Self {
            id: message.id,
            topic: message.topic,
            body: T::from_payload(Payload(message.body))?,
            attributes: message.attributes.into_iter().map(|one| (one.name, one.value)).collect(),
            published_at: time::from_timestamp(message.published_at),
            receive_count: message.receive_count,
            trace: message.trace.map(|trace| Trace { parent: trace.traceparent, state: trace.tracestate }),
        })
    }
}
