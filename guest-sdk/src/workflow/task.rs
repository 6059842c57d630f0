//! Tasks that wait for a callback.
//!
//! A state with `.waitForTaskToken` hands its token to whoever does the work, and waits until somebody sends it back.

use serde::Serialize;

use super::error::Error;
use crate::bindings::imports::flint::platform::workflow as wit;

/// Ends the task that waits with this token: its state goes on with the output. Needs the grant `callback` or `start`.
///
/// A token that was never one, and one whose task has ended, are both [`Error::NoSuchExecution`]. Of two that end a task at
/// the same moment the first counts, and both may hear that all is well.
///
/// ```no_run
/// use flint_sdk::workflow::{self, Error};
///
/// async fn approve(token: &str, by: &str) -> Result<(), Error> {
///     workflow::succeed(token, &serde_json::json!({ "approved": true, "by": by })).await
/// }
/// ```
///
/// # Errors
/// [`Error`].
pub async fn succeed<T: Serialize + ?Sized>(token: &str, output: &T) -> Result<(), Error> {
    Ok(wit::task_succeeded(token.to_owned(), serde_json::to_string(output)?).await?)
}

/// Ends the task that waits with this token with an error, whose name is what `Catch` and `Retry` match. Needs the grant
/// `callback` or `start`.
///
/// ```no_run
/// # async fn example(token: &str) -> Result<(), flint_sdk::workflow::Error> {
/// flint_sdk::workflow::fail(token, "Declined", "too much money").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error`], as of [`succeed`].
pub async fn fail(token: &str, error: impl Into<String>, cause: impl Into<String>) -> Result<(), Error> {
    let cause = wit::Cause { error: error.into(), cause: cause.into() };
    Ok(wit::task_failed(token.to_owned(), cause).await?)
}

/// Says that the task is still being worked on, so that `HeartbeatSeconds` begins anew. Needs the grant `callback` or `start`.
///
/// ```no_run
/// # async fn example(token: &str) -> Result<(), flint_sdk::workflow::Error> {
/// flint_sdk::workflow::heartbeat(token).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error`], as of [`succeed`].
pub async fn heartbeat(token: &str) -> Result<(), Error> {
    Ok(wit::task_heartbeat(token.to_owned()).await?)
}
