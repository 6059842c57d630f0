//! The one place where parts meet: from the configuration's words to the options of each part.

use crate::admin::functions::Functions;
use crate::error::Error;
use crate::load::{self, Loaded};
use crate::output::Progress;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_config::Platform;
use flint_config::platform::{self, HostLimits, Https, KvStore, Methods};
use flint_engine::admission::AdmissionOptions;
use flint_engine::{Engine, Isolation, Limits, Settings};
use flint_model::{FunctionName, SystemClock};
use flint_stores::{KvLimits, Stores};
use flint_stores_embedded::Embedded;
use flint_telemetry::{Gauge, Kind, Telemetry};
use flint_triggers::request::{
    self, Cors, Door, Endpoint, Folder, HostPattern, PathPattern, Rate, Route, Router, Target, Tls, rate, tls,
};
use flint_world::{Function, FunctionSpec, World, WorldOptions};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Makes the data folder and opens the stores in it, which keeps every other process out.
///
/// # Errors
/// If the folder can't be made, or the stores can't be opened.
pub(crate) fn open_stores(platform: &Platform) -> Result<Arc<Embedded>, Error> {
    let folder = platform.data_dir.join("stores");
    let dir = make_dir(&folder).map_err(|source| Error::DataDir { path: folder.clone(), source })?;
    let stores = platform.kv.iter().map(|(name, store)| (name.clone(), kv_limits(store))).collect();
    let options = flint_stores_embedded::Options { stores, ..Default::default() };
    let embedded = Embedded::open(dir, options).map_err(|source| Error::Stores { path: folder, source })?;
    Ok(Arc::new(embedded))
}

fn make_dir(path: &Path) -> std::io::Result<Dir> {
    std::fs::create_dir_all(path)?;
    Dir::open_ambient_dir(path, ambient_authority())
}

fn kv_limits(store: &KvStore) -> KvLimits {
    KvLimits {
        key_size_max: store.key_size_max.as_usize(),
        value_size_max: store.value_size_max.as_usize(),
        scan_page_max: u32::try_from(store.scan_page_max).unwrap_or(u32::MAX),
        page_bytes_max: store.page_size_max.as_usize(),
        batch_max: store.batch_max,
        batch_bytes_max: store.batch_size_max.as_usize(),
    }
}

/// Makes the world, and in it the functions: all, or those that are asked for.
///
/// # Errors
/// If the engine can't be started, or a component does not fit.
pub(crate) async fn functions(
    loaded: &Loaded,
    stores: Arc<dyn Stores>,
    telemetry: &Telemetry,
    wanted: impl Fn(&FunctionName) -> bool,
    progress: &Progress,
) -> Result<Functions, Error> {
    let platform = &loaded.platform;
    telemetry.limit_lines(platform.limits.log_line_max);
    let world = World::new(WorldOptions {
        engine: Engine::new(&settings(&platform.limits))?,
        cache: load::cache(&platform.data_dir),
        stores,
        telemetry: telemetry.clone(),
        clock: Arc::new(SystemClock),
        spares_max: platform.limits.spares_max,
    })?;
    tracing::info!(residency = %world.engine().residency(), "memory between two instances");
    let mut functions = Functions::new();
    for (name, function) in platform.functions.iter().filter(|(name, _)| wanted(name)) {
        let Some(component) = loaded.components.get(name) else {
            return Err(Error::Bug(format!("the function {name} has no component")));
        };
        progress.step(format!("loading {name}"));
        let bytes =
            std::fs::read(component).map_err(|source| Error::NoComponent { path: component.clone(), source })?;
        let failed = |source| Error::Load { function: name.clone(), source };
        let loaded = world.load(spec(name, function, platform.limits.spares_max)?, &bytes).await.map_err(failed)?;
        loaded.prepare(function.warm).await.map_err(failed)?;
        observe(telemetry, &loaded);
        functions.insert(name.clone(), loaded);
    }
    Ok(functions)
}

/// Instances that are counted nowhere for a moment, such as a shared one without events.
const SLACK: usize = 50;

/// An instance for each invocation that may run, and one for each that may be ready.
fn settings(limits: &HostLimits) -> Settings {
    let instances = limits.invocations_max.saturating_add(limits.spares_max).saturating_add(SLACK);
    Settings {
        instances_max: u32::try_from(instances).unwrap_or(u32::MAX),
        admission: AdmissionOptions {
            concurrency: limits.invocations_max,
            queue: limits.invocations_max,
            ..AdmissionOptions::default()
        },
        memory_max: limits.memory_max,
        ..Settings::default()
    }
}

fn spec(name: &FunctionName, function: &platform::Function, spares_max: usize) -> Result<FunctionSpec, Error> {
    let uses = |uses: usize| u32::try_from(uses).unwrap_or(u32::MAX);
    let outbound = function.outbound.iter().map(|host| {
        host.to_string().parse().map_err(|error| Error::Bug(format!("the host {host} of {name}: {error}")))
    });
    Ok(FunctionSpec {
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
        first_byte_timeout: function.first_byte_timeout,
        warm: function.warm,
        spares_max,
        environment: function.environment.clone().into_iter().collect(),
        config: function.config.clone(),
        secrets: function.secrets.clone(),
        grants: function.grants.clone(),
        outbound: outbound.collect::<Result<_, _>>()?,
        log_size_max: function.log_size_max,
        handles_max: function.handles_max,
        request_size_max: function.request_size_max,
        response_size_max: function.response_size_max,
        ..FunctionSpec::new(name.clone())
    })
}

fn observe(telemetry: &Telemetry, function: &Function) {
    let read = function.clone();
    telemetry.register(Gauge {
        name: "spares",
        help: "Instances that are ready for an event and never ran.",
        kind: Kind::Gauge,
        labels: vec![("function", function.name().to_string())],
        #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 instances")]
        read: Box::new(move || read.spares() as f64),
    });
}

/// Makes the request door.
///
/// # Errors
/// A folder of files can't be opened; else none that a valid configuration can cause: both parts keep the same rules for routes.
pub(crate) fn door(platform: &Platform, functions: &Functions) -> Result<Door<Function>, Error> {
    let bug = |route: &platform::Route, error: &dyn std::fmt::Display| {
        Error::Bug(format!("the route {} to {}: {error}", route.path.as_str(), route.target))
    };
    let mut routes = Vec::with_capacity(platform.routes.len());
    for route in &platform.routes {
        let host = route.host.as_ref().map(|host| HostPattern::parse(&host.to_string())).transpose();
        routes.push(Route {
            host: host.map_err(|error| bug(route, &error))?,
            methods: match &route.methods {
                Methods::Any => None,
                Methods::Only(methods) => Some(methods.clone()),
            },
            path: PathPattern::parse(route.path.as_str()).map_err(|error| bug(route, &error))?,
            target: endpoint(platform, functions, route)?,
        });
    }
    let router = Router::new(routes).map_err(|error| Error::Bug(error.to_string()))?;
    Ok(Door {
        header_count_max: platform.limits.header_count_max,
        compressions: Arc::new(Semaphore::new(platform.limits.compressions_max)),
        trusted_proxies: platform.listener.trusted_proxies.clone(),
        ..Door::new(router)
    })
}

fn endpoint(platform: &Platform, functions: &Functions, route: &platform::Route) -> Result<Endpoint<Function>, Error> {
    let (target, request_body_max) = match &route.target {
        platform::Target::Function(name) => {
            let function = functions.get(name).ok_or_else(|| Error::Bug(format!("there is no function {name}")))?;
            let body_max = platform.functions.get(name).and_then(|function| function.http_body_max);
            (Target::Function(function.clone()), body_max)
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
        rate: route.rate.as_ref().map(|rate| self::rate(rate, &platform.limits)),
        cors: route.cors.as_ref().map(cors),
        compress: route.compress.then_some(platform.limits.compress_size_min),
    })
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

/// The limits of the request listener.
pub(crate) fn listener_limits(limits: &HostLimits) -> request::Limits {
    request::Limits {
        connections_max: limits.connections_max,
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
