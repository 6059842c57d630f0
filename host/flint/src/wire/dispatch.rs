//! How all that comes as messages is dispatched.

use super::stores::queue_rules;
use flint_config::Platform;
use flint_config::platform::{self, Function, Handler, Kind};
use flint_model::{FunctionName, ScheduleName};
use flint_triggers::message::{Backoff, Options};
use flint_triggers::schedule;
use std::time::Duration;

/// Everything that is dispatched.
pub(super) fn all(platform: &Platform) -> impl Iterator<Item = Options> {
    let triggers = platform.triggers.iter().filter_map(|trigger| self::trigger(platform, trigger));
    let ticks = platform.schedules.iter().filter_map(|(name, schedule)| ticks(platform, name, schedule));
    let functions = platform.functions.iter();
    let of_functions = functions.flat_map(|(name, function)| {
        invocations(platform, name, function).into_iter().chain(reports(platform, name, function))
    });
    let workflows = platform.workflows.iter();
    let of_workflows =
        workflows.flat_map(|(name, workflow)| super::workflow::dispatched(platform, name, workflow)).flatten();
    triggers.chain(ticks).chain(of_functions).chain(of_workflows)
}

/// How long a batch is leased beyond what its function may take: for settling it.
pub(super) const SETTLE: Duration = Duration::from_secs(10);

/// Most bytes of the messages that start executions in one commit.
const START_BYTES_MAX: usize = 4 << 20;

/// What whoever handles messages takes at once.
struct Takes {
    messages: usize,
    bytes: usize,
    /// How long that may last.
    lasts: Duration,
}

/// What a handler takes, which is to get so many messages at once; none if it is not there, which a valid configuration has.
fn takes(platform: &Platform, handler: &Handler, messages: usize) -> Option<Takes> {
    Some(match handler {
        Handler::Function(name) => {
            let function = platform.functions.get(name)?;
            let (bytes, lasts) = (function.request_size_max.as_usize(), function.timeout + function.queue_timeout);
            Takes { messages, bytes, lasts }
        }
        Handler::Workflow(name) => {
            let workflow = platform.workflows.get(name)?;
            // An execution that is waited for has all the time of its message.
            let messages = if workflow.kind == Kind::Express { 1 } else { messages };
            Takes { messages, bytes: START_BYTES_MAX, lasts: super::workflow::lasts(workflow) }
        }
    })
}

/// How a trigger dispatches; none if its queue or its handler is not there, which a valid configuration has.
pub(crate) fn trigger(platform: &Platform, trigger: &platform::Trigger) -> Option<Options> {
    let queue = platform.queues.get(&trigger.queue)?;
    let Takes { messages, bytes, lasts } = takes(platform, &trigger.handler, trigger.batch_size)?;
    let rules = queue_rules(queue);
    let is_queue = trigger.source == platform::Source::Queue;
    // Of a queue that the host keeps, nobody said how long a lease has to be.
    let visibility = if is_queue { rules.visibility } else { Duration::ZERO };
    Some(Options {
        queue: trigger.queue.clone(),
        batch_size: messages,
        batch_bytes_max: bytes,
        batch_window: trigger.batch_window,
        concurrency: trigger.concurrency,
        visibility: visibility.max(lasts + trigger.batch_window + SETTLE),
        // What a topic tells was filtered when it was published.
        filter: trigger.filter.clone().filter(|_| is_queue),
        backoff: Backoff { first: trigger.retry_delay, most: trigger.retry_delay_max },
        receives_max: rules.receives_max,
        receive_max: rules.batch_max,
        delay_max: rules.visibility_max,
    })
}

/// How the ticks of a schedule are dispatched: one by one; none if its handler is not there, which a valid configuration has.
pub(crate) fn ticks(platform: &Platform, name: &ScheduleName, schedule: &platform::Schedule) -> Option<Options> {
    let queue = platform::Schedule::queue(name);
    let rules = queue_rules(platform.queues.get(&queue)?);
    let Takes { messages, bytes, lasts } = takes(platform, &schedule.handler, 1)?;
    Some(Options {
        queue,
        batch_size: messages,
        batch_bytes_max: bytes,
        batch_window: Duration::ZERO,
        concurrency: schedule.overlap.concurrency(),
        visibility: rules.visibility.max(lasts + SETTLE),
        filter: None,
        backoff: Backoff { first: schedule.retry_delay, most: schedule.retry_delay_max },
        receives_max: rules.receives_max,
        receive_max: rules.batch_max,
        delay_max: rules.visibility_max,
    })
}

/// How the invocations of a function that nobody waits for are dispatched: one by one, as many at once as may run; none if it can't be
/// invoked.
pub(crate) fn invocations(platform: &Platform, name: &FunctionName, function: &Function) -> Option<Options> {
    let queue = Function::invoke_queue(name);
    let rules = queue_rules(platform.queues.get(&queue)?);
    let how = &function.asynchronous;
    Some(Options {
        queue,
        batch_size: 1,
        batch_bytes_max: function.request_size_max.as_usize(),
        batch_window: Duration::ZERO,
        concurrency: function.concurrency,
        visibility: rules.visibility.max(function.timeout + function.queue_timeout + SETTLE),
        filter: None,
        backoff: Backoff { first: how.retry_delay, most: how.retry_delay_max },
        receives_max: rules.receives_max,
        receive_max: rules.batch_max,
        delay_max: rules.visibility_max,
    })
}

/// The most reports that are passed on in one commit.
const REPORTS: usize = 10;

/// How reports of what became of a function's invocations are dispatched: as they come; none if nobody is told.
pub(crate) fn reports(platform: &Platform, name: &FunctionName, function: &Function) -> Option<Options> {
    let queue = Function::report_queue(name);
    let rules = queue_rules(platform.queues.get(&queue)?);
    let how = &function.asynchronous;
    Some(Options {
        queue,
        batch_size: REPORTS,
        batch_bytes_max: rules.batch_bytes_max,
        batch_window: Duration::ZERO,
        concurrency: 1,
        visibility: rules.visibility,
        filter: None,
        backoff: Backoff { first: how.retry_delay, most: how.retry_delay_max },
        receives_max: rules.receives_max,
        receive_max: rules.batch_max,
        delay_max: rules.visibility_max,
    })
}

/// How a schedule ticks.
pub(crate) fn schedule(name: &ScheduleName, schedule: &platform::Schedule) -> schedule::Options {
    schedule::Options {
        schedule: name.clone(),
        when: schedule.when.clone(),
        missed: schedule.missed,
        grace: schedule.grace,
        overlap: match schedule.overlap {
            platform::Overlap::Skip => schedule::Overlap::PassOver,
            platform::Overlap::Allow { .. } | platform::Overlap::Queue => schedule::Overlap::Send,
        },
        queue: platform::Schedule::queue(name),
        payload: schedule.payload.clone().into(),
    }
}
