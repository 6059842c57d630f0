//! Removes content that nothing links and nobody holds: what was written and not linked, and what was unlinked.
//!
//! A thread waits for what is doubted (`contents`), and asks the database. It begins with all files that there are, since a
//! process that was killed tells nobody what it left.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use flint_model::ContentId;
use parking_lot::Mutex;

use crate::contents::Contents;
use crate::database::{Chain, Database, Failure};
use crate::table::blob::CONTENT;

/// The contents that are looked up at one moment.
const LOOKUPS_MAX: usize = 1000;
/// When the database is asked again that could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that removes content.
#[derive(Debug)]
pub(crate) struct BlobCollector {
    contents: Arc<Contents>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl BlobCollector {
    /// Starts the thread.
    pub(crate) fn start(database: Arc<Database>, contents: Arc<Contents>) -> io::Result<Self> {
        let shared = Arc::clone(&contents);
        let thread =
            std::thread::Builder::new().name("flint-blobs".to_owned()).spawn(move || run(&database, &shared))?;
        Ok(Self { contents, thread: Mutex::new(Some(thread)) })
    }

    /// Has the thread end when nothing is doubted any more, and gives it to be waited for, once.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        self.contents.close();
        self.thread.lock().take()
    }
}

fn run(database: &Database, contents: &Contents) {
    let mut ids = contents.folder.list().unwrap_or_else(|error| {
        tracing::error!(error = %error, "the folder of blobs can't be looked through for what nothing links");
        Vec::new()
    });
    loop {
        ids = collect(database, contents, ids);
        let wait_max = if ids.is_empty() { None } else { Some(RETRY) };
        match contents.doubted(wait_max) {
            Some(more) => ids.extend(more),
            None => return,
        }
    }
}

/// Removes the contents that nothing links and nobody holds; answers those about which nothing could be learnt.
fn collect(database: &Database, contents: &Contents, mut ids: Vec<ContentId>) -> Vec<ContentId> {
    while !ids.is_empty() {
        let mut some = ids.split_off(ids.len().saturating_sub(LOOKUPS_MAX));
        // First this, then the database: see `contents`. Whoever holds one doubts it again.
        contents.retain_free(&mut some);
        match unlinked(database, &some) {
            Ok(unlinked) => unlinked.into_iter().for_each(|id| remove(contents, id)),
            Err(failure) => {
                if !matches!(failure, Failure::Unavailable(_)) {
                    tracing::error!(error = %Chain(&failure), "content that nothing links can't be looked for");
                }
                ids.extend(some);
                return ids;
            }
        }
    }
    ids
}

fn unlinked(database: &Database, ids: &[ContentId]) -> Result<Vec<ContentId>, Failure> {
    database.read(|transaction| {
        let table = transaction.open_table(CONTENT)?;
        let mut unlinked = Vec::new();
        for id in ids {
            if table.get(id.to_bytes().as_slice())?.is_none() {
                unlinked.push(*id);
            }
        }
        Ok(unlinked)
    })
}

fn remove(contents: &Contents, id: ContentId) {
    if let Err(error) = contents.folder.remove(id) {
        tracing::error!(error = %error, content = %id, "content that nothing links can't be removed, until a restart");
    }
}
