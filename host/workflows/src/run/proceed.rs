//! Entering states, doing what they say, and leaving them.

use super::context::Besides;
use super::note;
use super::step::ENTERED;
use super::thread::{At, Doing, ThreadId};
use super::{Command, Run, Step, Todo};
use crate::amount;
use crate::definition::{Flow, Kind, Moment as Until, Next, State, Wait};
use crate::failure::{Failure, name};
use crate::flow::Passed;
use crate::history::of_data;
use crate::moment;
use crate::scene::{Scene, Trouble};
use crate::size;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The longest wait in seconds that AWS takes, over three years.
const WAIT_MAX: u64 = 99_999_999;

/// What a state does next.
enum Act {
    /// It goes on with this.
    Pass(Passed, Next),
    /// It waits until then, in milliseconds since 1970.
    Wait(u64),
    /// It fails.
    Fail(Failure),
    /// A task, branches or items are started.
    Start,
}

impl Run {
    /// Enters a state with an input, of which the thread holds so many bytes.
    pub(super) fn enter(&mut self, thread: ThreadId, name: &str, (input, size): (Arc<Value>, usize), step: &mut Step) {
        step.weigh(ENTERED);
        let Some(found) = self.threads.get(&thread) else { return };
        let Some(state) = found.graph.states.get(name) else {
            let failure = Failure::new(name::RUNTIME, format!("There is no state '{name}'."));
            return step.todo.push_back(Todo::Fail { thread, failure });
        };
        let (kind, retriers) = (note::entered(&state.kind), state.retry.len());
        let details = || {
            let mut details = of_data("input", &input);
            details.insert("name".to_owned(), json!(name));
            Some(Value::Object(details))
        };
        let before = found.last;
        let entered = self.note_of(thread, step, kind, details);
        let now = step.moment.now;
        if let Some(found) = self.threads.get_mut(&thread) {
            let (state, retries) = (name.to_owned(), vec![0; retriers]);
            let (map_run, doing) = (None, Doing::Nothing);
            let at = At { state, input, size, entered, before, entered_at: now, retries, map_run, doing };
            let held = found.at.as_ref().map_or(0, At::held);
            self.held = self.held.saturating_sub(held).saturating_add(at.held());
            found.at = Some(at);
        }
        step.todo.push_back(Todo::Work(thread));
    }

    /// Does what the state says, from the beginning.
    pub(super) fn work(&mut self, thread: ThreadId, step: &mut Step) {
        let Some((graph, name)) = self.place(thread) else { return };
        let Some(state) = graph.states.get(&name) else { return };
        match self.compute(thread, step, |scene| act(state, scene)) {
            Ok(Act::Pass(passed, next)) => self.leave(thread, passed, &next, step),
            Ok(Act::Wait(at)) => {
                let timer = self.ticket();
                self.waits.insert(timer, thread);
                self.set_doing(thread, Doing::Wait(timer));
                step.order(Command::SetTimer { timer, at });
            }
            Ok(Act::Fail(failure)) => step.todo.push_back(Todo::Fail { thread, failure }),
            Ok(Act::Start) => match &state.kind {
                Kind::Task(task) => self.start_task(thread, state, task, step),
                Kind::Parallel(branches) => self.start_branches(thread, state, branches, step),
                Kind::Map(map) => self.start_items(thread, state, map, step),
                _ => {}
            },
            Err(trouble) => self.trouble(thread, trouble, step),
        }
    }

    /// The graph that a thread is in, and its state's name.
    pub(super) fn place(&self, thread: ThreadId) -> Option<(Arc<crate::definition::Graph>, String)> {
        let thread = self.threads.get(&thread)?;
        Some((thread.graph.clone(), thread.at.as_ref()?.state.clone()))
    }

    /// Computes something with what a thread's state sees: `$` is its raw input.
    pub(super) fn compute<T>(
        &mut self,
        thread: ThreadId,
        step: &Step,
        what: impl FnOnce(&Scene) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.compute_with(thread, step, Besides::default(), what)
    }

    /// The same, with more in the context.
    pub(super) fn compute_with<T>(
        &mut self,
        thread: ThreadId,
        step: &Step,
        besides: Besides,
        what: impl FnOnce(&Scene) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let seed = self.random(step);
        let context = self.take_context(thread, besides);
        let result = match self.threads.get(&thread).and_then(|thread| Some((thread, thread.at.as_ref()?))) {
            Some((found, at)) => what(&Scene {
                input: &at.input,
                result: None,
                error: None,
                context: &context,
                variables: &found.variables,
                seed,
                now: step.moment.now,
                clock: &step.clock,
            }),
            None => Err(Trouble::runtime("The thread is in no state.")),
        };
        self.give_back(context);
        result
    }

    pub(super) fn set_doing(&mut self, thread: ThreadId, doing: Doing) {
        if let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) {
            at.doing = doing;
        }
    }

    /// Goes on from a state whose work had a result.
    pub(super) fn succeed(&mut self, thread: ThreadId, result: Value, step: &mut Step) {
        let Some((graph, name)) = self.place(thread) else { return };
        let Some(state) = graph.states.get(&name) else { return };
        match self.compute(thread, step, |scene| state.passed(scene, result)) {
            Ok(passed) => self.leave(thread, passed, &state.next, step),
            Err(trouble) => self.trouble(thread, trouble, step),
        }
    }

    /// Leaves a state, and goes on to the next or to the end of the graph.
    pub(super) fn leave(&mut self, thread: ThreadId, passed: Passed, next: &Next, step: &mut Step) {
        let size = match self.check_passed(thread, &passed) {
            Ok(size) => size,
            Err(failure) => return self.state_failed(thread, failure, step),
        };
        let Passed { output, assigned } = passed;
        self.note_exited(thread, step, &output, &assigned);
        if !assigned.is_empty()
            && let Some(found) = self.threads.get_mut(&thread)
        {
            found.assigned = found.assigned_with(&assigned);
            Arc::make_mut(&mut found.variables).extend(assigned);
        }
        // Until what comes next begins, it is held beside the state's own input.
        step.weigh(size);
        if let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) {
            at.size = at.size.saturating_add(size);
            self.held = self.held.saturating_add(size);
        }
        step.todo.push_back(match next {
            Next::To(state) => Todo::Enter { thread, state: state.clone(), input: Arc::new(output), size },
            Next::End => Todo::Ended { thread, output, size },
        });
    }
}

impl Run {
    /// The bytes of what a thread's state passes on, if they are few enough, and those that it assigns too.
    pub(super) fn check_passed(
        &self,
        thread: ThreadId,
        Passed { output, assigned }: &Passed,
    ) -> Result<usize, Failure> {
        let size = size::of(output);
        if size.max(size::sum(assigned.values())) > self.limits.payload_max {
            return Err(too_large(&self.place(thread).map(|(_, name)| name).unwrap_or_default()));
        }
        self.check_variables(thread, assigned).map(|()| size)
    }

    /// Whether there is room for variables with these.
    fn check_variables(&self, thread: ThreadId, assigned: &Map<String, Value>) -> Result<(), Failure> {
        let Some(found) = self.threads.get(&thread).filter(|_| !assigned.is_empty()) else { return Ok(()) };
        let all: usize = self.threads.values().map(|thread| thread.assigned).sum();
        let all = all - found.assigned + found.assigned_with(assigned);
        if all <= self.limits.variables_max {
            return Ok(());
        }
        let cause = format!(
            "The variables of the execution have {all} bytes altogether, and {} at most are kept.",
            self.limits.variables_max
        );
        Err(Failure::new(name::DATA_LIMIT_EXCEEDED, cause))
    }
}

/// That a result is too large, in AWS's words.
pub(super) fn too_large(what: &str) -> Failure {
    let cause = format!(
        "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    Failure::new(name::DATA_LIMIT_EXCEEDED, cause)
}

/// What a state does next, as far as it can be computed.
fn act(state: &State, scene: &Scene) -> Result<Act, Trouble> {
    match &state.kind {
        Kind::Pass(result) => pass(state, result.as_ref(), scene).map(|passed| Act::Pass(passed, state.next.clone())),
        Kind::Succeed => state.passed_through(scene, None).map(|passed| Act::Pass(passed, Next::End)),
        Kind::Fail(fail) => {
            let text = |text: &Option<_>, field| {
                text.as_ref().map_or(Ok(String::new()), |text| amount::text(text, scene, field))
            };
            Ok(Act::Fail(Failure { error: text(&fail.error, "Error")?, cause: text(&fail.cause, "Cause")? }))
        }
        Kind::Choice(choice) => {
            let effective = state.effective(scene)?;
            let rule = choice.decide(&scene.of(&effective))?;
            let next = rule.map(|rule| &rule.next).or(choice.default.as_ref());
            let Some(next) = next else {
                let cause = "Failed to transition out of the state. The state does not point to a next state.";
                return Err(Trouble::new(name::NO_CHOICE_MATCHED, cause));
            };
            let passed = state.passed_through(scene, rule.map(|rule| (&rule.assign, &rule.output)))?;
            Ok(Act::Pass(passed, Next::To(next.clone())))
        }
        Kind::Wait(wait) => wait_until(state, wait, scene).map(Act::Wait),
        Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_) => Ok(Act::Start),
    }
}

/// Of JSONPath, a Pass state has a result like a task's; of JSONata, it has none.
fn pass(state: &State, result: Option<&Value>, scene: &Scene) -> Result<Passed, Trouble> {
    match &state.flow {
        Flow::JsonPath(_) => {
            let result = result.map_or_else(|| state.arguments(scene), |result| Ok(result.clone()))?;
            state.passed(scene, result)
        }
        Flow::Jsonata(_) => state.passed_through(scene, None),
    }
}

/// Until when a state waits, in milliseconds since 1970.
fn wait_until(state: &State, wait: &Wait, scene: &Scene) -> Result<u64, Trouble> {
    let effective = state.effective(scene)?;
    let scene = scene.of(&effective);
    let at = match wait {
        Wait::Seconds(seconds) => {
            scene.now.saturating_add(amount::wait_seconds(seconds, &scene)?.saturating_mul(1_000))
        }
        Wait::Timestamp(until) => timestamp(until, &scene)?,
    };
    if at.saturating_sub(scene.now) > WAIT_MAX * 1_000 {
        return Err(Trouble::runtime("Wait state delay is too long."));
    }
    Ok(at)
}

fn timestamp(until: &Until, scene: &Scene) -> Result<u64, Trouble> {
    match until {
        Until::Fixed(_, at) => Ok(*at),
        Until::Path(path) => {
            let missing = || {
                Trouble::runtime(format!(
                    "The TimestampPath parameter does not reference an input value: {}",
                    path.text()
                ))
            };
            let value = path.find(scene)?.ok_or_else(missing)?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let wrong = || {
                let what = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string";
                Trouble::runtime(format!("{what}: {} == {text}", path.text()))
            };
            moment::parse(&text).ok_or_else(wrong)
        }
        Until::Jsonata(expression) => {
            let value = expression.evaluate(scene, "Timestamp")?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let wrong = || {
                let what =
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string";
                Trouble::new(name::QUERY_EVALUATION_ERROR, format!("{what}: {text}")).at("Timestamp")
            };
            moment::parse(&text).ok_or_else(wrong)
        }
    }
}
