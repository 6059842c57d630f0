//! Removes entries whose time to live has passed.
//!
//! Nobody sees such an entry any more, so there is no hurry: a thread looks every second whether there is one, and has
//! the writer remove a bounded number at a time, among the commits. While there is nothing to remove, nothing is written.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use flint_model::Clock;
use parking_lot::Mutex;
use redb::ReadableTable as _;

use crate::database::{Chain, Database, Failure};
use crate::group_commit::GroupCommit;
use crate::options::CollectOptions;
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
        group_commit: Arc<GroupCommit>,
        clock: Arc<dyn Clock>,
        options: CollectOptions,
    ) -> io::Result<Self> {
        let (sender, stopped) = channel();
        let thread = std::thread::Builder::new().name("flint-collect".to_owned()).spawn(move || {
            while stopped.recv_timeout(options.every) == Err(RecvTimeoutError::Timeout) {
                round(&database, &group_commit, clock.as_ref(), options.round_max.max(1));
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
fn round(database: &Database, group_commit: &GroupCommit, clock: &dyn Clock, max: usize) {
    loop {
        match is_due(database, clock) {
            // A database that was lost is opened again by the writer, if it has something to do.
            Ok(true) | Err(Failure::Unavailable(_)) => {}
            Ok(false) => return,
            Err(failure) => {
                tracing::error!(error = %Chain(&failure), "expired entries can't be looked for");
                return;
            }
        }
        // An error is told by the writer; the next round tries again.
        if group_commit.collect(max).unwrap_or(0) < max {
            return;
        }
    }
}

fn is_due(database: &Database, clock: &dyn Clock) -> Result<bool, Failure> {
    database.read(|transaction| {
        let table = transaction.open_table(EXPIRY)?;
        let Some((row, _)) = table.first()? else { return Ok(false) };
        Ok(split_expiry_key(row.value())?.0 <= clock.now())
    })
}
