//! The pattern *fan-out and fan-in*: a job becomes tasks, and the last of them puts the results together.
//!
//! The trigger is transactional: a task's result, the counter of finished tasks and the end of its message are one commit. So a task
//! that comes again counts once, and exactly one finds that the counter has reached the number of tasks. Two that finish at the same
//! moment meet at the counter: one of them is handled again, and then sees the other.

use flint_sdk::prelude::*;
use flint_sdk::transaction;
use serde::{Deserialize, Serialize};

/// Most tasks of a job: that many messages are sent at once.
const TASKS_MAX: usize = 1_000;

/// The largest number that a task takes.
const NUMBER_MAX: u64 = 100_000;

/// What a client asks for: the primes below each number.
#[derive(Debug, Clone, Deserialize)]
struct Order {
    numbers: Vec<u64>,
}

/// What is kept of a job.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Job {
    tasks: usize,
}

/// One of its tasks.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Task {
    job: String,
    index: usize,
    tasks: usize,
    number: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Started {
    job: String,
    tasks: usize,
}

#[derive(Debug, Clone, Serialize)]
struct Progress {
    done: i64,
    tasks: usize,
    /// In the order of the tasks, when the last is done.
    results: Option<Vec<u64>>,
}

#[flint_sdk::http]
async fn handle(request: Request) -> Response {
    Router::new().post("/fan-out", start).get("/fan-out/{job}", progress).handle(request).await
}

async fn start(request: Request) -> Result<Response, Problem> {
    let Order { numbers } = request.json().await?;
    if !(1..=TASKS_MAX).contains(&numbers.len()) || numbers.iter().any(|number| *number > NUMBER_MAX) {
        let detail = format!("a job has 1 to {TASKS_MAX} numbers, each up to {NUMBER_MAX}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY).code("fan-out/invalid").detail(detail));
    }
    let started = Started { job: context::current().id, tasks: numbers.len() };
    transaction(async || fan_out(&started, &numbers).await).await?;
    Ok((StatusCode::ACCEPTED, Json(started)).into_response())
}

/// Writes the job and sends its tasks: both, or nothing.
async fn fan_out(started: &Started, numbers: &[u64]) -> Result<(), Problem> {
    let Started { job, tasks } = started.clone();
    kv::open("fan-out").put(&format!("{job}/job"), &Job { tasks }).await?;
    let queue = queue::open("tasks");
    for (index, number) in numbers.iter().copied().enumerate() {
        queue.send(&Task { job: job.clone(), index, tasks, number }).await?;
    }
    Ok(())
}

async fn progress(request: Request) -> Result<Json<Progress>, Problem> {
    let job: String = request.param_as("job")?;
    let store = kv::open("fan-out");
    let Some(Job { tasks }) = store.get(&format!("{job}/job")).await? else {
        return Err(Problem::new(StatusCode::NOT_FOUND).code("fan-out/no-such-job"));
    };
    let results = store.get(&format!("{job}/results")).await?;
    Ok(Json(Progress { done: store.counter(&format!("{job}/done")).await?, tasks, results }))
}

#[flint_sdk::queue]
async fn work(message: Message<Task>) -> Result<(), Failure> {
    let Task { job, index, tasks, number } = message.body;
    let store = kv::open("fan-out");
    store.put(&result_key(&job, index), &primes_below(number)).await?;
    let done = store.increment(&format!("{job}/done"), 1).await?;
    if usize::try_from(done) == Ok(tasks) { fan_in(&store, &job, tasks).await } else { Ok(()) }
}

/// Puts the results together, in the order of the tasks.
async fn fan_in(store: &kv::Store, job: &str, tasks: usize) -> Result<(), Failure> {
    let mut results: Vec<u64> = Vec::with_capacity(tasks);
    for index in 0..tasks {
        let result = store.get(&result_key(job, index)).await?;
        results.push(result.ok_or_else(|| Failure::new("LostResult", format!("task {index} of {job} has none")))?);
    }
    store.put(&format!("{job}/results"), &results).await?;
    log::info!("a job is done", job = job, tasks = tasks);
    Ok(())
}

fn result_key(job: &str, index: usize) -> String {
    format!("{job}/result/{index}")
}

fn primes_below(number: u64) -> u64 {
    let is_prime = |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (0..number).filter(is_prime).count() as u64
}
