//! Bodies of requests and responses, on their way through a guest.

use crate::failure::Failure;
use crate::tally::Tally;
use bytes::Bytes;
use flint_engine::deadline::{Deadline, WithDeadline};
use flint_model::ByteSize;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
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

/// That the body of an answer of a shared instance has not ended. Who drops it polls the drive, or drops that too: nobody is woken for it.
#[derive(Debug, Default)]
pub(crate) struct Outstanding;

/// Whether the guest's side has nothing left to do. Nobody is woken for it: whoever keeps it polls it again.
pub(crate) fn has_ended(drive: &mut Drive) -> bool {
    drive.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// The body of a response. Polling it runs the guest that writes it: one that is not read stands still, and dropping the
/// body ends the guest.
pub struct ResponseBody {
    inner: Inner,
    driver: Driver,
    outstanding: Option<Arc<Outstanding>>,
    /// Whether a piece was given out.
    begun: bool,
    /// How much more may leave.
    left: u64,
    max: ByteSize,
    /// For the body itself: the guest may have ended, and passed on a body that flows.
    deadline: Option<Deadline>,
    tally: Arc<Tally>,
}

enum Inner {
    Streamed(WasiBody),
    Full(Full<Bytes>),
}

enum Driver {
    /// The guest has ended.
    Done,
    /// Runs with the body.
    Inline(Drive),
    /// Runs with the body, and is ended when its time is up, also while nobody reads.
    Watched {
        watch: Arc<Watch>,
        #[expect(dead_code, reason = "takes the alarm back when it is dropped")]
        alarm: Deadline,
    },
}

/// Ends a guest when it is woken.
struct Watch {
    drive: Mutex<Option<Drive>>,
    timeout: Duration,
    tally: Weak<Tally>,
    runtime: Handle,
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        // Not on the thread that wakes: whoever polls the guest now holds the lock for as long as that takes.
        self.runtime.clone().spawn(async move {
            if let Some(tally) = self.tally.upgrade() {
                tally.close(Err(&Failure::TimedOut(self.timeout)));
            }
            let drive = self.drive().take();
            drop(drive);
        });
    }
}

impl Watch {
    /// A guest that panicked the host's code in the middle of a poll is never polled again: its drive is dropped.
    fn drive(&self) -> MutexGuard<'_, Option<Drive>> {
        self.drive.lock().unwrap_or_else(|poisoned| {
            let mut inner = poisoned.into_inner();
            *inner = None;
            inner
        })
    }
}

/// No limit of a streamed answer.
const UNLIMITED: ByteSize = ByteSize::bytes(u64::MAX);

/// A piece that is larger may stay in the buffers of the connection for as long as the client likes.
const AT_ONCE_MAX: usize = 8 << 10;

impl ResponseBody {
    pub(crate) fn streamed(
        inner: WasiBody,
        outstanding: Option<Arc<Outstanding>>,
        drive: Option<Drive>,
        deadline: Deadline,
        max: Option<ByteSize>,
        tally: Arc<Tally>,
    ) -> Self {
        let driver = drive.map_or(Driver::Done, Driver::Inline);
        let max = max.unwrap_or(UNLIMITED);
        let (inner, left) = (Inner::Streamed(inner), max.as_u64());
        Self { inner, driver, outstanding, begun: false, left, max, deadline: Some(deadline), tally }
    }

    pub(crate) fn full(bytes: Bytes, tally: Arc<Tally>) -> Self {
        let inner = Inner::Full(Full::new(bytes));
        let max = UNLIMITED;
        Self {
            inner,
            driver: Driver::Done,
            outstanding: None,
            begun: false,
            left: max.as_u64(),
            max,
            deadline: None,
            tally,
        }
    }

    /// From now on, the guest's time-out holds also while nobody reads the body.
    ///
    /// Done when the body turns out to be streamed: one that is complete at once has no need of it.
    pub(crate) fn watch(&mut self) {
        let (Driver::Inline(_), Some(deadline)) = (&self.driver, &self.deadline) else { return };
        let Some(drive) = self.driver.stop() else { return };
        let watch = Arc::new(Watch {
            drive: Mutex::new(Some(drive)),
            timeout: deadline.limit(),
            tally: Arc::downgrade(&self.tally),
            runtime: Handle::current(),
        });
        let mut alarm = deadline.again();
        alarm.wake(&Waker::from(Arc::clone(&watch)));
        self.driver = Driver::Watched { watch, alarm };
    }

    /// The answer is complete: what the guest does behind it runs on by itself, within its time-out.
    fn complete(&mut self) {
        self.tally.close(Ok(()));
        let is_shared = self.outstanding.take().is_some();
        if let Some(mut drive) = self.driver.stop()
            && !(is_shared && has_ended(&mut drive))
            && let Some(deadline) = &self.deadline
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(WithDeadline::new(drive, deadline.again()));
        }
    }

    /// Ends the guest in the middle of its answer.
    fn break_off(&mut self, failure: Failure) -> BodyError {
        self.tally.close(Err(&failure));
        _ = self.driver.stop();
        failure.into()
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
            Self::Inline(drive) => drive.as_mut().poll(context),
            Self::Watched { watch, .. } => match watch.drive().as_mut() {
                Some(drive) => drive.as_mut().poll(context),
                None => Poll::Ready(Err(Failure::TimedOut(watch.timeout))),
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
            Self::Inline(drive) => Some(drive),
            Self::Watched { watch, .. } => watch.drive().take(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // Who knows the length does not ask for the end.
        let complete = match &self.inner {
            Inner::Streamed(body) => body.is_end_stream(),
            Inner::Full(body) => body.is_end_stream(),
        };
        if complete {
            self.complete();
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
                let size = frame.data_ref().map_or(0, Bytes::len);
                let Some(left) = this.left.checked_sub(size as u64) else {
                    let failure = Failure::TooLarge { what: "response", limit: this.max };
                    return Poll::Ready(Some(Err(this.break_off(failure))));
                };
                this.left = left;
                this.tally.add_bytes_out(size);
                // Most guests write one small piece and end.
                if mem::replace(&mut this.begun, true) || size > AT_ONCE_MAX {
                    this.watch();
                }
            }
            Poll::Pending => {
                this.watch();
                if let Some(deadline) = &mut this.deadline
                    && let Poll::Ready(elapsed) = deadline.poll(context)
                {
                    return Poll::Ready(Some(Err(this.break_off(elapsed.into()))));
                }
            }
            Poll::Ready(None) => this.complete(),
            Poll::Ready(Some(Err(error))) => this.tally.close(Err(&Failure::NoAnswer(error.to_string()))),
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
            // It may be known when the guest announced it, but HTTP would be done with the body at its last byte, and drop the
            // guest that is still at work.
            Inner::Streamed(_) => SizeHint::default(),
            Inner::Full(body) => body.size_hint(),
        }
    }
}
