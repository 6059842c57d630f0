//! The pages of topics.

use super::{Host, Managed};
use crate::admin::api::queue::Sent;
use crate::admin::api::topic::Publish;
use crate::admin::api::{Problem, ProblemDetails};
use crate::admin::parse;
use crate::admin::topic;
use axum::Json;
use axum::extract::{Path, State};
use flint_model::TopicName;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The pages.
pub(super) fn routes() -> OpenApiRouter<Arc<Managed>> {
    OpenApiRouter::new().routes(routes!(publish))
}

/// Publishes messages, durably for everybody who listens: all or none.
#[utoipa::path(
    post,
    path = "/v1/topics/{topic}/messages",
    params(("topic" = String, Path)),
    request_body = Publish,
    responses(
        (status = 200, body = Sent),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn publish(
    State(managed): Host,
    Path(name): Path<String>,
    Json(ask): Json<Publish>,
) -> Result<Json<Sent>, Problem> {
    topic::publish(&*managed.stores, &parse::<TopicName>(&name)?, ask).await.map(Json)
}
