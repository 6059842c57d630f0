//! The pattern *asynchronous API*: who asks for a report gets an id at once, and the report when it is written.
//!
//! That a report is wanted, and the job that writes it, are one transaction: no report waits for a job that does not exist. The
//! worker's trigger is transactional too, so a report is `done` if, and only if, its file is in the bucket. What is downloaded
//! does not come through a function: the status has a URL that is good for a while.

use std::fmt::Write as _;
use std::time::Duration;

use flint_sdk::http::header;
use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long the URL of a report is good.
const EXPIRES_IN: Duration = Duration::from_secs(3600);
/// How many lines a report may have.
const LINES_MAX: u64 = 100_000;

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    title: String,
    lines: u64,
}

/// A report that is to be written.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    id: String,
    order: Order,
}

/// What is known of a report.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    title: String,
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Queued,
    Done,
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new().post("/reports", create).get("/reports/{id}", status).handle(request).await
}

async fn create(request: Request) -> Result<Response, Problem> {
    let order: Order = request.json().await?;
    if order.lines > LINES_MAX {
        let detail = format!("a report has at most {LINES_MAX} lines");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY).code("reports/too-long").detail(detail));
    }
    // Unique, and at hand.
    let id = context::current().id;
    let report = Report { title: order.title.clone(), status: Status::Queued };
    let job = Job { id: id.clone(), order };
    flint_sdk::transaction(async || {
        kv::open("reports").put(&id, &report).await?;
        queue::open("report-jobs").send(&job).await?;
        Ok::<_, Problem>(())
    })
    .await?;
    let place = format!("/reports/{id}");
    let body = Json(json!({ "id": id, "status": report.status, "statusUrl": place }));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], body).into_response())
}

async fn status(request: Request) -> Result<Json<serde_json::Value>, Problem> {
    let id: String = request.param_as("id")?;
    let Some(report) = kv::open("reports").get::<Report>(&id).await? else {
        return Err(Problem::new(StatusCode::NOT_FOUND).code("reports/unknown-report"));
    };
    let mut answer = json!({ "id": id, "title": report.title, "status": report.status });
    if report.status == Status::Done {
        answer["downloadUrl"] = blob::open("reports").download_url(&file(&id), EXPIRES_IN).await?.into();
    }
    Ok(Json(answer))
}

#[flint_sdk::queue]
async fn write(job: Message<Job>) -> Result<(), Failure> {
    let Job { id, order } = job.body;
    let put = blob::Put::new().content_type("text/csv");
    blob::open("reports").put(&file(&id), written(&order), put).await?;
    let report = Report { title: order.title, status: Status::Done };
    kv::open("reports").put(&id, &report).await?;
    Ok(())
}

fn file(id: &str) -> String {
    format!("{id}.csv")
}

/// The work that takes its time.
fn written(order: &Order) -> String {
    let mut text = "line,square\n".to_owned();
    for line in 1..=order.lines {
        // Writing to a text does not fail.
        _ = writeln!(text, "{line},{}", line * line);
    }
    text
}
