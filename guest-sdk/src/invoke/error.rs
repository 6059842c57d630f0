//! Why a call failed.

use crate::bindings::imports::flint::platform::invoke as wit;
use crate::{Failure, Retry};

/// Why a call of another function failed, or was not accepted.
///
/// ```
/// use flint_sdk::invoke::{self, Error};
///
/// /// The price, or none if the shop does not know the thing.
/// async fn price(thing: &str) -> Result<Option<u64>, Error> {
///     match invoke::call("price", thing).await {
///         Ok(price) => Ok(Some(price)),
///         Err(Error::Failed(failure)) if failure.name == "NotFound" => Ok(None),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No function has this name, or it has no invoke handler. A retry can't help.
    #[error("there is no function `{0}` that can be called")]
    NoSuchFunction(String),
    /// The caller has no grant to call it. A retry can't help.
    #[error("the function may not be called: {0}")]
    Denied(String),
    /// The payload or the answer is larger than a limit. A retry can't help.
    #[error("the call is too large: {0}")]
    TooLarge(String),
    /// The function answered with a failure, which says whether a retry can help.
    #[error("the function failed: {}: {}", .0.name, .0.message)]
    Failed(Failure),
    /// The function trapped. A retry can help if the cause was passing.
    #[error("the function ended in a trap: {0}")]
    Trapped(String),
    /// The function ran out of time. A retry can help if the cause was passing.
    #[error("the function ran out of time: {0}")]
    TimedOut(String),
    /// More calls and messages than may led to this one, each causing the next: functions probably call each other in a circle. A
    /// retry can't help.
    #[error("more than {0} calls would lie in one another")]
    TooDeep(u32),
    /// The function runs as often at once as it may, or the host is shutting down. A retry can help, after a back-off.
    #[error("the function is unavailable: {0}")]
    Unavailable(String),
    /// The payload has no JSON form, or the answer is not of the form that was asked for. A retry can't help.
    #[error("{}", .0.message)]
    Payload(Failure),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::invoke::Error;
    ///
    /// assert!(Error::Unavailable("the host is shutting down".into()).is_retryable());
    /// assert!(!Error::TooDeep(16).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Trapped(_) | Self::TimedOut(_) | Self::Unavailable(_) => true,
            Self::Failed(failure) => failure.retry != Retry::Never,
            Self::NoSuchFunction(_) | Self::Denied(_) | Self::TooLarge(_) | Self::TooDeep(_) | Self::Payload(_) => {
                false
            }
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchFunction(name) => Self::NoSuchFunction(name),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Failed(failure) => Self::Failed(failure.into()),
            wit::Error::Trapped(text) => Self::Trapped(text),
            wit::Error::TimedOut(text) => Self::TimedOut(text),
            wit::Error::TooDeep(limit) => Self::TooDeep(limit),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
