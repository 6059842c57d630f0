//! The store engine inside the process: redb behind the traits of flint-stores.
//!
//! [`Embedded::open`] takes a data folder and keeps it for itself. Writes go through one thread that shares an fsync among
//! all commits that wait (`group_commit`, `writer`): it applies them to tables (`apply`, `table`), and appends the rows that this
//! changed to a log (`wal`), from which the database's file gets them now and then; reads are redb read
//! transactions, on the caller's thread (`kv`, `queue`, `blob`, `record`). What is over is removed in the background
//! (`collect`). The content of blobs, unless it is small, is in files: written and read in blocks (`blob_write`,
//! `blob_read`), kept while something links it or somebody holds it (`contents`), and removed then (`blob_collect`).
//!
//! Depends on: stores, model. Deliberately absent: what a commit means (flint-stores says that), grants, WebAssembly, and
//! any redb type in the public interface.

mod apply;
mod backend;
mod blob;
mod blob_block;
mod blob_collect;
mod blob_file;
mod blob_read;
mod blob_write;
mod collect;
mod contents;
mod database;
mod error;
mod folder;
mod format;
mod group_commit;
mod kv;
mod load;
mod options;
mod queue;
mod record;
mod space;
mod table;
mod transfers;
mod waiters;
mod wal;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use cap_std::fs::Dir;
use flint_model::{Clock, Timestamp};
use flint_stores::{
    Backfill, Blobs, BoxFuture, Catalog, Commit, CommitError, Committed, Invocations, Kv, Queues, Schedules, Stores,
    check,
};
use parking_lot::Mutex;

use crate::blob_collect::BlobCollector;
use crate::blob_file::BlobFolder;
use crate::collect::Collector;
use crate::contents::Contents;
use crate::database::{Database, Sizes};
pub use crate::error::OpenError;
use crate::folder::Folder;
use crate::group_commit::GroupCommit;
use crate::load::Load;
pub use crate::options::{BlobOptions, CollectOptions, GroupCommitOptions, Options};
use crate::space::Reserve;
use crate::waiters::Waiters;

/// The stores of one data folder, open.
///
/// Close it with [`Embedded::close`]. Dropping it does the same, and blocks until what was accepted is durable.
pub struct Embedded {
    catalog: Arc<ArcSwap<Catalog>>,
    waiters: Arc<Waiters>,
    clock: Arc<dyn Clock>,
    database: Arc<Database>,
    group_commit: Arc<GroupCommit>,
    collector: Collector,
    contents: Arc<Contents>,
    blob_collector: BlobCollector,
    /// None after the database was closed: then another process may have the folder.
    folder: Mutex<Option<Folder>>,
}

impl Embedded {
    /// Opens the stores in a folder; an empty folder gets a new database.
    ///
    /// Blocks while it reads the folder. After a crash it also makes again what the write-ahead log holds.
    ///
    /// # Errors
    /// [`OpenError`]; each case says what to do. A failed open loses nothing that was in the folder.
    pub fn open(dir: Dir, options: Options) -> Result<Self, OpenError> {
        let folder = Folder::take(dir)?;
        let database = folder.open(Sizes::of(&options))?;
        let blobs = folder.blobs()?;
        Self::start(database, blobs, Some(folder), options)
    }

    fn start(
        database: Database,
        blobs: BlobFolder,
        folder: Option<Folder>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let Options { catalog, clock, group_commit, collect, blobs: blob_options, .. } = options;
        let database = Arc::new(database);
        // Leases, delays and times to live were written down by a clock that had come so far.
        clock.not_before(database.last_time()?);
        let catalog = Arc::new(ArcSwap::from_pointee(catalog));
        let waiters = Arc::new(Waiters::default());
        let contents = Arc::new(Contents::new(blobs, blob_options, Reserve(group_commit.free_min.as_u64())));
        let writer = GroupCommit::start(
            Arc::clone(&database),
            Arc::clone(&catalog),
            Arc::clone(&clock),
            Arc::clone(&waiters),
            Arc::clone(&contents),
            group_commit,
        );
        let group_commit = Arc::new(writer?);
        let collector = Collector::start(
            Arc::clone(&database),
            Arc::clone(&catalog),
            Arc::clone(&group_commit),
            Arc::clone(&clock),
            collect,
        )?;
        let blob_collector = BlobCollector::start(Arc::clone(&database), Arc::clone(&contents))?;
        let folder = Mutex::new(folder);
        Ok(Self { catalog, waiters, clock, database, group_commit, collector, contents, blob_collector, folder })
    }

    /// Changes what there is, and its limits and rules, for all calls from now on. What is left out keeps its data, and can't
    /// be reached.
    pub fn set_catalog(&self, catalog: Catalog) {
        self.catalog.store(Arc::new(catalog));
    }

    /// What times to live, leases and delays go by: whoever says when an entry ends has to go by it too.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Refuses new commits, waits until those that were accepted are durable, and gives the folder up.
    ///
    /// Closing what is closed does nothing. If the future is dropped, the stores are closed when they are dropped.
    pub async fn close(&self) {
        let threads = self.stop();
        let (database, folder) = (Arc::clone(&self.database), self.folder.lock().take());
        let finish = tokio::task::spawn_blocking(move || finish(threads, &database, folder));
        if let Err(error) = finish.await {
            tracing::error!(error = %error, "the stores were not closed in order");
        }
    }

    /// Has the threads end when they have done what was accepted.
    fn stop(&self) -> Vec<JoinHandle<()>> {
        // The writer goes first: then the collector does not wait for a place behind it.
        let threads = [self.group_commit.close(), self.collector.close(), self.blob_collector.close()];
        threads.into_iter().flatten().collect()
    }
}

/// Waits for the threads, then closes the database, then lets go of the folder.
fn finish(threads: Vec<JoinHandle<()>>, database: &Database, folder: Option<Folder>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the stores panicked");
        }
    }
    database.close();
    drop(folder);
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let threads = self.stop();
        finish(threads, &self.database, self.folder.lock().take());
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Stores for Embedded {
    fn kv(&self) -> &dyn Kv {
        self
    }

    fn queues(&self) -> &dyn Queues {
        self
    }

    fn blobs(&self) -> &dyn Blobs {
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn schedules(&self) -> &dyn Schedules {
        self
    }

    fn invocations(&self) -> &dyn Invocations {
        self
    }

    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        Ok(check::commit(&self.catalog.load(), commit)?)
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, CommitError>> {
        Box::pin(async move {
            self.check(&commit)?;
            self.contents.check(&commit).map_err(CommitError::Invalid)?;
            self.group_commit.commit(commit).await
        })
    }

    fn backfill(&self, max: usize) -> BoxFuture<'_, Result<Backfill, CommitError>> {
        Box::pin(
            async move { self.group_commit.ask(Load::adds(0, max), move |apply| apply.backfill(max.max(1))).await? },
        )
    }
}
