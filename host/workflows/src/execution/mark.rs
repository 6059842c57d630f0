//! What is noted about a task: what it has begun, or that nobody waits for it. Whoever begins something for a task, and whoever gives
//! the task up, expect that there is no note yet: so one of them finds the other's.

use super::child::Child;
use super::{ExecutionError, Executions, MapEvent, News, Work, keys, read};
use crate::run::Ticket;
use flint_stores::{Effect, Expectation};
use serde::{Deserialize, Serialize};

/// A note about a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mark {
    /// It has started this execution, and waits for it.
    Child(Child),
    /// It is a map run that has begun, or goes on.
    Map {
        /// The task that it began as, and is named after.
        first: Ticket,
        /// Its seed.
        seed: u64,
    },
    /// Nobody waits for it: it is not to be begun.
    Cancelled,
}

impl Executions {
    /// Whether a task is not to be begun any more: its execution has ended, or does not wait for it.
    ///
    /// # Errors
    /// What a read fails with.
    pub async fn is_given_up(&self, work: &Work) -> Result<bool, ExecutionError> {
        let runs = self.running(&work.execution, work.seed).await?.is_some();
        Ok(!runs || self.is_cancelled(&work.execution, work.task).await?)
    }

    pub(super) async fn is_cancelled(&self, execution: &str, task: Ticket) -> Result<bool, ExecutionError> {
        Ok(self.mark(execution, task).await? == Some(Mark::Cancelled))
    }

    pub(super) async fn mark(&self, execution: &str, task: Ticket) -> Result<Option<Mark>, ExecutionError> {
        let key = keys::mark(&self.options.workflow, execution, task);
        let Some(entry) = self.stores.kv().get(&self.place.store, &key).await? else { return Ok(None) };
        serde_json::from_slice(&entry.value).map(Some).map_err(|error| read::corrupt(execution, error.to_string()))
    }

    /// What notes it, where nothing is noted.
    pub(super) fn noted(&self, execution: &str, task: Ticket, mark: &Mark) -> Effect {
        let key = keys::mark(&self.options.workflow, execution, task);
        self.put(key, serde_json::to_vec(mark).unwrap_or_default(), Some(Expectation::Absent))
    }

    /// Stops what a task has begun, or has it begin nothing. Whoever does another task answers in vain.
    pub(super) async fn cancel(&self, execution: &str, task: Ticket) -> Result<Option<Effect>, ExecutionError> {
        Ok(match self.mark(execution, task).await? {
            None => Some(self.noted(execution, task, &Mark::Cancelled)),
            Some(Mark::Map { first, seed }) => {
                Some(self.notice(&keys::map_run(execution, first), seed, News::Map(MapEvent::Stopped)))
            }
            Some(Mark::Child(child)) => child.stop(),
            Some(Mark::Cancelled) => None,
        })
    }
}
