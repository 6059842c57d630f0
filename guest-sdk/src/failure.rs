//! What a handler answers when it could not do its work.

use std::time::Duration;

use crate::bindings::imports::flint::platform::types as wit;
use crate::{blob, config, http, idempotent, invoke, kv, queue, secrets, time, topic, transaction, workflow};

/// What a handler answers when it could not do its work. Callers see name and message, so neither may hold a secret.
///
/// The errors of this crate turn into failures by `?`, and say by themselves whether a retry can help.
///
/// ```
/// use flint_sdk::{Failure, Payload};
///
/// #[flint_sdk::invoke]
/// async fn check(payload: Payload) -> Result<Payload, Failure> {
///     if payload.is_empty() {
///         return Err(Failure::new("ValidationError", "the payload is empty").never());
///     }
///     Ok(payload)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind of error, such as `ValidationError`: 1 to 128 characters, no spaces. Workflows match on it.
    pub name: String,
    /// What went wrong, for people. At most 4 KiB; longer texts are cut.
    pub message: String,
    /// Whether the same event could succeed later.
    pub retry: Retry,
}

/// Whether doing the same again can help.
///
/// ```
/// use flint_sdk::{Failure, Retry};
/// use std::time::Duration;
///
/// let failure = Failure::new("Throttled", "slow down").retry_after(Duration::from_secs(5));
/// assert_eq!(failure.retry, Retry::After(Duration::from_secs(5)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It can't.
    Never,
    /// It can: the trigger's back-off decides when.
    Default,
    /// It can, but not before so much time has passed.
    After(Duration),
}

impl Failure {
    /// A failure after which a retry may help.
    ///
    /// ```
    /// # use flint_sdk::{Failure, Retry};
    /// assert_eq!(Failure::new("Busy", "the printer is busy").retry, Retry::Default);
    /// ```
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), retry: Retry::Default }
    }

    /// Says that a retry can't help.
    ///
    /// ```
    /// # use flint_sdk::{Failure, Retry};
    /// assert_eq!(Failure::new("ValidationError", "no e-mail address").never().retry, Retry::Never);
    /// ```
    #[must_use]
    pub fn never(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// Says that a retry can help, but not before so much time has passed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let failure = flint_sdk::Failure::new("Throttled", "slow down").retry_after(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry = Retry::After(delay);
        self
    }

    fn of(name: &str, error: &dyn std::error::Error, retryable: bool) -> Self {
        let failure = Self::new(name, error.to_string());
        if retryable { failure } else { failure.never() }
    }
}

impl From<wit::Failure> for Failure {
    fn from(failure: wit::Failure) -> Self {
        Self {
            name: failure.name,
            message: failure.message,
            retry: match failure.retry {
                wit::Retry::Never => Retry::Never,
                wit::Retry::Default => Retry::Default,
                wit::Retry::After(millis) => Retry::After(Duration::from_millis(millis)),
            },
        }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            name: failure.name,
            message: failure.message,
            retry: match failure.retry {
                Retry::Never => wit::Retry::Never,
                Retry::Default => wit::Retry::Default,
                Retry::After(delay) => wit::Retry::After(time::to_millis(delay)),
            },
        }
    }
}

impl From<kv::Error> for Failure {
    fn from(error: kv::Error) -> Self {
        // A conflict goes away when the handler reads again, which the same event does.
        Self::of("KvError", &error, error.is_retryable() || error.is_conflict())
    }
}

impl From<blob::Error> for Failure {
    fn from(error: blob::Error) -> Self {
        // As above.
        let can_help = error.is_retryable() || matches!(error, blob::Error::Conflict(_));
        Self::of("BlobError", &error, can_help)
    }
}

impl From<queue::Error> for Failure {
    fn from(error: queue::Error) -> Self {
        Self::of("QueueError", &error, error.is_retryable())
    }
}

impl From<topic::Error> for Failure {
    fn from(error: topic::Error) -> Self {
        Self::of("TopicError", &error, error.is_retryable())
    }
}

impl From<invoke::Error> for Failure {
    /// What the other function answered with stays what it is.
    fn from(error: invoke::Error) -> Self {
        match error {
            invoke::Error::Failed(failure) | invoke::Error::Payload(failure) => failure,
            error => Self::of("InvokeError", &error, error.is_retryable()),
        }
    }
}

impl From<workflow::Error> for Failure {
    fn from(error: workflow::Error) -> Self {
        Self::of("WorkflowError", &error, error.is_retryable())
    }
}

impl From<idempotent::Error> for Failure {
    fn from(error: idempotent::Error) -> Self {
        Self::of("IdempotencyError", &error, error.is_retryable())
    }
}

impl From<transaction::Error> for Failure {
    fn from(error: transaction::Error) -> Self {
        Self::of("TransactionError", &error, error.is_retryable())
    }
}

impl From<secrets::Error> for Failure {
    fn from(error: secrets::Error) -> Self {
        Self::of("SecretsError", &error, error.is_retryable())
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let retryable = matches!(error, config::Error::Unavailable(_));
        Self::of("ConfigError", &error, retryable)
    }
}

impl From<http::SendError> for Failure {
    fn from(error: http::SendError) -> Self {
        Self::of("OutboundError", &error, error.is_retryable())
    }
}

impl From<http::BodyError> for Failure {
    fn from(error: http::BodyError) -> Self {
        Self::of("BodyError", &error, matches!(error, http::BodyError::Incomplete(_)))
    }
}

impl From<http::JsonError> for Failure {
    fn from(error: http::JsonError) -> Self {
        match error {
            http::JsonError::Body(error) => error.into(),
            error => Self::of("JsonError", &error, false),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::of("JsonError", &error, false)
    }
}
