//! Publishing.

use serde::Serialize;

use super::error::Error;
use crate::bindings::imports::flint::platform::topic as wit;
use crate::bindings::imports::flint::platform::types;

/// A topic to publish to. Made by [`open`]; cheap to make and to clone.
///
/// ```
/// use flint_sdk::topic::{self, Topic};
///
/// let [orders, users]: [Topic; 2] = ["orders", "users"].map(topic::open);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    name: String,
}

/// A message to publish: a body, and what filters look at.
///
/// ```
/// use flint_sdk::topic::Outgoing;
///
/// # fn example() -> Result<(), flint_sdk::topic::Error> {
/// let message = Outgoing::json(&[1, 2, 3])?.attribute("type", "numbers");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing(wit::Outgoing);

/// Opens a topic by the name that platform.toml gives it.
///
/// Nothing happens yet: a topic that does not exist, or is not granted, is an error of the first call.
///
/// ```
/// let events = flint_sdk::topic::open("events");
/// assert_eq!(events.name(), "events");
/// ```
pub fn open(name: impl Into<String>) -> Topic {
    Topic { name: name.into() }
}

impl Topic {
    /// The topic's name.
    ///
    /// ```
    /// assert_eq!(flint_sdk::topic::open("events").name(), "events");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Publishes a value as JSON; durable for everybody who listens when it is acknowledged. Answers the message's id.
    ///
    /// ```no_run
    /// # async fn example(events: flint_sdk::topic::Topic) -> Result<(), flint_sdk::topic::Error> {
    /// let id = events.publish(&"the shop is open").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`].
    pub async fn publish<T: Serialize + ?Sized>(&self, body: &T) -> Result<String, Error> {
        self.publish_message(Outgoing::json(body)?).await
    }

    /// Publishes a message; durable for everybody who listens when it is acknowledged. Answers its id.
    ///
    /// ```no_run
    /// use flint_sdk::topic::Outgoing;
    ///
    /// # async fn example(events: flint_sdk::topic::Topic) -> Result<(), flint_sdk::topic::Error> {
    /// events.publish_message(Outgoing::json(&"o-1")?.attribute("type", "order.created")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`], but for [`Error::Json`].
    pub async fn publish_message(&self, message: Outgoing) -> Result<String, Error> {
        Ok(wit::publish(self.name.clone(), message.0).await?)
    }

    /// Publishes all the messages or none: 1 to 1,000, 4 MiB in all. Answers their ids, in order.
    ///
    /// ```no_run
    /// use flint_sdk::topic::{Error, Outgoing, Topic};
    ///
    /// async fn tell_all(events: &Topic, news: &[String]) -> Result<Vec<String>, Error> {
    ///     let messages = news.iter().map(Outgoing::json).collect::<Result<Vec<_>, _>>()?;
    ///     events.publish_batch(messages).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error`], but for [`Error::Json`].
    pub async fn publish_batch(&self, messages: impl IntoIterator<Item = Outgoing>) -> Result<Vec<String>, Error> {
        let messages = messages.into_iter().map(|message| message.0).collect();
        Ok(wit::publish_batch(self.name.clone(), messages).await?)
    }
}

impl Outgoing {
    /// A message whose body is the JSON of a value.
    ///
    /// ```
    /// # fn example() -> Result<(), flint_sdk::topic::Error> {
    /// let message = flint_sdk::topic::Outgoing::json(&42)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Json`] if the value has no JSON form.
    pub fn json<T: Serialize + ?Sized>(body: &T) -> Result<Self, Error> {
        Ok(Self::bytes(serde_json::to_vec(body)?))
    }

    /// A message whose body is these bytes.
    ///
    /// ```
    /// let message = flint_sdk::topic::Outgoing::bytes([0x89, b'P', b'N', b'G']);
    /// ```
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self(wit::Outgoing { body: body.into(), attributes: Vec::new() })
    }

    /// Adds a named text, which the filters of listeners look at: at most 10 a message, each name once.
    ///
    /// ```
    /// let message = flint_sdk::topic::Outgoing::bytes("o-1").attribute("type", "order.created");
    /// ```
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.attributes.push(types::Attribute { name: name.into(), value: value.into() });
        self
    }
}
