//! Executions as one sees them whose writes are held back: an invocation with a transaction that is open.
//!
//! What was begun in the transaction is there for it, and for nobody else; and what was decided by an execution as it was found
//! is committed only if it is still so.

use super::{Beginning, Described, ExecutionError, Executions, Head, News, Origin, Status, exists};
use crate::failure::Failure;
use crate::run::{Event, Ticket};
use crate::token::Token;
use flint_stores::{Effect, Stores};
use serde_json::Value;

/// The executions of a workflow, seen through stores that hold back what is written.
#[derive(Clone, Copy)]
pub struct Within<'e> {
    executions: &'e Executions,
    stores: &'e dyn Stores,
}

impl Executions {
    /// The executions as they are seen through these stores: those of the host, or a transaction over them.
    #[must_use]
    pub fn within<'e>(&'e self, stores: &'e dyn Stores) -> Within<'e> {
        Within { executions: self, stores }
    }
}

impl Within<'_> {
    /// What starts an execution that this led to; as [`Executions::beginning`] otherwise.
    ///
    /// # Errors
    /// [`ExecutionError`].
    pub async fn beginning(
        self,
        name: &str,
        input: Value,
        seed: u64,
        origin: Origin,
    ) -> Result<Beginning, ExecutionError> {
        let head = Head { origin, ..self.executions.new_head(name, input, seed)? };
        match self.there(name, &head).await? {
            Some(beginning) => Ok(beginning),
            None => Ok(Beginning { id: self.executions.id(name), effects: self.executions.begin(name, &head).await? }),
        }
    }

    /// The execution of this name, if there is one.
    pub(super) async fn there(self, name: &str, head: &Head) -> Result<Option<Beginning>, ExecutionError> {
        match self.head(name).await? {
            None => Ok(None),
            Some(there) if there.input == head.input => {
                Ok(Some(Beginning { id: self.executions.id(name), effects: Vec::new() }))
            }
            Some(_) => Err(exists(name)),
        }
    }

    /// As [`Executions::telling`].
    ///
    /// # Errors
    /// As [`Executions::tell`].
    pub async fn telling(self, token: &str, event: impl FnOnce(Ticket) -> Event) -> Result<Effect, ExecutionError> {
        let missing = || ExecutionError::Missing { name: token.to_owned() };
        let read = Token::read(token).ok_or_else(missing)?;
        let name = read.execution.strip_prefix(&self.executions.id("")).ok_or_else(missing)?;
        let head = self.head(name).await?.filter(|head| head.status == Status::Running).ok_or_else(missing)?;
        if Token::of(&read.execution, head.seed, read.task) != read {
            return Err(missing());
        }
        let task = Ticket(read.task);
        // One that has timed out, or was given up with what was around it, has no end any more.
        if self.executions.is_cancelled(name, task).await? {
            return Err(missing());
        }
        Ok(self.executions.notice(name, head.seed, News::Execution(event(task))))
    }

    /// As [`Executions::stopping`].
    ///
    /// # Errors
    /// As [`Executions::stop`].
    pub async fn stopping(self, name: &str, failure: Failure) -> Result<Effect, ExecutionError> {
        let head = self.described(name).await?.head;
        match head.status {
            Status::Running => Ok(self.executions.notice(name, head.seed, News::Execution(Event::Stopped { failure }))),
            ended => Err(ExecutionError::Ended { name: name.to_owned(), status: ended.name() }),
        }
    }

    /// As [`Executions::described`].
    ///
    /// # Errors
    /// As [`Executions::described`].
    pub async fn described(self, name: &str) -> Result<Described, ExecutionError> {
        let head = self.head(name).await?.ok_or_else(|| ExecutionError::Missing { name: name.to_owned() })?;
        Ok(Described { name: name.to_owned(), id: self.executions.id(name), head })
    }

    async fn head(self, name: &str) -> Result<Option<Head>, ExecutionError> {
        self.executions.head_in(self.stores, name).await
    }
}
