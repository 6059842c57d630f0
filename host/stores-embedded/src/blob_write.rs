//! Writing content: gathered to blocks, of which one is being written while the next one fills.
//!
//! Small content stays in memory and travels with its commit. The rest goes to a file, a block at a time, on the threads of
//! the runtime that may block; the hash is made here meanwhile, 0.1 ms for a block of 512 KiB. The disk works meanwhile too: every so
//! many bytes what was written is synced beside the blocks that follow, so that little is left to be synced at the end.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use flint_model::{BucketName, ContentId};
use flint_stores::blob::Digest;
use flint_stores::{BoxFuture, BucketRules, Content, ContentWriter, Unavailable, WriteError};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::blob_block::Block;
use crate::contents::{Contents, Hold};
use crate::transfers::Transfer;

/// Content that is being written.
pub(crate) struct Writer {
    contents: Arc<Contents>,
    bucket: BucketName,
    rules: BucketRules,
    digest: Digest,
    size: u64,
    block: Block,
    aside: Option<Aside>,
    state: State,
}

/// Whether more may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// A piece was not written to its end.
    Broken,
}

/// Content that goes to a file.
struct Aside {
    hold: Arc<Hold>,
    /// The file, when the block before is written.
    writing: JoinHandle<io::Result<File>>,
    /// A sync of what was written when it began; and what was written since then, in bytes.
    syncing: Option<JoinHandle<io::Result<()>>>,
    unsynced: usize,
    _place: Transfer,
}

/// How much is written before a sync begins beside it, in bytes.
const SYNC_EVERY: usize = 64 << 20;

impl Aside {
    /// Has what was written so far synced, if it is much and the disk has done what it was told before.
    async fn sync_ahead(&mut self, file: &File) -> Result<(), WriteError> {
        if self.unsynced < SYNC_EVERY || self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        self.synced().await?;
        let file = joined(Ok(file.try_clone()))?;
        self.unsynced = 0;
        self.syncing = Some(spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for the sync that is under way. The kernel tells a failure once: so whoever hears of it has to give the file up.
    async fn synced(&mut self) -> Result<(), WriteError> {
        match self.syncing.take() {
            Some(syncing) => joined(syncing.await),
            None => Ok(()),
        }
    }
}

impl Writer {
    pub(crate) fn new(contents: Arc<Contents>, bucket: BucketName, rules: BucketRules) -> Self {
        let (digest, state) = (Digest::default(), State::Whole);
        Self { contents, bucket, rules, digest, size: 0, block: Block::default(), aside: None, state }
    }

    async fn add(&mut self, mut bytes: Bytes) -> Result<(), WriteError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.rules.fits(self.size)?;
        let block_size = self.contents.options.block_size();
        while !bytes.is_empty() {
            self.block.push(bytes.split_to(bytes.len().min(block_size - self.block.len())));
            if self.block.len() == block_size {
                self.spill().await?;
            }
        }
        Ok(())
    }

    /// Has the block written when the one before is.
    async fn spill(&mut self) -> Result<(), WriteError> {
        self.contents.room()?;
        let block = std::mem::take(&mut self.block);
        block.digest(&mut self.digest);
        let aside = match &mut self.aside {
            Some(aside) => aside,
            None => self.aside.insert(begin(&self.contents, &self.bucket).await?),
        };
        let mut file = joined((&mut aside.writing).await)?;
        aside.sync_ahead(&file).await?;
        aside.unsynced += block.len();
        aside.writing = spawn_blocking(move || block.append(&mut file).map(|()| file));
        Ok(())
    }

    async fn end(mut self) -> Result<Content, WriteError> {
        if self.aside.is_none() && self.block.len() <= self.contents.options.inline_max() {
            self.block.digest(&mut self.digest);
            return Ok(Content::inline(ContentId::now(), self.block.into_bytes(), self.digest.etag()));
        }
        self.spill().await?;
        let Some(mut aside) = self.aside else { return Err(Unavailable::Failed.into()) };
        aside.synced().await?;
        let Aside { hold, writing, _place, .. } = aside;
        let file = joined(writing.await)?;
        let contents = self.contents;
        joined(spawn_blocking(move || contents.folder.keep(&file)).await)?;
        Ok(Content::aside(hold.id(), self.size, self.digest.etag(), hold))
    }
}

/// Makes a file for new content.
async fn begin(contents: &Arc<Contents>, bucket: &BucketName) -> Result<Aside, WriteError> {
    let _place = contents.transfers.take(Some(bucket.clone())).await?;
    let hold = contents.hold(ContentId::now());
    let (contents, holds) = (Arc::clone(contents), Arc::clone(&hold));
    // The file must not come after whoever would remove it: so this holds it, too.
    let writing = spawn_blocking(move || contents.folder.create(holds.id()));
    Ok(Aside { hold, writing, syncing: None, unsynced: 0, _place })
}

/// What a piece of work on a file came to.
pub(crate) fn joined<T>(result: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, WriteError> {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
            tracing::warn!(error = %error, "there is no space for a blob");
            Err(Unavailable::DiskFull.into())
        }
        Ok(Err(error)) => {
            tracing::error!(error = %error, "a blob can't be written");
            Err(Unavailable::Failed.into())
        }
        Err(error) => {
            tracing::error!(error = %error, "a blob was not written to its end");
            Err(Unavailable::Failed.into())
        }
    }
}

impl ContentWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(async move {
            // Unless this comes to its end.
            if std::mem::replace(&mut self.state, State::Broken) == State::Broken {
                return Err(Unavailable::Failed.into());
            }
            let added = self.add(bytes).await;
            match added {
                Ok(()) => self.state = State::Whole,
                // What is there of it goes now, also if somebody keeps the writer.
                Err(_) => drop(self.aside.take()),
            }
            added
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Content, WriteError>> {
        Box::pin(async move {
            match self.state {
                State::Whole => self.end().await,
                State::Broken => Err(Unavailable::Failed.into()),
            }
        })
    }
}
