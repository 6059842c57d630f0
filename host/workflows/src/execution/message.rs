//! What the messages of the queues say.

use super::map::MapEvent;
use crate::resource::{Resource, Service};
use crate::run::{Event, MapOrder, TaskOrder, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message of the inbox: something happened to an execution, or to the run of a distributed Map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The execution's name, or the map run's.
    pub to: String,
    /// Its seed: a name may be another one's meanwhile. None: whoever has the name now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What happened to it.
    pub news: News,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum News {
    /// To an execution.
    Execution(Event),
    /// To a map run.
    Map(MapEvent),
}

/// A message of the tasks: what is to be done for an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Job {
    /// A task of a state.
    Task(Work),
    /// The items of a distributed Map are to be read, so that its run can begin.
    ReadItems {
        /// The execution's name.
        execution: String,
        /// Its seed.
        #[serde(default)]
        seed: Option<u64>,
        /// What the state says.
        order: Box<MapOrder>,
    },
    /// An execution is to be run in memory (express).
    Run {
        /// Its name.
        name: String,
        /// What it gets.
        input: Value,
    },
    /// The results of a map run are to be gathered, by the map run's name.
    GatherResults(String),
}

/// A task that is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The execution's name.
    pub execution: String,
    /// Its seed: a name may be another one's meanwhile.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The task's number in it.
    pub task: Ticket,
    /// The state that it is of.
    pub state: String,
    /// Who does it, as the definition says.
    pub resource: String,
    /// What it gets.
    pub input: Value,
    /// How often the state was tried before.
    pub attempt: u32,
    /// After how many seconds it fails.
    pub timeout: Option<u64>,
}

/// A message of the timers, whose moment has come when it is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Alarm {
    /// An execution is to be told.
    Tell(Notice),
    /// An execution has ended so long ago that it is to be forgotten, by its name.
    Forget(String),
}

/// What is written as JSON, and read again.
macro_rules! json {
    ($($kind:ident),*) => {$(
        impl $kind {
            pub(super) fn write(&self) -> Vec<u8> {
                // Maps whose keys are texts can be written.
                serde_json::to_vec(self).unwrap_or_default()
            }

            /// Reads a message.
            ///
            /// # Errors
            /// Why it can't be.
            pub fn read(bytes: &[u8]) -> Result<Self, String> {
                serde_json::from_slice(bytes).map_err(|error| error.to_string())
            }
        }
    )*};
}

json!(Notice, Job, Alarm);

impl Work {
    /// Whether a worker does it.
    pub(super) fn is_of_activity(&self) -> bool {
        Resource::parse(&self.resource).is_ok_and(|resource| matches!(resource.service, Service::Activity { .. }))
    }

    /// Whether the state goes on when somebody tells the end, rather than when the service has answered.
    #[must_use]
    pub fn waits(&self) -> bool {
        Resource::parse(&self.resource).is_ok_and(|resource| resource.waits())
    }

    pub(super) fn of(execution: &str, seed: u64, order: TaskOrder) -> Self {
        let TaskOrder { task, state, resource: Resource { text, .. }, input, attempt, timeout, heartbeat: _ } = order;
        let (execution, seed) = (execution.to_owned(), Some(seed));
        Self { execution, seed, task, state, resource: text, input, attempt, timeout }
    }
}
