//! A body that one part of a function writes and another reads, one piece at a time.
//!
//! Plain memory, no host call: the pump in [`super::wire`] moves the pieces into the host's stream.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::HeaderMap;
use super::body::BodyError;
use super::wire::{self, Outgoing};

/// The writing end of [`Body::channel`](super::Body::channel).
///
/// Dropped without [`finish`](Sender::finish), it aborts the body: the reader sees that it is not complete, and a client
/// sees a broken response rather than a short one.
///
/// ```
/// use flint_sdk::http::{Body, Closed, Request, Sender};
///
/// #[flint_sdk::http]
/// async fn count(_: Request) -> Body {
///     let (sender, body) = Body::channel();
///     flint_sdk::spawn(async {
///         // A client that hung up needs nothing more.
///         let _gone = write(sender).await;
///     });
///     body
/// }
///
/// async fn write(mut sender: Sender) -> Result<(), Closed> {
///     for n in 1..=1000 {
///         sender.send(format!("{n}\n")).await?;
///     }
///     sender.finish();
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Sender(Rc<RefCell<Slot>>);

/// The reading end.
#[derive(Debug)]
pub(crate) struct Receiver {
    slot: Rc<RefCell<Slot>>,
    /// How the pieces get to the host. It is named where a channel is made and nowhere else, so that the linker drops it
    /// from functions that make none.
    pub(super) pump: fn(Receiver) -> Outgoing,
}

/// The reader is gone: nobody wants what was sent.
///
/// ```
/// use flint_sdk::http::{Closed, Sender};
///
/// /// Answers whether there is still a reader.
/// async fn tick(sender: &mut Sender) -> bool {
///     !matches!(sender.send("tick\n").await, Err(Closed))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the body is gone")]
pub struct Closed;

/// The one piece between the two ends.
#[derive(Debug)]
struct Slot {
    chunk: Option<Bytes>,
    writer: Writer,
    reader_gone: bool,
    /// Whoever waits. Never both: one waits for an empty slot, the other for a full one.
    waiting: Option<Waker>,
}

/// How far the writer is.
#[derive(Debug)]
enum Writer {
    Writing,
    Finished(Option<HeaderMap>),
    Aborted,
}

pub(crate) fn new() -> (Sender, Receiver) {
    let slot = Rc::new(RefCell::new(Slot { chunk: None, writer: Writer::Writing, reader_gone: false, waiting: None }));
    let receiver = Receiver { slot: slot.clone(), pump: wire::pump };
    (Sender(slot), receiver)
}

impl Sender {
    /// Hands a piece to the reader; waits until the piece before was taken.
    ///
    /// ```
    /// # async fn example() -> Result<(), flint_sdk::http::Closed> {
    /// let (mut sender, body) = flint_sdk::http::Body::channel();
    /// # drop(body);
    /// sender.send("a piece").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Closed`] when the reader is gone, for instance because the client hung up. A retry can't help.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<(), Closed> {
        let mut chunk = Some(chunk.into()).filter(|chunk| !chunk.is_empty());
        poll_fn(|context| self.0.borrow_mut().poll_put(&mut chunk, context)).await
    }

    /// Says that the body is complete.
    ///
    /// ```
    /// let (sender, body) = flint_sdk::http::Body::channel();
    /// sender.finish();
    /// ```
    pub fn finish(self) {
        self.0.borrow_mut().end(Writer::Finished(None));
    }

    /// Says that the body is complete, and sends header fields behind it.
    ///
    /// Of a response, only those reach the client that the header `trailer` names, and none if the response has a
    /// `content-length` (HTTP/1.1 sends trailers behind chunks) or the client did not ask for them with `te: trailers`.
    ///
    /// ```
    /// use flint_sdk::http::{Body, HeaderMap, HeaderValue, Response, header};
    ///
    /// let (sender, body) = Body::channel();
    /// let mut response = Response::new(body);
    /// response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("checksum"));
    /// let mut trailers = HeaderMap::new();
    /// trailers.insert("checksum", HeaderValue::from_static("5f3c"));
    /// sender.finish_with_trailers(trailers);
    /// ```
    pub fn finish_with_trailers(self, trailers: HeaderMap) {
        self.0.borrow_mut().end(Writer::Finished(Some(trailers)));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut slot = self.0.borrow_mut();
        if matches!(slot.writer, Writer::Writing) {
            slot.end(Writer::Aborted);
        }
    }
}

impl Receiver {
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|context| self.slot.borrow_mut().poll_take(context)).await
    }

    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.slot.borrow_mut().writer {
            Writer::Finished(trailers) => trailers.take(),
            Writer::Writing | Writer::Aborted => None,
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut slot = self.slot.borrow_mut();
        slot.reader_gone = true;
        slot.wake();
    }
}

impl Slot {
    fn poll_put(&mut self, chunk: &mut Option<Bytes>, context: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.reader_gone {
            return Poll::Ready(Err(Closed));
        }
        if self.chunk.is_some() {
            return self.wait(context);
        }
        if chunk.is_some() {
            self.chunk = chunk.take();
            self.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        if let Some(chunk) = self.chunk.take() {
            self.wake();
            return Poll::Ready(Ok(Some(chunk)));
        }
        match self.writer {
            Writer::Writing => self.wait(context),
            Writer::Finished(_) => Poll::Ready(Ok(None)),
            Writer::Aborted => Poll::Ready(Err(BodyError::Incomplete("its writer stopped".to_owned()))),
        }
    }

    fn end(&mut self, writer: Writer) {
        self.writer = writer;
        self.wake();
    }

    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        self.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}
