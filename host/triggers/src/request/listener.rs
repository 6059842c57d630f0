//! Accepts connections, within limits, until it is told to stop; then lets what runs finish.

use super::activity::{Activity, Patience};
use super::admission::{Admission, LOOK, Verdict};
use super::client::{Client, ClientBody};
use super::connection::{self, Shared};
use super::multiplex;
use super::tls::Tls;
use bytes::Bytes;
use flint_model::ByteSize;
use http::{Request, Response};
use http_body::Body;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a request whose time is over has to answer that.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// This machine's own addresses: a proxy may stand there, configured or not, and who else is there need not hoard to do harm.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];

/// What a client may ask of the listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections that are open at once. For a further one, the one that has been idle for the longest time is ended; while
    /// none is idle, it waits until one ends, and others behind it in the system's backlog.
    pub connections_max: usize,
    /// Of these, connections of one client: an address, or of IPv6 a network of 64 bits. Further ones are closed at once,
    /// without an answer: it would take reading, and with TLS a handshake, for who has enough already.
    pub connections_per_client_max: usize,
    /// Networks whose clients are not bounded so, since many others may ask through each.
    pub unbounded: Vec<IpNet>,
    /// Size of a request's head, and of the buffer of each direction of a connection. More is answered with 431.
    pub header_size_max: ByteSize,
    /// Number of header lines of a request. More is answered with 431. Another number than the default costs an
    /// allocation a request.
    pub header_count_max: usize,
    /// How long a request's head may take from its first byte, or from the opening of the connection.
    pub header_timeout: Duration,
    /// How long a connection may stay open without a request, or without taking the rest of an answer.
    pub idle_timeout: Duration,
    /// How long a function that reads a request's body may have to wait for the next piece.
    pub body_timeout: Duration,
    /// Requests that a connection of HTTP/2 may have open at once. Further ones are refused to the client's software, which
    /// waits.
    pub streams_max: usize,
    /// Requests that a client of HTTP/2 may take back before its connection is ended; each ten that it lets be answered
    /// make good for one.
    pub resets_max: usize,
    /// How much of a request's body is taken before it is read, with HTTP/2.
    pub window_size: ByteSize,
    /// How much of an answer is held for a client that does not take it, with HTTP/2.
    pub buffer_size: ByteSize,
    /// How often a client of HTTP/2 is asked whether it is still there.
    pub ping_interval: Duration,
    /// How long it has to say so.
    pub ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_client_max: 1000,
            unbounded: LOOPBACK.to_vec(),
            header_size_max: ByteSize::kib(64),
            header_count_max: 100,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            streams_max: 100,
            resets_max: 200,
            window_size: ByteSize::kib(256),
            buffer_size: ByteSize::kib(64),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

/// Why an address can't be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another socket listens there. A retry can help, when the other one is gone.
    #[error("the address {0} is in use by another process")]
    InUse(SocketAddr),
    /// The system does not allow it, as for ports below 1024.
    #[error("the system does not allow this process to listen on {0}")]
    Denied(SocketAddr),
    /// The address is none of this machine's.
    #[error("the address {0} is none of this machine's")]
    NotLocal(SocketAddr),
    /// Something else.
    #[error("can't listen on {address}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::PermissionDenied => Self::Denied(address),
            io::ErrorKind::AddrNotAvailable => Self::NotLocal(address),
            _ => Self::Other { address, source },
        }
    }
}

/// How a listener ends.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// How long requests that run may go on.
    pub timeout: Duration,
    /// Told when that time is over.
    pub cut: Cut,
}

/// Tells requests that run that their time is over, and that they still can answer.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<Over>);

#[derive(Debug, Default)]
struct Over {
    /// What each poll of a request looks at: a token takes a lock.
    is_over: AtomicBool,
    /// Wakes the connections, which poll their requests.
    woken: CancellationToken,
}

impl Cut {
    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Relaxed)
    }

    /// Ends when the time is over.
    pub(super) fn told(&self) -> WaitForCancellationFuture<'_> {
        self.0.woken.cancelled()
    }

    /// Says that the time is over.
    pub(super) fn tell(&self) {
        // Waking takes a lock, behind which this is seen.
        self.0.is_over.store(true, Ordering::Relaxed);
        self.0.woken.cancel();
    }
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Drained {
    /// Connections that still had something to do when the time was over, and were cut.
    pub cut: usize,
}

/// A bound address, not yet served: connections wait in the system's backlog.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    limits: Limits,
    tls: Option<Tls>,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`], which says what stood in the way.
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Self, BindError> {
        let failed = |source| BindError::new(address, source);
        let socket = listen(address, limits.connections_max).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, limits, tls: None })
    }

    /// The same, for clients that speak TLS.
    pub fn encrypted(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The address with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests with `handler` until `shutdown` is cancelled, then drains: no connection is accepted any more, idle
    /// ones are closed, each other one finishes the request that it is at. What is not done after the drain's time-out is told
    /// by its `cut`, has a quarter of a second to say so to its client, and is cut.
    ///
    /// The handler's future is dropped when its client goes away. (A client that only closes its sending side counts as
    /// gone.) So it is while nobody reads the request's body, within a second or so. A body that yields an error ends the connection, so that what was sent does not look complete. What is no HTTP
    /// is answered by hyper, with an empty 400, 414 or 431. Requests of HTTP/2 run in tasks of their own. Dropping this future cuts everything at once.
    pub async fn serve<H, F, B>(self, handler: H, shutdown: CancellationToken, drain: Drain) -> Drained
    where
        H: Fn(Request<ClientBody>, Arc<Client>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin + Send + 'static,
    {
        let limits = &self.limits;
        let patience = Patience { idle: limits.idle_timeout, head: limits.header_timeout, body: limits.body_timeout };
        let shared = Arc::new(Shared {
            one_by_one: connection::protocol(limits),
            multiplexed: multiplex::Settings::new(limits),
            patience,
            tls: self.tls,
            handler,
            cut: drain.cut.clone(),
        });
        let mut admission = Admission::new(limits);
        let mut connections = JoinSet::new();
        // The one that has come while there was no room.
        let mut waiting = None;
        loop {
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = connections.join_next_with_id(), if !connections.is_empty() => {
                    report(&ended);
                    admission.ended(ended.map_or_else(|error| error.id(), |(id, ())| id));
                    waiting.take()
                }
                accepted = accept(&self.socket), if waiting.is_none() => Some(accepted),
                () = async { tokio::time::sleep(LOOK).await }, if waiting.is_some() => waiting.take(),
            };
            let Some((stream, address)) = next else { continue };
            match admission.decide(address.ip()) {
                Verdict::Open => {
                    // A token of its own, so that connections share no lock while they run.
                    let (activity, end) = (Arc::new(Activity::new()), shutdown.child_token());
                    let serving = connection::serve(stream, address, activity.clone(), shared.clone(), end.clone());
                    let id = connections.spawn(serving).id();
                    admission.opened(id, address.ip(), activity, end);
                }
                Verdict::Wait => {
                    admission.make_room();
                    waiting = Some((stream, address));
                }
                Verdict::Refuse => drop(stream),
            }
        }
        drop((self.socket, waiting));
        end(connections, drain).await
    }
}

/// Listens with room for so many connections that wait to be accepted, as far as the system allows it (`net.core.somaxconn`). With
/// tokio's 128, a burst overflows it, and who did not fit tries again after a second.
fn listen(address: SocketAddr, backlog: usize) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a host that ended may linger on the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(u32::try_from(backlog).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned()))
}

/// Accepts the next connection, whatever becomes of others.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok((stream, address)) => {
                // An answer is written at once, so there is nothing to wait for. If it can't be set, answers are late.
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections; pausing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether an error of `accept` is about the connection that it would have accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Waits for connections to end, for so long, and cuts the rest.
async fn end(mut connections: JoinSet<()>, drain: Drain) -> Drained {
    wait(&mut connections, drain.timeout).await;
    let cut = connections.len();
    if cut > 0 {
        drain.cut.tell();
        wait(&mut connections, LAST_WORDS).await;
    }
    connections.shutdown().await;
    Drained { cut }
}

/// Waits until all have ended, or the time is over, which shows in what is left.
async fn wait(connections: &mut JoinSet<()>, timeout: Duration) {
    let ending = async {
        while let Some(ended) = connections.join_next().await {
            report(&ended);
        }
    };
    let _ = tokio::time::timeout(timeout, ending).await;
}

fn report<T>(ended: &Result<T, JoinError>) {
    if let Err(error) = ended.as_ref()
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a defect of the host");
    }
}

#[cfg(test)]
mod tests;
