//! What a run adds to its history.

use super::thread::ThreadId;
use super::{Run, Step};
use crate::definition::Kind;
use crate::history::{Happened, of_data};
use serde_json::{Map, Value, json};

impl Run {
    /// Adds an event after another one, and answers its number. The details are made only if somebody wants to know.
    pub(super) fn note(
        &mut self,
        step: &mut Step,
        previous: u64,
        kind: &'static str,
        details: impl FnOnce() -> Option<Value>,
    ) -> u64 {
        self.events += 1;
        if self.keep.wants(self.events) {
            let happened = Happened { id: self.events, previous, at: step.moment.now, kind, details: details() };
            step.made.happened.extend(self.keep.take(happened));
        }
        self.events
    }

    /// Adds an event of a thread, which goes on from there.
    pub(super) fn note_of(
        &mut self,
        thread: ThreadId,
        step: &mut Step,
        kind: &'static str,
        details: impl FnOnce() -> Option<Value>,
    ) -> u64 {
        let previous = self.threads.get(&thread).map_or(0, |thread| thread.last);
        let id = self.note(step, previous, kind, details);
        if let Some(thread) = self.threads.get_mut(&thread) {
            thread.last = id;
        }
        id
    }

    pub(super) fn note_started(&mut self, step: &mut Step) {
        let about = self.about.clone();
        let details = || {
            let mut details = of_data("input", &about.input);
            details.insert("roleArn".to_owned(), json!(about.role));
            Some(Value::Object(details))
        };
        self.note(step, 0, "ExecutionStarted", details);
    }

    /// That a thread left its state, with this output and these variables.
    pub(super) fn note_exited(
        &mut self,
        thread: ThreadId,
        step: &mut Step,
        output: &Value,
        assigned: &Map<String, Value>,
    ) {
        let Some((name, kind)) = self
            .threads
            .get(&thread)
            .and_then(|thread| thread.state())
            .map(|(at, state)| (at.state.clone(), exited(&state.kind)))
        else {
            return;
        };
        self.note_of(thread, step, kind, || {
            let mut details = of_data("output", output);
            details.insert("name".to_owned(), json!(name));
            if !assigned.is_empty() {
                let texts: Map<_, _> =
                    assigned.iter().map(|(name, value)| (name.clone(), json!(value.to_string()))).collect();
                details.insert("assignedVariables".to_owned(), Value::Object(texts));
                details.insert("assignedVariablesDetails".to_owned(), json!({"truncated": false}));
            }
            Some(Value::Object(details))
        });
    }
}

/// The event of a state that is entered.
pub(super) fn entered(kind: &Kind) -> &'static str {
    match kind {
        Kind::Task(_) => "TaskStateEntered",
        Kind::Parallel(_) => "ParallelStateEntered",
        Kind::Map(_) => "MapStateEntered",
        Kind::Choice(_) => "ChoiceStateEntered",
        Kind::Wait(_) => "WaitStateEntered",
        Kind::Pass(_) => "PassStateEntered",
        Kind::Succeed => "SucceedStateEntered",
        Kind::Fail(_) => "FailStateEntered",
    }
}

fn exited(kind: &Kind) -> &'static str {
    match kind {
        Kind::Task(_) => "TaskStateExited",
        Kind::Parallel(_) => "ParallelStateExited",
        Kind::Map(_) => "MapStateExited",
        Kind::Choice(_) => "ChoiceStateExited",
        Kind::Wait(_) => "WaitStateExited",
        Kind::Pass(_) => "PassStateExited",
        Kind::Succeed => "SucceedStateExited",
        Kind::Fail(_) => "FailStateExited",
    }
}

/// The event of a state that is left because something else failed; those that never wait have none.
pub(super) fn aborted(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Task(_) => Some("TaskStateAborted"),
        Kind::Parallel(_) => Some("ParallelStateAborted"),
        Kind::Map(_) => Some("MapStateAborted"),
        Kind::Wait(_) => Some("WaitStateAborted"),
        _ => None,
    }
}
