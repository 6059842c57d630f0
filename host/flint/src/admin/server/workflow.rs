//! The pages of workflows.

use super::{Host, Managed, parse};
use crate::admin::api::workflow::{
    Accepted, Draw, Drawn, Execution, Executions, History, HistoryPage, List, Start, Started, TakeTask, TakenTask,
    Told, Why, Workflows,
};
use crate::admin::api::{Problem, ProblemDetails};
use crate::admin::workflow;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use flint_model::WorkflowName;
use flint_workflows::execution;
use http::StatusCode;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The pages.
pub(super) fn routes() -> OpenApiRouter<Arc<Managed>> {
    OpenApiRouter::new()
        .routes(routes!(all_workflows))
        .routes(routes!(list_executions, start_execution))
        .routes(routes!(run_execution))
        .routes(routes!(describe_execution))
        .routes(routes!(execution_history))
        .routes(routes!(draw_execution))
        .routes(routes!(take_task))
        .routes(routes!(stop_execution))
        .routes(routes!(redrive_execution))
        .routes(routes!(tell_task))
}

/// A body that is JSON, or what is wrong with it.
fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let wrong = |error: JsonRejection| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "admin/too-large", error.body_text())
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "admin/invalid-body", error.body_text()),
    };
    body.map(|Json(body)| body).map_err(wrong)
}

/// The executions of the workflow of this name, and its name.
fn of(managed: &Managed, name: &str) -> Result<(WorkflowName, Arc<execution::Executions>), Problem> {
    let name = parse::<WorkflowName>(name)?;
    let executions = workflow::of(&managed.served.current().workflows, &name)?;
    Ok((name, executions))
}

/// All workflows.
#[utoipa::path(get, path = "/v1/workflows", responses((status = 200, body = Workflows)))]
async fn all_workflows(State(managed): Host) -> Json<Workflows> {
    Json(workflow::all(&managed.served.current().platform.workflows))
}

/// The executions of a workflow, in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/workflows/{workflow}/executions",
    params(("workflow" = String, Path), List),
    responses(
        (status = 200, body = Executions),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn list_executions(
    State(managed): Host,
    Path(name): Path<String>,
    Query(list): Query<List>,
) -> Result<Json<Executions>, Problem> {
    let (name, executions) = of(&managed, &name)?;
    workflow::list(&executions, &name, &list).await.map(Json)
}

/// Starts an execution, durably.
#[utoipa::path(
    post,
    path = "/v1/workflows/{workflow}/executions",
    params(("workflow" = String, Path)),
    request_body = Start,
    responses(
        (status = 200, body = Started),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn start_execution(
    State(managed): Host,
    Path(name): Path<String>,
    body: Result<Json<Start>, JsonRejection>,
) -> Result<Json<Started>, Problem> {
    workflow::start(&of(&managed, &name)?.1, read(body)?).await.map(Json)
}

/// Starts an execution, and answers when it has ended.
#[utoipa::path(
    post,
    path = "/v1/workflows/{workflow}/run",
    params(("workflow" = String, Path)),
    request_body = Start,
    responses(
        (status = 200, body = Execution),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn run_execution(
    State(managed): Host,
    Path(name): Path<String>,
    body: Result<Json<Start>, JsonRejection>,
) -> Result<Json<Execution>, Problem> {
    let (name, current) = (parse::<WorkflowName>(&name)?, managed.served.current());
    workflow::run(&current, &name, read(body)?).await.map(Json)
}

/// An execution.
#[utoipa::path(
    get,
    path = "/v1/workflows/{workflow}/executions/{execution}",
    params(("workflow" = String, Path), ("execution" = String, Path)),
    responses(
        (status = 200, body = Execution),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn describe_execution(
    State(managed): Host,
    Path((name, execution)): Path<(String, String)>,
) -> Result<Json<Execution>, Problem> {
    let (name, executions) = of(&managed, &name)?;
    workflow::describe(&executions, &name, &execution).await.map(Json)
}

/// What happened in an execution, a page of it.
#[utoipa::path(
    get,
    path = "/v1/workflows/{workflow}/executions/{execution}/history",
    params(("workflow" = String, Path), ("execution" = String, Path), HistoryPage),
    responses(
        (status = 200, body = History),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn execution_history(
    State(managed): Host,
    Path((name, execution)): Path<(String, String)>,
    Query(page): Query<HistoryPage>,
) -> Result<Json<History>, Problem> {
    workflow::history(&of(&managed, &name)?.1, &execution, &page).await.map(Json)
}

/// Draws an execution.
#[utoipa::path(
    get,
    path = "/v1/workflows/{workflow}/executions/{execution}/graph",
    params(("workflow" = String, Path), ("execution" = String, Path), Draw),
    responses(
        (status = 200, body = Drawn),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn draw_execution(
    State(managed): Host,
    Path((name, execution)): Path<(String, String)>,
    Query(draw): Query<Draw>,
) -> Result<Json<Drawn>, Problem> {
    workflow::graph(&of(&managed, &name)?.1, &execution, draw.format).await.map(Json)
}

/// Takes on a task of an activity, as a worker does.
#[utoipa::path(
    post,
    path = "/v1/activities/{activity}/task",
    params(("activity" = String, Path)),
    request_body = TakeTask,
    responses(
        (status = 200, body = TakenTask),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn take_task(
    State(managed): Host,
    Path(activity): Path<String>,
    body: Result<Json<TakeTask>, JsonRejection>,
) -> Result<Json<TakenTask>, Problem> {
    let (current, stores) = (managed.served.current(), &*managed.stores);
    workflow::take_task(stores, &current.workflows, &activity, read(body)?).await.map(Json)
}

/// Stops an execution.
#[utoipa::path(
    post,
    path = "/v1/workflows/{workflow}/executions/{execution}/stop",
    params(("workflow" = String, Path), ("execution" = String, Path)),
    request_body = Why,
    responses(
        (status = 200, body = Accepted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn stop_execution(
    State(managed): Host,
    Path((name, execution)): Path<(String, String)>,
    body: Result<Json<Why>, JsonRejection>,
) -> Result<Json<Accepted>, Problem> {
    workflow::stop(&of(&managed, &name)?.1, &execution, read(body)?).await.map(Json)
}

/// Has an execution that did not succeed go on from where it failed.
#[utoipa::path(
    post,
    path = "/v1/workflows/{workflow}/executions/{execution}/redrive",
    params(("workflow" = String, Path), ("execution" = String, Path)),
    responses(
        (status = 200, body = Accepted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn redrive_execution(
    State(managed): Host,
    Path((name, execution)): Path<(String, String)>,
) -> Result<Json<Accepted>, Problem> {
    workflow::redrive(&of(&managed, &name)?.1, &execution).await.map(Json)
}

/// Tells a task that waits for its token what became of it: it succeeded, it failed, or it is worked on.
#[utoipa::path(
    post,
    path = "/v1/workflow-tasks",
    request_body = Told,
    responses(
        (status = 200, body = Accepted),
        (status = "4XX", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
async fn tell_task(State(managed): Host, body: Result<Json<Told>, JsonRejection>) -> Result<Json<Accepted>, Problem> {
    workflow::tell(&managed.served.current().workflows, read(body)?).await.map(Json)
}
