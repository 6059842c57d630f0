//! Why a call failed.

use crate::bindings::imports::flint::platform::workflow as wit;

/// Why an execution was not started, described or stopped, or a task not told. Nothing of the call was done, but for
/// [`Error::Unavailable`], after which it may have been.
///
/// ```
/// use flint_sdk::workflow::{self, Error};
///
/// /// Whether the order is on its way; the same order again is no error, another one with its number is.
/// async fn begin(number: &str, order: &[String]) -> Result<bool, Error> {
///     match workflow::start("order", order).name(number).await {
///         Ok(_id) => Ok(true),
///         Err(Error::Conflict(_)) => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No workflow has this name. A retry can't help.
    #[error("there is no workflow `{0}`")]
    NoSuchWorkflow(String),
    /// There is no such execution, or no task waits with this token: it has ended, in time or too late. A retry can't help.
    #[error("there is no such execution: {0}")]
    NoSuchExecution(String),
    /// The function has no grant for the workflow, or one for less. A retry can't help.
    #[error("the workflow may not be used: {0}")]
    Denied(String),
    /// An execution of this name runs, or ran, with another input. A retry can't help.
    #[error("the execution is another one: {0}")]
    Conflict(String),
    /// The input, the output or the cause is larger than 256 KiB. A retry can't help.
    #[error("too much is handed over: {0}")]
    TooLarge(String),
    /// An argument breaks a rule, such as a name with a space. A retry can't help.
    #[error("the call is invalid: {0}")]
    Invalid(String),
    /// The store is overloaded, out of space or shutting down. A retry can help, after a back-off.
    #[error("the workflow is unavailable: {0}")]
    Unavailable(String),
    /// The input or the output has no JSON form, or an execution's output is not of the form that was asked for. A retry can't
    /// help.
    #[error("the JSON is of another form: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::workflow::Error;
    ///
    /// assert!(Error::Unavailable("the store is overloaded".into()).is_retryable());
    /// assert!(!Error::NoSuchWorkflow("order".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NoSuchWorkflow(name) => Self::NoSuchWorkflow(name),
            wit::Error::NoSuchExecution(text) => Self::NoSuchExecution(text),
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Conflict(text) => Self::Conflict(text),
            wit::Error::TooLarge(text) => Self::TooLarge(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
