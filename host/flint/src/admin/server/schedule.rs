//! The pages of schedules.

use super::{Host, Managed, parse};
use crate::admin::api::schedule::{Ran, Schedules};
use crate::admin::api::{Problem, ProblemDetails};
use crate::admin::schedule;
use axum::Json;
use axum::extract::{Path, State};
use flint_model::ScheduleName;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The pages.
pub(super) fn routes() -> OpenApiRouter<Arc<Managed>> {
    OpenApiRouter::new().routes(routes!(all_schedules)).routes(routes!(run_schedule))
}

/// All schedules, and how far they have come.
#[utoipa::path(
    get,
    path = "/v1/schedules",
    responses(
        (status = 200, body = Schedules),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn all_schedules(State(managed): Host) -> Result<Json<Schedules>, Problem> {
    schedule::all(&*managed.stores, &managed.served.current().platform.schedules).await.map(Json)
}

/// Sends a tick that falls due now. The schedule goes on as if nothing had happened.
#[utoipa::path(
    post,
    path = "/v1/schedules/{schedule}/run",
    params(("schedule" = String, Path)),
    responses(
        (status = 200, body = Ran),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn run_schedule(State(managed): Host, Path(name): Path<String>) -> Result<Json<Ran>, Problem> {
    let name = parse::<ScheduleName>(&name)?;
    schedule::run(&*managed.stores, &managed.served.current().platform.schedules, &name).await.map(Json)
}
