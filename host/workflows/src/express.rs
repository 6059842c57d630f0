//! Express executions: run in memory, from the first event to the end, and nothing of them is kept.
//!
//! Whoever runs one waits for it. If the host ends before, all that it was is gone: who wants it run at least once starts it by a
//! message that is settled with its end.

use crate::aside::Aside;
use crate::failure::Failure;
use crate::run::{Command, Event, Moment, Outcome, Run, TaskOrder, Ticket};
use crate::{chance, failure};
use flint_stores::BoxFuture;
use futures::future::{AbortHandle, Abortable};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// The longest that an express execution runs ("Service quotas": five minutes).
pub const DURATION_MAX: Duration = Duration::from_secs(5 * 60);

/// What an express execution needs of its host.
pub trait World: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> u64;

    /// Lets time pass.
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()>;

    /// Calls the service that a task is for.
    fn call(&self, order: Box<TaskOrder>) -> BoxFuture<'_, Result<Value, Failure>>;
}

/// Runs an execution to its end. Dropping the future ends it, and the calls that it waits for.
pub async fn run(mut run: Run, world: &dyn World, aside: &Aside) -> Outcome {
    let (seed, is_long, began) = (run.about().seed, run.machine().is_long, world.now());
    let mut waits = Waits::default();
    waits.pending.push(world.sleep(DURATION_MAX).map(|()| Wake::OutOfTime).boxed());
    let (mut event, mut applied) = (Event::Started, 0);
    loop {
        let moment = Moment { now: world.now(), seed: chance::seed_of(seed, applied), room: run.limits().step_max };
        applied += 1;
        // Whoever always has something to do never waits until its time is over.
        if u128::from(moment.now.saturating_sub(began)) >= DURATION_MAX.as_millis() {
            return Outcome::TimedOut;
        }
        let made = aside.run(is_long, || run.apply(event, moment)).await;
        for command in made.commands {
            match command {
                Command::End(outcome) => return outcome,
                Command::StartTask(order) => {
                    let task = order.task;
                    waits.push(task, world.call(order).map(move |result| Event::TaskEnded { task, result }));
                }
                Command::StartMap(order) => {
                    let (task, result) = (order.task, Err(not_here(&order.state)));
                    waits.push(task, std::future::ready(Event::TaskEnded { task, result }));
                }
                Command::SetTimer { timer, at } => {
                    let time = Duration::from_millis(at.saturating_sub(moment.now));
                    waits.push(timer, world.sleep(time).map(move |()| Event::TimerFired { timer }));
                }
                Command::CancelTask(ticket) | Command::CancelTimer(ticket) => waits.cancel(ticket),
            }
        }
        event = match waits.next().await {
            Some(event) => event,
            None => return Outcome::TimedOut,
        };
    }
}

fn not_here(state: &str) -> Failure {
    let cause = format!("The state '{state}' is a distributed Map, which no express execution can run.");
    Failure::new(failure::name::RUNTIME, cause)
}

/// What an execution waits for has come.
enum Wake {
    /// This happened.
    Event(Ticket, Event),
    /// It was given up before.
    GivenUp,
    /// It may run no longer.
    OutOfTime,
}

/// What an execution waits for.
#[derive(Default)]
struct Waits<'w> {
    pending: FuturesUnordered<BoxFuture<'w, Wake>>,
    handles: HashMap<Ticket, AbortHandle>,
}

impl<'w> Waits<'w> {
    fn push(&mut self, ticket: Ticket, event: impl Future<Output = Event> + Send + 'w) {
        let (handle, registration) = AbortHandle::new_pair();
        let wait = Abortable::new(event, registration);
        self.handles.insert(ticket, handle);
        self.pending
            .push(wait.map(move |event| event.map_or(Wake::GivenUp, |event| Wake::Event(ticket, event))).boxed());
    }

    fn cancel(&mut self, ticket: Ticket) {
        if let Some(handle) = self.handles.remove(&ticket) {
            handle.abort();
        }
    }

    /// What happens next; none if the time is over.
    async fn next(&mut self) -> Option<Event> {
        while let Some(wake) = self.pending.next().await {
            match wake {
                Wake::Event(ticket, event) => {
                    self.handles.remove(&ticket);
                    return Some(event);
                }
                Wake::GivenUp => {}
                Wake::OutOfTime => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{About, Limits};
    use crate::source;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that is where the last sleeper wanted it to be; tasks fail as often as their input says, and take an hour if it
    /// says so.
    #[derive(Default)]
    struct Quick {
        now: AtomicU64,
        calls: AtomicU64,
    }

    impl World for Quick {
        fn now(&self) -> u64 {
            self.now.load(Ordering::Relaxed)
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
            let at = self.now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            Box::pin(async move {
                // Who has less to wait for comes first.
                for _ in 0..time.as_secs() {
                    tokio::task::yield_now().await;
                }
                self.now.fetch_max(at, Ordering::Relaxed);
            })
        }

        fn call(&self, order: Box<TaskOrder>) -> BoxFuture<'_, Result<Value, Failure>> {
            Box::pin(async move {
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                if order.input == json!("slow") {
                    std::future::pending::<()>().await;
                }
                match order.input.as_u64() {
                    Some(fails) if call < fails => Err(Failure::new("Busy", "")),
                    _ => Ok(order.input),
                }
            })
        }
    }

    async fn ran(state: Value, input: Value) -> Outcome {
        let run = run_of(&json!({"StartAt": "A", "States": {"A": state}}), input);
        super::run(run, &Quick::default(), &Aside::default()).await
    }

    fn run_of(definition: &Value, input: Value) -> Run {
        let machine = Arc::new(source::load(&definition.to_string()).expect("it is valid"));
        let about = About {
            id: "e".to_owned(),
            name: "e".to_owned(),
            role: String::new(),
            input,
            started_at: 0,
            redrives: 0,
            seed: 7,
            machine_id: "m".to_owned(),
            machine_name: "m".to_owned(),
        };
        let limits = Limits { events_max: None, ..Limits::default() };
        Run::new(machine, Arc::new(about), limits, false)
    }

    #[tokio::test]
    async fn an_execution_runs_to_its_end_with_retries_and_branches() {
        let task = json!({"Type": "Task", "Resource": "f", "End": true, "Retry": [{"ErrorEquals": ["Busy"]}]});
        assert_eq!(ran(task.clone(), json!(2)).await, Outcome::Succeeded(json!(2)));
        assert_eq!(ran(task.clone(), json!(9)).await, Outcome::Failed(Failure::new("Busy", "")));
        let branch = json!({"StartAt": "B", "States": {"B": task}});
        let other = json!({"StartAt": "C", "States": {"C": {"Type": "Wait", "Seconds": 5, "End": true}}});
        let both = json!({"Type": "Parallel", "End": true, "Branches": [branch, other]});
        assert_eq!(ran(both, json!(1)).await, Outcome::Succeeded(json!([1, 1])));
    }

    /// A world in which ten seconds pass whenever somebody looks at its clock, and nothing else happens.
    #[derive(Default)]
    struct Racing(AtomicU64);

    impl World for Racing {
        fn now(&self) -> u64 {
            self.0.fetch_add(10_000, Ordering::Relaxed)
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
            Box::pin(async move {
                if !time.is_zero() {
                    std::future::pending().await
                }
            })
        }

        fn call(&self, _: Box<TaskOrder>) -> BoxFuture<'_, Result<Value, Failure>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn who_never_waits_is_given_up_too() {
        let stop = json!([{"Variable": "$.stop", "IsPresent": true, "Next": "C"}]);
        let states = json!({"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Succeed"},
            "B": {"Type": "Choice", "Choices": stop, "Default": "A"}});
        let run = run_of(&json!({"StartAt": "A", "States": states}), json!({}));
        assert_eq!(super::run(run, &Racing::default(), &Aside::default()).await, Outcome::TimedOut);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let task = json!({"Type": "Task", "Resource": "f", "End": true, "TimeoutSeconds": 3});
        assert!(
            matches!(ran(task, json!("slow")).await, Outcome::Failed(failure) if failure.error == "States.Timeout")
        );
        let endless = json!({"Type": "Task", "Resource": "f", "End": true});
        assert_eq!(ran(endless, json!("slow")).await, Outcome::TimedOut);
    }
}
