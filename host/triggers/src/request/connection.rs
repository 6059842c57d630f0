//! One client's connection: hyper drives it, a watch ends it when it is idle or slow for too long, a drain lets it finish.
//!
//! The first bytes tell whether it speaks HTTP/1 or, by prior knowledge, HTTP/2; behind TLS, both sides have agreed on it.

use super::activity::{Activity, Patience};
use super::client::{Client, ClientBody};
use super::listener::{Cut, Limits};
use super::multiplex::{self, Streams};
use super::slices::Slices;
use super::socket::{Greeting, Socket};
use super::tls::Tls;
use super::turn::Turn;
use super::watch::{Farewell, Watch};
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The smallest buffer that hyper takes.
const BUFFER_MIN: usize = 8192;

/// What all connections of a listener share.
pub(super) struct Shared<H> {
    pub(super) one_by_one: http1::Builder,
    pub(super) multiplexed: multiplex::Settings,
    pub(super) patience: Patience,
    pub(super) tls: Option<Tls>,
    pub(super) handler: H,
    pub(super) cut: Cut,
}

/// How hyper serves connections of HTTP/1 under these limits.
pub(super) fn protocol(limits: &Limits) -> http1::Builder {
    let header_size_max = limits.header_size_max.as_usize();
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
/// Once `drain` is cancelled, the requests that are being answered are the connection's last; once the cut is told, they are
/// polled. Dropping the future ends the connection at once, and drops what the handler was doing for it.
pub(super) async fn serve<H, F, B>(
    stream: TcpStream,
    address: SocketAddr,
    activity: Arc<Activity>,
    shared: Arc<Shared<H>>,
    drain: CancellationToken,
) where
    H: Fn(Request<ClientBody>, Arc<Client>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin + Send + 'static,
{
    let mut socket = Socket::new(stream, activity.clone());
    let client = Arc::new(Client::new(address, shared.tls.is_some()));
    let mut watch = pin!(Watch::new(&activity, shared.patience));
    let mut drained = pin!(drain.cancelled());
    if let Some(tls) = &shared.tls {
        // In a box, so that who uses no TLS has no room for it.
        let encrypted = Box::pin(async {
            let handshake = tls.accept(socket);
            let Some(Ok(stream)) = until(handshake, None, drained.as_mut()).await else { return };
            activity.greeted();
            if Tls::speaks_http2(&stream) {
                multiplexed(stream, &activity, client, &shared, watch, drained).await;
            } else {
                one_by_one(stream, &activity, client, &shared, watch, drained).await;
            }
        });
        return encrypted.await;
    }
    let greeting = poll_fn(|cx| socket.poll_greeting(cx));
    match until(greeting, Some(watch.as_mut()), drained.as_mut()).await {
        Some(Ok(Greeting::Http1)) => one_by_one(socket, &activity, client, &shared, watch, drained).await,
        // In a box, so that who speaks HTTP/1 has no room for it.
        Some(Ok(Greeting::Http2)) => {
            Box::pin(multiplexed(socket, &activity, client, &shared, watch, drained)).await;
        }
        None | Some(Ok(Greeting::Gone) | Err(_)) => {}
    }
}

/// Waits for something that is less than a request; none: it took too long, or the host ends.
async fn until<T>(
    wanted: impl Future<Output = io::Result<T>>,
    mut watch: Option<Pin<&mut Watch<'_>>>,
    mut drained: Pin<&mut WaitForCancellationFuture<'_>>,
) -> Option<io::Result<T>> {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        if drained.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(result) = wanted.as_mut().poll(cx) {
            return Poll::Ready(Some(result));
        }
        watch.as_mut().map_or(Poll::Pending, |watch| watch.as_mut().poll(cx).map(|()| None))
    })
    .await
}

/// Serves requests in a row: HTTP/1.
async fn one_by_one<S, H, F, B>(
    stream: S,
    activity: &Arc<Activity>,
    client: Arc<Client>,
    shared: &Shared<H>,
    watch: Pin<&mut Watch<'_>>,
    drained: Pin<&mut WaitForCancellationFuture<'_>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<ClientBody>, Arc<Client>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let busy = Busy::begin(activity, request.version());
        activity.expect_body(!request.body().is_end_stream());
        let request = request.map(|body| ClientBody::new(body, activity, shared.patience.body));
        let response = (shared.handler)(request, client.clone());
        // In a box that lives as long as the request: hyper keeps room for it as long as the connection lives.
        let answer = |body| Answer { body: Slices::new(body), busy };
        Turn::new(Box::pin(response.map(|response| response.map(answer))))
    });
    let connection = shared.one_by_one.serve_connection(TokioIo::new(stream), service);
    let finish = http1::Connection::graceful_shutdown;
    drive(connection, finish, None, watch, drained, &shared.cut).await;
}

/// Serves requests side by side: HTTP/2.
async fn multiplexed<S, H, F, B>(
    stream: S,
    activity: &Arc<Activity>,
    client: Arc<Client>,
    shared: &Arc<Shared<H>>,
    watch: Pin<&mut Watch<'_>>,
    drained: Pin<&mut WaitForCancellationFuture<'_>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<ClientBody>, Arc<Client>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin + Send + 'static,
{
    activity.multiplex();
    let streams = Streams::new(activity, &shared.multiplexed, shared.patience);
    // When this connection ends, however it does, so do its streams.
    let _end = streams.end_with_this();
    let service = service_fn(|request: Request<Incoming>| {
        let stream = streams.open(!request.body().is_end_stream());
        let request = request.map(|body| ClientBody::new(body, stream.activity(), shared.patience.body));
        let response = (shared.handler)(request, client.clone());
        // In a box: hyper hands it on several times until it is polled, and the task of a stream would hold it twice.
        Box::pin(response.map(|response| Ok::<_, Infallible>(response.map(|body| stream.answer(body)))))
    });
    let connection = shared.multiplexed.builder(streams.clone()).serve_connection(TokioIo::new(stream), service);
    let finish = http2::Connection::graceful_shutdown;
    drive(connection, finish, Some(&streams), watch, drained, &shared.cut).await;
}

/// Drives a connection to its end.
async fn drive<C>(
    connection: C,
    finish: fn(Pin<&mut C>),
    streams: Option<&Streams>,
    mut watch: Pin<&mut Watch<'_>>,
    mut drained: Pin<&mut WaitForCancellationFuture<'_>>,
    cut: &Cut,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let mut cut = pin!(cut.told());
    let (mut draining, mut told) = (false, false);
    poll_fn(|cx| {
        if !draining && drained.as_mut().poll(cx).is_ready() {
            draining = true;
            finish(connection.as_mut());
            if streams.is_some() {
                watch.expect_goodbye(Farewell::Drain);
            }
        }
        if !told && draining && cut.as_mut().poll(cx).is_ready() {
            told = true;
            // What HTTP/1 waits for is polled below, and sees it.
            streams.inspect(|streams| streams.tell_cut());
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                // The client went away or spoke no HTTP, or an answer broke off: each is known where it matters.
                tracing::debug!(error = &error as &dyn StdError, "connection ended early");
                return Poll::Ready(());
            }
            Poll::Pending => {}
        }
        if streams.is_some_and(Streams::has_enough) {
            tracing::debug!("connection ended: too many requests were taken back");
            return Poll::Ready(());
        }
        ready!(watch.as_mut().poll(cx));
        tracing::debug!("connection ended: idle or slow for too long");
        if streams.is_none() || draining {
            return Poll::Ready(());
        }
        // A client of HTTP/2 is told, so that it sends no request into the void.
        draining = true;
        finish(connection.as_mut());
        watch.expect_goodbye(Farewell::Idle);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
    body: Slices<B>,
    busy: Busy,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
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
