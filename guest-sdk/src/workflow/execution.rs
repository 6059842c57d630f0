//! Executions that are there.

use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::error::Error;
use crate::bindings::imports::flint::platform::workflow as wit;
use crate::time;

/// What is known of an execution, whose output is read as `T`.
///
/// ```
/// use flint_sdk::workflow::{Execution, Status};
///
/// fn is_over<T>(execution: &Execution<T>) -> bool {
///     !matches!(execution.status, Status::Running)
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Execution<T> {
    /// Its id, as [`start`](super::start) answers it.
    pub id: String,
    /// Its workflow.
    pub workflow: String,
    /// How it is.
    pub status: Status<T>,
    /// When it started.
    pub started_at: SystemTime,
    /// When it ended, if it has.
    pub stopped_at: Option<SystemTime>,
}

/// How an execution is.
///
/// ```
/// use flint_sdk::workflow::Status;
///
/// fn total(status: &Status<u64>) -> Option<u64> {
///     if let Status::Succeeded(total) = status { Some(*total) } else { None }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Status<T> {
    /// It goes on.
    Running,
    /// It ended well, with this output.
    Succeeded(T),
    /// It failed.
    Failed(Cause),
    /// It took longer than it may.
    TimedOut,
    /// It was stopped.
    Aborted,
}

/// Why an execution failed.
///
/// ```
/// use flint_sdk::workflow::Cause;
///
/// fn is_declined(cause: &Cause) -> bool {
///     cause.error == "PaymentDeclinedError"
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The name of the error, which definitions match on.
    pub error: String,
    /// What went wrong, for people.
    pub cause: String,
}

/// Describes an execution of any workflow with the grant `read` or `start`, by its id.
///
/// ```no_run
/// use flint_sdk::workflow::{self, Error};
/// use serde_json::Value;
///
/// async fn has_failed(id: &str) -> Result<bool, Error> {
///     Ok(matches!(workflow::describe::<Value>(id).await?.status, workflow::Status::Failed(_)))
/// }
/// ```
///
/// # Errors
/// [`Error`].
pub async fn describe<T: DeserializeOwned>(execution: &str) -> Result<Execution<T>, Error> {
    let wit::Execution { id, workflow, status, started_at, stopped_at } = wit::describe(execution.to_owned()).await?;
    let status = match status {
        wit::Status::Running => Status::Running,
        wit::Status::Succeeded(output) => Status::Succeeded(serde_json::from_str(&output)?),
        wit::Status::Failed(wit::Cause { error, cause }) => Status::Failed(Cause { error, cause }),
        wit::Status::TimedOut => Status::TimedOut,
        wit::Status::Aborted => Status::Aborted,
    };
    let (started_at, stopped_at) = (time::from_timestamp(started_at), stopped_at.map(time::from_timestamp));
    Ok(Execution { id, workflow, status, started_at, stopped_at })
}

/// Stops an execution, and says why; one that has ended stays as it is. Needs the grant `start`.
///
/// It is durable when it is acknowledged, and happens then: what [`describe`] tells may be a moment behind.
///
/// ```no_run
/// # async fn example(id: &str) -> Result<(), flint_sdk::workflow::Error> {
/// flint_sdk::workflow::stop(id, "Cancelled", "the customer thought better of it").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error`].
pub async fn stop(execution: &str, error: impl Into<String>, cause: impl Into<String>) -> Result<(), Error> {
    let cause = wit::Cause { error: error.into(), cause: cause.into() };
    Ok(wit::stop(execution.to_owned(), cause).await?)
}
