//! A definition that is run to its end with no platform: tasks are answered by mocks, and time is a number.
//!
//! What is to happen stands in a queue by its moment. Whoever waits for time to pass is told how long; with `skip_waits`, the
//! clock jumps instead, so waits, retries and time-outs come in the same order in no time.

mod bucket;
mod map;
mod mock;
mod service;

#[cfg(test)]
mod tests;

use crate::arn;
use crate::chance;
use crate::clock::Patience;
use crate::definition::Machine;
use crate::failure::{Failure, name};
use crate::history::{Happened, Keep};
use crate::resource::Service;
use crate::run::{About, Command, Event, Limits, Moment, Outcome, Run, TaskOrder};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bucket::Buckets;
use map::Mapping;

pub use mock::Mocks;

/// Most bytes of a history that is kept, about.
pub const HISTORY_MAX: usize = 256 << 20;

/// A trial holds nobody up, and is to be the same each time: only an expression has a limit of time.
const PATIENCE: Patience = Patience { work: Duration::MAX, evaluations: Duration::MAX };

/// Where a trial gets what it can't make itself.
pub trait World {
    /// Lets time pass.
    fn sleep(&mut self, time: Duration);

    /// Calls a service for which there is no mock; `None`: there is none here.
    fn call(&mut self, order: &TaskOrder) -> Option<Result<Value, Failure>>;
}

/// What a trial is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state machine's name.
    pub name: String,
    /// The moment at which it starts, in milliseconds since 1970.
    pub now: u64,
    /// What is random in it.
    pub seed: u64,
    /// Whether the clock jumps.
    pub skip_waits: bool,
    /// Whether it runs as an express execution.
    pub is_express: bool,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Report {
    /// How the execution ended.
    pub outcome: Outcome,
    /// What happened in it.
    pub history: Vec<Happened>,
}

impl Report {
    /// `{"status", "output", "error", "cause", "history"}`; what it has not is `null`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let text = |text: &String| if text.is_empty() { Value::Null } else { json!(text) };
        let (output, error, cause) = match &self.outcome {
            Outcome::Succeeded(output) => (output.clone(), Value::Null, Value::Null),
            Outcome::Failed(failure) | Outcome::Aborted(failure) => {
                (Value::Null, text(&failure.error), text(&failure.cause))
            }
            Outcome::TimedOut => (Value::Null, json!(name::TIMEOUT), Value::Null),
        };
        let history: Vec<_> = self.history.iter().map(Happened::to_json).collect();
        json!({"status": self.outcome.status(), "output": output, "error": error, "cause": cause, "history": history})
    }
}

/// Runs a state machine to its end.
///
/// # Errors
/// A sentence that says why there is no end: for what the execution waits in vain, such as a callback for which there is no
/// mock, or that more than [`HISTORY_MAX`] happened.
pub fn run(
    machine: Arc<Machine>,
    input: Value,
    mocks: Mocks,
    options: &Options,
    world: &mut dyn World,
) -> Result<Report, String> {
    let mut trial = Trial {
        mocks,
        options: options.clone(),
        world,
        now: options.now,
        order: 0,
        queue: BinaryHeap::new(),
        events: HashMap::new(),
        runs: Vec::new(),
        maps: Vec::new(),
        buckets: Buckets::default(),
        history: Vec::new(),
    };
    let about = about(&options.name, "execution", input, options.now, options.seed);
    trial.start(machine, about, None);
    trial.go()
}

/// Whose run it is, of a trial.
fn about(machine: &str, name: &str, input: Value, now: u64, seed: u64) -> Arc<About> {
    Arc::new(About {
        id: arn::execution(machine, name),
        name: name.to_owned(),
        role: arn::ROLE.to_owned(),
        input,
        started_at: now,
        redrives: 0,
        seed,
        machine_id: arn::machine(machine),
        machine_name: machine.to_owned(),
    })
}

/// An execution of a trial.
struct Running {
    run: Run,
    /// The map run whose item it is, and which item.
    item: Option<(usize, usize)>,
}

struct Trial<'a> {
    mocks: Mocks,
    options: Options,
    world: &'a mut dyn World,
    now: u64,
    /// The number of the newest entry of the queue: those of one moment come in their order.
    order: u64,
    /// The moment, the number, and whose event it is.
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: HashMap<u64, Event>,
    runs: Vec<Option<Running>>,
    maps: Vec<Option<Mapping>>,
    buckets: Buckets,
    history: Vec<Happened>,
}

impl Trial<'_> {
    fn start(&mut self, machine: Arc<Machine>, about: Arc<About>, item: Option<(usize, usize)>) {
        let limits = Limits {
            events_max: if self.options.is_express { None } else { Limits::default().events_max },
            patience: PATIENCE,
            ..Limits::default()
        };
        let keep = if item.is_none() { Keep::up_to(HISTORY_MAX) } else { Keep::NOTHING };
        let run = Run::new(machine, about, limits, false).keeping(keep);
        self.runs.push(Some(Running { run, item }));
        self.push(self.now, self.runs.len() - 1, Event::Started);
    }

    fn push(&mut self, at: u64, run: usize, event: Event) {
        self.order += 1;
        self.events.insert(self.order, event);
        self.queue.push(Reverse((at, self.order, run)));
    }

    fn go(mut self) -> Result<Report, String> {
        while let Some(Reverse((at, order, index))) = self.queue.pop() {
            let Some(event) = self.events.remove(&order) else { continue };
            let Some(running) = self.runs[index].as_mut() else { continue };
            if !is_waited_for(&running.run, &event) {
                continue;
            }
            if at > self.now {
                if !self.options.skip_waits {
                    self.world.sleep(Duration::from_millis(at - self.now));
                }
                self.now = at;
            }
            let machine = running.run.machine().clone();
            let room = running.run.limits().step_max;
            let moment = Moment { now: self.now, seed: chance::seed_of(self.options.seed, order), room };
            let made = running.run.apply(event, moment);
            let is_root = running.item.is_none();
            if is_root {
                self.history.extend(made.happened);
                if let Some(events) = running.run.kept_until() {
                    return Err(too_long(events));
                }
            }
            for command in made.commands {
                match command {
                    Command::End(outcome) if is_root => return Ok(Report { outcome, history: self.history }),
                    Command::End(outcome) => self.item_ended(index, outcome),
                    Command::SetTimer { timer, at } => self.push(at, index, Event::TimerFired { timer }),
                    Command::StartTask(order) => self.task(index, &order),
                    Command::StartMap(order) => self.map(index, &machine, *order),
                    Command::CancelTask(_) | Command::CancelTimer(_) => {}
                }
            }
        }
        Err(self.waits_in_vain())
    }

    /// For what an execution waits that will not come.
    fn waits_in_vain(&self) -> String {
        let states: Vec<_> = self.runs.iter().flatten().flat_map(|running| running.run.current()).collect();
        let states = states.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(", ");
        format!(
            "the execution waits for ever in {states}: nobody sends its task's token back; give it an answer with a mock, or a time-out"
        )
    }

    /// Has a task answered: by a mock, or else by whoever runs the trial.
    fn task(&mut self, run: usize, order: &TaskOrder) {
        let task = order.task;
        if let Some((result, delay)) = self.mocks.answer(order) {
            if let Some(taken) = self.taken(order) {
                self.push(self.now, run, taken);
            }
            return self.push(self.now.saturating_add(delay), run, Event::TaskEnded { task, result });
        }
        let called = self.world.call(order).or_else(|| self.served(order).map(Ok));
        let event = match called.unwrap_or_else(|| Err(unknown(order))) {
            Ok(output) if order.resource.waits() => Event::TaskSubmitted { task, output },
            result => Event::TaskEnded { task, result },
        };
        self.push(self.now, run, event);
    }

    /// What happens before the end of a task that somebody else tells: a worker has it, or the service has answered.
    fn taken(&self, order: &TaskOrder) -> Option<Event> {
        let task = order.task;
        match order.resource.service {
            Service::Activity { .. } => Some(Event::TaskStarted { task, worker: None }),
            _ if !order.resource.waits() => None,
            _ => {
                let output = self.served(order).unwrap_or_else(|| service::taken(order, self.seed(), self.now));
                Some(Event::TaskSubmitted { task, output })
            }
        }
    }

    /// What a service answers that takes whatever it is given.
    fn served(&self, order: &TaskOrder) -> Option<Value> {
        service::answer(order, self.seed())
    }

    /// A seed of the moment.
    fn seed(&self) -> u64 {
        chance::seed_of(self.options.seed, self.order)
    }
}

fn too_long(events: u64) -> String {
    let most = HISTORY_MAX >> 20;
    format!("the execution was given up: its history has more than {most} MiB, which the first {events} events fill")
}

fn is_waited_for(run: &Run, event: &Event) -> bool {
    match event {
        Event::TimerFired { timer } => run.waits_for(*timer),
        Event::TaskEnded { task, .. } | Event::TaskSubmitted { task, .. } => run.waits_for(*task),
        _ => true,
    }
}

/// That nobody does a task. What never could be done here ends the execution, whatever its states catch.
fn unknown(order: &TaskOrder) -> Failure {
    let (error, what) = match &order.resource.service {
        Service::Function { name } => ("Lambda.ResourceNotFoundException", name.clone()),
        Service::Invoke => {
            let name = order.input.get("FunctionName").and_then(Value::as_str).unwrap_or_default();
            ("Lambda.ResourceNotFoundException", name.to_owned())
        }
        Service::Other { .. } => (name::RUNTIME, order.resource.text.clone()),
        _ => (name::TASK_FAILED, order.resource.text.clone()),
    };
    let cause = format!(
        "There is no mock for `{what}`, the resource of the state `{}`: add one to the file that `--mock` names",
        order.state
    );
    Failure::new(error, cause)
}
