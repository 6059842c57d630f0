//! HTTP/2: the streams of one connection, each a task of its own, all of them owned by the connection.
//!
//! What HTTP/2 adds to the ways of hurting a host is bounded here: how many streams are open at once, how large a head is
//! (frames that continue it are counted by the library), how long a client may leave an answer lie, and how many requests it
//! may take back (rapid reset, CVE-2023-44487): each costs the host a start of something that nobody wants.

use super::activity::{Activity, Patience};
use super::listener::Limits;
use super::slices::Slices;
use super::watch::Watch;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// What a client of HTTP/2 may ask for.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    header_size_max: u32,
    streams_max: u32,
    resets_max: usize,
    window_size: u32,
    buffer_size: usize,
    ping_interval: Duration,
    ping_timeout: Duration,
}

/// So many requests a client has to let be answered to make good for one that it took back. Many more than one: who takes back every
/// other one would never have enough.
const ANSWERED_FOR_ONE: usize = 10;

/// The largest window of HTTP/2 (RFC 9113, section 6.9.1).
const WINDOW_MAX: u32 = (1 << 31) - 1;

impl Settings {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            header_size_max: u32::try_from(limits.header_size_max.as_u64()).unwrap_or(u32::MAX),
            streams_max: u32::try_from(limits.streams_max).unwrap_or(u32::MAX),
            resets_max: limits.resets_max,
            window_size: u32::try_from(limits.window_size.as_u64()).unwrap_or(u32::MAX),
            buffer_size: limits.buffer_size.as_usize(),
            ping_interval: limits.ping_interval,
            ping_timeout: limits.ping_timeout,
        }
    }

    /// What all requests of a connection may send ahead: as much as each may. With less, some that nobody reads would hold up the others,
    /// whose functions would wait for bodies that must not come. What lies there altogether is bounded by how many requests the host
    /// answers at once: who is refused has its body thrown away.
    fn connection_window(&self) -> u32 {
        self.window_size.saturating_mul(self.streams_max).min(WINDOW_MAX)
    }

    /// How hyper serves a connection whose streams these are.
    pub(super) fn builder(&self, streams: Streams) -> http2::Builder<Streams> {
        let mut builder = http2::Builder::new(streams);
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(self.header_size_max)
            .max_concurrent_streams(self.streams_max)
            .max_pending_accept_reset_streams(self.resets_max)
            .max_local_error_reset_streams(self.resets_max)
            .initial_stream_window_size(self.window_size)
            .initial_connection_window_size(self.connection_window())
            .max_send_buf_size(self.buffer_size)
            .keep_alive_interval(self.ping_interval)
            .keep_alive_timeout(self.ping_timeout);
        builder
    }
}

/// The streams of one connection: hyper gives each to be run.
#[derive(Debug, Clone)]
pub(super) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Arc<Activity>,
    patience: Patience,
    tasks: Mutex<JoinSet<()>>,
    /// The stream whose request was just taken, and which hyper gives to be run next.
    opened: Mutex<Option<Opened>>,
    /// Requests that the client took back, less what it made good for.
    taken_back: AtomicUsize,
    /// Requests that it let be answered.
    answered: AtomicUsize,
    resets_max: usize,
    cut: CancellationToken,
}

/// What a stream is watched by.
#[derive(Debug)]
struct Opened {
    activity: Arc<Activity>,
    has_body: bool,
}

impl Streams {
    pub(super) fn new(connection: &Arc<Activity>, settings: &Settings, patience: Patience) -> Self {
        Self(Arc::new(Inner {
            connection: connection.clone(),
            patience,
            tasks: Mutex::default(),
            opened: Mutex::default(),
            taken_back: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            resets_max: settings.resets_max,
            cut: CancellationToken::new(),
        }))
    }

    /// Ends all streams when it is dropped. They hold what owns them, so nothing else would.
    pub(super) fn end_with_this(&self) -> impl Drop + use<> {
        End(self.clone())
    }

    /// A request has come.
    pub(super) fn open(&self, has_body: bool) -> Stream {
        let activity = Arc::new(Activity::stream());
        *lock(&self.0.opened) = Some(Opened { activity: activity.clone(), has_body });
        self.0.connection.open_stream();
        Stream { streams: self.clone(), activity, is_answered: false }
    }

    /// Says to all that their time is over, so that they look whether they can still answer.
    pub(super) fn tell_cut(&self) {
        self.0.cut.cancel();
    }

    /// Whether the client took back more requests than it may.
    pub(super) fn has_enough(&self) -> bool {
        self.0.taken_back.load(Relaxed) > self.0.resets_max
    }
}

/// A thread that panicked left nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct End(Streams);

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.0.0.tasks).abort_all();
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let opened = lock(&self.0.opened).take();
        let (cut, patience) = (self.0.cut.child_token(), self.0.patience);
        let mut tasks = lock(&self.0.tasks);
        while let Some(ended) = tasks.try_join_next() {
            report(ended);
        }
        tasks.spawn(async move {
            let Some(Opened { activity, has_body }) = opened else { return stream.await };
            let (mut stream, mut cut) = (pin!(stream), pin!(cut.cancelled()));
            let mut watch = pin!(Watch::of_stream(&activity, patience, has_body));
            let mut told = false;
            poll_fn(|cx| {
                // What the stream waits for is polled then, and sees it.
                told = told || cut.as_mut().poll(cx).is_ready();
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                ready!(watch.as_mut().poll(cx));
                tracing::debug!("stream ended: its client does not take the answer");
                Poll::Ready(())
            })
            .await;
        });
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended.as_ref()
        && error.is_panic()
    {
        tracing::error!(%error, "a stream ended in a defect of the host");
    }
}

/// A request that is being answered, from its head to the end of its answer.
pub(super) struct Stream {
    streams: Streams,
    activity: Arc<Activity>,
    is_answered: bool,
}

impl Stream {
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The body of its answer.
    pub(super) fn answer<B: Body<Data = Bytes> + Unpin>(self, body: B) -> Answer<B> {
        // Until hyper asks for the first piece, there is no room for it.
        self.activity.blocked();
        Answer { body: Slices::new(body), stream: self }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Inner { taken_back, answered, .. } = &*self.streams.0;
        if !self.is_answered {
            taken_back.fetch_add(1, Relaxed);
        } else if answered.fetch_add(1, Relaxed) % ANSWERED_FOR_ONE == ANSWERED_FOR_ONE - 1 {
            // Two that end at once may count as one: it is a measure of good will.
            _ = taken_back.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
        }
        self.streams.0.connection.close_stream();
    }
}

/// A response's body that keeps its connection busy, and notes when its client leaves it lie.
pub(super) struct Answer<B: Body<Data = Bytes> + Unpin> {
    body: Slices<B>,
    stream: Stream,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        // hyper asks for more when the client has room for more.
        self.stream.activity.begin();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => self.stream.activity.blocked(),
            None | Some(Err(_)) => self.stream.is_answered = true,
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

impl<B: Body<Data = Bytes> + Unpin> Drop for Answer<B> {
    fn drop(&mut self) {
        // Who knows that there is no more does not ask for the end.
        if self.body.is_end_stream() {
            self.stream.is_answered = true;
        }
    }
}
