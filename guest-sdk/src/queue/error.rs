//! Why nothing was sent.

use crate::bindings::imports::flint::platform::queue as wit;

/// Why a message, or a batch of them, was not sent. Nothing of the call was, but for [`Error::Unavailable`], after which it may
/// have been.
///
/// ```
/// use flint_sdk::queue::{Error, Queue};
///
/// /// Whether the job was taken; none of the others matters.
/// async fn offer(jobs: &Queue, job: &str) -> Result<bool, Error> {
///     match jobs.send(job).await {
///         Ok(_id) => Ok(true),
///         Err(Error::Full(_)) => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No queue has this name. A retry can't help.
    #[error("there is no queue `{0}`")]
    NoSuchQueue(String),
    /// The function has no grant to send to it. A retry can't help.
    #[error("the function may not send to the queue: {0}")]
    Denied(String),
    /// A message, its attributes or a batch is larger than a limit. A retry can't help.
    #[error("too much is sent: {0}")]
    TooLarge(String),
    /// An argument breaks a rule, such as a message of a FIFO queue without a group. A retry can't help.
    #[error("the message is invalid: {0}")]
    Invalid(String),
    /// The queue holds as many messages as it may. A retry can help, after a back-off.
    #[error("the queue is full: {0}")]
    Full(String),
    /// The store is overloaded, out of space or shutting down. A retry can help, after a back-off.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
    /// The body has no JSON form. A retry can't help.
    #[error("the body has no JSON form")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::queue::Error;
    ///
    /// assert!(Error::Full("it holds 1000 messages".into()).is_retryable());
    /// assert!(!Error::NoSuchQueue("jobs".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Unavailable(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchQueue(name) => Self::NoSuchQueue(name),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Full(text) => Self::Full(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
