//! Why nothing was published.

use crate::bindings::imports::flint::platform::topic as wit;

/// Why a message, or a batch of them, was not published. Nobody got any of it, but for [`Error::Unavailable`], after which all may
/// have been published.
///
/// ```
/// use flint_sdk::topic::{Error, Topic};
///
/// /// Whether it was told; who listens can do without.
/// async fn mention(events: &Topic, text: &str) -> Result<bool, Error> {
///     match events.publish(text).await {
///         Ok(_id) => Ok(true),
///         Err(error) if error.is_retryable() => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No topic has this name. A retry can't help.
    #[error("there is no topic `{0}`")]
    NoSuchTopic(String),
    /// The function has no grant to publish to it. A retry can't help.
    #[error("the function may not publish to the topic: {0}")]
    Denied(String),
    /// A message, its attributes or a batch is larger than a limit. A retry can't help.
    #[error("too much is published: {0}")]
    TooLarge(String),
    /// An argument breaks a rule, such as an attribute twice. A retry can't help.
    #[error("the message is invalid: {0}")]
    Invalid(String),
    /// A listener's queue is full, or the store is overloaded, out of space or shutting down. A retry can help, after a back-off.
    #[error("the topic is unavailable: {0}")]
    Unavailable(String),
    /// The body has no JSON form. A retry can't help.
    #[error("the body has no JSON form")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::topic::Error;
    ///
    /// assert!(Error::Unavailable("the store is overloaded".into()).is_retryable());
    /// assert!(!Error::NoSuchTopic("events".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchTopic(name) => Self::NoSuchTopic(name),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
