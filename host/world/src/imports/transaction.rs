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
    pub(crate) begun: Begun,
}

/// The transactions that a guest has begun and not ended, the innermost last. Pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Begun(Vec<u64>);

/// Says that a transaction is not the innermost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "another transaction was begun beside it and is open, or it is over: begin one after the other, or one in the other"
)]
pub(crate) struct NotInnermost;

impl Begun {
    /// Checks that this is the innermost one; none: that there is none.
    fn check(&self, innermost: Option<u64>) -> Result<(), NotInnermost> {
        if self.0.last().copied() == innermost { Ok(()) } else { Err(NotInnermost) }
    }
}

impl State {
    /// Holds back what the invocation writes from now on.
    pub(crate) fn hold(&mut self, owner: Owner) -> Arc<Transaction> {
        let (stores, clock) = (Arc::clone(&self.function.stores), Arc::clone(&self.function.clock));
        let transaction = Arc::new(Transaction::new(stores, clock, self.budget().limits().memory));
        self.open = Some(Open { transaction: Arc::clone(&transaction), owner, begun: Begun::default() });
        transaction
    }

    /// The stores that the invocation sees.
    pub(crate) fn stores(&self) -> Arc<dyn Stores> {
        match &self.open {
            Some(open) => Arc::clone(&open.transaction) as _,
            None => Arc::clone(&self.function.stores),
        }
    }

    /// Begins a transaction within another one; answers what it is called.
    fn begin_within(&mut self, within: Option<u64>) -> Result<u64, wit::Error> {
        match &self.open {
            Some(open) => {
                open.begun.check(within)?;
                open.transaction.mark()?;
            }
            None => {
                Begun::default().check(within)?;
                self.hold(Owner::Guest);
            }
        }
        // No other one of the instance was called so: what is over is not taken for another one.
        self.transactions += 1;
        let id = self.transactions;
        if let Some(open) = &mut self.open {
            open.begun.0.push(id);
        }
        Ok(id)
    }

    /// The transaction that is open, if this one of the guest's is the innermost: it is over then.
    fn innermost(&mut self, id: u64) -> Result<&mut Open, NotInnermost> {
        let open = self.open.as_mut().ok_or(NotInnermost)?;
        open.begun.check(Some(id))?;
        open.begun.0.pop();
        Ok(open)
    }

    /// Ends a transaction; answers what is to be committed, if it was the guest's outermost.
    fn end(&mut self, id: u64) -> Result<Option<Vec<Effect>>, wit::Error> {
        let open = self.innermost(id)?;
        match (open.transaction.release(), open.owner) {
            (Err(NoMark::None), Owner::Guest) => Ok(self.open.take().map(|open| open.transaction.finish())),
            (ended, _) => Ok(ended.map(|()| None)?),
        }
    }

    /// Ends a transaction as if it had never been.
    fn give_up(&mut self, id: u64) -> Result<(), wit::Error> {
        let open = self.innermost(id)?;
        match (open.transaction.roll_back(), open.owner) {
            (Err(NoMark::None), Owner::Guest) => self.open = None,
            (ended, _) => ended?,
        }
        Ok(())
    }
}

impl wit::Host for State {
    fn is_open(&mut self) -> Result<bool> {
        Ok(self.open.is_some())
    }

    fn begin(&mut self, within: Option<u64>) -> Result<Result<u64, wit::Error>> {
        if self.function.is_shared {
            return Ok(Err(wit::Error::Invalid("the function shares its instances".to_owned())));
        }
        Ok(self.begin_within(within))
    }

    fn roll_back(&mut self, transaction: u64) -> Result<Result<(), wit::Error>> {
        Ok(self.give_up(transaction))
    }
}

impl<T> wit::HostWithStore<T> for Platform {
    async fn commit(accessor: &Accessor<T, Self>, transaction: u64) -> Result<(), wit::Error> {
        let (ended, stores, cause) = accessor.with(|mut access| {
            let state = access.get();
            let cause = state.invocation().map(Invocation::cause).unwrap_or_default();
            (state.end(transaction), Arc::clone(&state.function.stores), cause)
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

impl From<NotInnermost> for wit::Error {
    fn from(not: NotInnermost) -> Self {
        Self::Invalid(not.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_innermost_transaction_counts() {
        for (begun, asked, counts) in [
            (vec![], None, true),
            (vec![], Some(1), false),
            (vec![1], None, false),
            (vec![1, 2], Some(1), false),
            (vec![1, 2], Some(2), true),
            (vec![1, 2], None, false),
        ] {
            assert_eq!(Begun(begun.clone()).check(asked).is_ok(), counts, "{asked:?} of {begun:?}");
        }
    }
}
