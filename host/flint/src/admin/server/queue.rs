//! The pages of queues and triggers.

use super::{Host, Managed};
use crate::admin::api::queue::{
    Counted, Extend, Extended, Messages, Peek, Queue, Queues, Receive, Redrive, Send, Sent, Settle, Triggers,
};
use crate::admin::api::{Problem, ProblemDetails};
use crate::admin::{parse, queue, show};
use axum::Json;
use axum::extract::{Path, Query, State};
use flint_model::QueueName;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The pages.
pub(super) fn routes() -> OpenApiRouter<Arc<Managed>> {
    OpenApiRouter::new()
        .routes(routes!(triggers))
        .routes(routes!(all))
        .routes(routes!(one))
        .routes(routes!(send, peek))
        .routes(routes!(receive))
        .routes(routes!(settle))
        .routes(routes!(extend))
        .routes(routes!(purge))
        .routes(routes!(redrive))
}

/// All triggers.
#[utoipa::path(get, path = "/v1/triggers", responses((status = 200, body = Triggers)))]
async fn triggers(State(managed): Host) -> Json<Triggers> {
    Json(show::triggers(&managed.served.current().platform))
}

/// All queues, with what they hold.
#[utoipa::path(
    get,
    path = "/v1/queues",
    responses(
        (status = 200, body = Queues),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn all(State(managed): Host) -> Result<Json<Queues>, Problem> {
    let names: Vec<QueueName> = managed.served.current().platform.queues.keys().cloned().collect();
    let mut queues = Vec::with_capacity(names.len());
    for name in &names {
        queues.push(queue::depth(&*managed.stores, name).await?);
    }
    Ok(Json(Queues { queues }))
}

/// What a queue holds. Slashes of its name are percent-encoded.
#[utoipa::path(
    get,
    path = "/v1/queues/{queue}",
    params(("queue" = String, Path)),
    responses(
        (status = 200, body = Queue),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn one(State(managed): Host, Path(name): Path<String>) -> Result<Json<Queue>, Problem> {
    queue::depth(&*managed.stores, &parse::<QueueName>(&name)?).await.map(Json)
}

/// Sends messages, durably: all or none.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/messages",
    params(("queue" = String, Path)),
    request_body = Send,
    responses(
        (status = 200, body = Sent),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn send(State(managed): Host, Path(name): Path<String>, Json(ask): Json<Send>) -> Result<Json<Sent>, Problem> {
    queue::send(&*managed.stores, &parse::<QueueName>(&name)?, ask).await.map(Json)
}

/// Looks at messages, and leaves them where they are.
#[utoipa::path(
    get,
    path = "/v1/queues/{queue}/messages",
    params(("queue" = String, Path), Peek),
    responses(
        (status = 200, body = Messages),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn peek(
    State(managed): Host,
    Path(name): Path<String>,
    Query(ask): Query<Peek>,
) -> Result<Json<Messages>, Problem> {
    queue::peek(&*managed.stores, &parse::<QueueName>(&name)?, &ask).await.map(Json)
}

/// Leases messages.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/receive",
    params(("queue" = String, Path)),
    request_body = Receive,
    responses(
        (status = 200, body = Messages),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn receive(
    State(managed): Host,
    Path(name): Path<String>,
    Json(ask): Json<Receive>,
) -> Result<Json<Messages>, Problem> {
    queue::receive(&*managed.stores, &parse::<QueueName>(&name)?, &ask).await.map(Json)
}

/// Settles leased messages: all or none.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/settle",
    params(("queue" = String, Path)),
    request_body = Settle,
    responses(
        (status = 200, body = Counted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn settle(
    State(managed): Host,
    Path(name): Path<String>,
    Json(ask): Json<Settle>,
) -> Result<Json<Counted>, Problem> {
    queue::settle(&*managed.stores, &parse::<QueueName>(&name)?, ask).await.map(Json)
}

/// Has a lease end at another time.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/extend",
    params(("queue" = String, Path)),
    request_body = Extend,
    responses(
        (status = 200, body = Extended),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn extend(
    State(managed): Host,
    Path(name): Path<String>,
    Json(ask): Json<Extend>,
) -> Result<Json<Extended>, Problem> {
    queue::extend(&*managed.stores, &parse::<QueueName>(&name)?, &ask).await.map(Json)
}

/// Removes all messages, leased ones too.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/purge",
    params(("queue" = String, Path)),
    responses(
        (status = 200, body = Counted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn purge(State(managed): Host, Path(name): Path<String>) -> Result<Json<Counted>, Problem> {
    queue::purge(&*managed.stores, &parse::<QueueName>(&name)?).await.map(Json)
}

/// Moves dead letters back to where they were given up, or to a queue.
#[utoipa::path(
    post,
    path = "/v1/queues/{queue}/redrive",
    params(("queue" = String, Path)),
    request_body = Redrive,
    responses(
        (status = 200, body = Counted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn redrive(
    State(managed): Host,
    Path(name): Path<String>,
    Json(ask): Json<Redrive>,
) -> Result<Json<Counted>, Problem> {
    queue::redrive(&*managed.stores, &parse::<QueueName>(&name)?, &ask).await.map(Json)
}
