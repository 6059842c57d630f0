//! What a run orders that others do: tasks, and the items of distributed Maps.

use super::Ticket;
use crate::definition::{Distributed, Kind, Machine, Map, Mode};
use crate::resource::Resource;
use crate::size;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A task that is to be done.
#[derive(Clone, Debug)]
pub struct TaskOrder {
    /// Its number.
    pub task: Ticket,
    /// The state that it is of.
    pub state: String,
    /// Who does it.
    pub resource: Resource,
    /// What it gets.
    pub input: Value,
    /// How often the state was tried before.
    pub attempt: u32,
    /// After how many seconds it fails.
    pub timeout: Option<u64>,
    /// How many seconds may pass between two heartbeats.
    pub heartbeat: Option<u64>,
}

/// How the items of a distributed Map are put into batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// What each gets besides.
    pub input: Option<Value>,
    /// Most items of one.
    pub items_max: Option<u64>,
    /// Most bytes of one.
    pub bytes_max: Option<u64>,
}

/// Items of a distributed Map that are to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapOrder {
    /// The number of the task that it counts as.
    pub task: Ticket,
    /// The first task that was the same map run, if that goes on after a redrive.
    #[serde(default)]
    pub goes_on: Option<Ticket>,
    /// The state's name.
    pub state: String,
    /// The ARN of the map run.
    pub map_run: String,
    /// `Label`, or the state's name.
    pub label: String,
    /// The items, if no reader reads them.
    pub items: Option<Vec<Value>>,
    /// What the reader is told, with everything computed.
    pub reader: Option<Value>,
    /// Most items that are read.
    pub items_max: Option<u64>,
    /// How items are put into batches, if they are.
    pub batch: Option<Batch>,
    /// What the writer is told.
    pub writer: Option<Value>,
    /// Most executions at once; 0: as many as there is room for.
    pub concurrency: u64,
    /// How many items may fail.
    pub tolerated_count: Option<u64>,
    /// How many of a hundred may fail.
    pub tolerated_percentage: Option<f64>,
    /// The state's effective input, the context and the variables, for the item selector.
    pub input: Value,
    /// The context object.
    pub context: Value,
    /// The variables.
    pub variables: BTreeMap<String, Value>,
    /// What is random in it.
    pub seed: u64,
    /// When it was ordered, in milliseconds since 1970.
    pub now: u64,
}

impl MapOrder {
    /// The task whose number is that of the map run: the first one that it counted as.
    #[must_use]
    pub fn first(&self) -> Ticket {
        self.goes_on.unwrap_or(self.task)
    }

    /// The bytes of what was computed for it, about.
    pub(super) fn weight(&self) -> usize {
        let given = [&self.reader, &self.writer].into_iter().flatten();
        let given = given.chain(self.items.iter().flatten()).chain(self.variables.values());
        size::sum(given.chain([&self.input, &self.context]))
    }

    /// The Map state of the machine, and what it has because it is distributed.
    #[must_use]
    pub fn definition<'m>(&self, machine: &'m Machine) -> Option<(&'m Map, &'m Distributed)> {
        match &machine.state(&self.state)?.kind {
            Kind::Map(map) => match &map.mode {
                Mode::Distributed(distributed) => Some((map, distributed)),
                Mode::Inline => None,
            },
            _ => None,
        }
    }
}
