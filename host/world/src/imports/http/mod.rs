//! Requests that a guest makes, whichever version of `wasi:http` it speaks.
//!
//! [`Hooks`] counts the call and asks the [`Guard`] for the host → [`client`] takes a connection of the [`pool`], or has the
//! name looked up, asks the guard for the addresses, and connects to one of exactly these → the bodies stream
//! ([`body`](mod@body)), within the function's limits ([`account`]). The host follows no redirect: a guest that does makes
//! another call, which is asked for again.

mod account;
mod address;
mod body;
mod client;
mod connection;
mod dial;
mod error;
mod guard;
mod head;
mod lookup;
mod pool;
mod target;
mod tls;

pub use client::OutboundOptions;
pub use guard::{HostPattern, HostPatternError};
pub use ipnet::IpNet;
pub use tls::{Authorities, AuthoritiesError};

pub(crate) use client::Client;

use crate::invocation::Invocation;
use account::Account;
use client::Call;
use flint_engine::Budget;
use flint_model::ByteSize;
use guard::Guard;
use lookup::Share;
use pool::Key;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Target;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// What a function may do beyond the host.
#[derive(Debug, Clone)]
pub struct OutboundSpec {
    /// Hosts that it may call.
    pub hosts: Vec<HostPattern>,
    /// Internal networks that the names among them may lead to.
    pub internal: Vec<IpNet>,
    /// Calls of one invocation.
    pub calls_max: u32,
    /// Bytes of all bodies of one invocation, each way.
    pub size_max: ByteSize,
    /// How long one call may take, its answer included.
    pub timeout: Duration,
    /// Calls of all invocations that run at once.
    pub concurrency: usize,
}

impl Default for OutboundSpec {
    /// No host, and the limits of the configuration's reference.
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            internal: Vec::new(),
            calls_max: 1000,
            size_max: ByteSize::mib(100),
            timeout: Duration::from_secs(30),
            concurrency: 100,
        }
    }
}

/// The way out of one function.
pub(crate) struct Outbound {
    /// Which one, among all that were loaded.
    number: u64,
    guard: Guard,
    calls_max: u32,
    size_max: u64,
    timeout: Duration,
    running: Arc<Semaphore>,
    lookups: Share,
    client: Arc<Client>,
}

impl Outbound {
    pub(crate) fn new(spec: OutboundSpec, client: Arc<Client>) -> Self {
        Self {
            number: client.number(),
            guard: Guard::new(spec.hosts, spec.internal),
            calls_max: spec.calls_max,
            size_max: spec.size_max.as_u64(),
            timeout: spec.timeout,
            running: Arc::new(Semaphore::new(spec.concurrency.min(Semaphore::MAX_PERMITS))),
            lookups: client.lookups(),
            client,
        }
    }
}

/// What runs in an instance, and what `wasi:http` asks of it.
pub(crate) struct Hooks {
    pub(crate) budget: Budget,
    /// None while the instance is made.
    pub(crate) invocation: Option<Invocation>,
    outbound: Arc<Outbound>,
    /// Opened with the first call of the invocation.
    account: Option<Arc<Account>>,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Result<(http::Response<WasiBody>, Done), Error>;

impl Hooks {
    pub(crate) fn new(budget: Budget, outbound: Arc<Outbound>) -> Self {
        Self { budget, invocation: None, outbound, account: None }
    }

    /// Starts an invocation.
    pub(crate) fn begin(&mut self, invocation: &Invocation) {
        self.invocation = Some(invocation.clone());
        self.account = None;
    }

    /// How long the invocation may still run.
    pub(crate) fn remaining(&self) -> Duration {
        let used = self.invocation.as_ref().map_or(Duration::ZERO, |invocation| invocation.accepted.elapsed());
        let time_max = self.invocation.as_ref().and_then(|invocation| invocation.time_max).unwrap_or(Duration::MAX);
        self.budget.limits().timeout.min(time_max).saturating_sub(used)
    }

    /// Checks all that can be checked before anything is sent.
    fn check(&mut self, request: http::Request<WasiBody>, options: RequestOptions) -> Result<Call, Error> {
        let outbound = &self.outbound;
        let open = || Account::new(outbound.calls_max, outbound.size_max, Arc::clone(self.budget.meter()));
        let account = Arc::clone(self.account.get_or_insert_with(|| Arc::new(open())));
        account.call().map_err(|_| {
            tracing::debug!(limit = outbound.calls_max, "an invocation made more calls than `outbound-calls-max`");
            Error::HttpRequestDenied
        })?;
        let target = Target::of(request.uri())?;
        if !outbound.guard.allows(&target) {
            tracing::debug!(host = %target.host, "a function asked for a host that it may not call");
            return Err(Error::HttpRequestDenied);
        }
        let (mut parts, body) = request.into_parts();
        head::leave(&mut parts, self.invocation.as_ref())?;
        let timeout = outbound.timeout.min(self.remaining());
        Ok(Call {
            key: Key { guard: outbound.number, target },
            request: http::Request::from_parts(parts, body),
            options,
            account,
            deadline: (Instant::now() + timeout).into(),
            running: Arc::clone(&outbound.running),
            lookups: Arc::clone(&outbound.lookups),
        })
    }
}

/// So much of a body goes in one piece from a guest of 0.2 to the host, which holds [`PIECES_MAX`] and one more behind every body
/// whose other side reads slowly, or never: a request that is not sent is held as long as its handle.
///
/// With pieces of 1 MiB, the default of wasmtime, one invocation held 2 GiB behind its 1000 handles. A body that is read is no
/// slower: 20 MB took 0.12 s with 1 MiB and 0.06 s with these, in a build for development.
const PIECE_MAX: usize = 16 << 10;
const PIECES_MAX: usize = 1;

impl WasiHttpHooks for Hooks {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_MAX
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        PIECES_MAX
    }

    /// The connection knows best: it depends on the version of HTTP.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        written: Done,
    ) -> Box<dyn Future<Output = Sending> + Send> {
        // It tells whether the guest accepted the response; the exchange ends with the response's body anyway.
        drop(written);
        let call = match self.check(request, options.unwrap_or_default()) {
            Ok(call) => call,
            Err(error) => return Box::new(std::future::ready(Err(error))),
        };
        let outbound = Arc::clone(&self.outbound);
        Box::new(async move {
            let response = outbound.client.send(call, &outbound.guard).await?;
            // The connection has a task of its own: there is nothing left for the guest to drive.
            let done: Done = Box::new(std::future::ready(Ok(())));
            Ok((response, done))
        })
    }
}
