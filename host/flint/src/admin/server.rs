//! Answers the management API.

mod blob;
mod queue;
mod schedule;
mod topic;
mod workflow;

use super::api::invoke::{Accepted, How, Status};
use super::api::{
    Changed, Deploy, Function, Functions, INVOCATION_HEADER, Invocations, Item, Limits, Live, PROBLEM_JSON, Page,
    Problem, ProblemDetails, Put, Recent, Rollback, Routes, Scan, Split, Versions, Written,
};
use super::guard::{self, Reach};
use super::openapi::Octets;
use super::token::Tokens;
use super::{functions, invoke, kv, openapi, parse, show};
use crate::live::{self, Served};
use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flint_config::Platform;
use flint_model::{FunctionName, InvocationId, StoreName, TraceContext};
use flint_stores::Stores;
use flint_telemetry::Telemetry;
use flint_triggers::request::{Client, ClientBody};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tower::ServiceExt;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest text of a refusal that is passed on, in bytes.
const REFUSAL_MAX: usize = 4 << 10;

/// How many invocations are told when nobody says.
const RECENT: usize = 100;

/// The longest text that says where a component comes from, in bytes; the rest is cut.
const FROM_MAX: usize = 1 << 10;

/// What the management API manages.
pub(crate) struct Managed {
    /// Identifies this run of the host.
    pub(crate) host: String,
    pub(crate) served: Arc<Served>,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) telemetry: Telemetry,
    pub(crate) tokens: Tokens,
    /// From where the address can be reached.
    pub(crate) reach: Reach,
    /// Whether requests should be sent here: not before the host is up, and not when it stops.
    pub(crate) ready: AtomicBool,
}

type Host = State<Arc<Managed>>;

/// Every page, with its description.
pub(super) struct Pages(OpenApiRouter<Arc<Managed>>);

/// The pages of the management API.
pub(super) fn routes() -> Pages {
    let pages = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(metrics))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(described))
        .routes(routes!(all_functions))
        .routes(routes!(one_function))
        .routes(routes!(invoke_function))
        .routes(routes!(invocation))
        .routes(routes!(versions, deploy))
        .routes(routes!(rollback))
        .routes(routes!(split))
        .routes(routes!(all_routes))
        .routes(routes!(limits))
        .routes(routes!(invocations))
        .routes(routes!(scan))
        .routes(routes!(read, write))
        .merge(queue::routes())
        .merge(blob::routes())
        .merge(schedule::routes())
        .merge(topic::routes())
        .merge(workflow::routes());
    Pages(pages)
}

impl Pages {
    /// Their description.
    pub(super) fn into_openapi(self) -> OpenApi {
        openapi::finish(self.0.into_openapi())
    }
}

/// Makes the handler of the admin listener.
pub(crate) fn handler(
    managed: Arc<Managed>,
) -> impl Fn(http::Request<ClientBody>, Arc<Client>) -> Answer + Send + Sync + 'static {
    let (router, _) = routes().0.split_for_parts();
    let router = router
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "admin/not-found", "there is no such page"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "admin/method-not-allowed",
                "this page does not take this method",
            )
        })
        .layer(middleware::map_response(told))
        .layer(middleware::from_fn_with_state(Arc::clone(&managed), guarded))
        .with_state(managed);
    move |request, _| Box::pin(answer(router.clone(), request))
}

/// How large a body of management may be at least, so that who sends too much to one function learns the limit of that one.
const BODY_MAX_LEAST: usize = 64 << 20;

/// The largest payload that a function takes, or value that a store takes, in bytes; or more.
fn body_max(platform: &Platform) -> usize {
    let payloads = platform.functions.values().map(|function| function.request_size_max.as_usize());
    let values = platform.kv.values().map(|store| store.value_size_max.as_usize());
    let component = platform.limits.component_size_max.as_usize();
    payloads.chain(values).chain([component]).fold(BODY_MAX_LEAST, usize::max)
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

async fn answer(router: axum::Router, request: http::Request<ClientBody>) -> Response {
    let response: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
    response.unwrap_or_else(|never| match never {})
}

async fn guarded(State(managed): Host, mut request: Request, next: Next) -> Response {
    if let Err(problem) = guard::check(request.uri(), request.headers(), managed.reach) {
        return problem.into_response();
    }
    // Who asks whether the host lives has no token to ask with.
    let is_health = request.uri().path().starts_with("/health/");
    if !is_health && !managed.tokens.admit(request.headers()) {
        let detail = "this host is managed with a token: `Authorization: Bearer TOKEN`";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, "admin/unauthorized", detail).into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    // As large as the limits in force say: a reload may have changed them.
    DefaultBodyLimit::max(body_max(&managed.served.current().platform)).apply(&mut request);
    next.run(request).await
}

/// Makes a problem of what axum refuses in plain text: a query or a path that can't be read, a body that is too large.
async fn told(response: Response) -> Response {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "admin/too-large",
        status if status.is_client_error() => "admin/bad-request",
        _ => "host/internal",
    };
    // Without its text, a refusal has still its status.
    let text = axum::body::to_bytes(response.into_body(), REFUSAL_MAX).await.unwrap_or_default();
    Problem::new(status, code, String::from_utf8_lossy(&text)).into_response()
}

/// All metrics, as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
async fn metrics(State(managed): Host) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, Telemetry::METRICS_MEDIA_TYPE)], managed.telemetry.metrics_text())
}

/// Says who answers. Needs no token.
#[utoipa::path(get, path = "/health/live", security(()), responses((status = 200, body = Live)))]
async fn live(State(managed): Host) -> Json<Live> {
    Json(Live { host: managed.host.clone(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Says whether requests should be sent here. Needs no token.
#[utoipa::path(
    get,
    path = "/health/ready",
    security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn ready(State(managed): Host) -> Result<&'static str, Problem> {
    let is_ready = managed.ready.load(Ordering::Relaxed);
    let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "host/not-ready", "the host is starting or stopping");
    is_ready.then_some("ready\n").ok_or_else(busy)
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = 200, body = serde_json::Value)))]
async fn described() -> Json<OpenApi> {
    Json(openapi::document())
}

/// All functions.
#[utoipa::path(get, path = "/v1/functions", responses((status = 200, body = Functions)))]
async fn all_functions(State(managed): Host) -> Json<Functions> {
    let current = managed.served.current();
    let functions = current.functions.values().filter_map(|slot| show::function(&current, slot)).collect();
    Json(Functions { functions })
}

/// One function.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}",
    params(("name" = String, Path)),
    responses(
        (status = 200, body = Function),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn one_function(State(managed): Host, Path(name): Path<String>) -> Result<Json<Function>, Problem> {
    let current = managed.served.current();
    let slot = current.slot(&parse(&name)?)?;
    let found = show::function(&current, slot);
    found.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "function/not-found", "it is gone"))
}

/// Calls a function with a payload, and waits for its answer; or, with `async`, accepts the call for later.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/invoke",
    params(("name" = String, Path), How),
    request_body(content = Octets, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Octets, content_type = "application/octet-stream"),
        (status = 202, body = Accepted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn invoke_function(
    State(managed): Host,
    Path(name): Path<String>,
    Query(how): Query<How>,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<Response, Problem> {
    let (name, current) = (parse::<FunctionName>(&name)?, managed.served.current());
    let live = current.slot(&name)?.choose();
    if let (Some(_), Some(function)) = (how.asynchronous, current.platform.functions.get(&name)) {
        functions::check_invocable(&live.function)?;
        let accepted = invoke::send(&*managed.stores, &name, &function.asynchronous, payload).await?;
        return Ok((StatusCode::ACCEPTED, Json(accepted)).into_response());
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let caller = header("traceparent").and_then(|parent| TraceContext::parse(parent, header("tracestate")));
    let (id, answer) = functions::invoke(&live.function, caller, payload).await?;
    Ok(([(INVOCATION_HEADER, id.to_string())], answer).into_response())
}

/// What became of an invocation that was accepted for later.
#[utoipa::path(
    get,
    path = "/v1/invocations/{invocation}",
    params(("invocation" = String, Path)),
    responses(
        (status = 200, body = Status),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn invocation(State(managed): Host, Path(id): Path<String>) -> Result<Json<Status>, Problem> {
    invoke::status(&*managed.stores, parse::<InvocationId>(&id)?).await.map(Json)
}

/// The versions of a function.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}/versions",
    params(("name" = String, Path)),
    responses(
        (status = 200, body = Versions),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn versions(State(managed): Host, Path(name): Path<String>) -> Result<Json<Versions>, Problem> {
    let current = managed.served.current();
    let slot = current.slot(&parse(&name)?)?;
    let record = tokio::task::block_in_place(|| live::history(&current.platform.data_dir, slot.name()));
    let record = record.map_err(|error| live::deploy::of_load(&error))?;
    Ok(Json(Versions::of(name, &record)))
}

/// Deploys a component: all requests, or some of them, go to it from now on.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/versions",
    params(("name" = String, Path), Deploy),
    request_body(content = Octets, content_type = "application/wasm"),
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn deploy(
    State(managed): Host,
    Path(name): Path<String>,
    Query(how): Query<Deploy>,
    component: Bytes,
) -> Result<Json<Changed>, Problem> {
    let name = parse(&name)?;
    let max = managed.served.current().platform.limits.component_size_max;
    if component.len() as u64 > max.as_u64() {
        let detail = format!("the component is larger than {max}, which is `limits.component-size-max`");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "component/too-large", detail));
    }
    let weight = how.weight.unwrap_or(100);
    if !(1..=100).contains(&weight) {
        return Err(bad_weight("1"));
    }
    let from = how.from.unwrap_or_else(|| "unknown".to_owned());
    let from = from[..from.floor_char_boundary(FROM_MAX)].to_owned();
    Arc::clone(&managed.served).deploy(name, component, from, weight).await.map(Json)
}

/// Goes back to a version, or to the one that served before.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/rollback",
    params(("name" = String, Path)),
    request_body = Rollback,
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn rollback(
    State(managed): Host,
    Path(name): Path<String>,
    Json(rollback): Json<Rollback>,
) -> Result<Json<Changed>, Problem> {
    Arc::clone(&managed.served).roll_back(parse(&name)?, rollback.to).await.map(Json)
}

/// Leads some of the requests to a version; 100 makes it the main one, 0 ends the split.
#[utoipa::path(
    put,
    path = "/v1/functions/{name}/split",
    params(("name" = String, Path)),
    request_body = Split,
    responses(
        (status = 200, body = Changed),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn split(
    State(managed): Host,
    Path(name): Path<String>,
    Json(split): Json<Split>,
) -> Result<Json<Changed>, Problem> {
    if split.weight > 100 {
        return Err(bad_weight("0"));
    }
    Arc::clone(&managed.served).split(parse(&name)?, split.version, split.weight).await.map(Json)
}

fn bad_weight(least: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "version/bad-weight", format!("a weight is a number from {least} to 100"))
}

/// The routes.
#[utoipa::path(get, path = "/v1/routes", responses((status = 200, body = Routes)))]
async fn all_routes(State(managed): Host) -> Json<Routes> {
    Json(show::routes(&managed.served.current()))
}

/// The limits of the host as a whole, and of its stores.
#[utoipa::path(get, path = "/v1/limits", responses((status = 200, body = Limits)))]
async fn limits(State(managed): Host) -> Json<Limits> {
    Json(show::limits(&managed.served.current().platform, managed.served.engine().guest_memory_max()))
}

/// The invocations that were over last.
#[utoipa::path(
    get,
    path = "/v1/invocations",
    params(Recent),
    responses(
        (status = 200, body = Invocations),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn invocations(State(managed): Host, Query(query): Query<Recent>) -> Result<Json<Invocations>, Problem> {
    let function: Option<FunctionName> = query.function.as_deref().map(parse).transpose()?;
    let recent = managed.telemetry.recent(function.as_ref(), query.limit.unwrap_or(RECENT));
    Ok(Json(Invocations { invocations: recent.iter().map(show::invocation).collect() }))
}

/// Some keys of a store, in order.
#[utoipa::path(
    get,
    path = "/v1/kv/{store}",
    params(("store" = String, Path), Scan),
    responses(
        (status = 200, body = Page),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn scan(
    State(managed): Host,
    Path(store): Path<String>,
    Query(query): Query<Scan>,
) -> Result<Json<Page>, Problem> {
    kv::scan(&*managed.stores, &parse::<StoreName>(&store)?, &query).await.map(Json)
}

/// The value of a key.
#[utoipa::path(
    get,
    path = "/v1/kv/{store}/{*key}",
    params(("store" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = Item),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn read(State(managed): Host, Path((store, key)): Path<(String, String)>) -> Result<Json<Item>, Problem> {
    kv::get(&*managed.stores, &parse::<StoreName>(&store)?, &key).await.map(Json)
}

/// Writes a key, durably.
#[utoipa::path(
    put,
    path = "/v1/kv/{store}/{*key}",
    params(("store" = String, Path), ("key" = String, Path), Put),
    request_body(content = Octets, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Written),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn write(
    State(managed): Host,
    Path((store, key)): Path<(String, String)>,
    Query(query): Query<Put>,
    value: Bytes,
) -> Result<Json<Written>, Problem> {
    kv::put(&*managed.stores, &parse::<StoreName>(&store)?, &key, value, &query).await.map(Json)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A status that is none can't come from `Problem::new`.
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Numbers and texts: that is always JSON.
        let body = serde_json::to_string(&ProblemDetails::from(self)).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response()
    }
}
