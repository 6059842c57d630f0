//! Bodies of requests and responses, on their way through a guest.

use crate::failure::Failure;
use crate::tally::Tally;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::WasiBody;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The guest failed after it had begun to answer.
    #[error(transparent)]
    Guest(#[from] Failure),
    /// The guest gave the body up, or it does not have the length that was announced.
    #[error("the response body is incomplete: {0}")]
    Incomplete(String),
}

/// The body of a request, counted.
pub struct RequestBody<B> {
    inner: B,
    tally: Arc<Tally>,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, tally: Arc<Tally>) -> Self {
        Self { inner, tally }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.tally.add_bytes_in(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The guest's side of an invocation: what is left to run when the head of the answer has left.
pub(crate) type Drive = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// The body of a response. Polling it runs the guest that writes it: one that is not read stands still, and dropping the
/// body ends the guest.
pub struct ResponseBody {
    inner: Inner,
    driver: Driver,
    /// Whether a piece was given out.
    begun: bool,
    /// For the body itself: the guest may have ended, and passed on a body that flows.
    deadline: Option<Deadline>,
    timer: Option<Pin<Box<Sleep>>>,
    tally: Arc<Tally>,
}

enum Inner {
    Streamed(WasiBody),
    Full(Full<Bytes>),
}

/// When the guest's time is up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) timeout: Duration,
}

enum Driver {
    /// The guest has ended.
    Done,
    /// Runs with the body.
    Inline(Drive, Deadline),
    /// Runs with the body, and a task ends it when its time is up, also while nobody reads.
    Watched {
        drive: Arc<Mutex<Option<Drive>>>,
        #[expect(dead_code, reason = "ends the task when it is dropped")]
        watch: AbortOnDropHandle<()>,
        timeout: Duration,
    },
}

impl ResponseBody {
    pub(crate) fn streamed(inner: WasiBody, drive: Option<Drive>, deadline: Deadline, tally: Arc<Tally>) -> Self {
        let driver = drive.map_or(Driver::Done, |drive| Driver::Inline(drive, deadline));
        Self { inner: Inner::Streamed(inner), driver, begun: false, deadline: Some(deadline), timer: None, tally }
    }

    pub(crate) fn full(bytes: Bytes, tally: Arc<Tally>) -> Self {
        let inner = Inner::Full(Full::new(bytes));
        Self { inner, driver: Driver::Done, begun: false, deadline: None, timer: None, tally }
    }

    /// Whether the time of the invocation is up, while the body waits for more to come.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.at.into())));
        timer.as_mut().poll(context).map(|()| Failure::TimedOut(deadline.timeout))
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.inner {
            Inner::Streamed(body) => {
                Pin::new(body).poll_frame(context).map_err(|error| BodyError::Incomplete(error.to_string()))
            }
            Inner::Full(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
        }
    }
}

impl Driver {
    /// Runs the guest on, as far as it gets.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let poll = match self {
            Self::Done => return Ok(()),
            Self::Inline(drive, _) => drive.as_mut().poll(context),
            Self::Watched { drive, timeout, .. } => match lock(drive).as_mut() {
                Some(drive) => drive.as_mut().poll(context),
                None => Poll::Ready(Err(Failure::TimedOut(*timeout))),
            },
        };
        match poll {
            Poll::Ready(result) => {
                _ = self.stop();
                result
            }
            Poll::Pending => Ok(()),
        }
    }

    /// Ends it here, and hands out what is left to run.
    fn stop(&mut self) -> Option<Drive> {
        match mem::replace(self, Self::Done) {
            Self::Done => None,
            Self::Inline(drive, _) => Some(drive),
            Self::Watched { drive, .. } => lock(&drive).take(),
        }
    }

    /// From now on, the guest's time-out holds also while nobody reads the body.
    ///
    /// Done when the body turns out to be streamed: one that is complete at once needs no task.
    fn watch(&mut self, tally: &Arc<Tally>) {
        let Self::Inline(_, deadline) = *self else { return };
        let Some(drive) = self.stop() else { return };
        let drive = Arc::new(Mutex::new(Some(drive)));
        let (watched, tally) = (Arc::downgrade(&drive), Arc::downgrade(tally));
        let watch = tokio::spawn(async move {
            tokio::time::sleep_until(deadline.at.into()).await;
            if let Some(tally) = tally.upgrade() {
                tally.close(Err(&Failure::TimedOut(deadline.timeout)));
            }
            if let Some(drive) = watched.upgrade() {
                drop(lock(&drive).take());
            }
        });
        *self = Self::Watched { drive, watch: AbortOnDropHandle::new(watch), timeout: deadline.timeout };
    }
}

/// A guest that panicked the host's code in the middle of a poll is never polled again: its drive is dropped.
fn lock(drive: &Mutex<Option<Drive>>) -> MutexGuard<'_, Option<Drive>> {
    drive.lock().unwrap_or_else(|poisoned| {
        let mut inner = poisoned.into_inner();
        *inner = None;
        inner
    })
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // Who knows the length does not ask for the end.
        let complete = match &self.inner {
            Inner::Streamed(body) => body.is_end_stream(),
            Inner::Full(body) => body.is_end_stream(),
        };
        if complete {
            self.tally.close(Ok(()));
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        // The guest first: a failure has to be seen before the end of what it wrote, or the body would look complete.
        if let Err(failure) = this.driver.poll(context) {
            return Poll::Ready(Some(Err(failure.into())));
        }
        let frame = this.poll_inner(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.tally.add_bytes_out(data.len());
                }
                // Most guests write one piece and end: starting a task for each of them would cost a wake-up of another
                // thread, up to 40 µs where that one sleeps.
                if mem::replace(&mut this.begun, true) {
                    this.driver.watch(&this.tally);
                }
            }
            Poll::Pending => {
                this.driver.watch(&this.tally);
                if let Poll::Ready(failure) = this.poll_deadline(context) {
                    this.tally.close(Err(&failure));
                    this.driver.stop();
                    return Poll::Ready(Some(Err(failure.into())));
                }
            }
            Poll::Ready(None) => {
                this.tally.close(Ok(()));
                // What the guest does after its answer: it runs on by itself, within its time-out.
                if let Some(drive) = this.driver.stop() {
                    tokio::spawn(drive);
                }
            }
            Poll::Ready(Some(Err(_))) => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            // While the guest runs, it can still fail: the end is the end of both.
            Inner::Streamed(body) => matches!(self.driver, Driver::Done) && body.is_end_stream(),
            Inner::Full(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Streamed(body) => body.size_hint(),
            Inner::Full(body) => body.size_hint(),
        }
    }
}
