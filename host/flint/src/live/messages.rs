//! Triggers at work: a dispatcher for each, whose consumer is whatever version of the function serves at the moment.
//!
//! A batch takes the function when it comes, as a request does. So a deployment swaps what handles messages without anybody
//! here knowing; only a trigger that is new, gone or changed starts and ends a dispatcher.

use super::beginnings::Beginnings;
use super::starts::{self, Origin};
use super::{Served, invocations, reports, schedules, workflows};
use crate::wire::{self, dispatch};
use flint_config::Platform;
use flint_config::platform::{self, Source};
use flint_model::{FunctionName, QueueName, ScheduleName, WorkflowName};
use flint_stores::{BoxFuture, Delivery, Stores};
use flint_telemetry::{Gauge, Kind, Telemetry};
use flint_triggers::message::{
    Blame, Consumer, Dispatcher, Failed, Handled, Observer, Options, Retry, Settled, Unanswered, Why,
};
use flint_world::{EffectsMode, Failure, HandlerFailure, Invocation, Unfinished};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The dispatchers of a host.
pub(crate) struct Messages {
    served: Arc<Served>,
    stores: Arc<dyn Stores>,
    telemetry: Telemetry,
    running: BTreeMap<QueueName, Running>,
    /// Those that were told to stop, and still finish batches, but for those that a new one waits for.
    ending: Vec<(QueueName, JoinHandle<()>)>,
    beginnings: Beginnings,
}

/// What a dispatcher was made of.
#[derive(Debug, Clone, PartialEq)]
struct Binding {
    options: Options,
    handler: Handler,
    effects: EffectsMode,
}

/// Who gets the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Handler {
    /// A function's handler of the trigger's source.
    Messages(FunctionName, Source),
    /// A function's handler of schedules: the messages are ticks of one.
    Schedule(FunctionName, ScheduleName),
    /// A function's handler of invocations: each message is one that nobody waits for.
    Invoke(FunctionName),
    /// The host: the messages are reports of what became of a function's invocations.
    Report(FunctionName),
    /// The host: each message starts an execution.
    Start(WorkflowName, Origin),
    /// The host: the messages are of executions.
    Workflow(WorkflowName, workflows::Part),
}

/// A dispatcher at work.
struct Running {
    binding: Binding,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Messages {
    /// Starts the dispatchers of what is served.
    pub(crate) fn start(served: Arc<Served>, stores: Arc<dyn Stores>, telemetry: Telemetry) -> Self {
        let beginnings = Beginnings::start(Arc::clone(&stores));
        let mut messages = Self { served, stores, telemetry, running: BTreeMap::new(), ending: Vec::new(), beginnings };
        messages.follow();
        messages
    }

    /// Starts and ends dispatchers as what is served now says. Those that end finish the batches that run; what takes the place of
    /// one begins behind it, so that never more run at once than either may.
    pub(crate) fn follow(&mut self) {
        let current = self.served.current();
        let wanted = bindings(&current.platform);
        let mut ending = BTreeMap::new();
        for (queue, running) in std::mem::take(&mut self.running) {
            if wanted.get(&queue) == Some(&running.binding) && !running.task.is_finished() {
                self.running.insert(queue, running);
            } else {
                running.stop.cancel();
                ending.insert(queue, running.task);
            }
        }
        for (queue, binding) in wanted {
            if !self.running.contains_key(&queue) {
                let running = self.dispatch(&queue, binding, ending.remove(&queue));
                self.running.insert(queue, running);
            }
        }
        self.ending.retain(|(_, task)| !task.is_finished());
        self.ending.extend(ending);
        self.beginnings.look();
    }

    /// Starts a dispatcher, behind the end of the one whose place it takes.
    fn dispatch(&self, queue: &QueueName, binding: Binding, before: Option<JoinHandle<()>>) -> Running {
        let (served, stores, effects) = (Arc::clone(&self.served), Arc::clone(&self.stores), binding.effects);
        let consumer: Arc<dyn Consumer> = match binding.handler.clone() {
            Handler::Messages(function, source) => Arc::new(ToFunction { served, function, source, effects }),
            Handler::Invoke(function) => Arc::new(invocations::ToFunction { served, stores, function }),
            Handler::Report(function) => Arc::new(reports::ToDestination { served, stores, function }),
            Handler::Schedule(function, schedule) => {
                Arc::new(schedules::ToFunction { served, schedule, function, effects })
            }
            Handler::Start(workflow, origin) => Arc::new(starts::ToWorkflow { served, workflow, origin }),
            Handler::Workflow(workflow, part) => Arc::new(workflows::ToExecutions { served, workflow, part }),
        };
        let observer = Arc::new(Counts::registered(queue, &self.telemetry));
        let dispatcher = Dispatcher::new(binding.options.clone(), Arc::clone(&self.stores), consumer, observer);
        let stop = CancellationToken::new();
        let told = stop.clone();
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                let _ended = before.await;
            }
            dispatcher.run(told).await;
        });
        Running { binding, stop, task }
    }

    /// Takes no more messages, and waits until a moment for the batches that run. Those that are given up come again when their
    /// leases end.
    pub(crate) async fn stop(self, deadline: std::time::Instant) {
        self.running.values().for_each(|running| running.stop.cancel());
        self.beginnings.stop().await;
        let running = self.running.into_iter().map(|(queue, running)| (queue, running.task));
        for (queue, mut task) in running.chain(self.ending) {
            if tokio::time::timeout_at(Instant::from_std(deadline), &mut task).await.is_err() {
                task.abort();
                tracing::warn!(%queue, "messages were given up, since they took longer than `drain-timeout`");
            }
        }
    }
}

/// The dispatchers that a platform wants.
fn bindings(platform: &Platform) -> BTreeMap<QueueName, Binding> {
    let triggers = platform.triggers.iter().filter_map(|trigger| {
        let handler = match &trigger.handler {
            platform::Handler::Function(name) => Handler::Messages(name.clone(), trigger.source.clone()),
            platform::Handler::Workflow(name) => Handler::Start(name.clone(), Origin::Trigger(trigger.source.clone())),
        };
        Some(binding(dispatch::trigger(platform, trigger)?, handler, trigger.transactional))
    });
    let ticks = platform.schedules.iter().filter_map(|(name, schedule)| {
        let handler = match &schedule.handler {
            platform::Handler::Function(function) => Handler::Schedule(function.clone(), name.clone()),
            platform::Handler::Workflow(workflow) => Handler::Start(workflow.clone(), Origin::Schedule(name.clone())),
        };
        Some(binding(dispatch::ticks(platform, name, schedule)?, handler, schedule.transactional))
    });
    let invocations = platform.functions.iter().filter_map(|(name, function)| {
        Some(binding(dispatch::invocations(platform, name, function)?, Handler::Invoke(name.clone()), false))
    });
    let reports = platform.functions.iter().filter_map(|(name, function)| {
        Some(binding(dispatch::reports(platform, name, function)?, Handler::Report(name.clone()), false))
    });
    let workflows = platform.workflows.iter().flat_map(|(name, workflow)| {
        let parts = workflows::Part::ALL.into_iter().zip(wire::workflow::dispatched(platform, name, workflow));
        parts.filter_map(|(part, options)| Some(binding(options?, Handler::Workflow(name.clone(), part), true)))
    });
    triggers.chain(ticks).chain(invocations).chain(reports).chain(workflows).collect()
}

fn binding(options: Options, handler: Handler, transactional: bool) -> (QueueName, Binding) {
    let effects = if transactional { EffectsMode::Held } else { EffectsMode::Direct };
    (options.queue.clone(), Binding { options, handler, effects })
}

/// Hands batches to a function.
struct ToFunction {
    served: Arc<Served>,
    function: FunctionName,
    source: Source,
    effects: EffectsMode,
}

impl Consumer for ToFunction {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let Some(live) = self.served.current().functions.get(&self.function).map(|slot| slot.choose()) else {
                let reason = format!("there is no function {}", self.function);
                return Err(Unanswered { reason, blame: Blame::Host });
            };
            let invocation = Invocation::of_messages(batch);
            let handled = match self.source {
                Source::Queue => live.function.queue(invocation, batch, self.effects).await,
                Source::Topic(_) => live.function.topic(invocation, batch, self.effects).await,
                Source::Kv { .. } => live.function.kv_changes(invocation, batch, self.effects).await,
                Source::Bucket { .. } => live.function.blob_events(invocation, batch, self.effects).await,
            };
            let handled = handled.map_err(|failure| self.unanswered(failure, batch))?;
            let failures = handled.failures.into_iter().map(|(id, unfinished)| Failed { id, why: why(unfinished) });
            Ok(Handled { failures: failures.collect(), effects: handled.effects })
        })
    }
}

impl ToFunction {
    fn unanswered(&self, failure: Failure, batch: &[Delivery]) -> Unanswered {
        // Whatever others hold: laid to the host, it would come again for ever.
        let never_fits = matches!(failure, Failure::RequestMemory(max) if bytes(batch) > max.as_usize());
        let mut unanswered = unanswered(failure);
        if never_fits {
            unanswered.blame = Blame::Messages { retry: Retry::Default };
        }
        // The handlers of changes and events answer for all of them: that no retry helps is known of one that was alone.
        if matches!(self.source, Source::Kv { .. } | Source::Bucket { .. })
            && batch.len() > 1
            && let Blame::Messages { retry: retry @ Retry::Never } = &mut unanswered.blame
        {
            *retry = Retry::Default;
        }
        unanswered
    }
}

/// What the messages of a batch have together.
fn bytes(batch: &[Delivery]) -> usize {
    batch.iter().map(|delivery| delivery.stored.message.size()).sum()
}

fn why(unfinished: Unfinished) -> Why {
    match unfinished {
        Unfinished::NotTried => Why::NotTried,
        Unfinished::Failed(HandlerFailure { name, message, retry: after }) => {
            Why::Failed { reason: format!("{name}: {message}"), retry: retry(after) }
        }
    }
}

/// None: it can't help; no time at all: as the trigger says.
fn retry(after: Option<Duration>) -> Retry {
    match after {
        None => Retry::Never,
        Some(Duration::ZERO) => Retry::Default,
        Some(after) => Retry::After(after),
    }
}

/// What a failure is laid to: everything that another version, or another moment, would do better, to the host.
pub(super) fn unanswered(failure: Failure) -> Unanswered {
    let blame = match &failure {
        Failure::Overloaded { .. }
        | Failure::Exhausted
        | Failure::RequestMemory(_)
        | Failure::Draining
        | Failure::NoHandler(_)
        | Failure::Untransactional => Blame::Host,
        Failure::Handler { retry: after, .. } => Blame::Messages { retry: retry(*after) },
        Failure::TimedOut(_)
        | Failure::NoFirstByte(_)
        | Failure::CpuExceeded(_)
        | Failure::Trapped(_)
        | Failure::OutOfMemory(_)
        | Failure::NoAnswer(_)
        | Failure::BadRequest(_)
        | Failure::TooLarge { .. }
        | Failure::ChangesTooLarge(_)
        // What the host can't explain may lie in the message.
        | Failure::Internal => Blame::Messages { retry: Retry::Default },
    };
    Unanswered { reason: failure.to_string(), blame }
}

/// What became of a queue's messages, as metrics.
struct Counts {
    counts: Arc<[AtomicU64; 4]>,
}

/// The outcomes, in the order of the counts.
const OUTCOMES: [(Settled, &str); 4] = [
    (Settled::Done, "done"),
    (Settled::Filtered, "filtered"),
    (Settled::Retried, "retried"),
    (Settled::DeadLettered, "dead-lettered"),
];

impl Counts {
    fn registered(queue: &QueueName, telemetry: &Telemetry) -> Self {
        let counts: Arc<[AtomicU64; 4]> = Arc::default();
        for (index, (_, outcome)) in OUTCOMES.iter().enumerate() {
            let counts = Arc::clone(&counts);
            telemetry.register(Gauge {
                name: "messages",
                help: "Messages that a trigger came to an end with, or that come again, by queue and outcome.",
                kind: Kind::Counter,
                labels: vec![("queue", queue.to_string()), ("outcome", (*outcome).to_owned())],
                #[expect(clippy::cast_precision_loss, reason = "a process does not live for 2^52 messages")]
                read: Box::new(move || counts[index].load(Ordering::Relaxed) as f64),
            });
        }
        Self { counts }
    }
}

impl Observer for Counts {
    fn settled(&self, _: &QueueName, settled: Settled, messages: usize) {
        if let Some(index) = OUTCOMES.iter().position(|(outcome, _)| *outcome == settled) {
            self.counts[index].fetch_add(messages as u64, Ordering::Relaxed);
        }
    }
}
