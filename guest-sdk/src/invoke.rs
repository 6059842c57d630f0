//! Calls of other functions of the platform, and the payloads of such calls.

use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::bindings::imports::flint::platform::invoke as wit;

/// The bytes of an invocation, as they are: for handlers that do not want JSON.
///
/// ```
/// use flint_sdk::{Failure, Payload};
///
/// #[flint_sdk::invoke]
/// async fn reverse(payload: Payload) -> Result<Payload, Failure> {
///     Ok(payload.iter().rev().copied().collect::<Vec<u8>>().into())
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload(
    /// The bytes.
    pub Vec<u8>,
);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No function has this name, or it can't be invoked. A retry can't help.
    #[error("there is no function `{0}` that can be invoked")]
    NoSuchFunction(String),
    /// The caller has no grant to invoke it. A retry can't help.
    #[error("the function may not be invoked: {0}")]
    Denied(String),
    /// The payload or the answer is larger than a limit. A retry can't help.
    #[error("the payload or the answer is too large: {0}")]
    TooLarge(String),
    /// The function answered with a failure, which says whether a retry can help.
    #[error("the function failed: {}: {}", .0.name, .0.message)]
    Failed(Failure),
    /// The function trapped. A retry can help if the cause was passing.
    #[error("the function trapped: {0}")]
    Trapped(String),
    /// The function ran out of time. A retry can help if the cause was passing.
    #[error("the function timed out: {0}")]
    TimedOut(String),
    /// Calls nest too deep: functions probably call each other in a circle. A retry can't help.
    #[error("the call would be nested {0} deep")]
    TooDeep(u32),
    /// The function runs as often at once as it may, or the host is shutting down. A retry can help, after a back-off.
    #[error("the function is unavailable: {0}")]
    Unavailable(String),
    /// The payload has no JSON form, or the answer is not of the expected form. A retry can't help.
    #[error("a payload is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same call could succeed later, after a back-off.
    ///
    /// ```
    /// use flint_sdk::invoke::Error;
    /// assert!(Error::Unavailable("busy".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.retry != crate::Retry::Never,
            Self::Trapped(_) | Self::TimedOut(_) | Self::Unavailable(_) => true,
            Self::NoSuchFunction(_) | Self::Denied(_) | Self::TooLarge(_) | Self::TooDeep(_) | Self::Json(_) => false,
        }
    }
}

/// Calls a function with a JSON payload, and waits for its JSON answer.
///
/// Payload and answer are up to 6 MiB. Several calls run at once with [`join_all`](crate::join_all).
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::invoke::Error> {
/// let price: f64 = flint_sdk::invoke::call("price", &["apple", "pear"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any of [`Error`].
pub async fn call<T, U>(function: &str, payload: &T) -> Result<U, Error>
where
    T: Serialize + ?Sized,
    U: DeserializeOwned,
{
    let answer = call_bytes(function, serde_json::to_vec(payload)?).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Calls a function with a payload as it is.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::invoke::Error> {
/// let answer: Vec<u8> = flint_sdk::invoke::call_bytes("thumbnail", [1, 2, 3]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any of [`Error`] but `Json`.
pub async fn call_bytes(function: &str, payload: impl Into<Vec<u8>>) -> Result<Vec<u8>, Error> {
    Ok(wit::call(function.to_owned(), payload.into()).await?)
}

/// Has a function called later, with a JSON payload of up to 1 MiB, and answers the id of that call.
///
/// Durable when it is acknowledged; then handled at least once, with retries.
///
/// ```no_run
/// # async fn example() -> Result<(), flint_sdk::invoke::Error> {
/// let id = flint_sdk::invoke::send("report", &"2026-11").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any of [`Error`] but those of the function itself.
pub async fn send<T: Serialize + ?Sized>(function: &str, payload: &T) -> Result<String, Error> {
    Ok(wit::send(function.to_owned(), serde_json::to_vec(payload)?).await?)
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
            wit::Error::TooDeep(depth) => Self::TooDeep(depth),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}
