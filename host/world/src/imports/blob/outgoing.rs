//! Content on its way to a guest: a block at a time, when the guest asks for it.

use super::unexpected;
use crate::bindings::platform::blob as wit;
use crate::imports::stores::Account;
use crate::state::Platform;
use bytes::Bytes;
use flint_stores::ReadError;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, Destination, FutureReader, StreamProducer, StreamReader, StreamResult};
use wasmtime::{Result, StoreContextMut};

/// How the content came to its end.
type End = Result<(), wit::Error>;

/// Content that a guest reads, and who is told how that ended.
struct Outgoing {
    blocks: BoxStream<'static, Result<Bytes, ReadError>>,
    account: Account,
    end: Option<oneshot::Sender<End>>,
}

/// Makes the two ends that the guest gets.
pub(super) fn streams<T>(
    accessor: &Accessor<T, Platform>,
    account: Account,
    blocks: BoxStream<'static, Result<Bytes, ReadError>>,
) -> Result<(StreamReader<u8>, FutureReader<End>), wit::Error> {
    let (sender, receiver) = oneshot::channel();
    let outgoing = Outgoing { blocks, account, end: Some(sender) };
    // A guest that lets go of the stream has not read it to its end.
    let end = async move { wasmtime::error::Ok(receiver.await.unwrap_or(Err(wit::Error::Interrupted))) };
    let made = accessor.with(|mut access| {
        let stream = StreamReader::new(&mut access, outgoing)?;
        wasmtime::error::Ok((stream, FutureReader::new(&mut access, end)?))
    });
    made.map_err(|_defect| unexpected())
}

impl Outgoing {
    fn end(&mut self, how: End) -> StreamResult {
        if let Some(end) = self.end.take() {
            // Nobody may want to know.
            let _ = end.send(how);
        }
        StreamResult::Dropped
    }
}

impl<D> StreamProducer<D> for Outgoing {
    type Item = u8;
    type Buffer = Bytes;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, u8, Bytes>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let this = self.get_mut();
        if destination.remaining(store) == Some(0) {
            // It only asks whether there is something: it finds out when it reads.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        Poll::Ready(Ok(match this.blocks.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(block))) => match this.account.spend(block.len()) {
                Ok(()) => {
                    destination.set_buffer(block);
                    StreamResult::Completed
                }
                Err(spent) => this.end(Err(spent.into())),
            },
            Poll::Ready(Some(Err(error))) => this.end(Err(error.into())),
            Poll::Ready(None) => this.end(Ok(())),
            Poll::Pending if finish => StreamResult::Cancelled,
            Poll::Pending => return Poll::Pending,
        }))
    }
}
