//! Content that a guest writes by a stream of `wasi:io`, before or after it says where it goes.
//!
//! A task of the value takes the pieces. Until it is known for which bucket they are, they are held in memory, within what the
//! instance may hold of the host's; then they go to the store as they come.

use super::{text, unexpected, wit};
use crate::bindings::wasi::blobstore::types;
use crate::imports::stores::Account;
use crate::state::State;
use bytes::Bytes;
use flint_model::BucketName;
use flint_stores::{Content, Effect, Outcome};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

/// What the host takes from a guest at once, in bytes.
const PIECE_MAX: usize = 64 << 10;

/// So many pieces are on their way to the task.
const PIECES_MAX: usize = 2;

/// Content that is written.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings export it again")]
pub struct OutgoingValue {
    /// None: the guest has the stream.
    pieces: Option<mpsc::Sender<Bytes>>,
    /// None: it is known where it goes.
    leads: Option<oneshot::Sender<BucketName>>,
    to: Option<(BucketName, String)>,
    spool: AbortOnDropHandle<Result<Content, wit::Error>>,
}

impl OutgoingValue {
    fn new(account: Account) -> Self {
        let ((piece, pieces), (leads, bucket)) = (mpsc::channel(PIECES_MAX), oneshot::channel());
        let spool = AbortOnDropHandle::new(tokio::spawn(spool(account, pieces, bucket)));
        Self { pieces: Some(piece), leads: Some(leads), to: None, spool }
    }

    /// Says where it goes.
    pub(super) fn lead_to(&mut self, bucket: BucketName, key: String) -> Result<(), wit::Error> {
        let Some(leads) = self.leads.take() else {
            return Err(wit::Error::Invalid("the value is written to an object already".to_owned()));
        };
        // If the task has failed, `finish` says why.
        _ = leads.send(bucket.clone());
        self.to = Some((bucket, key));
        Ok(())
    }
}

/// Takes what comes, and puts it aside in the store.
async fn spool(
    account: Account,
    mut pieces: mpsc::Receiver<Bytes>,
    mut leads: oneshot::Receiver<BucketName>,
) -> Result<Content, wit::Error> {
    let (mut held, mut is_open) = (VecDeque::new(), true);
    let bucket = loop {
        tokio::select! {
            bucket = &mut leads => break bucket.map_err(|_dropped| wit::Error::Interrupted)?,
            piece = pieces.recv(), if is_open => match piece {
                None => is_open = false,
                Some(piece) => {
                    account.spend(piece.len())?;
                    let holds = account.hold(piece.len()).map_err(|_overloaded| too_early())?;
                    held.push_back((piece, holds));
                }
            },
        }
    };
    let mut writer = account.stores.blobs().write(&bucket).await?;
    for (piece, _holds) in held {
        writer.write(piece).await?;
    }
    while let Some(piece) = pieces.recv().await {
        account.spend(piece.len())?;
        writer.write(piece).await?;
    }
    Ok(writer.finish().await?)
}

fn too_early() -> wit::Error {
    wit::Error::TooLarge("so much content has to know where it goes: call `write-data` before it is written".to_owned())
}

/// The end that the guest writes to.
struct Body(mpsc::Sender<Bytes>);

#[wasmtime_wasi::async_trait]
impl Pollable for Body {
    async fn ready(&mut self) {
        // Whether there is room or nobody takes it any more, a write finds out.
        _ = self.0.reserve().await;
    }
}

impl OutputStream for Body {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > PIECE_MAX {
            return Err(StreamError::trap("more is written than the stream has permitted"));
        }
        match self.0.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StreamError::Closed),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(StreamError::trap("more is written than the stream has permitted"))
            }
        }
    }

    /// Durable is what `finish` has answered.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.0.capacity() {
            _ if self.0.is_closed() => Err(StreamError::Closed),
            0 => Ok(0),
            _ => Ok(PIECE_MAX),
        }
    }
}

impl types::Host for State {}

impl types::HostOutgoingValue for State {
    async fn new_outgoing_value(&mut self) -> Result<Resource<OutgoingValue>> {
        let value = OutgoingValue::new(self.account());
        Ok(self.table.push(value)?)
    }

    async fn outgoing_value_write_body(
        &mut self,
        value: Resource<OutgoingValue>,
    ) -> Result<Result<Resource<DynOutputStream>, ()>> {
        let Some(pieces) = self.table.get_mut(&value)?.pieces.take() else { return Ok(Err(())) };
        let stream: DynOutputStream = Box::new(Body(pieces));
        Ok(Ok(self.table.push_child(stream, &value)?))
    }

    /// Waits until all of it is there. A value that was written to no object leaves nothing.
    async fn finish(&mut self, value: Resource<OutgoingValue>) -> Result<Result<(), String>> {
        let OutgoingValue { pieces, to, spool, .. } = self.table.delete(value)?;
        drop(pieces);
        let Some((bucket, key)) = to else { return Ok(Ok(())) };
        let content = spool.await.unwrap_or_else(|_panicked| Err(unexpected()));
        let client = self.blobs();
        let link = |content| Effect::BlobLink {
            bucket,
            key,
            content,
            content_type: None,
            metadata: BTreeMap::new(),
            expect: None,
        };
        Ok(match content {
            Ok(content) => client.change(link(content)).await.map(|_: Outcome| ()).map_err(text),
            Err(error) => Err(text(error)),
        })
    }

    async fn drop(&mut self, value: Resource<OutgoingValue>) -> Result<()> {
        self.table.delete(value)?;
        Ok(())
    }
}
