//! Failures and ends: who takes a failure, what is given up for it, and how an execution goes on that had failed.

use super::note;
use super::thread::{Doing, Parent, Thread, ThreadId};
use super::{Command, Outcome, Run, Step, Todo};
use crate::definition::{Catcher, Flow, Kind, Next, State};
use crate::failure::{Failure, name};
use crate::flow::{self, Passed};
use crate::history::{of_data, of_failure};
use crate::retry;
use crate::scene::{Scene, Trouble};
use serde_json::{Map, Value, json};

/// What a state does about a failure.
enum Remedy {
    /// It is tried again, after so many milliseconds; this retrier counts it.
    Retry(usize, u64),
    /// It goes on elsewhere: this catcher.
    Catch(usize),
}

impl Run {
    /// A state failed: it, or the nearest one around it that has a remedy, goes on; else the execution fails.
    ///
    /// A failure within a branch or an item is that of the Parallel or Map state around it, with its own name and cause. The
    /// specification has `States.BranchFailed` for it, which the service's histories never tell.
    pub(super) fn state_failed(&mut self, thread: ThreadId, failure: Failure, step: &mut Step) {
        let mut at = thread;
        loop {
            if let Some(remedy) = self.remedy(at, &failure, step) {
                return self.apply_remedy(at, thread, remedy, failure, step);
            }
            match self.threads.get(&at).and_then(|thread| thread.parent) {
                Some(parent) => at = parent.thread,
                None => break,
            }
        }
        self.note_failed(thread, None, &failure, step);
        // A state that failed by itself begins anew when it is redriven.
        self.drop_within(thread, step);
        self.finish(Outcome::Failed(failure), step);
    }

    /// What a thread's state does about a failure.
    fn remedy(&self, thread: ThreadId, failure: &Failure, step: &Step) -> Option<Remedy> {
        let (at, state) = self.threads.get(&thread)?.state()?;
        let retrier = state.retry.iter().enumerate().find(|(_, retrier)| retrier.takes(failure));
        if let Some((index, retrier)) = retrier {
            let tried = at.retries.get(index).copied().unwrap_or(0);
            if let Some(delay) = retry::delay(retrier, tried, self.random(step)) {
                return Some(Remedy::Retry(index, delay));
            }
        }
        state.catch.iter().position(|catcher| catcher.takes(failure)).map(Remedy::Catch)
    }

    /// Goes on with a state's remedy for a failure of its own, or of a thread within it.
    fn apply_remedy(&mut self, thread: ThreadId, failed: ThreadId, remedy: Remedy, failure: Failure, step: &mut Step) {
        let is_caught = matches!(remedy, Remedy::Catch(_));
        self.note_failed(failed, Some((thread, is_caught)), &failure, step);
        self.drop_within(thread, step);
        match remedy {
            Remedy::Retry(index, delay) => {
                let timer = self.ticket();
                self.waits.insert(timer, thread);
                if let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) {
                    if let Some(tried) = at.retries.get_mut(index) {
                        *tried += 1;
                    }
                    // A retry is a map run of its own.
                    at.map_run = None;
                    at.doing = Doing::Retry(timer);
                }
                step.order(Command::SetTimer { timer, at: step.moment.now.saturating_add(delay) });
            }
            Remedy::Catch(index) => self.catch(thread, index, failure, step),
        }
    }

    fn catch(&mut self, thread: ThreadId, index: usize, failure: Failure, step: &mut Step) {
        let Some((graph, name)) = self.place(thread) else { return };
        let Some(state) = graph.states.get(&name) else { return };
        let Some(catcher) = state.catch.get(index) else { return };
        let failure = match self.compute(thread, step, |scene| caught(state, catcher, &failure, scene)) {
            Ok(passed) => match self.check_passed(thread, &passed) {
                Ok(_) => return self.leave(thread, passed, &Next::To(catcher.next.clone()), step),
                Err(failure) => failure,
            },
            Err(trouble) => {
                let entered =
                    self.threads.get(&thread).and_then(|thread| thread.at.as_ref()).map_or(0, |at| at.entered);
                let failure = trouble.of_state(&name, entered);
                self.note_of(thread, step, "EvaluationFailed", || {
                    let mut details = of_failure(&failure);
                    details.insert("state".to_owned(), json!(name));
                    Some(Value::Object(details))
                });
                failure
            }
        };
        // The state has no remedy for a catcher that fails: who is around it may have one.
        match self.threads.get(&thread).and_then(|thread| thread.parent) {
            Some(Parent { thread: parent, .. }) => self.state_failed(parent, failure, step),
            None => self.finish(Outcome::Failed(failure), step),
        }
    }

    /// Notes that a thread failed, and with it what is around it: up to the state with a remedy (and whether it is caught
    /// there), or to the top.
    fn note_failed(&mut self, failed: ThreadId, until: Option<(ThreadId, bool)>, failure: &Failure, step: &mut Step) {
        let mut thread = failed;
        // Of a state that can't be executed, its own failure is not told: that of the execution follows at once.
        let can_be_executed = failure.error != name::RUNTIME;
        let last = self.threads.get(&failed).map_or(0, |thread| thread.last);
        loop {
            let is_remedied = until.is_some_and(|(remedied, _)| remedied == thread);
            if thread != failed || (can_be_executed && self.many_of(thread)) {
                self.note_many_failed(
                    thread,
                    failed,
                    last,
                    until.is_none_or(|(_, is_caught)| !is_remedied || is_caught),
                    step,
                );
            }
            let parent = self.threads.get(&thread).and_then(|thread| thread.parent);
            match parent {
                Some(parent) if !is_remedied => {
                    self.note_iteration_failed(thread, parent, last, step);
                    thread = parent.thread;
                }
                _ => return,
            }
        }
    }

    /// Whether a thread's state has threads of its own.
    fn many_of(&self, thread: ThreadId) -> bool {
        let kind = self.threads.get(&thread).and_then(|thread| thread.state()).map(|(_, state)| &state.kind);
        matches!(kind, Some(Kind::Parallel(_) | Kind::Map(_)))
    }

    fn note_iteration_failed(&mut self, thread: ThreadId, parent: Parent, last: u64, step: &mut Step) {
        let Some((graph, name)) = self.place(parent.thread) else { return };
        if matches!(graph.states.get(&name).map(|state| &state.kind), Some(Kind::Map(_))) {
            self.note(step, last, "MapIterationFailed", || Some(json!({"name": name, "index": parent.index})));
        }
        let aborted =
            self.threads.get(&thread).and_then(|thread| thread.state()).and_then(|(_, state)| match &state.kind {
                Kind::Task(_) => note::aborted(&state.kind),
                _ => None,
            });
        if let Some(kind) = aborted {
            self.note(step, last, kind, || None);
        }
    }

    /// Notes that the other branches or items are given up, and that the state failed.
    fn note_many_failed(&mut self, thread: ThreadId, failed: ThreadId, last: u64, tells: bool, step: &mut Step) {
        let others = match self.threads.get(&thread).and_then(|thread| thread.at.as_ref()).map(|at| &at.doing) {
            Some(Doing::Many(many)) => {
                many.running.iter().copied().filter(|child| !self.is_within(failed, *child)).collect()
            }
            _ => Vec::new(),
        };
        for other in others {
            self.note_aborted(other, last, step);
        }
        let kind = match self.threads.get(&thread).and_then(|thread| thread.state()).map(|(_, state)| &state.kind) {
            Some(Kind::Parallel(_)) => "ParallelStateFailed",
            Some(Kind::Map(_)) => "MapStateFailed",
            _ => return,
        };
        if let Some(thread) = self.threads.get_mut(&thread) {
            thread.last = last;
        }
        if tells {
            self.note_of(thread, step, kind, || None);
        }
    }

    /// Whether a thread is this one, or runs within it.
    fn is_within(&self, thread: ThreadId, outer: ThreadId) -> bool {
        let mut at = Some(thread);
        while let Some(id) = at {
            if id == outer {
                return true;
            }
            at = self.threads.get(&id).and_then(|thread| thread.parent).map(|parent| parent.thread);
        }
        false
    }

    /// Notes that a thread, and what runs within it, is given up.
    fn note_aborted(&mut self, thread: ThreadId, last: u64, step: &mut Step) {
        let Some(found) = self.threads.get(&thread) else { return };
        let parent = found.parent;
        let state = found.state().and_then(|(_, state)| note::aborted(&state.kind));
        if let Some(Parent { thread: parent, index }) = parent
            && let Some((graph, name)) = self.place(parent)
            && matches!(graph.states.get(&name).map(|state| &state.kind), Some(Kind::Map(_)))
        {
            self.note(step, last, "MapIterationAborted", || Some(json!({"name": name, "index": index})));
        }
        for child in self.children(thread) {
            self.note_aborted(child, last, step);
        }
        if let Some(kind) = state {
            self.note(step, last, kind, || None);
        }
    }

    fn children(&self, thread: ThreadId) -> Vec<ThreadId> {
        match self.threads.get(&thread).and_then(|thread| thread.at.as_ref()).map(|at| &at.doing) {
            Some(Doing::Many(many)) => many.running.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Gives up what a thread's state waits for, with all that runs within it.
    fn drop_within(&mut self, thread: ThreadId, step: &mut Step) {
        for child in self.children(thread) {
            self.drop_within(child, step);
            self.remove(child);
        }
        self.quiet(thread, step);
    }

    /// Waits no more for what a thread waits for.
    fn quiet(&mut self, thread: ThreadId, step: &mut Step) {
        let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) else { return };
        let held = at.held();
        let doing = std::mem::replace(&mut at.doing, Doing::Nothing);
        self.held = self.held.saturating_sub(held - at.held());
        let commands = match doing {
            Doing::Task(work) => {
                self.waits.remove(&work.task);
                let timers = work.timeout.into_iter().chain(work.heartbeat.map(|(timer, _)| timer));
                let mut commands: Vec<_> = timers.map(Command::CancelTimer).collect();
                commands.push(Command::CancelTask(work.task));
                commands
            }
            Doing::Wait(timer) | Doing::Retry(timer) => vec![Command::CancelTimer(timer)],
            Doing::Nothing | Doing::Many(_) => Vec::new(),
        };
        for command in &commands {
            if let Command::CancelTimer(ticket) = command {
                self.waits.remove(ticket);
            }
        }
        commands.into_iter().for_each(|command| step.order(command));
    }

    /// Ends the execution. Its threads stay where they are, without waiting: it may be redriven.
    pub(super) fn finish(&mut self, outcome: Outcome, step: &mut Step) {
        let last = self.last_of_root();
        let (kind, details) = match &outcome {
            Outcome::Succeeded(output) => ("ExecutionSucceeded", of_data("output", output)),
            Outcome::Failed(failure) => ("ExecutionFailed", of_failure(failure)),
            Outcome::TimedOut => ("ExecutionTimedOut", Map::new()),
            Outcome::Aborted(failure) => ("ExecutionAborted", of_failure(failure)),
        };
        self.note(step, last, kind, || Some(Value::Object(details)));
        for thread in self.leaves() {
            self.quiet(thread, step);
        }
        self.deadline.take().into_iter().for_each(|timer| step.order(Command::CancelTimer(timer)));
        self.waits.clear();
        self.left = std::mem::take(&mut step.todo);
        self.left.extend(self.paused.take().into_iter().flat_map(|(_, todo)| todo));
        if matches!(outcome, Outcome::Succeeded(_)) {
            self.threads.clear();
            self.held = 0;
            self.left.clear();
        }
        step.order(Command::End(outcome.clone()));
        self.outcome = Some(outcome);
    }

    /// The threads whose states have nothing that runs within them.
    fn leaves(&self) -> Vec<ThreadId> {
        let is_leaf = |thread: &Thread| match thread.at.as_ref().map(|at| &at.doing) {
            Some(Doing::Many(many)) => many.running.is_empty(),
            Some(_) => true,
            None => false,
        };
        self.threads.iter().filter(|(_, thread)| is_leaf(thread)).map(|(id, _)| *id).collect()
    }

    fn last_of_root(&self) -> u64 {
        self.threads.values().next().map_or(self.events, |thread| thread.last)
    }

    /// Goes on with an execution that failed: each state that was not done is done again, with the input that it had
    /// ("Restarting state machine executions with redrive"). Whether it could.
    pub(super) fn redrive(&mut self, redrives: u32, step: &mut Step) -> bool {
        if matches!(self.outcome, None | Some(Outcome::Succeeded(_))) {
            return false;
        }
        self.outcome = None;
        let last = self.last_of_root();
        self.note(step, last, "ExecutionRedriven", || Some(json!({ "redriveCount": redrives })));
        if let Some(execution) = self.context.get_mut("Execution").and_then(Value::as_object_mut) {
            execution.insert("RedriveCount".to_owned(), json!(redrives));
            execution.insert("RedriveTime".to_owned(), json!(crate::moment::format(step.moment.now)));
        }
        self.set_deadline(step);
        step.todo = std::mem::take(&mut self.left);
        // All may be tried as often again, Parallel and Map around them too ("Retry behavior of redriven executions").
        self.threads.values_mut().filter_map(|thread| thread.at.as_mut()).for_each(|at| at.retries.fill(0));
        for thread in self.leaves() {
            // Who was about to do something does that.
            if !step.todo.iter().any(|todo| todo.thread() == thread) {
                step.todo.push_back(Todo::Work(thread));
            }
        }
        true
    }
}

/// What a state passes on whose failure was caught.
fn caught(state: &State, catcher: &Catcher, failure: &Failure, scene: &Scene) -> Result<Passed, Trouble> {
    // Who fails without an error, such as a callback, passes on `null` for what it did not say, as the service does.
    let said = |text: &str| if failure.error.is_empty() && text.is_empty() { Value::Null } else { json!(text) };
    let error = json!({"Error": said(&failure.error), "Cause": said(&failure.cause)});
    match &state.flow {
        Flow::JsonPath(_) => {
            let assigned = flow::assigned(catcher.assign.as_ref(), &scene.of(&error))?;
            let output = match &catcher.result_path {
                Some(path) => path.put(scene.input.clone(), error)?,
                None => scene.input.clone(),
            };
            Ok(Passed { output, assigned })
        }
        Flow::Jsonata(_) => {
            let scene = Scene { error: Some(&error), ..*scene };
            let assigned = flow::assigned(catcher.assign.as_ref(), &scene)?;
            let output = catcher.output.as_ref().map(|output| output.evaluate(&scene, "Output")).transpose()?;
            Ok(Passed { output: output.unwrap_or(error), assigned })
        }
    }
}
