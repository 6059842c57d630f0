//! Sending.

use std::time::Duration;

use serde::Serialize;

use super::error::Error;
use crate::bindings::imports::flint::platform::queue as wit;
use crate::bindings::imports::flint::platform::types;
use crate::time;

/// A queue to send to. Made by [`open`]; cheap to make and to clone.
///
/// ```
/// use flint_sdk::queue::{self, Queue};
///
/// let [jobs, mails]: [Queue; 2] = ["jobs", "mails"].map(queue::open);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    name: String,
}

/// A message to send: a body, and how it is sent.
///
/// ```
/// use std::time::Duration;
/// use flint_sdk::queue::Outgoing;
///
/// # fn example() -> Result<(), flint_sdk::queue::Error> {
/// let message = Outgoing::json(&[1, 2, 3])?.attribute("kind", "numbers").delay(Duration::from_secs(5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing(wit::Outgoing);

/// Opens a queue by the name that platform.toml gives it.
///
/// Nothing happens yet: a queue that does not exist, or is not granted, is an error of the first call.
///
/// ```
/// let jobs = flint_sdk::queue::open("jobs");
/// assert_eq!(jobs.name(), "jobs");
/// ```
pub fn open(name: impl Into<String>) -> Queue {
    Queue { name: name.into() }
}

impl Queue {
    /// The queue's name.
    ///
    /// ```
    /// assert_eq!(flint_sdk::queue::open("jobs").name(), "jobs");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a value as JSON; durable when it is acknowledged. Answers the message's id.
    ///
    /// ```no_run
    /// # async fn example(jobs: flint_sdk::queue::Queue) -> Result<(), flint_sdk::queue::Error> {
    /// let id = jobs.send(&"resize o-1").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send<T: Serialize + ?Sized>(&self, body: &T) -> Result<String, Error> {
        self.send_message(Outgoing::json(body)?).await
    }

    /// Sends a message; durable when it is acknowledged. Answers its id, or that of the message which was there before, if there
    /// is one with the same deduplication id.
    ///
    /// ```no_run
    /// use flint_sdk::queue::Outgoing;
    ///
    /// # async fn example(orders: flint_sdk::queue::Queue) -> Result<(), flint_sdk::queue::Error> {
    /// // Of a FIFO queue: the messages of a customer are handled one after the other.
    /// orders.send_message(Outgoing::json(&"o-1")?.group("customer-7")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`], but for [`Error::Json`].
    pub async fn send_message(&self, message: Outgoing) -> Result<String, Error> {
        Ok(wit::send(self.name.clone(), message.0).await?)
    }

    /// Sends all the messages or none: 1 to 1,000, 4 MiB in all. Answers their ids, in order.
    ///
    /// ```no_run
    /// use flint_sdk::queue::{Error, Outgoing, Queue};
    ///
    /// async fn fan_out(tasks: &Queue, parts: &[String]) -> Result<Vec<String>, Error> {
    ///     let messages = parts.iter().map(Outgoing::json).collect::<Result<Vec<_>, _>>()?;
    ///     tasks.send_batch(messages).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error`], but for [`Error::Json`].
    pub async fn send_batch(&self, messages: impl IntoIterator<Item = Outgoing>) -> Result<Vec<String>, Error> {
        let messages = messages.into_iter().map(|message| message.0).collect();
        Ok(wit::send_batch(self.name.clone(), messages).await?)
    }
}

impl Outgoing {
    /// A message whose body is the JSON of a value.
    ///
    /// ```
    /// # fn example() -> Result<(), flint_sdk::queue::Error> {
    /// let message = flint_sdk::queue::Outgoing::json(&42)?;
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
    /// let message = flint_sdk::queue::Outgoing::bytes([0x89, b'P', b'N', b'G']);
    /// ```
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        let (attributes, body) = (Vec::new(), body.into());
        Self(wit::Outgoing { body, attributes, delay: None, group: None, deduplication_id: None })
    }

    /// Nobody sees the message before so much time has passed, at most 15 minutes. Not for FIFO queues.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let message = flint_sdk::queue::Outgoing::bytes("later").delay(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.0.delay = Some(if delay.is_zero() { 0 } else { time::to_millis(delay) });
        self
    }

    /// Adds a named text, which filters of triggers look at: at most 10 a message, each name once.
    ///
    /// ```
    /// let message = flint_sdk::queue::Outgoing::bytes("o-1").attribute("kind", "order").attribute("country", "ch");
    /// ```
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.attributes.push(types::Attribute { name: name.into(), value: value.into() });
        self
    }

    /// For a FIFO queue, and needed there: the messages of a group are handled one after the other, in their order.
    ///
    /// ```
    /// let message = flint_sdk::queue::Outgoing::bytes("o-1").group("customer-7");
    /// ```
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.0.group = Some(group.into());
        self
    }

    /// A second message with this id is accepted within the queue's window of five minutes, and not stored.
    ///
    /// ```
    /// let message = flint_sdk::queue::Outgoing::bytes("o-1").deduplication_id("order/o-1");
    /// ```
    #[must_use]
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        self.0.deduplication_id = Some(id.into());
        self
    }
}
