//! Content that is put aside: who holds it, and which of it may have to go.
//!
//! A file is kept for as long as a commit links it or somebody holds it ([`Hold`]): who writes it, and who has been handed
//! the content and may still link it. When the last of them lets go of it, be it linked or not, and when a commit unlinks
//! it, it is doubted: then the database says whether it goes (`blob_collect`). What must hold:
//! - it is held before its file is there, and until the commit that links it was made or was given up;
//! - it is looked up after it was seen that nobody holds it: from then on nobody can link it, since a commit that copies a
//!   blob needs one that is linked already.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flint_model::ContentId;
use flint_stores::{Commit, Effect, Invalid, Unavailable};
use parking_lot::{Condvar, Mutex};

use crate::blob_file::BlobFolder;
use crate::options::BlobOptions;
use crate::space::Reserve;
use crate::transfers::Transfers;

/// The contents of a data folder.
pub(crate) struct Contents {
    pub(crate) folder: BlobFolder,
    pub(crate) options: BlobOptions,
    reserve: Reserve,
    pub(crate) transfers: Arc<Transfers>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: HashSet<ContentId>,
    doubted: Vec<ContentId>,
    closed: bool,
}

impl Contents {
    pub(crate) fn new(folder: BlobFolder, options: BlobOptions, reserve: Reserve) -> Self {
        let transfers = Arc::new(Transfers::new(options.transfers_max, options.wait_max));
        Self { folder, options, reserve, transfers, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Holds a content that nobody knows yet.
    pub(crate) fn hold(self: &Arc<Self>, id: ContentId) -> Arc<Hold> {
        self.state.lock().held.insert(id);
        Arc::new(Hold { id, contents: Arc::clone(self) })
    }

    /// Checks that every content that a commit links is of this engine. The commit holds them from then on.
    pub(crate) fn check(&self, commit: &Commit) -> Result<(), Invalid> {
        let aside = |effect: &Effect| match effect {
            Effect::BlobLink { content, .. } if content.bytes().is_none() => Some(content.id()),
            _ => None,
        };
        let mut aside = commit.effects.iter().filter_map(aside).peekable();
        if aside.peek().is_none() {
            return Ok(());
        }
        let state = self.state.lock();
        if aside.all(|id| state.held.contains(&id)) { Ok(()) } else { Err(Invalid::Content) }
    }

    /// Says that contents may have to go.
    pub(crate) fn doubt(&self, ids: Vec<ContentId>) {
        if ids.is_empty() {
            return;
        }
        self.state.lock().doubted.extend(ids);
        self.changed.notify_all();
    }

    /// Waits for contents that may have to go, or until the time is over; none when there will be no more.
    pub(crate) fn doubted(&self, wait_max: Option<Duration>) -> Option<Vec<ContentId>> {
        let mut state = self.state.lock();
        while state.doubted.is_empty() && !state.closed {
            match wait_max {
                Some(wait) if self.changed.wait_for(&mut state, wait).timed_out() => break,
                Some(_) => {}
                None => self.changed.wait(&mut state),
            }
        }
        let ended = state.closed && state.doubted.is_empty();
        (!ended).then(|| std::mem::take(&mut state.doubted))
    }

    /// Leaves those that nobody holds.
    pub(crate) fn retain_free(&self, ids: &mut Vec<ContentId>) {
        let state = self.state.lock();
        ids.retain(|id| !state.held.contains(id));
    }

    /// Says whether a block may be written.
    pub(crate) fn room(&self) -> Result<(), Unavailable> {
        if self.folder.free()? < self.reserve.of_content() { Err(Unavailable::DiskFull) } else { Ok(()) }
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        self.transfers.close();
        self.state.lock().closed = true;
        self.changed.notify_all();
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Keeps a file, whether or not it is linked.
#[derive(Debug)]
pub(crate) struct Hold {
    id: ContentId,
    contents: Arc<Contents>,
}

impl Hold {
    pub(crate) fn id(&self) -> ContentId {
        self.id
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.contents.state.lock().held.remove(&self.id);
        self.contents.doubt(vec![self.id]);
    }
}
