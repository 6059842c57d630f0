//! Bodies of requests that a guest makes and of their answers: they stream, are counted, and end in time.

use super::account::Account;
use super::connection::Connection;
use super::error::of_body;
use super::pool::{Key, Pool};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

/// How far the body of a request has come: nobody has to answer what was not yet asked.
pub(crate) struct Progress {
    began: Instant,
    /// Milliseconds since `began`.
    moved: AtomicU64,
    too_large: AtomicBool,
}

impl Progress {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), moved: AtomicU64::new(0), too_large: AtomicBool::new(false) })
    }

    /// When a piece of the body was last taken.
    pub(crate) fn moved_at(&self) -> Instant {
        self.began + Duration::from_millis(self.moved.load(Relaxed))
    }

    /// Whether the body was cut off, since it was larger than it may be.
    pub(crate) fn was_too_large(&self) -> bool {
        self.too_large.load(Relaxed)
    }

    fn moved(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Relaxed);
    }
}

/// The right to call, which others wait for. The request and its answer share it, since each of them can be the last one to be
/// over.
#[derive(Clone)]
pub(crate) struct Turn(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Turn {
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Is over, and if a request still has it that nobody takes, so is its connection: HTTP/2 would keep both for as long as its
    /// server likes.
    fn end(&self, connection: &Connection) {
        if self.is_shared() {
            self.0.lock().take();
            connection.give_up();
        }
    }
}

/// A call that waits for the head of its answer. Dropped before, it is over.
pub(crate) struct Asking {
    turn: Turn,
    /// None of HTTP/1.1, which loses the connection, and the request with it.
    connection: Option<Connection>,
}

impl Asking {
    pub(crate) fn new(turn: Turn, connection: &Connection) -> Self {
        Self { turn, connection: connection.share() }
    }

    /// It is not over: it was answered, or nothing of it was sent.
    pub(crate) fn goes_on(mut self) -> Turn {
        self.connection = None;
        self.turn.clone()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            self.turn.end(connection);
        }
    }
}

/// The body of a request, on its way out of the guest.
pub(crate) struct RequestBody {
    inner: WasiBody,
    account: Arc<Account>,
    progress: Arc<Progress>,
    /// When the call ends at the latest.
    deadline: Instant,
    #[expect(dead_code, reason = "gives the right back when it is dropped")]
    turn: Turn,
}

impl RequestBody {
    pub(crate) fn new(
        inner: WasiBody,
        account: Arc<Account>,
        progress: Arc<Progress>,
        deadline: Instant,
        turn: Turn,
    ) -> Self {
        Self { inner, account, progress, deadline, turn }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if frame.is_ready() {
            self.progress.moved();
            // Who never waits never sees an alarm.
            if Instant::now() >= self.deadline {
                return Poll::Ready(Some(Err(Error::ConnectionWriteTimeout)));
            }
        }
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
            && self.account.send(data.len()).is_err()
        {
            self.progress.too_large.store(true, Relaxed);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.account.size_max())))));
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

/// A connection that carries an answer, and where it goes when the answer is over.
pub(crate) struct Loan {
    pub(crate) connection: Connection,
    pub(crate) key: Key,
    pub(crate) pool: Arc<Pool>,
    /// When the call ends at the latest.
    pub(crate) deadline: Instant,
    pub(crate) turn: Turn,
}

impl Loan {
    /// The answer is complete: the connection is for the next request, when this one has left to its end too.
    fn give_back(self) {
        match self.connection {
            Connection::Http1 { .. } => self.pool.give_back(self.key, self.connection, self.deadline),
            // Its clone in the pool is the one that is kept.
            Connection::Http2 { .. } => self.end(),
        }
    }

    /// The answer is over. With HTTP/1.1, so is the connection; with HTTP/2, the request may go on as long as the call.
    fn end(self) {
        if matches!(self.connection, Connection::Http1 { .. }) || !self.turn.is_shared() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                sleep_until(self.deadline).await;
                self.turn.end(&self.connection);
            })),
            Err(_) => self.turn.end(&self.connection),
        }
    }
}

/// The body of an answer, on its way into the guest. Dropping it ends the exchange.
pub(crate) struct ResponseBody {
    inner: Incoming,
    /// None when the answer is over, however it ended.
    loan: Option<Loan>,
    account: Arc<Account>,
    pace: Pace,
}

impl ResponseBody {
    pub(crate) fn new(inner: Incoming, loan: Loan, account: Arc<Account>, between_bytes: Duration) -> Self {
        let pace = Pace { between_bytes, deadline: loan.deadline, alarm: None, is_waiting: false };
        let mut body = Self { inner, loan: Some(loan), account, pace };
        body.end_if_complete();
        body
    }

    fn end_if_complete(&mut self) {
        if self.inner.is_end_stream() {
            self.end();
        }
    }

    /// The answer is complete.
    fn end(&mut self) {
        if let Some(loan) = self.loan.take() {
            loan.give_back();
        }
    }

    /// The answer is over before its end.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(loan) = self.loan.take() {
            loan.end();
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(loan) = self.loan.take() {
            loan.end();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.loan.is_none() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.pace.moved();
                if this.pace.is_over() {
                    return this.fail(Error::HttpResponseTimeout);
                }
                if frame.data_ref().is_some_and(|data| this.account.receive(data.len()).is_err()) {
                    return this.fail(Error::HttpResponseBodySize(Some(this.account.size_max())));
                }
                this.end_if_complete();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => this.fail(of_body(&error)),
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => match this.pace.poll(context) {
                Poll::Ready(error) => this.fail(error),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.loan.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.loan.is_none() { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}

/// Watches that pieces keep coming while somebody waits for one, and that all is over in time.
struct Pace {
    between_bytes: Duration,
    deadline: Instant,
    /// Made when somebody waits for the first time.
    alarm: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Pace {
    fn moved(&mut self) {
        self.is_waiting = false;
    }

    /// Whether the call should have ended: who always finds a piece never waits.
    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Resolves when the wait was too long.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        if !self.is_waiting {
            self.is_waiting = true;
            let until = self.deadline.min(Instant::now() + self.between_bytes);
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(until),
                None => self.alarm = Some(Box::pin(sleep_until(until))),
            }
        }
        let Some(alarm) = &mut self.alarm else { return Poll::Pending };
        alarm
            .as_mut()
            .poll(context)
            .map(|()| if self.is_over() { Error::HttpResponseTimeout } else { Error::ConnectionReadTimeout })
    }
}
