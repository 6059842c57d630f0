//! The one client of the host: every request that any function makes leaves through it.

use super::account::Account;
use super::body::{Asking, Loan, Progress, RequestBody, ResponseBody, Turn};
use super::connection::{Connection, Unanswered};
use super::dial::dial;
use super::guard::Guard;
use super::head;
use super::lookup::{Lookup, Share};
use super::pool::{Key, Pool};
use super::target::{Host, Target};
use super::tls::{Authorities, Protocol, Tls};
use flint_model::ByteSize;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// What holds for all requests that leave the host.
#[derive(Debug, Clone)]
pub struct OutboundOptions {
    /// Who vouches for other servers.
    pub authorities: Authorities,
    /// How long a connection may take, name and TLS included.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take, from the last byte of the request.
    pub first_byte_timeout: Duration,
    /// How long the next piece of an answer may take.
    pub between_bytes_timeout: Duration,
    /// How long a name may be looked up.
    pub lookup_timeout: Duration,
    /// Names that are looked up at once.
    pub lookups_max: usize,
    /// Connections that are open at once.
    pub connections_max: usize,
    /// Connections that wait for their next request.
    pub idle_max: usize,
    /// How long they wait.
    pub idle_timeout: Duration,
    /// Largest head of an answer.
    pub header_size_max: ByteSize,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            authorities: Authorities::default(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(30),
            between_bytes_timeout: Duration::from_secs(30),
            lookup_timeout: Duration::from_secs(5),
            lookups_max: 32,
            connections_max: 1000,
            idle_max: 200,
            idle_timeout: Duration::from_secs(30),
            header_size_max: ByteSize::kib(64),
        }
    }
}

/// Sends requests, on connections that are used again.
pub(crate) struct Client {
    options: OutboundOptions,
    tls: Tls,
    lookup: Lookup,
    pool: Arc<Pool>,
    connections: Arc<Semaphore>,
    /// The next number of a guard.
    guards: AtomicU64,
}

/// One request and all that holds for it.
pub(crate) struct Call {
    pub(crate) key: Key,
    pub(crate) request: Request<WasiBody>,
    pub(crate) options: RequestOptions,
    pub(crate) account: Arc<Account>,
    /// When it ends at the latest, its answer included.
    pub(crate) deadline: Instant,
    /// Calls of the function that run at once.
    pub(crate) running: Arc<Semaphore>,
    /// Names that it looks up at once.
    pub(crate) lookups: Share,
}

impl Client {
    /// # Errors
    /// None that a setting could cause.
    pub(crate) fn new(options: OutboundOptions) -> Result<Self, rustls::Error> {
        Ok(Self {
            tls: Tls::new(&options.authorities)?,
            lookup: Lookup::new(options.lookups_max, options.lookup_timeout),
            pool: Pool::new(options.idle_max, options.idle_timeout),
            connections: Arc::new(Semaphore::new(options.connections_max.min(Semaphore::MAX_PERMITS))),
            guards: AtomicU64::new(0),
            options,
        })
    }

    /// A number that no other guard has.
    pub(crate) fn number(&self) -> u64 {
        self.guards.fetch_add(1, Relaxed)
    }

    /// The names that one function may look up at once.
    pub(crate) fn lookups(&self) -> Share {
        self.lookup.share()
    }

    /// Sends a request, and answers when the head of the response is there. Dropping the future, or the body, ends it.
    ///
    /// # Errors
    /// As `wasi:http` names them.
    pub(crate) async fn send(&self, call: Call, guard: &Guard) -> Result<Response<WasiBody>, Error> {
        let Call { key, request, options, account, deadline, running, lookups } = call;
        let connect_by = deadline.min(Instant::now() + within(options.connect_timeout, self.options.connect_timeout));
        let first_byte = within(options.first_byte_timeout, self.options.first_byte_timeout);
        let between_bytes = within(options.between_bytes_timeout, self.options.between_bytes_timeout);

        let turn = timeout_at(connect_by, running.acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Error::ConnectionLimitReached) };
        let mut turn = Turn::new(turn);
        let progress = Progress::begin();
        let mut request = request
            .map(|body| RequestBody::new(body, Arc::clone(&account), Arc::clone(&progress), deadline, turn.clone()));
        loop {
            let kept = self.pool.take(&key).await;
            let reused = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect(&key, guard, &lookups, connect_by).await?,
            };
            let asking = Asking::new(turn, &connection);
            let answer = {
                let answer = connection.send(&key.target, request);
                in_time(answer, &progress, first_byte, deadline).await
            };
            match answer {
                Ok(answer) => {
                    let turn = asking.goes_on();
                    let loan = Loan { connection, key, pool: Arc::clone(&self.pool), deadline, turn };
                    return arrived(answer, loan, account, between_bytes);
                }
                // The server had closed it meanwhile, as it may: none of the request has left.
                Err(Unanswered::Unsent(unsent)) if reused => (request, turn) = (*unsent, asking.goes_on()),
                Err(Unanswered::Unsent(_)) => return Err(Error::ConnectionTerminated),
                Err(Unanswered::Failed(_)) if progress.was_too_large() => {
                    return Err(Error::HttpRequestBodySize(Some(account.size_max())));
                }
                Err(Unanswered::Failed(error)) => return Err(error),
            }
        }
    }

    /// Opens a connection to an address that the guard admits.
    async fn connect(&self, key: &Key, guard: &Guard, lookups: &Share, by: Instant) -> Result<Connection, Error> {
        let connect = async {
            let addresses = self.addresses(&key.target, guard, lookups).await?;
            let permit = self.permit(by).await?;
            let stream = dial(&addresses).await?;
            let head_max = self.options.header_size_max;
            if !key.target.tls {
                return Connection::begin(stream, Protocol::Http1, head_max, permit).await;
            }
            let (stream, protocol) = self.tls.wrap(&key.target.host, stream).await?;
            let connection = Connection::begin(stream, protocol, head_max, permit).await?;
            // Others may send on it from now on.
            if let Some(shared) = connection.share() {
                self.pool.put(key.clone(), shared);
            }
            Ok(connection)
        };
        timeout_at(by, connect).await.unwrap_or(Err(Error::ConnectionTimeout))
    }

    /// The addresses of a host, without those that the function may not reach.
    async fn addresses(&self, target: &Target, guard: &Guard, lookups: &Share) -> Result<Vec<SocketAddr>, Error> {
        let name = match &target.host {
            // A pattern is this address, or the guard would not have allowed it.
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, target.port)]),
            Host::Name(name) => name,
        };
        let mut addresses = self.lookup.find(lookups, name, target.port).await?;
        addresses.retain(|address| guard.admits(address.ip()));
        if addresses.is_empty() {
            tracing::debug!(name, "a name leads to internal addresses alone, which the function may not reach");
            return Err(Error::DestinationIpProhibited);
        }
        Ok(addresses)
    }

    /// Waits for the right to open a connection; one that is idle makes room.
    async fn permit(&self, by: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let connections = Arc::clone(&self.connections);
        if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = self.pool.make_room();
        match timeout_at(by, connections.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::ConnectionLimitReached),
        }
    }
}

/// What the guest wants, within the host's bound.
fn within(wanted: Option<Duration>, most: Duration) -> Duration {
    wanted.map_or(most, |wanted| wanted.min(most))
}

/// Waits for the head of an answer: so long from the last byte of the request, and not beyond the end of the call.
async fn in_time(
    answer: impl Future<Output = Result<Response<Incoming>, Unanswered>>,
    progress: &Progress,
    first_byte: Duration,
    deadline: Instant,
) -> Result<Response<Incoming>, Unanswered> {
    let mut answer = pin!(answer);
    loop {
        let until = deadline.min(progress.moved_at() + first_byte);
        match timeout_at(until, answer.as_mut()).await {
            Ok(answer) => return answer,
            Err(_) if Instant::now() < deadline.min(progress.moved_at() + first_byte) => {}
            Err(_) => return Err(Unanswered::Failed(Error::HttpResponseTimeout)),
        }
    }
}

fn arrived(
    answer: Response<Incoming>,
    loan: Loan,
    account: Arc<Account>,
    between_bytes: Duration,
) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = answer.into_parts();
    let body = ResponseBody::new(body, loan, account, between_bytes);
    head::arrive(&mut parts)?;
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}
