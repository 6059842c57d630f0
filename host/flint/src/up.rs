//! A host, from its start to its end.
//!
//! Starts in the order in which things are needed, so that what is in the way is told before long work begins: the stores
//! (another host may have the folder), the addresses (another process may have them), the functions, then the doors. Ends in
//! the reverse order: no new requests and messages, those that run, management, the stores.

use crate::admin::guard::Reach;
use crate::admin::run_file::{Run, RunFile};
use crate::admin::server::{self, Managed};
use crate::admin::token::Tokens;
use crate::descriptors;
use crate::error::Error;
use crate::live::Served;
use crate::live::messages::Messages;
use crate::live::reload::Reloaded;
use crate::live::routes::Callee;
use crate::live::schedules::Schedules;
use crate::load::Loaded;
use crate::output::Progress;
use crate::wire;
use flint_config::platform::HostLimits;
use flint_engine::Engine;
use flint_model::InvocationId;
use flint_stores::Stores;
use flint_stores_embedded::Embedded;
use flint_telemetry::Telemetry;
use flint_triggers::request::{self, Client, Drain, Drained, Listener};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long management requests may still run when the host ends.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// How often is looked whether functions still run when no request does.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

/// A host that serves.
pub(crate) struct Host {
    http: SocketAddr,
    https: Option<SocketAddr>,
    admin: SocketAddr,
    managed: Arc<Managed>,
    stores: Arc<Embedded>,
    /// Held by who reloads.
    events: tokio::sync::Mutex<(Messages, Schedules)>,
    requests: Serving,
    encrypted: Option<Encrypted>,
    management: Serving,
    run_file: Option<RunFile>,
    drain_timeout: Duration,
}

/// A listener at work.
struct Serving {
    stop: CancellationToken,
    task: JoinHandle<Drained>,
}

/// The listener of encrypted requests, and who looks after its certificate.
struct Encrypted {
    requests: Serving,
    certificate: JoinHandle<()>,
}

impl Encrypted {
    /// Ends it; says how many connections were cut.
    async fn end(self) -> usize {
        self.certificate.abort();
        self.requests.end().await
    }
}

impl Serving {
    /// Ends it; says how many connections were cut.
    async fn end(self) -> usize {
        self.stop.cancel();
        match self.task.await {
            Ok(drained) => drained.cut,
            Err(error) => {
                tracing::error!(%error, "a listener ended in a defect of the host");
                0
            }
        }
    }
}

impl Host {
    /// Starts a host. When this returns, requests are answered.
    ///
    /// # Errors
    /// If the data folder or an address is not to be had, or a function can't be loaded.
    pub(crate) async fn start(loaded: &Loaded, telemetry: &Telemetry, progress: &Progress) -> Result<Self, Error> {
        let platform = &loaded.platform;
        descriptors::raise(platform.limits.connections_max, platform.limits.files_open_max);
        let stores = tokio::task::block_in_place(|| wire::open_stores(platform))?;
        let http = Listener::bind(platform.listener.http, wire::listener_limits(platform)).await?;
        let https = match &platform.listener.https {
            Some(https) => {
                let tls = tokio::task::block_in_place(|| wire::tls(https, &platform.limits))?;
                let listener = Listener::bind(https.address, wire::listener_limits(platform)).await?;
                Some((listener.encrypted(tls.clone()), tls))
            }
            None => None,
        };
        let https_address = https.as_ref().map(|(listener, _)| listener.address());
        let admin = Listener::bind(platform.listener.admin, request::Limits::default()).await?;
        let (http_address, admin_address) = (http.address(), admin.address());
        let as_stores: Arc<dyn Stores> = Arc::<Embedded>::clone(&stores);
        let served = Served::start(loaded, Arc::clone(&stores), telemetry, progress).await?;
        let managed = Arc::new(Managed {
            host: InvocationId::now().to_string(),
            served: Arc::clone(&served),
            stores: as_stores,
            telemetry: telemetry.clone(),
            tokens: Tokens::new(platform.listener.admin_token.as_ref()),
            reach: if admin_address.ip().is_loopback() { Reach::Loopback } else { Reach::Network },
            ready: AtomicBool::new(true),
        });
        let messages = Messages::start(Arc::clone(&served), Arc::clone(&managed.stores), telemetry.clone());
        let schedules = Schedules::start(Arc::clone(&served), Arc::clone(&managed.stores), telemetry.clone());
        let requests = serve_requests(http, Arc::clone(&served), &platform.limits);
        let encrypted = https.map(|(listener, tls)| Encrypted {
            requests: serve_requests(listener, served, &platform.limits),
            certificate: tokio::spawn(tls.follow()),
        });
        let management = {
            let stop = CancellationToken::new();
            let drain = Drain { timeout: ADMIN_DRAIN, ..Drain::default() };
            let serving = admin.serve(server::handler(Arc::clone(&managed)), stop.clone(), drain);
            Serving { stop, task: tokio::spawn(serving) }
        };
        let token = managed.tokens.local().map(|token| String::from_utf8_lossy(token.expose()).into_owned());
        let (host, process) = (managed.host.clone(), std::process::id());
        let run = Run { host, process, http: http_address, admin: admin_address, token };
        let run_file = RunFile::write(&platform.data_dir, &run)
            .inspect_err(|error| tracing::warn!(%error, "other commands will not find this host"))
            .ok();
        let https = https_address.map(|address| address.to_string());
        tracing::info!(http = %http_address, https, admin = %admin_address, functions = platform.functions.len(), "ready");
        let drain_timeout = platform.limits.drain_timeout;
        Ok(Self {
            http: http_address,
            https: https_address,
            admin: admin_address,
            managed,
            stores,
            events: tokio::sync::Mutex::new((messages, schedules)),
            requests,
            encrypted,
            management,
            run_file,
            drain_timeout,
        })
    }

    /// Where requests are taken.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where encrypted requests are taken.
    pub(crate) fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Where the host is managed.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Serves another configuration from now on; see [`Served::reload`].
    ///
    /// # Errors
    /// Then all goes on as before.
    pub(crate) async fn reload(&self, loaded: &Loaded, progress: &Progress) -> Result<Reloaded, Error> {
        let mut events = self.events.lock().await;
        let reloaded = self.managed.served.reload(loaded, progress).await?;
        let (messages, schedules) = &mut *events;
        messages.follow();
        schedules.follow();
        Ok(reloaded)
    }

    /// What runs the functions.
    pub(crate) fn engine(&self) -> &Engine {
        self.managed.served.engine()
    }

    /// Ends in order: requests that run, and what functions do behind their answers, may finish within `drain-timeout`.
    pub(crate) async fn stop(self) {
        let deadline = Instant::now() + self.drain_timeout;
        self.managed.ready.store(false, Ordering::Relaxed);
        drop(self.run_file);
        let encrypted = async {
            match self.encrypted {
                Some(encrypted) => encrypted.end().await,
                None => 0,
            }
        };
        let (messages, schedules) = self.events.into_inner();
        schedules.stop().await;
        let (plain, encrypted, ()) = tokio::join!(self.requests.end(), encrypted, messages.stop(deadline));
        let cut = plain + encrypted;
        if cut > 0 {
            tracing::warn!(connections = cut, "requests were cut, since they took longer than `drain-timeout`");
        }
        self.management.end().await;
        let still_running = || self.managed.served.running() > 0;
        while still_running() && Instant::now() < deadline {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        self.stores.close().await;
        tracing::info!("stopped");
    }
}

fn serve_requests(listener: Listener, served: Arc<Served>, limits: &HostLimits) -> Serving {
    let stop = CancellationToken::new();
    let drain = Drain { timeout: limits.drain_timeout, cut: served.current().door.cut.clone() };
    let serving = listener.serve(
        move |request, client: Arc<Client>| {
            // What is served now, for this request, to its end.
            let generation = served.for_request();
            async move {
                let call = |callee: &Callee, invocation, request| callee.call(&generation, invocation, request);
                generation.door.answer(request, &client, call).await
            }
        },
        stop.clone(),
        drain,
    );
    Serving { stop, task: tokio::spawn(serving) }
}
