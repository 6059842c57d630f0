//! One execution: a pure state machine that is told what happened and answers what is to be done.
//!
//! [`Run::apply`] takes an [`Event`] and a [`Moment`] and changes nothing but the run: no randomness, no I/O, and of the clock
//! only how long it works itself. What that decides comes out ([`Decided`]), and [`Run::replay`] takes it back: the same events
//! at the same moments, with what was decided then, lead to the same run, which is how an execution goes on after a crash: its
//! journal is the list of its events, and they are applied again. What the run wants done comes out as [`Command`]s, which are
//! relayed once the event is durable.
//!
//! A run is a tree of threads: the machine itself, and one for each branch of a Parallel and each item of a Map. *Absent:*
//! executions of a distributed Map's items, which are runs of their own; the run sees one [`Command::StartMap`].

mod context;
mod end;
mod many;
mod note;
mod order;
mod proceed;
mod step;
mod task;
mod thread;

#[cfg(test)]
mod tests;

use crate::chance;
use crate::clock::{Clock, Decided, Patience};
use crate::definition::Machine;
use crate::failure::Failure;
use crate::history::{Happened, Keep};
use crate::size;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use step::{Step, Todo};
use thread::{At, Thread, ThreadId};

pub use context::About;
pub(crate) use many::STATE_DATA;
pub use order::{Batch, MapOrder, TaskOrder};

/// The number of a task or a timer in its run. Numbers are given in order, and never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// Something that happened to an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It starts.
    Started,
    /// A worker took the task on, of this name (activities).
    TaskStarted {
        /// Its number.
        task: Ticket,
        /// The worker's name.
        worker: Option<String>,
    },
    /// The service took the request, and answered this; the state waits for more.
    TaskSubmitted {
        /// Its number.
        task: Ticket,
        /// What came out.
        output: Value,
    },
    /// The task is still being worked on.
    TaskBeat {
        /// Its number.
        task: Ticket,
    },
    /// The task ended.
    TaskEnded {
        /// Its number.
        task: Ticket,
        /// What came out of it.
        result: Result<Value, Failure>,
    },
    /// A timer's moment has come.
    TimerFired {
        /// Its number.
        timer: Ticket,
    },
    /// It is stopped.
    Stopped {
        /// Why.
        failure: Failure,
    },
    /// It had failed, and goes on from there, for the time of this number.
    Redriven {
        /// How often it was redriven, with this time.
        redrives: u32,
    },
}

/// When an event is applied, and what is random in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub now: u64,
    /// Different for each event of an execution.
    pub seed: u64,
    /// What is left of the room of a step ([`Limits::step_max`]) for this event, in bytes.
    pub room: usize,
}

/// Something that a run wants done.
#[derive(Clone, Debug)]
pub enum Command {
    /// Have a task done.
    StartTask(Box<TaskOrder>),
    /// Run the items of a distributed Map, and tell the end as that of a task.
    StartMap(Box<MapOrder>),
    /// Nobody waits for this task any more.
    CancelTask(Ticket),
    /// Tell when a moment has come, in milliseconds since 1970.
    SetTimer {
        /// Its number.
        timer: Ticket,
        /// When, in milliseconds since 1970.
        at: u64,
    },
    /// Nobody waits for this timer any more.
    CancelTimer(Ticket),
    /// It has ended.
    End(Outcome),
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// With this output.
    Succeeded(Value),
    /// With an error that nobody caught.
    Failed(Failure),
    /// It took longer than it may.
    TimedOut,
    /// It was stopped.
    Aborted(Failure),
}

impl Outcome {
    /// As AWS names it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted(_) => "ABORTED",
        }
    }
}

/// What a run may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most events of its history ("Service quotas": 25,000); `None`: of an express execution, any.
    pub events_max: Option<u64>,
    /// The room of a step, in bytes: what is ordered in it takes what it weighs, and each state that is entered something. What
    /// has no room goes on in a step of its own.
    pub step_max: usize,
    /// How long a step may take.
    pub patience: Patience,
    /// Most bytes of an input or an output.
    pub payload_max: usize,
    /// Most bytes of all variables ("Service quotas": 10 MiB).
    pub variables_max: usize,
    /// Most bytes of inputs and outputs that are held at a time. AWS has no such quota; its histories end such executions.
    pub held_max: usize,
    /// Most threads, beyond which a Map starts an item only when another one has ended.
    pub threads_max: usize,
    /// Most items of an inline Map at once ("Map state processing modes": 40).
    pub items_at_once: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events_max: Some(25_000),
            step_max: 16 << 20,
            patience: Patience::default(),
            payload_max: size::PAYLOAD_MAX,
            variables_max: 10 << 20,
            held_max: 128 << 20,
            threads_max: 2_000,
            items_at_once: 40,
        }
    }
}

/// What came of an event.
#[derive(Debug, Default)]
pub struct Made {
    /// What is to be done, in order.
    pub commands: Vec<Command>,
    /// What is added to the history; empty if nobody wants to know.
    pub happened: Vec<Happened>,
    /// What the clock decided: to be kept with the event.
    pub decided: Decided,
    /// Whether the event meant anything to the run. Who waits for nothing is told in vain.
    pub is_news: bool,
    /// How much room it took.
    pub weight: usize,
}

/// An execution.
#[derive(Debug)]
pub struct Run {
    machine: Arc<Machine>,
    about: Arc<About>,
    limits: Limits,
    /// The context object of whoever is computing; its `Execution` and `StateMachine` stay.
    context: Value,
    threads: BTreeMap<ThreadId, Thread>,
    /// Who waits for a task or a timer.
    waits: HashMap<Ticket, ThreadId>,
    /// The execution's own time-out.
    deadline: Option<Ticket>,
    /// What had no room in a step any more, and the timer with which it goes on.
    paused: Option<(Ticket, VecDeque<Todo>)>,
    /// The bytes of the inputs that threads have, and of the outputs of branches and items that have ended.
    held: usize,
    /// The number that was given last, to threads, tasks and timers.
    serial: u64,
    /// The number of the newest event of the history.
    events: u64,
    outcome: Option<Outcome>,
    /// What was about to be done when it ended without success, for a redrive.
    left: VecDeque<Todo>,
    /// What is wanted of the history.
    keep: Keep,
}

impl Run {
    /// A run that has not started.
    #[must_use]
    pub fn new(machine: Arc<Machine>, about: Arc<About>, limits: Limits, keeps_history: bool) -> Self {
        Self {
            context: about.context(),
            machine,
            about,
            limits,
            threads: BTreeMap::new(),
            waits: HashMap::new(),
            deadline: None,
            paused: None,
            held: 0,
            serial: 0,
            events: 0,
            outcome: None,
            left: VecDeque::new(),
            keep: if keeps_history { Keep::ALL } else { Keep::NOTHING },
        }
    }

    /// The same run, of whose history this is wanted.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep, ..self }
    }

    /// The number of the newest event that is kept of the history, if there are further ones, which are not.
    #[must_use]
    pub fn kept_until(&self) -> Option<u64> {
        (self.events >= self.keep.until()).then(|| self.keep.until().saturating_sub(1))
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// What it may do.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What it runs.
    #[must_use]
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Whose run it is.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether somebody waits for this task or timer.
    #[must_use]
    pub fn waits_for(&self, ticket: Ticket) -> bool {
        let is_pause = self.paused.as_ref().is_some_and(|(timer, _)| *timer == ticket);
        self.waits.contains_key(&ticket) || self.deadline == Some(ticket) || is_pause
    }

    /// Applies an event, and goes on until all threads wait for something.
    ///
    /// An event that nobody waits for changes nothing: a task that was cancelled, a second answer, a run that has ended.
    ///
    /// It takes as long as the evaluations of some states ([`Limits::patience`]), and blocks its thread for that long.
    pub fn apply(&mut self, event: Event, moment: Moment) -> Made {
        self.apply_by(Clock::live(self.limits.patience), event, moment)
    }

    /// Applies an event that was applied before, of which this was decided then: it comes to the same, however long it takes.
    pub fn replay(&mut self, event: Event, moment: Moment, decided: Decided) -> Made {
        self.apply_by(Clock::again(decided), event, moment)
    }

    fn apply_by(&mut self, clock: Clock, event: Event, moment: Moment) -> Made {
        let mut step = Step::new(moment, clock);
        step.made.is_news = match event {
            Event::Redriven { redrives } => self.redrive(redrives, &mut step),
            event => self.outcome.is_none() && self.begin(event, &mut step),
        };
        let mut is_first = true;
        while self.outcome.is_none() && !step.todo.is_empty() {
            // Whoever goes on does something at least, unless those before it have taken all the room.
            if step.moment.room == 0 || !is_first && (!step.has_room() || step.clock.rests()) {
                self.pause(&mut step);
                break;
            }
            is_first = false;
            if let Some(todo) = step.todo.pop_front() {
                self.make(todo, &mut step);
                self.check(&mut step);
            }
        }
        Made { decided: step.clock.decided(), ..step.made }
    }

    /// Lets others have their turn: what is to be done goes on at once, with an event of its own.
    fn pause(&mut self, step: &mut Step) {
        let todo = std::mem::take(&mut step.todo);
        if let Some((_, paused)) = &mut self.paused {
            return paused.extend(todo);
        }
        let timer = self.ticket();
        self.paused = Some((timer, todo));
        step.order(Command::SetTimer { timer, at: step.moment.now });
    }

    /// Goes on with what had no room, if this is its timer.
    fn resume(&mut self, timer: Ticket, step: &mut Step) -> bool {
        match self.paused.take_if(|(waited, _)| *waited == timer) {
            Some((_, todo)) => {
                step.todo.extend(todo);
                true
            }
            None => false,
        }
    }

    /// What the event leads to at first; whether it means anything.
    fn begin(&mut self, event: Event, step: &mut Step) -> bool {
        match event {
            Event::Started => self.start(step),
            Event::Stopped { failure } => {
                self.finish(Outcome::Aborted(failure), step);
                true
            }
            Event::TimerFired { timer } if self.deadline == Some(timer) => {
                self.finish(Outcome::TimedOut, step);
                true
            }
            Event::TimerFired { timer } => self.resume(timer, step) || self.timer_fired(timer, step),
            Event::TaskStarted { task, worker } => self.task_started(task, worker, step),
            Event::TaskSubmitted { task, output } => self.task_submitted(task, &output, step),
            Event::TaskBeat { task } => self.task_beat(task, step),
            Event::TaskEnded { task, result } => self.task_ended(task, result, step),
            Event::Redriven { .. } => false,
        }
    }

    fn start(&mut self, step: &mut Step) -> bool {
        if self.events > 0 {
            return false;
        }
        self.note_started(step);
        self.set_deadline(step);
        let input = self.about.input.clone();
        let graph = self.machine.graph.clone();
        let state = graph.start.clone();
        let thread = self.spawn(Thread::root(graph));
        let size = size::of(&input);
        step.todo.push_back(Todo::Enter { thread, state, input: Arc::new(input), size });
        if size > self.limits.payload_max {
            let cause = "The input of the execution has a size exceeding the maximum number of bytes service limit.";
            self.finish(Outcome::Failed(Failure::new(crate::failure::name::DATA_LIMIT_EXCEEDED, cause)), step);
        }
        true
    }

    /// Sets the execution's own time-out, if it has one.
    fn set_deadline(&mut self, step: &mut Step) {
        let Some(seconds) = self.machine.timeout else { return };
        let timer = self.ticket();
        self.deadline = Some(timer);
        step.order(Command::SetTimer { timer, at: step.moment.now.saturating_add(seconds * 1_000) });
    }

    fn make(&mut self, todo: Todo, step: &mut Step) {
        // It was given up meanwhile, with what is around it.
        if !self.threads.contains_key(&todo.thread()) {
            return;
        }
        match todo {
            Todo::Enter { thread, state, input, size } => self.enter(thread, &state, (input, size), step),
            Todo::Work(thread) => self.work(thread, step),
            Todo::Ended { thread, output, size } => self.thread_ended(thread, (output, size), step),
            Todo::Fail { thread, failure } => self.state_failed(thread, failure, step),
        }
    }

    /// Ends a run whose history is full, or which holds too much.
    fn check(&mut self, step: &mut Step) {
        if self.outcome.is_some() {
            return;
        }
        let is_full = |most: &u64| self.events >= most.saturating_sub(1);
        let failure = if let Some(most) = self.limits.events_max.filter(is_full) {
            let cause = format!("The execution reached the maximum number of history events ({most}).");
            Failure::new(crate::failure::name::RUNTIME, cause)
        } else if self.held > self.limits.held_max {
            let most = self.limits.held_max;
            let cause = format!(
                "The inputs and outputs of branches and items that run have more than {most} bytes altogether."
            );
            Failure::new(crate::failure::name::DATA_LIMIT_EXCEEDED, cause)
        } else {
            return;
        };
        self.finish(Outcome::Failed(failure), step);
    }

    /// A number that was not given before.
    fn ticket(&mut self) -> Ticket {
        self.serial += 1;
        Ticket(self.serial)
    }

    fn spawn(&mut self, thread: Thread) -> ThreadId {
        self.serial += 1;
        let id = ThreadId(self.serial);
        self.threads.insert(id, thread);
        id
    }

    /// Ends a thread, which holds nothing any more then.
    fn remove(&mut self, thread: ThreadId) -> Option<Thread> {
        let thread = self.threads.remove(&thread)?;
        self.held = self.held.saturating_sub(thread.at.as_ref().map_or(0, At::held));
        Some(thread)
    }

    /// A number that is random, and the same whenever the step is made again.
    fn random(&self, step: &Step) -> u64 {
        chance::seed_of(step.moment.seed, self.serial.rotate_left(32) ^ self.events)
    }

    /// The states in which threads are, by name, for who draws the machine.
    #[must_use]
    pub fn current(&self) -> Vec<&str> {
        self.threads.values().filter_map(|thread| thread.at.as_ref().map(|at| at.state.as_str())).collect()
    }
}
