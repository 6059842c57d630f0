//! A step that is being made: what is still to be done in it, what it orders, and the room that it has for that.

use super::thread::ThreadId;
use super::{Command, Made, Moment};
use crate::clock::Clock;
use crate::failure::Failure;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// How much of a step's room a state takes that is entered, and a command besides its payload: a step enters 1,000 states or orders
/// 4,000 things at most.
pub(super) const ENTERED: usize = 16 << 10;
const ORDERED: usize = 4 << 10;

/// What is to be done next, within a step.
#[derive(Debug)]
pub(super) enum Todo {
    /// The size is what the thread holds of the input: branches share theirs.
    Enter {
        thread: ThreadId,
        state: String,
        input: Arc<Value>,
        size: usize,
    },
    Work(ThreadId),
    Ended {
        thread: ThreadId,
        output: Value,
        size: usize,
    },
    Fail {
        thread: ThreadId,
        failure: Failure,
    },
}

impl Todo {
    /// The thread that does it.
    pub(super) fn thread(&self) -> ThreadId {
        match self {
            Self::Enter { thread, .. }
            | Self::Work(thread)
            | Self::Ended { thread, .. }
            | Self::Fail { thread, .. } => *thread,
        }
    }
}

/// A step that is being made.
pub(super) struct Step {
    pub(super) moment: Moment,
    pub(super) clock: Clock,
    pub(super) todo: VecDeque<Todo>,
    pub(super) made: Made,
}

impl Step {
    /// One that begins.
    pub(super) fn new(moment: Moment, clock: Clock) -> Self {
        Self { moment, clock, todo: VecDeque::new(), made: Made::default() }
    }

    /// Has something done.
    pub(super) fn order(&mut self, command: Command) {
        self.order_with(command, 0);
    }

    /// The same, with a payload of so many bytes.
    pub(super) fn order_with(&mut self, command: Command, payload: usize) {
        self.weigh(ORDERED.saturating_add(payload));
        self.made.commands.push(command);
    }

    /// Takes room.
    pub(super) fn weigh(&mut self, bytes: usize) {
        self.made.weight = self.made.weight.saturating_add(bytes);
    }

    pub(super) fn has_room(&self) -> bool {
        self.made.weight < self.moment.room
    }
}
