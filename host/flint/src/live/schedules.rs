//! Schedules at work: a scheduler for each that is served, and who hands its ticks to a function.
//!
//! A scheduler makes ticks messages of the schedule's queue; the dispatcher of that queue is among [`super::messages`].

use super::Served;
use super::messages::unanswered;
use crate::wire::dispatch;
use flint_model::{FunctionName, ScheduleName, SystemClock};
use flint_stores::{BoxFuture, Delivery, Stores};
use flint_telemetry::{Gauge, Kind, Telemetry};
use flint_triggers::message::{Blame, Consumer, Handled, Unanswered};
use flint_triggers::schedule::{Observer, Options, Scheduler, Ticked, due_at};
use flint_world::{EffectsMode, Invocation, Tick};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The schedulers of a host.
pub(crate) struct Schedules {
    served: Arc<Served>,
    stores: Arc<dyn Stores>,
    telemetry: Telemetry,
    running: BTreeMap<ScheduleName, Running>,
}

/// A scheduler at work.
struct Running {
    options: Options,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Schedules {
    /// Starts the schedulers of what is served.
    pub(crate) fn start(served: Arc<Served>, stores: Arc<dyn Stores>, telemetry: Telemetry) -> Self {
        let mut schedules = Self { served, stores, telemetry, running: BTreeMap::new() };
        schedules.follow();
        schedules
    }

    /// Starts and ends schedulers as what is served now says.
    pub(crate) fn follow(&mut self) {
        let platform = &self.served.current().platform;
        let wanted = platform.schedules.iter().map(|(name, schedule)| (name, dispatch::schedule(name, schedule)));
        let mut wanted: BTreeMap<_, _> = wanted.collect();
        self.running.retain(|name, running| {
            let stays = wanted.get(name) == Some(&running.options);
            if stays {
                wanted.remove(name);
            } else {
                running.stop.cancel();
            }
            stays
        });
        for (name, options) in wanted {
            let running = self.schedule(options);
            self.running.insert(name.clone(), running);
        }
    }

    fn schedule(&self, options: Options) -> Running {
        let observer = Arc::new(Counts::registered(&options.schedule, &self.telemetry));
        let scheduler = Scheduler::new(options.clone(), Arc::clone(&self.stores), Arc::new(SystemClock), observer);
        let stop = CancellationToken::new();
        let task = tokio::spawn(scheduler.run(stop.clone()));
        Running { options, stop, task }
    }

    /// Sends no more ticks. What is due meanwhile is sent, or passed over, by the next host.
    pub(crate) async fn stop(self) {
        self.running.values().for_each(|running| running.stop.cancel());
        for (schedule, running) in self.running {
            if let Err(error) = running.task.await {
                tracing::error!(%schedule, %error, "a schedule ended in a defect of the host");
            }
        }
    }
}

/// Hands ticks to a function.
pub(super) struct ToFunction {
    pub(super) served: Arc<Served>,
    pub(super) schedule: ScheduleName,
    pub(super) function: FunctionName,
    pub(super) effects: EffectsMode,
}

impl Consumer for ToFunction {
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> BoxFuture<'a, Result<Handled, Unanswered>> {
        Box::pin(async move {
            let Some(live) = self.served.current().functions.get(&self.function).map(|slot| slot.choose()) else {
                let reason = format!("there is no function {}", self.function);
                return Err(Unanswered { reason, blame: Blame::Host });
            };
            let mut handled = Handled::default();
            // There is one: the batches of a schedule have a single tick.
            for delivery in batch {
                let stored = &delivery.stored;
                let tick = Tick {
                    id: stored.message.id,
                    schedule: self.schedule.clone(),
                    // Sent by hand, it is due when it is sent.
                    due_at: due_at(&stored.message).unwrap_or(stored.sent_at),
                    payload: stored.message.body.clone(),
                };
                let invocation = Invocation::of_messages(batch);
                handled
                    .effects
                    .extend(live.function.schedule(invocation, tick, self.effects).await.map_err(unanswered)?);
            }
            Ok(handled)
        })
    }
}

/// What became of a schedule's ticks, as metrics.
struct Counts {
    counts: Arc<[AtomicU64; 2]>,
}

/// The outcomes, in the order of the counts.
const OUTCOMES: [(Ticked, &str); 2] = [(Ticked::Sent, "sent"), (Ticked::PassedOver, "passed-over")];

impl Counts {
    fn registered(schedule: &ScheduleName, telemetry: &Telemetry) -> Self {
        let counts: Arc<[AtomicU64; 2]> = Arc::default();
        for (index, (_, outcome)) in OUTCOMES.iter().enumerate() {
            let counts = Arc::clone(&counts);
            telemetry.register(Gauge {
                name: "ticks",
                help: "Ticks of a schedule that were sent to its function, or passed over.",
                kind: Kind::Counter,
                labels: vec![("schedule", schedule.to_string()), ("outcome", (*outcome).to_owned())],
                #[expect(clippy::cast_precision_loss, reason = "a process does not live for 2^52 ticks")]
                read: Box::new(move || counts[index].load(Ordering::Relaxed) as f64),
            });
        }
        Self { counts }
    }
}

impl Observer for Counts {
    fn ticked(&self, _: &ScheduleName, ticked: Ticked, ticks: u64) {
        if let Some(index) = OUTCOMES.iter().position(|(outcome, _)| *outcome == ticked) {
            self.counts[index].fetch_add(ticks, Ordering::Relaxed);
        }
    }
}
