//! `flint:platform/transaction`: changes that a guest holds back, and has happen together.
//!
//! What is open is a [`Transaction`] in the state of the instance, in the place of the stores. That of an invocation whose
//! effects are held, whoever called the guest commits; of that one, the guest begins and ends parts.

use crate::bindings::platform::transaction as wit;
use crate::invocation::Invocation;
use crate::state::{Platform, State};
use flint_engine::HasBudget;
use flint_stores::overlay::NoMark;
use flint_stores::{Commit, CommitError, Effect, Stores, Transaction};
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Accessor;

/// Who has an open transaction committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The guest itself.
    Guest,
    /// Whoever called the guest, when it has answered.
    Caller,
}

/// A transaction that is open.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) owner: Owner,
}

impl State {
    /// Holds back what the invocation writes from now on.
    pub(crate) fn hold(&mut self, owner: Owner) -> Arc<Transaction> {
        let (stores, clock) = (Arc::clone(&self.function.stores), Arc::clone(&self.function.clock));
        let transaction = Arc::new(Transaction::new(stores, clock, self.budget().limits().memory));
        self.open = Some(Open { transaction: Arc::clone(&transaction), owner });
        transaction
    }

    /// The stores that the invocation sees.
    pub(crate) fn stores(&self) -> Arc<dyn Stores> {
        match &self.open {
            Some(open) => Arc::clone(&open.transaction) as _,
            None => Arc::clone(&self.function.stores),
        }
    }

    /// Ends the innermost transaction; answers what is to be committed, if it was the guest's outermost.
    fn end(&mut self) -> Result<Option<Vec<Effect>>, NoMark> {
        let open = self.open.as_ref().ok_or(NoMark::None)?;
        match (open.transaction.release(), open.owner) {
            (Err(NoMark::None), Owner::Guest) => Ok(self.open.take().map(|open| open.transaction.finish())),
            (ended, _) => ended.map(|()| None),
        }
    }
}

impl wit::Host for State {
    fn is_open(&mut self) -> Result<bool> {
        Ok(self.open.is_some())
    }

    fn begin(&mut self) -> Result<Result<(), wit::Error>> {
        if self.function.is_shared {
            return Ok(Err(wit::Error::Invalid("the function shares its instances".to_owned())));
        }
        if let Some(open) = &self.open {
            return Ok(open.transaction.mark().map_err(wit::Error::from));
        }
        self.hold(Owner::Guest);
        Ok(Ok(()))
    }

    fn roll_back(&mut self) -> Result<Result<(), wit::Error>> {
        let Some(open) = &self.open else { return Ok(Err(NoMark::None.into())) };
        match (open.transaction.roll_back(), open.owner) {
            (Err(NoMark::None), Owner::Guest) => {
                self.open = None;
                Ok(Ok(()))
            }
            (ended, _) => Ok(ended.map_err(wit::Error::from)),
        }
    }
}

impl<T> wit::HostWithStore<T> for Platform {
    async fn commit(accessor: &Accessor<T, Self>) -> Result<(), wit::Error> {
        let (ended, stores, cause) = accessor.with(|mut access| {
            let state = access.get();
            let cause = state.invocation().map(Invocation::cause).unwrap_or_default();
            (state.end(), Arc::clone(&state.function.stores), cause)
        });
        match ended? {
            Some(effects) if !effects.is_empty() => {
                let commit = Commit { effects, cause, ..Commit::default() };
                Ok(stores.commit(commit).await.map(drop)?)
            }
            _ => Ok(()),
        }
    }
}

impl From<NoMark> for wit::Error {
    fn from(none: NoMark) -> Self {
        Self::Invalid(none.to_string())
    }
}

impl From<CommitError> for wit::Error {
    fn from(error: CommitError) -> Self {
        let text = error.to_string();
        match error {
            CommitError::Conflict { .. } | CommitError::BlobConflict { .. } => Self::Conflict(text),
            CommitError::TooLarge(_) => Self::TooLarge(text),
            CommitError::Unavailable { .. } => Self::Unavailable(text),
            // What could be known before was told by the call that made the change.
            CommitError::Full { .. }
            | CommitError::TooDeep { .. }
            | CommitError::Ticked { .. }
            | CommitError::NotACounter { .. }
            | CommitError::LeaseLost { .. }
            | CommitError::NoSuch(_)
            | CommitError::Invalid(_) => Self::Refused(text),
        }
    }
}
