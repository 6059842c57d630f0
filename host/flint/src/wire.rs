//! The one place where parts meet: from the configuration's words to the options of each part.

pub(crate) mod dispatch;
mod stores;
pub(crate) mod workflow;

pub(crate) use stores::{catalog, keep_name, open as open_stores};

use crate::error::Error;
use crate::live::routes::{BODY_MAX, Callee, Entrance};
use crate::live::slot::Slot;
use crate::live::{Cut, Slots};
use crate::load::{self, Loaded};
use crate::machine;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_config::Platform;
use flint_config::platform::{self, HostLimits, HostOutbound, Https, Methods};
use flint_engine::admission::AdmissionOptions;
use flint_engine::snapshot::InitLimits;
use flint_engine::{Isolation, Limits, Settings};
use flint_model::FunctionName;
use flint_stores::blob::sign::Signer;
use flint_stores_embedded::Embedded;
use flint_telemetry::{Gauge, Kind, Telemetry};
use flint_triggers::request::{
    self, Answers, Blobs, Cors, Door, Endpoint, Folder, HostPattern, Keep, PathPattern, Rate, Room, Route, Router,
    Target, Tls, rate, tls,
};
use flint_world::{
    Authorities, FunctionSpec, Functions, HeadLimits, OutboundOptions, OutboundSpec, Workflows, World, WorldOptions,
};
use std::sync::{Arc, Weak};

/// What functions may call and start.
pub(crate) struct Callable {
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) workflows: Arc<dyn Workflows>,
}

/// Makes the world that functions are made in.
///
/// # Errors
/// If what is trusted for calls of other hosts can't be used.
pub(crate) fn world(
    loaded: &Loaded,
    stores: Arc<Embedded>,
    callable: Callable,
    signer: Arc<Signer>,
    telemetry: &Telemetry,
) -> Result<World, Error> {
    let platform = &loaded.platform;
    telemetry.limit_lines(platform.limits.log_line_max);
    telemetry.keep_recent(platform.limits.recent_invocations);
    let world = World::new(WorldOptions {
        engine: loaded.engine.clone(),
        cache: load::cache(&platform.data_dir),
        clock: stores.clock(),
        stores,
        functions: callable.functions,
        workflows: callable.workflows,
        invoke_depth_max: u32::try_from(platform.limits.invoke_depth_max).unwrap_or(u32::MAX),
        signer,
        telemetry: telemetry.clone(),
        spares_max: platform.limits.spares_max,
        request_memory_max: platform.limits.request_memory_max,
        head_max: HeadLimits { size: platform.limits.header_size_max, count: platform.limits.header_count_max },
        outbound: outbound_options(&platform.outbound)?,
    })?;
    let held = world.held();
    telemetry.register(Gauge {
        name: "request_memory_bytes",
        help: "Requests and answers that are held whole.",
        kind: Kind::Gauge,
        labels: Vec::new(),
        #[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
        read: Box::new(move || held() as f64),
    });
    tracing::info!(residency = %world.engine().residency(), "memory between two instances");
    Ok(world)
}

/// Instances that are counted nowhere for a while, such as shared ones without events.
const SLACK: usize = 100;

/// An instance for each invocation that may run, and one for each that may be ready.
pub(crate) fn settings<'f>(
    limits: &HostLimits,
    functions: impl IntoIterator<Item = &'f platform::Function>,
) -> Settings {
    let instances = limits.invocations_max.saturating_add(limits.spares_max).saturating_add(SLACK);
    Settings {
        instances_max: u32::try_from(instances).unwrap_or(u32::MAX),
        admission: admission(limits, functions),
        memory_max: limits.memory_max,
        touched_max: limits.touched_max,
        memories_max: u32::try_from(limits.memories_max).unwrap_or(u32::MAX),
        tables_max: u32::try_from(limits.tables_max).unwrap_or(u32::MAX),
        table_elements_max: limits.table_elements_max,
        stack_size_max: limits.stack_size_max,
        core_instances_max: u32::try_from(limits.core_instances_max).unwrap_or(u32::MAX),
        guest_memory_max: limits.guest_memory_max.or_else(machine::memory_for_guests),
        start_timeout: limits.start_timeout,
        init: InitLimits { memory: limits.init_memory_max, timeout: limits.init_timeout },
        ..Settings::default()
    }
}

/// The invocations that no function has reserved for itself.
pub(crate) fn admission<'f>(
    limits: &HostLimits,
    functions: impl IntoIterator<Item = &'f platform::Function>,
) -> AdmissionOptions {
    let reserved: usize = functions.into_iter().filter_map(platform::Function::reserved).sum();
    AdmissionOptions {
        concurrency: limits.invocations_max.saturating_sub(reserved),
        queue: limits.queue,
        queue_timeout: limits.queue_timeout,
    }
}

/// What a version of a function is given.
///
/// # Errors
/// None that a valid configuration can cause: both parts keep the same rules for hosts.
pub(crate) fn spec(
    name: &FunctionName,
    version: u64,
    function: &platform::Function,
    spares_max: usize,
) -> Result<FunctionSpec, Error> {
    let uses = |uses: usize| u32::try_from(uses).unwrap_or(u32::MAX);
    Ok(FunctionSpec {
        version,
        limits: Limits { memory: function.memory, timeout: function.timeout, cpu: function.cpu },
        isolation: match function.isolation {
            platform::Isolation::Fresh => Isolation::Fresh,
            platform::Isolation::Serial { uses: n } => Isolation::Serial { uses: uses(n) },
            platform::Isolation::Shared { uses: n } => Isolation::Shared { uses: uses(n) },
        },
        admission: AdmissionOptions {
            concurrency: function.concurrency,
            queue: function.queue,
            queue_timeout: function.queue_timeout,
        },
        reserved: function.is_reserved,
        first_byte_timeout: function.first_byte_timeout,
        warm: function.warm,
        spares_max,
        environment: function.environment.clone().into_iter().collect(),
        config: function.config.clone(),
        secrets: function.secrets.clone(),
        grants: function.grants.clone(),
        outbound: outbound_spec(name, function)?,
        log_size_max: function.log_size_max,
        handles_max: function.handles_max,
        kv_calls_max: u32::try_from(function.kv_calls_max).unwrap_or(u32::MAX),
        kv_size_max: function.kv_size_max,
        request_size_max: function.request_size_max,
        response_size_max: function.response_size_max,
        http_response_max: function.http_response_max,
        ..FunctionSpec::new(name.clone())
    })
}

fn outbound_spec(name: &FunctionName, function: &platform::Function) -> Result<OutboundSpec, Error> {
    let hosts = function.outbound.iter().map(|host| {
        host.to_string().parse().map_err(|error| Error::Bug(format!("the host {host} of {name}: {error}")))
    });
    Ok(OutboundSpec {
        hosts: hosts.collect::<Result<_, _>>()?,
        internal: function.outbound_internal.clone(),
        calls_max: u32::try_from(function.outbound_calls_max).unwrap_or(u32::MAX),
        size_max: function.outbound_size_max,
        timeout: function.outbound_timeout,
        concurrency: function.outbound_concurrency,
    })
}

fn outbound_options(outbound: &HostOutbound) -> Result<OutboundOptions, Error> {
    let mut authorities = Authorities::default();
    if let Some((path, pem)) = &outbound.ca {
        authorities = authorities.and(pem).map_err(|source| Error::Authorities { path: path.clone(), source })?;
    }
    Ok(OutboundOptions {
        authorities,
        connect_timeout: outbound.connect_timeout,
        first_byte_timeout: outbound.first_byte_timeout,
        between_bytes_timeout: outbound.between_bytes_timeout,
        lookup_timeout: outbound.lookup_timeout,
        lookups_max: outbound.lookups_max,
        connections_max: outbound.connections_max,
        idle_max: outbound.idle_max,
        idle_timeout: outbound.idle_timeout,
        header_size_max: outbound.header_size_max,
    })
}

/// Shows a function's spares among the metrics, in the place of who had its name before.
pub(crate) fn observe(telemetry: &Telemetry, slot: &Arc<Slot>) {
    let read = Arc::downgrade(slot);
    telemetry.register(Gauge {
        name: SPARES,
        help: "Instances that are ready for an event and never ran.",
        kind: Kind::Gauge,
        labels: labels(slot.name()),
        #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 instances")]
        read: Box::new(move || Weak::upgrade(&read).map_or(0, |slot| slot.spares()) as f64),
    });
}

/// Takes away what [`observe`] added.
pub(crate) fn forget(telemetry: &Telemetry, name: &FunctionName) {
    telemetry.unregister(SPARES, &labels(name));
}

const SPARES: &str = "spares";

fn labels(name: &FunctionName) -> Vec<(&'static str, String)> {
    vec![("function", name.to_string())]
}

/// What requests do at once.
pub(crate) fn room(limits: &HostLimits) -> Room {
    Room::new(limits.requests_max, limits.files_open_max, limits.compressions_max)
}

/// What answers signed URLs.
pub(crate) fn blobs(stores: &Arc<Embedded>, signer: &Arc<Signer>) -> Blobs {
    Blobs::new(Arc::<Embedded>::clone(stores), Arc::clone(signer), stores.clock())
}

/// Makes the request door.
///
/// # Errors
/// A folder of files can't be opened; else none that a valid configuration can cause: both parts keep the same rules for routes.
pub(crate) fn door(
    platform: &Platform,
    functions: &Slots,
    rates: &Rates,
    cut: Cut,
    room: Room,
    blobs: Blobs,
    answers: Answers,
) -> Result<Door<Callee>, Error> {
    let bug = |route: &platform::Route, error: &dyn std::fmt::Display| {
        Error::Bug(format!("the route {} to {}: {error}", route.path.as_str(), route.target))
    };
    let mut routes = Vec::with_capacity(platform.routes.len());
    for (route, rate) in platform.routes.iter().zip(rates) {
        let host = route.host.as_ref().map(|host| HostPattern::parse(&host.to_string())).transpose();
        routes.push(Route {
            host: host.map_err(|error| bug(route, &error))?,
            methods: match &route.methods {
                Methods::Any => None,
                Methods::Only(methods) => Some(methods.clone()),
            },
            path: PathPattern::parse(route.path.as_str()).map_err(|error| bug(route, &error))?,
            target: endpoint(platform, functions, route, rate.clone())?,
        });
    }
    let router = Router::new(routes).map_err(|error| Error::Bug(error.to_string()))?;
    Ok(Door {
        cut,
        blobs: Some(blobs),
        answers: Some(answers),
        header_count_max: platform.limits.header_count_max,
        room,
        trusted_proxies: platform.listener.trusted_proxies.clone(),
        ..Door::new(router)
    })
}

fn endpoint(
    platform: &Platform,
    functions: &Slots,
    route: &platform::Route,
    rate: Option<Arc<Rate>>,
) -> Result<Endpoint<Callee>, Error> {
    let (target, request_body_max) = match &route.target {
        platform::Target::Function(name) => {
            let function = functions.get(name).ok_or_else(|| Error::Bug(format!("there is no function {name}")))?;
            let body_max = platform.functions.get(name).and_then(|function| function.http_body_max);
            (Target::Function(Callee::Function(Arc::clone(function))), body_max)
        }
        platform::Target::Workflow(name, input) => {
            let workflow = platform.workflows.get(name);
            let workflow = workflow.ok_or_else(|| Error::Bug(format!("there is no workflow {name}")))?;
            let entrance = Entrance::new(route, name, *input, workflow.kind);
            (Target::Function(Callee::Workflow(Arc::new(entrance))), Some(BODY_MAX))
        }
        platform::Target::Files(path) => {
            let dir = Dir::open_ambient_dir(path, ambient_authority());
            let dir = dir.map_err(|source| Error::Folder { path: path.clone(), source })?;
            (Target::Files(Folder::new(dir)), None)
        }
    };
    Ok(Endpoint {
        target,
        request_body_max,
        keep: keep(platform, route),
        rate,
        cors: route.cors.as_ref().map(cors),
        compress: route.compress.then_some(platform.limits.compress_size_min),
    })
}

/// What is kept of a route's answers; nothing where a key is the name of an execution. Its keys are its own as long as host, methods and path are as they were.
fn keep(platform: &Platform, route: &platform::Route) -> Option<Keep> {
    let (request_size_max, lasts) = match &route.target {
        platform::Target::Function(name) => {
            let function = platform.functions.get(name)?;
            (function.request_size_max, function.timeout)
        }
        platform::Target::Workflow(name, _) => {
            let workflow = platform.workflows.get(name).filter(|workflow| workflow.kind == platform::Kind::Express)?;
            (BODY_MAX, workflow::lasts(workflow))
        }
        platform::Target::Files(_) => return None,
    };
    let platform::Idempotency { kept, answer_size_max, required } = route.idempotency?;
    let host = route.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let methods = match &route.methods {
        Methods::Any => String::new(),
        Methods::Only(methods) => methods.iter().map(|method| format!("{method},")).collect(),
    };
    Some(Keep {
        route: format!("{host} {methods} {}", route.path),
        required,
        kept,
        answer_size_max,
        request_size_max,
        lasts: lasts + dispatch::SETTLE,
    })
}

/// Who counts the requests of each route, in the order of the routes.
pub(crate) type Rates = Vec<Option<Arc<Rate>>>;

/// Makes them for a platform. A route that was there before with the same rate goes on counting, or a client could ask anew with
/// every change of the configuration.
pub(crate) fn rates(platform: &Platform, before: Option<(&Platform, &Rates)>) -> Rates {
    let is_same = |one: &platform::Route, other: &platform::Route| {
        (&one.host, &one.methods, &one.path, &one.rate) == (&other.host, &other.methods, &other.path, &other.rate)
    };
    let counted = |route: &platform::Route| {
        let (platform, rates) = before?;
        let (_, rate) = platform.routes.iter().zip(rates).find(|(other, _)| is_same(route, other))?;
        rate.clone()
    };
    let rate = |route: &platform::Route| {
        let rate = route.rate.as_ref()?;
        Some(counted(route).unwrap_or_else(|| Arc::new(self::rate(rate, &platform.limits))))
    };
    platform.routes.iter().map(rate).collect()
}

fn rate(rate: &platform::Rate, limits: &HostLimits) -> Rate {
    let limit = rate::Limit { requests: rate.requests, per: rate.per, burst: rate.burst };
    let key = match &rate.key {
        platform::RateKey::Ip => rate::Key::Ip,
        platform::RateKey::Header(name) => rate::Key::Header(name.clone()),
    };
    Rate::new(limit, key, limits.rate_keys_max)
}

fn cors(cors: &platform::Cors) -> Cors {
    let texts = |names: &[http::HeaderName]| names.iter().map(ToString::to_string).collect();
    Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.iter().map(ToString::to_string).collect(),
        headers: cors.headers.as_deref().map(texts),
        expose: texts(&cors.expose),
        credentials: cors.credentials,
        max_age: cors.max_age,
    }
}

/// The limits of a request listener.
pub(crate) fn listener_limits(platform: &Platform) -> request::Limits {
    let limits = &platform.limits;
    let mut unbounded = request::Limits::default().unbounded;
    unbounded.extend_from_slice(&platform.listener.trusted_proxies);
    request::Limits {
        connections_max: limits.connections_max,
        connections_per_client_max: limits.connections_per_client_max,
        unbounded,
        header_size_max: limits.header_size_max,
        header_count_max: limits.header_count_max,
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        body_timeout: limits.body_timeout,
        streams_max: limits.http2_streams_max,
        resets_max: limits.http2_resets_max,
        window_size: limits.http2_window_size,
        buffer_size: limits.http2_buffer_size,
        ping_interval: limits.http2_ping_interval,
        ping_timeout: limits.http2_ping_timeout,
    }
}

/// What encrypted requests are encrypted with. Reads the files.
///
/// # Errors
/// If certificate or key can't be used.
pub(crate) fn tls(https: &Https, limits: &HostLimits) -> Result<Tls, Error> {
    let options = tls::Options {
        certificate: https.certificate.clone(),
        key: https.key.clone(),
        reload: https.certificate_check,
        handshake_timeout: limits.handshake_timeout,
    };
    Ok(Tls::new(options)?)
}
