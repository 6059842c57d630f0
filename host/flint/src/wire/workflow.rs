//! What executions of workflows need of stores and queues, and how their queues are dispatched.

use super::dispatch::SETTLE;
use super::stores::queue_rules;
use flint_config::Platform;
use flint_config::platform::{Kind, Workflow};
use flint_model::{QueueName, StoreName, WorkflowName};
use flint_stores::{KvLimits, QueueRules, Stores};
use flint_triggers::message::{Backoff, Options};
use flint_workflows::aside::Aside;
use flint_workflows::execution::{self, Executions, Place};
use flint_workflows::express::DURATION_MAX;
use flint_workflows::run::Limits;
use flint_workflows::source::Located;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes and changes of one step: 40 branches that all get the largest payload, and more.
const STEP_BYTES_MAX: usize = 64 << 20;
const STEP_EFFECTS_MAX: usize = 10_000;
/// Most events, tasks or moments of one batch.
const BATCH: usize = 50;
/// Most batches of events, or of moments, at once.
const CONCURRENCY: usize = 32;
/// The longest that a wait may be, and more: thirty years.
const DELAY_MAX: Duration = Duration::from_secs(30 * 366 * 24 * 60 * 60);

/// The limits of the store that has executions.
pub(super) fn limits() -> KvLimits {
    KvLimits {
        value_size_max: STEP_BYTES_MAX,
        page_bytes_max: STEP_BYTES_MAX,
        batch_max: STEP_EFFECTS_MAX,
        batch_bytes_max: STEP_BYTES_MAX,
        ..KvLimits::default()
    }
}

/// Makes the rules of a queue fit for what a step sends.
pub(super) fn widen(rules: &mut QueueRules) {
    rules.batch_max = STEP_EFFECTS_MAX;
    rules.batch_bytes_max = STEP_BYTES_MAX;
    rules.delay_max = DELAY_MAX;
}

/// The executions of a workflow.
///
/// # Errors
/// The mistakes of its definition.
pub(crate) fn executions(
    stores: Arc<dyn Stores>,
    name: &WorkflowName,
    workflow: &Workflow,
    definition: &str,
    aside: Aside,
) -> Result<Executions, Vec<Located>> {
    let place = Place {
        store: StoreName::executions(),
        inbox: Workflow::inbox(name),
        tasks: Workflow::tasks(name),
        timers: Workflow::timers(name),
    };
    let options = execution::Options {
        workflow: name.to_string(),
        limits: Limits::default(),
        retention: workflow.retention,
        cached_max: workflow.runs_cached,
        is_express: workflow.kind == Kind::Express,
        aside,
    };
    Executions::new(stores, place, options, definition)
}

/// How long whoever starts an execution may wait for its end: of a standard one nobody does.
pub(super) fn lasts(workflow: &Workflow) -> Duration {
    match workflow.kind {
        Kind::Standard => Duration::ZERO,
        Kind::Express => DURATION_MAX,
    }
}

/// How the queues of a workflow are dispatched: what happens to executions, tasks, moments.
pub(crate) fn dispatched(platform: &Platform, name: &WorkflowName, workflow: &Workflow) -> [Option<Options>; 3] {
    // A task may call any function; a task is leased for as long as the slowest of them may take.
    let slowest = match workflow.kind {
        Kind::Standard => platform.functions.values().map(|function| function.timeout + function.queue_timeout).max(),
        Kind::Express => Some(DURATION_MAX),
    };
    let events = options(platform, Workflow::inbox(name), BATCH, CONCURRENCY, Duration::ZERO);
    let tasks = options(platform, Workflow::tasks(name), 1, workflow.concurrency, slowest.unwrap_or_default() + SETTLE);
    [events, tasks, options(platform, Workflow::timers(name), BATCH, CONCURRENCY, Duration::ZERO)]
}

fn options(
    platform: &Platform,
    queue: QueueName,
    batch_size: usize,
    concurrency: usize,
    visibility: Duration,
) -> Option<Options> {
    let rules = queue_rules(platform.queues.get(&queue)?);
    Some(Options {
        queue,
        batch_size,
        batch_bytes_max: 4 << 20,
        batch_window: Duration::ZERO,
        concurrency,
        visibility: rules.visibility.max(visibility),
        filter: None,
        backoff: Backoff { first: Duration::from_millis(20), most: Duration::from_secs(30) },
        receives_max: None,
        receive_max: rules.batch_max,
        delay_max: rules.visibility_max,
    })
}
