//! What the calls of all stores have in common: who makes them, how many, how much, and in which turn.

mod calls;

pub(crate) use calls::{Calls, Held, Turn};

use crate::context::FunctionContext;
use crate::invocation::Invocation;
use crate::state::State;
use flint_engine::Meter;
use flint_model::{Access, Capability};
use flint_stores::{Cause, Commit, CommitError, Committed, Effect, Stores, Unavailable};
use std::sync::Arc;

/// The stores, as one invocation may use them.
pub(crate) struct Account {
    pub(crate) function: Arc<FunctionContext>,
    /// Those of the host, or the transaction that is open.
    pub(crate) stores: Arc<dyn Stores>,
    cause: Cause,
    meter: Arc<Meter>,
    calls: Arc<Calls>,
}

/// Says that an invocation used as much of the stores as it may. A retry within it can't help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the invocation has used the stores as much as it may: {size} {what}, and at most {limit} are allowed")]
pub(crate) struct Spent {
    /// `calls` or `bytes`.
    pub(crate) what: &'static str,
    pub(crate) size: u64,
    pub(crate) limit: u64,
}

impl Spent {
    fn check(what: &'static str, size: u64, limit: u64) -> Result<(), Self> {
        if size > limit { Err(Self { what, size, limit }) } else { Ok(()) }
    }
}

impl State {
    /// The account of the invocation that runs.
    pub(crate) fn account(&mut self) -> Account {
        let calls = Arc::clone(self.store_calls());
        let (function, meter) = (Arc::clone(&self.function), Arc::clone(self.meter()));
        let cause = self.invocation().map(Invocation::cause).unwrap_or_default();
        Account { function, stores: self.stores(), cause, meter, calls }
    }
}

impl Account {
    /// Whether the function was granted this.
    pub(crate) fn allows(&self, capability: Capability, name: &str, access: Access) -> bool {
        self.function.grants.allows(capability, name, access)
    }

    /// Counts a call.
    pub(crate) fn count(&self) -> Result<(), Spent> {
        self.meter.add_store_call();
        Spent::check("calls", u64::from(self.meter.store_calls()), self.function.kv_calls_max.into())
    }

    /// Counts what a call was given or answered.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), Spent> {
        self.meter.add_store_bytes(bytes as u64);
        Spent::check("bytes", self.meter.store_bytes(), self.function.kv_size_max)
    }

    /// Commits, as what the invocation causes.
    pub(crate) async fn commit(&self, effects: Vec<Effect>) -> Result<Committed, CommitError> {
        self.stores.commit(Commit { effects, cause: self.cause.clone(), ..Commit::default() }).await
    }

    /// Holds so much of the host's memory beside the calls of the instance.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held<'_>, Unavailable> {
        self.calls.hold(bytes)
    }

    /// Waits for its turn among the calls of the instance.
    pub(crate) async fn enter(&self, arguments: usize) -> Result<Turn<'_>, Unavailable> {
        self.calls.enter(arguments).await
    }
}
