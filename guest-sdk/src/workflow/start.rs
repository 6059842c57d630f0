//! Starting.

use std::pin::Pin;

use serde::Serialize;

use super::error::Error;
use crate::bindings::imports::flint::platform::workflow as wit;

/// An execution that is to be started: it starts when it is awaited. Made by [`start`].
///
/// ```
/// use flint_sdk::workflow::{self, Start};
///
/// fn order(number: &str) -> Start {
///     workflow::start("order", number).name(number)
/// }
/// ```
#[derive(Debug)]
#[must_use = "an execution starts when it is awaited"]
pub struct Start {
    workflow: String,
    input: Result<String, serde_json::Error>,
    name: Option<String>,
}

/// Starts an execution of a workflow, with a value that is handed over as JSON. Awaited, it answers the execution's id: durable
/// then, and it will run whatever happens.
///
/// A [`name`](Start::name) makes it idempotent; without one, each call starts another execution. Needs the grant `start`.
///
/// ```
/// use flint_sdk::{Failure, Payload, workflow};
///
/// #[flint_sdk::invoke]
/// async fn begin(order: Vec<String>) -> Result<String, Failure> {
///     Ok(workflow::start("order", &order).await?)
/// }
/// ```
///
/// # Errors
/// When awaited, [`Error`].
pub fn start<T: Serialize + ?Sized>(workflow: &str, input: &T) -> Start {
    Start { workflow: workflow.to_owned(), input: serde_json::to_string(input), name: None }
}

impl Start {
    /// Gives the execution a name, of 1 to 80 letters, digits, `-`, `_` and `.`: a second start with this name and the same input
    /// answers the execution that is there, running or not; with another input it is [`Error::Conflict`].
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), flint_sdk::workflow::Error> {
    /// let id = flint_sdk::workflow::start("order", &["mug"]).name("o-1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl IntoFuture for Start {
    type Output = Result<String, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(wit::start(self.workflow, self.input?, self.name).await?) })
    }
}
