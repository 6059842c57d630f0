//! One client's connection: hyper drives it, a watch ends it when it is idle or slow for too long, a drain lets it finish.

use super::activity::{Activity, Patience};
use super::listener::{Cut, Limits};
use super::socket::Socket;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// The smallest buffer that hyper takes.
const BUFFER_MIN: usize = 8192;

/// How hyper serves connections under these limits.
pub(super) fn protocol(limits: &Limits) -> http1::Builder {
    let header_size_max = usize::try_from(limits.header_size_max.as_u64()).unwrap_or(usize::MAX);
    let mut builder = http1::Builder::new();
    // Without a timer hyper sets no timeouts of its own; the watch below has them.
    builder.max_header_size(header_size_max).max_buf_size(header_size_max.max(BUFFER_MIN));
    // hyper keeps its default number of headers on the stack, and any other number on the heap.
    if limits.header_count_max != Limits::default().header_count_max {
        builder.max_headers(limits.header_count_max);
    }
    builder
}

/// Serves one connection until it ends, by either side, or by one of the limits.
///
/// Once `drain` is cancelled, the request that is being answered is the connection's last; once `cut` is told, it is polled.
/// Dropping the future ends the connection at once, and drops what `handler` was doing for it.
pub(super) async fn serve<H, F, B>(
    stream: TcpStream,
    protocol: &http1::Builder,
    patience: Patience,
    handler: &H,
    drain: CancellationToken,
    cut: &Cut,
) where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin + 'static,
{
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Socket::new(stream, activity.clone()));
    let service = service_fn(|request: Request<Incoming>| {
        let busy = Busy::begin(&activity, request.version());
        let response = handler(request);
        async move { Ok::<_, Infallible>(response.await.map(|body| Answer { body, busy })) }
    });
    let mut connection = pin!(protocol.serve_connection(io, service));
    let mut watch = pin!(Watch::new(&activity, patience));
    let mut drained = pin!(drain.cancelled());
    let mut cut = pin!(cut.told());
    let (mut draining, mut told) = (false, false);
    poll_fn(|cx| {
        if !draining && drained.as_mut().poll(cx).is_ready() {
            draining = true;
            connection.as_mut().graceful_shutdown();
        }
        // What hyper waits for is polled below, and sees it.
        told = told || (draining && cut.as_mut().poll(cx).is_ready());
        match connection.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                // The client went away or spoke no HTTP, or an answer broke off: each is known where it matters.
                tracing::debug!(error = &error as &dyn StdError, "connection ended early");
                return Poll::Ready(());
            }
            Poll::Pending => {}
        }
        watch.as_mut().poll(cx).map(|()| tracing::debug!("connection ended: idle or slow for too long"))
    })
    .await;
}

/// Ends when the connection's phase has lasted too long.
struct Watch<'a> {
    activity: &'a Activity,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
}

impl<'a> Watch<'a> {
    fn new(activity: &'a Activity, patience: Patience) -> Self {
        Self { activity, patience, timer: Box::pin(sleep_until(Instant::now() + patience.head)) }
    }
}

impl Future for Watch<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.activity.deadline(self.patience);
        // The timer is moved when it has to ring earlier, which is rare. That it rings too early, because the phase has
        // changed since, is found out when it rings.
        if let Some(at) = deadline.filter(|at| *at < self.timer.deadline()) {
            self.timer.as_mut().reset(at);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            match deadline {
                Some(at) if at <= now => return Poll::Ready(()),
                Some(at) => self.timer.as_mut().reset(at),
                None => {
                    let next = now + self.patience.idle;
                    self.timer.as_mut().reset(next);
                }
            }
        }
    }
}

/// Keeps a connection busy as long as it lives: from the request's head to the last byte of the answer's body.
struct Busy {
    activity: Arc<Activity>,
    version: Version,
}

impl Busy {
    fn begin(activity: &Arc<Activity>, version: Version) -> Self {
        activity.begin();
        Self { activity: activity.clone(), version }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.end();
    }
}

/// A response's body that keeps its connection busy.
struct Answer<B> {
    body: B,
    busy: Busy,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // HTTP/1.0 has no chunks: the end of the connection is the end of the body, so a broken body has to end otherwise.
        if matches!(frame, Some(Err(_))) && self.busy.version < Version::HTTP_11 {
            self.busy.activity.ask_for_reset();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
