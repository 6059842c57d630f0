//! Removes what is over: entries whose time to live has passed, deduplication ids that do not count any more, what
//! became of invocations, messages that were kept longer than their queue keeps them.
//!
//! There is no hurry: a thread looks every second whether there is something, and has the writer remove a bounded number at
//! a time, among the commits. While there is nothing to remove, nothing is written.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use flint_model::Clock;
use flint_stores::Catalog;
use parking_lot::Mutex;
use redb::ReadableTable as _;

use crate::database::{Chain, Database, Failure};
use crate::group_commit::GroupCommit;
use crate::options::CollectOptions;
use crate::queue::first_waiting;
use crate::table::queue::SENT_EXPIRY;
use crate::table::record::INVOCATION_EXPIRY;
use crate::table::{EXPIRY, split_expiry_key};

/// The thread that looks for expired entries.
#[derive(Debug)]
pub(crate) struct Collector {
    // Dropping the sender ends the thread.
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Collector {
    /// Starts the thread.
    pub(crate) fn start(
        database: Arc<Database>,
        catalog: Arc<ArcSwap<Catalog>>,
        group_commit: Arc<GroupCommit>,
        clock: Arc<dyn Clock>,
        options: CollectOptions,
    ) -> io::Result<Self> {
        let (sender, stopped) = channel();
        let thread = std::thread::Builder::new().name("flint-collect".to_owned()).spawn(move || {
            while stopped.recv_timeout(options.every) == Err(RecvTimeoutError::Timeout) {
                round(&database, &catalog.load(), &group_commit, clock.as_ref(), options.round_max.max(1));
            }
        })?;
        Ok(Self { running: Mutex::new(Some((sender, thread))) })
    }

    /// Ends the thread, and gives it to be waited for, once.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        self.running.lock().take().map(|(_, thread)| thread)
    }

    /// Whether the thread has come to an end, for a test that it does not.
    #[cfg(test)]
    pub(crate) fn has_ended(&self) -> bool {
        self.running.lock().as_ref().is_none_or(|(_, thread)| thread.is_finished())
    }
}

/// Removes all that is due now, in bounded steps.
fn round(database: &Database, catalog: &Catalog, group_commit: &GroupCommit, clock: &dyn Clock, max: usize) {
    loop {
        match is_due(database, catalog, clock) {
            // A database that was lost is opened again by the writer, if it has something to do.
            Ok(true) | Err(Failure::Unavailable(_)) => {}
            Ok(false) => return,
            Err(failure) => {
                tracing::error!(error = %Chain(&failure), "what is over can't be looked for");
                return;
            }
        }
        // An error is told by the writer; the next round tries again.
        if !group_commit.collect(max).unwrap_or(false) {
            return;
        }
    }
}

fn is_due(database: &Database, catalog: &Catalog, clock: &dyn Clock) -> Result<bool, Failure> {
    let now = clock.now();
    database.read(|transaction| {
        for table in [EXPIRY, SENT_EXPIRY, INVOCATION_EXPIRY] {
            let table = transaction.open_table(table)?;
            if let Some((row, _)) = table.first()?
                && split_expiry_key(row.value())?.0 <= now
            {
                return Ok(true);
            }
        }
        let kept = catalog.queues.iter().filter(|(_, rules)| rules.retention.is_some());
        for (queue, rules) in kept {
            if first_waiting(transaction, queue, now)?.is_some_and(|sent_at| rules.is_stale(sent_at, now)) {
                return Ok(true);
            }
        }
        Ok(false)
    })
}
