//! One connection to another server, on which requests are sent: HTTP/1.1 one after the other, HTTP/2 several at once.

use super::body::RequestBody;
use super::error::of_exchange;
use super::target::Target;
use super::tls::Protocol;
use flint_model::ByteSize;
use http::header::{HOST, TE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::Error;

/// The tasks of a connection. Dropping the last clone ends them, and closes the connection.
type Driver = Arc<Tasks>;

/// A connection that can be sent on. Dropping the last one of its clones closes it.
pub(crate) enum Connection {
    /// Takes the next request when the last one and its answer are done.
    Http1 { sender: http1::SendRequest<RequestBody>, driver: Driver },
    /// Takes requests at any time.
    Http2 { sender: http2::SendRequest<RequestBody>, driver: Driver },
}

/// Why a request was not answered.
pub(crate) enum Unanswered {
    /// The connection was closed before any of the request was sent: here it is again.
    Unsent(Box<Request<RequestBody>>),
    /// It may have been carried out.
    Failed(Error),
}

impl Connection {
    /// Begins to speak HTTP on a stream. The permit is held until the connection is closed.
    ///
    /// # Errors
    /// If the other side does not speak the protocol.
    pub(crate) async fn begin(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        protocol: Protocol,
        head_max: ByteSize,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        let head_max = head_max.as_usize();
        let tasks = Tasks::default();
        let spawn = Spawn(tasks.end.clone());
        let executor = spawn.clone();
        let drive = |connection: Box<dyn Future<Output = hyper::Result<()>> + Send>| {
            let connection = Box::into_pin(connection);
            spawn.execute(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to another server ended");
                }
                drop(permit);
            });
            Arc::new(tasks)
        };
        let stream = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let shake = http1::Builder::new().max_buf_size(head_max.max(BUFFER_LEAST)).handshake(stream).await;
                let (sender, connection) = shake.map_err(|error| of_exchange(&error))?;
                Ok(Self::Http1 { sender, driver: drive(Box::new(connection)) })
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(executor);
                builder.max_header_list_size(u32::try_from(head_max).unwrap_or(u32::MAX));
                builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
                builder.timer(TokioTimer::new()).keep_alive_interval(PING_AFTER).keep_alive_timeout(PONG_WITHIN);
                let shake = builder.handshake(stream).await;
                let (sender, connection) = shake.map_err(|error| of_exchange(&error))?;
                Ok(Self::Http2 { sender, driver: drive(Box::new(connection)) })
            }
        }
    }

    /// Sends a request and waits for the head of its answer. Dropping the future ends the exchange: HTTP/1.1 loses the
    /// connection.
    pub(crate) async fn send(
        &mut self,
        target: &Target,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let answer = match self {
            Self::Http1 { sender, .. } => sender.try_send_request(for_http1(target, request)?).await,
            Self::Http2 { sender, .. } => sender.try_send_request(for_http2(target, request)?).await,
        };
        answer.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(Box::new(request)),
            None => Unanswered::Failed(of_exchange(error.error())),
        })
    }

    /// Waits until it takes the next request.
    ///
    /// # Errors
    /// If it is closed instead.
    pub(crate) async fn ready(&mut self) -> Result<(), hyper::Error> {
        match self {
            Self::Http1 { sender, .. } => sender.ready().await,
            Self::Http2 { sender, .. } => sender.ready().await,
        }
    }

    /// Whether it is closed, as far as is known, or was given up.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Http1 { sender, .. } => sender.is_closed(),
            Self::Http2 { sender, driver } => sender.is_closed() || driver.is_given_up.load(Relaxed),
        }
    }

    /// Takes no call more: one of its requests goes nowhere.
    pub(crate) fn give_up(&self) {
        let (Self::Http1 { driver, .. } | Self::Http2 { driver, .. }) = self;
        driver.is_given_up.store(true, Relaxed);
    }

    /// Whether nobody else sends on it.
    pub(crate) fn is_idle(&self) -> bool {
        let (Self::Http1 { driver, .. } | Self::Http2 { driver, .. }) = self;
        Arc::strong_count(driver) == 1
    }

    /// The same connection again, if it takes several requests at once.
    pub(crate) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1 { .. } => None,
            Self::Http2 { sender, driver } => Some(Self::Http2 { sender: sender.clone(), driver: Arc::clone(driver) }),
        }
    }
}

/// The smallest buffer that hyper can read with.
const BUFFER_LEAST: usize = 8192;

/// So much of an answer that nobody reads is held by HTTP/2, and of all answers of a connection: with room for four, those that
/// nobody reads held up the others. This is for as many as a function may have at once by default, and more.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 128 * STREAM_WINDOW;

/// What a connection consists of: its driver, and in HTTP/2 the requests that are on their way.
#[derive(Default)]
pub(crate) struct Tasks {
    end: CancellationToken,
    is_given_up: AtomicBool,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// Runs the tasks of one connection until it is closed. They hold what they would end with, so nothing else would end them.
#[derive(Clone)]
struct Spawn(CancellationToken);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, task: F) {
        let end = self.0.clone();
        tokio::spawn(async move { end.run_until_cancelled(task).await });
    }
}

/// A server that says nothing for so long, while answers are due, is asked whether it is there; one that is gone would take all
/// calls of the connection, since nothing else tells.
const PING_AFTER: Duration = Duration::from_secs(5);
const PONG_WITHIN: Duration = Duration::from_secs(5);

/// The path alone, and the host in a header.
fn for_http1(target: &Target, mut request: Request<RequestBody>) -> Result<Request<RequestBody>, Unanswered> {
    let path = path_of(request.uri());
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    let host = target.header().map_err(Unanswered::Failed)?;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// The whole URI, of which the pseudo headers are made.
fn for_http2(target: &Target, mut request: Request<RequestBody>) -> Result<Request<RequestBody>, Unanswered> {
    let scheme = if target.tls { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(target.authority()).path_and_query(path_of(request.uri()));
    *request.uri_mut() = uri.build().map_err(|_| Unanswered::Failed(Error::HttpRequestUriInvalid))?;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(HOST);
    // The only value that HTTP/2 allows (RFC 9113, 8.2.2).
    if request.headers().get(TE).is_some_and(|te| te != HeaderValue::from_static("trailers")) {
        request.headers_mut().remove(TE);
    }
    Ok(request)
}

fn path_of(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}
