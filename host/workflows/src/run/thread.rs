//! Where a run is: its threads, and what each of them waits for.

use super::Ticket;
use crate::definition::{Graph, State};
use crate::resource::Resource;
use crate::scene::Variables;
use crate::size;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The number of a thread in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ThreadId(pub(super) u64);

/// What goes through a graph, from its first state to its last.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) graph: Arc<Graph>,
    pub(super) parent: Option<Parent>,
    pub(super) variables: Variables,
    /// The bytes of those that are its own.
    pub(super) assigned: usize,
    /// `Map` of the context object, of an item and what is within it.
    pub(super) item: Option<Arc<Value>>,
    /// The newest event of the history that is its own.
    pub(super) last: u64,
    /// `None`: it is on its way to the first state.
    pub(super) at: Option<At>,
}

/// Whose branch or item a thread is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) thread: ThreadId,
    /// Which of them.
    pub(super) index: usize,
}

/// A state that a thread is in.
#[derive(Debug)]
pub(super) struct At {
    pub(super) state: String,
    /// As it came, before `InputPath`: branches share it.
    pub(super) input: Arc<Value>,
    /// Its bytes.
    pub(super) size: usize,
    /// The number of the event.
    pub(super) entered: u64,
    /// The event before it.
    pub(super) before: u64,
    /// In milliseconds since 1970.
    pub(super) entered_at: u64,
    /// How often each retrier has sent it round again.
    pub(super) retries: Vec<u32>,
    /// Of a distributed Map, the run that a redrive goes on with.
    pub(super) map_run: Option<MapRun>,
    pub(super) doing: Doing,
}

/// The run of a distributed Map, from the first task that waited for it to the last.
#[derive(Clone, Debug)]
pub(super) struct MapRun {
    /// The first of these tasks: its number is the run's.
    pub(super) first: Ticket,
    pub(super) arn: String,
    pub(super) redrives: u32,
}

/// What a state waits for.
#[derive(Debug)]
pub(super) enum Doing {
    /// Nothing: it is about to work.
    Nothing,
    /// The end of a task.
    Task(TaskWork),
    /// A moment.
    Wait(Ticket),
    /// The moment for the next try.
    Retry(Ticket),
    /// Its branches or items.
    Many(Many),
}

/// A task that is being done.
#[derive(Debug)]
pub(super) struct TaskWork {
    pub(super) task: Ticket,
    /// Of a distributed Map: none.
    pub(super) resource: Option<Resource>,
    pub(super) timeout: Option<Ticket>,
    /// The timer, and the milliseconds between two heartbeats.
    pub(super) heartbeat: Option<(Ticket, u64)>,
}

/// Branches or items that are being run.
#[derive(Debug)]
pub(super) struct Many {
    /// Of each, what came out of it.
    pub(super) results: Vec<Option<Value>>,
    /// The bytes of those.
    pub(super) held: usize,
    /// Of items: what they are. Of branches: none.
    pub(super) items: Vec<Value>,
    /// The threads that run.
    pub(super) running: BTreeSet<ThreadId>,
    /// How many were started.
    pub(super) started: usize,
    pub(super) ended: usize,
    /// Most at once.
    pub(super) at_once: usize,
    /// What the next one that starts follows: `MapStateStarted` or `ParallelStateStarted`, or the last event of one that ended.
    pub(super) begun: u64,
    /// What the item selector gets.
    pub(super) input: Value,
}

impl Thread {
    /// The thread of the machine itself.
    pub(super) fn root(graph: Arc<Graph>) -> Self {
        Self { graph, parent: None, variables: Variables::default(), assigned: 0, item: None, last: 0, at: None }
    }

    /// The bytes of its own variables when these are among them.
    pub(super) fn assigned_with(&self, assigned: &Map<String, Value>) -> usize {
        let of = |(name, value): (&String, &Value)| size::of(value).saturating_add(name.len());
        let new = assigned.iter().map(of).fold(self.assigned, usize::saturating_add);
        // An inner scope has no name of an outer one: what is replaced is its own.
        let old: usize = assigned.keys().filter_map(|name| self.variables.get_key_value(name)).map(of).sum();
        new.saturating_sub(old)
    }

    /// The state that it is in.
    pub(super) fn state(&self) -> Option<(&At, &State)> {
        let at = self.at.as_ref()?;
        Some((at, self.graph.states.get(&at.state)?))
    }
}

impl At {
    /// The bytes of what it holds.
    pub(super) fn held(&self) -> usize {
        let results = if let Doing::Many(many) = &self.doing { many.held } else { 0 };
        self.size.saturating_add(results)
    }

    /// How often it was tried again.
    pub(super) fn retry_count(&self) -> u32 {
        self.retries.iter().sum()
    }
}
