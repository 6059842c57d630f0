//! Schedules, and who handles their ticks.

use super::Handler;
use flint_model::schedule::{Missed, Schedule as When};
use flint_model::{QueueName, ScheduleName};
use std::time::Duration;

/// A function that is called, or a workflow of which an execution is started, when it is time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When it is time.
    pub when: When,
    /// The zone that its expression is read in.
    pub zone: String,
    /// The function, or the workflow.
    pub handler: Handler,
    /// What it gets with each tick.
    pub payload: String,
    /// What becomes of ticks that nobody was there for.
    pub missed: Missed,
    /// How late a tick may be and still be on time.
    pub grace: Duration,
    /// What becomes of a tick while one before it is not done.
    pub overlap: Overlap,
    /// Most ticks that are not done; a further one is passed over.
    pub waiting_max: usize,
    /// Whether the effects of the function and the end of its tick are one commit.
    pub transactional: bool,
    /// A tick that was tried so often is given up.
    pub max_receives: usize,
    /// How long a tick waits after its first failure.
    pub retry_delay: Duration,
    /// How long it waits at most.
    pub retry_delay_max: Duration,
}

/// What becomes of a tick while one before it is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// It is handled beside it.
    Allow {
        /// Most ticks at once.
        concurrency: usize,
    },
    /// It waits until that one is done or given up.
    Queue,
    /// It is passed over.
    Skip,
}

impl Overlap {
    /// How many ticks are handled at once at most.
    pub fn concurrency(self) -> usize {
        match self {
            Self::Allow { concurrency } => concurrency,
            Self::Queue | Self::Skip => 1,
        }
    }
}

impl Schedule {
    /// The queue that the host keeps for the ticks of a schedule.
    pub fn queue(name: &ScheduleName) -> QueueName {
        QueueName::parse(&format!("schedule/{name}")).expect("a path of two names is that of a queue")
    }
}
