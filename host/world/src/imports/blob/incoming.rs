//! Content on its way from a guest: a piece at a time, the next one when the store has taken the one before.

use super::unexpected;
use crate::bindings::platform::blob as wit;
use crate::imports::stores::Account;
use crate::state::Platform;
use bytes::Bytes;
use flint_model::BucketName;
use flint_stores::Content;
use futures::StreamExt as _;
use futures::channel::mpsc;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, FutureConsumer, FutureReader, Source, StreamConsumer, StreamReader, StreamResult};
use wasmtime::{Result, StoreContextMut};

/// What the host takes from a guest at once, in bytes.
const PIECE_MAX: usize = 64 << 10;

/// What a guest writes.
pub(super) struct Incoming {
    pieces: mpsc::Receiver<Bytes>,
    whole: oneshot::Receiver<bool>,
}

/// Takes the two ends that the guest gave.
pub(super) fn streams<T>(
    accessor: &Accessor<T, Platform>,
    content: StreamReader<u8>,
    whole: FutureReader<bool>,
) -> Result<Incoming, wit::Error> {
    let ((piece, pieces), (said, heard)) = (mpsc::channel(0), oneshot::channel());
    let piped = accessor.with(|mut access| {
        content.pipe(&mut access, Pieces(piece))?;
        whole.pipe(&mut access, Whole(Some(said)))
    });
    piped.map_err(|_defect| unexpected())?;
    Ok(Incoming { pieces, whole: heard })
}

impl Incoming {
    /// Writes all that comes. Nothing is left of it if the guest does not say that it was all.
    pub(super) async fn write(mut self, account: &Account, bucket: &BucketName) -> Result<Content, wit::Error> {
        let mut writer = account.stores.blobs().write(bucket).await?;
        while let Some(piece) = self.pieces.next().await {
            account.spend(piece.len())?;
            writer.write(piece).await?;
        }
        match self.whole.await {
            Ok(true) => Ok(writer.finish().await?),
            Ok(false) | Err(_) => Err(wit::Error::Interrupted),
        }
    }
}

struct Pieces(mpsc::Sender<Bytes>);

impl<D> StreamConsumer<D> for Pieces {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let sender = &mut self.get_mut().0;
        let is_open = match sender.poll_ready(context) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            ready => ready!(ready).is_ok(),
        };
        let mut source = source.as_direct(store);
        let piece = source.remaining();
        let piece = Bytes::copy_from_slice(&piece[..piece.len().min(PIECE_MAX)]);
        let count = piece.len();
        // Nobody takes it when the put has failed.
        if !is_open || (count > 0 && sender.try_send(piece).is_err()) {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        source.mark_read(count);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

struct Whole(Option<oneshot::Sender<bool>>);

impl<D> FutureConsumer<D> for Whole {
    type Item = bool;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        mut source: Source<'_, bool>,
        _: bool,
    ) -> Poll<Result<()>> {
        let mut whole = None;
        source.read(store, &mut whole)?;
        if let (Some(said), Some(whole)) = (self.get_mut().0.take(), whole) {
            // Nobody wants to know when the put has failed.
            let _ = said.send(whole);
        }
        Poll::Ready(Ok(()))
    }
}
