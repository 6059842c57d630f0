//! Answers the management API.

use super::api::{INVOCATION_HEADER, Item, Live, PROBLEM_JSON, Page, Problem, Put, Scan, Written};
use super::functions::{self, Functions};
use super::{guard, kv};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use flint_model::{FunctionName, StoreName, TraceContext};
use flint_stores::Stores;
use flint_telemetry::Telemetry;
use flint_triggers::request::{Client, ClientBody};
use http::{HeaderMap, StatusCode, header};
use std::convert::Infallible;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tower::ServiceExt;

/// The longest text of a refusal that is passed on, in bytes.
const REFUSAL_MAX: usize = 4 << 10;

/// What the management API manages.
pub(crate) struct Managed {
    /// Identifies this run of the host.
    pub(crate) host: String,
    pub(crate) functions: Arc<Functions>,
    pub(crate) stores: Arc<dyn Stores>,
    pub(crate) telemetry: Telemetry,
    /// The largest body that is taken, in bytes: at least what any function or store takes.
    pub(crate) body_max: usize,
    /// Whether requests should be sent here: not before the host is up, and not when it stops.
    pub(crate) ready: AtomicBool,
}

type Host = State<Arc<Managed>>;

/// Makes the handler of the admin listener.
pub(crate) fn handler(
    managed: Arc<Managed>,
) -> impl Fn(http::Request<ClientBody>, Arc<Client>) -> Answer + Send + Sync + 'static {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/v1/functions/{name}/invoke", post(invoke))
        .route("/v1/kv/{store}", get(scan))
        .route("/v1/kv/{store}/{*key}", get(read).put(write))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "admin/not-found", "there is no such page"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "admin/method-not-allowed",
                "this page does not take this method",
            )
        })
        .layer(DefaultBodyLimit::max(managed.body_max))
        .layer(middleware::map_response(told))
        .layer(middleware::from_fn(guarded))
        .with_state(managed);
    move |request, _| Box::pin(answer(router.clone(), request))
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

async fn answer(router: Router, request: http::Request<ClientBody>) -> Response {
    let response: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
    response.unwrap_or_else(|never| match never {})
}

async fn guarded(request: Request, next: Next) -> Response {
    match guard::check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
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

async fn metrics(State(managed): Host) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, Telemetry::METRICS_MEDIA_TYPE)], managed.telemetry.metrics_text())
}

async fn live(State(managed): Host) -> Json<Live> {
    Json(Live { host: managed.host.clone(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

async fn ready(State(managed): Host) -> Result<&'static str, Problem> {
    let is_ready = managed.ready.load(Ordering::Relaxed);
    let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "host/not-ready", "the host is starting or stopping");
    is_ready.then_some("ready\n").ok_or_else(busy)
}

async fn invoke(
    State(managed): Host,
    Path(name): Path<String>,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<Response, Problem> {
    let name: FunctionName = parse(&name)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let caller = header("traceparent").and_then(|parent| TraceContext::parse(parent, header("tracestate")));
    let (id, answer) = functions::invoke(&managed.functions, &name, caller, payload).await?;
    Ok(([(INVOCATION_HEADER, id.to_string())], answer).into_response())
}

async fn scan(
    State(managed): Host,
    Path(store): Path<String>,
    Query(query): Query<Scan>,
) -> Result<Json<Page>, Problem> {
    kv::scan(&*managed.stores, &parse::<StoreName>(&store)?, &query).await.map(Json)
}

async fn read(State(managed): Host, Path((store, key)): Path<(String, String)>) -> Result<Json<Item>, Problem> {
    kv::get(&*managed.stores, &parse::<StoreName>(&store)?, &key).await.map(Json)
}

async fn write(
    State(managed): Host,
    Path((store, key)): Path<(String, String)>,
    Query(query): Query<Put>,
    value: Bytes,
) -> Result<Json<Written>, Problem> {
    kv::put(&*managed.stores, &parse::<StoreName>(&store)?, &key, value, &query).await.map(Json)
}

fn parse<N: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<N, Problem> {
    text.parse().map_err(|error: N::Err| Problem::new(StatusCode::BAD_REQUEST, "admin/bad-name", error.to_string()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A status that is none can't come from `Problem::new`.
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(invocation) = self.invocation {
            body["invocation"] = invocation.into();
        }
        (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body.to_string()).into_response()
    }
}
