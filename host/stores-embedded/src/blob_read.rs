//! Reading content: a block at a time, and one ahead of who reads.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use flint_model::ContentId;
use flint_stores::{Body, ReadError, Unavailable};
use futures::StreamExt as _;
use futures::stream;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::blob_file::next;
use crate::contents::Contents;
use crate::transfers::{Holder, Transfer};

/// Why a file is not read.
pub(crate) enum Missed {
    /// There is none: it may have been removed since it was looked up.
    Gone,
    Failed(ReadError),
}

/// The bytes of a content that is in memory.
pub(crate) fn whole(bytes: Bytes, span: Range<u64>) -> Body {
    let bytes = if bytes.is_empty() { None } else { Some(Ok(bytes)) };
    Body { span, bytes: stream::iter(bytes).boxed() }
}

/// A file that is being read.
struct Reading {
    next: JoinHandle<io::Result<(File, Bytes)>>,
    /// What comes behind the block that is being read.
    left: u64,
    block_size: u64,
    place: Transfer,
}

/// Opens the file of a content, and reads its first block.
pub(crate) async fn open(
    contents: &Arc<Contents>,
    holder: Holder,
    (id, size): (ContentId, u64),
    span: Range<u64>,
) -> Result<Body, Missed> {
    let failed = |reason: Unavailable| Missed::Failed(reason.into());
    let place = contents.transfers.take(holder).await.map_err(failed)?;
    let block_size = contents.options.block_size() as u64;
    let length = span.end - span.start;
    let (first, left) = cut(length, block_size);
    let (folder, start) = (Arc::clone(contents), span.start);
    let opened = spawn_blocking(move || {
        let mut file = folder.folder.read(id, size, start)?;
        let block = next(&mut file, first)?;
        Ok((file, Bytes::from(block)))
    });
    let (file, block) = match opened.await.map_err(io::Error::other).flatten() {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Missed::Gone),
        Err(error) => {
            tracing::error!(error = %error, content = %id, "a blob can't be read");
            return Err(failed(Unavailable::Failed));
        }
    };
    let rest = (left > 0).then(|| ahead(file, left, block_size, place));
    let rest = stream::unfold(rest, |reading| async move {
        let (block, reading) = reading?.block().await;
        Some((block, reading))
    });
    Ok(Body { span, bytes: stream::iter([Ok(block)]).chain(rest).boxed() })
}

/// How long the next block is, and what is left behind it.
fn cut(length: u64, block_size: u64) -> (usize, u64) {
    let block = length.min(block_size);
    (block as usize, length - block)
}

/// Begins to read the next block.
fn ahead(mut file: File, length: u64, block_size: u64, place: Transfer) -> Reading {
    let (count, left) = cut(length, block_size);
    let next = spawn_blocking(move || {
        let block = next(&mut file, count)?;
        Ok((file, Bytes::from(block)))
    });
    Reading { next, left, block_size, place }
}

impl Reading {
    /// Waits for the block that is being read, and begins to read the one behind it.
    async fn block(self) -> (Result<Bytes, ReadError>, Option<Self>) {
        let Self { next, left, block_size, place } = self;
        match next.await.map_err(io::Error::other).flatten() {
            Ok((file, block)) => (Ok(block), (left > 0).then(|| ahead(file, left, block_size, place))),
            Err(error) => {
                tracing::error!(error = %error, "a blob can't be read to its end");
                (Err(Unavailable::Failed.into()), None)
            }
        }
    }
}
