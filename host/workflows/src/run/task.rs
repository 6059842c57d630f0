//! Tasks: from the order to the end, with the moments by which something has to be heard of them.

use super::context::Besides;
use super::proceed::too_large;
use super::thread::{Doing, TaskWork, ThreadId};
use super::{Command, Run, Step, TaskOrder, Ticket, Todo};
use crate::amount;
use crate::definition::{Flow, Kind, State, Task};
use crate::failure::{Failure, name};
use crate::history::{of_data, of_failure};
use crate::resource::{Pattern, Resource, Service};
use crate::scene::{Scene, Trouble};
use crate::size;
use crate::token::Token;
use serde_json::{Map, Value, json};

/// What can be computed of a task before it starts.
struct Prepared {
    input: Value,
    timeout: Option<u64>,
    heartbeat: Option<u64>,
    /// The role in `Credentials`.
    role: Option<Value>,
}

impl Run {
    pub(super) fn start_task(&mut self, thread: ThreadId, state: &State, task: &Task, step: &mut Step) {
        let ticket = self.ticket();
        // An execution that is waited for may pass a token on too, as the service was seen to do.
        let has_token = task.resource.pattern != Pattern::RequestResponse;
        let token = has_token.then(|| Token::of(&self.about.id, self.about.seed, ticket.0).write());
        let prepared =
            self.compute_with(thread, step, Besides { token, item: None }, |scene| prepare(state, task, scene));
        let Prepared { input, timeout, heartbeat, role } = match prepared {
            Ok(prepared) => prepared,
            Err(trouble) => return self.trouble(thread, trouble, step),
        };
        let size = size::of(&input);
        if size > self.limits.payload_max {
            let cause = format!(
                "The input of the task '{}' has a size exceeding the maximum number of bytes service limit.",
                task.resource.text
            );
            return self.state_failed(thread, Failure::new(name::DATA_LIMIT_EXCEEDED, cause), step);
        }
        self.note_of(thread, step, names(&task.resource).scheduled, || {
            Some(scheduled(&task.resource, &input, (timeout, heartbeat), role))
        });
        if !matches!(task.resource.service, Service::Activity { .. }) {
            self.note_of(thread, step, names(&task.resource).started, || of_resource(&task.resource, Map::new()));
        }
        let mut timer = |seconds: u64| {
            let timer = self.ticket();
            self.waits.insert(timer, thread);
            let at = step.moment.now.saturating_add(seconds.saturating_mul(1_000));
            step.order(Command::SetTimer { timer, at });
            timer
        };
        let work = TaskWork {
            task: ticket,
            resource: Some(task.resource.clone()),
            timeout: timeout.map(&mut timer),
            heartbeat: heartbeat.map(|seconds| (timer(seconds), seconds.saturating_mul(1_000))),
        };
        self.waits.insert(ticket, thread);
        let attempt = self.threads.get(&thread).and_then(|thread| thread.at.as_ref()).map_or(0, |at| at.retry_count());
        let state = self.place(thread).map(|(_, name)| name).unwrap_or_default();
        self.set_doing(thread, Doing::Task(work));
        let order =
            TaskOrder { task: ticket, state, resource: task.resource.clone(), input, attempt, timeout, heartbeat };
        step.order_with(Command::StartTask(Box::new(order)), size);
    }

    /// The task that a thread waits for, if it is this one.
    fn task(&mut self, task: Ticket) -> Option<(ThreadId, &mut TaskWork)> {
        let thread = *self.waits.get(&task)?;
        match &mut self.threads.get_mut(&thread)?.at.as_mut()?.doing {
            Doing::Task(work) if work.task == task => Some((thread, work)),
            _ => None,
        }
    }

    pub(super) fn task_started(&mut self, task: Ticket, worker: Option<String>, step: &mut Step) -> bool {
        let Some((thread, work)) = self.task(task) else { return false };
        let Some(resource) = work.resource.clone() else { return false };
        let details = || worker.map(|worker| json!({ "workerName": worker }));
        self.note_of(thread, step, names(&resource).started, details);
        true
    }

    pub(super) fn task_submitted(&mut self, task: Ticket, output: &Value, step: &mut Step) -> bool {
        let Some((thread, work)) = self.task(task) else { return false };
        let Some(resource) = work.resource.clone() else { return false };
        self.note_of(thread, step, "TaskSubmitted", || of_resource(&resource, of_data("output", output)));
        true
    }

    pub(super) fn task_beat(&mut self, task: Ticket, step: &mut Step) -> bool {
        let Some((thread, work)) = self.task(task) else { return false };
        let Some((old, every)) = work.heartbeat else { return false };
        let timer = self.ticket();
        if let Some((_, work)) = self.task(task) {
            work.heartbeat = Some((timer, every));
        }
        self.waits.remove(&old);
        self.waits.insert(timer, thread);
        step.order(Command::CancelTimer(old));
        step.order(Command::SetTimer { timer, at: step.moment.now.saturating_add(every) });
        true
    }

    pub(super) fn task_ended(&mut self, task: Ticket, result: Result<Value, Failure>, step: &mut Step) -> bool {
        let Some((thread, work)) = self.task(task) else { return false };
        let resource = work.resource.clone();
        self.forget_task(thread, step);
        let result = result.and_then(|output| match (&resource, size::of(&output) > self.limits.payload_max) {
            (Some(resource), true) => Err(too_large(&resource.text)),
            _ => Ok(output),
        });
        match result {
            Ok(output) => {
                match &resource {
                    Some(resource) => {
                        let details = || of_resource(resource, of_data("output", &output));
                        self.note_of(thread, step, names(resource).succeeded, details);
                    }
                    None => self.note_map_run(thread, step),
                }
                self.succeed(thread, output, step);
            }
            Err(failure) => {
                let kind = resource.as_ref().map_or("MapRunFailed", |resource| names(resource).failed);
                let details = || match &resource {
                    Some(resource) => of_resource(resource, of_failure(&failure)),
                    None => Some(Value::Object(of_failure(&failure))),
                };
                self.note_of(thread, step, kind, details);
                if ![name::EXCEED_TOLERATED_FAILURE_THRESHOLD, name::RESULT_WRITER_FAILED]
                    .contains(&failure.error.as_str())
                {
                    // It has no items, or none that a second time would do better: a redrive begins a new one.
                    self.set_map_run(thread, None);
                }
                self.state_failed(thread, failure, step);
            }
        }
        true
    }

    /// That all items of a distributed Map were run.
    fn note_map_run(&mut self, thread: ThreadId, step: &mut Step) {
        let last = self.note_of(thread, step, "MapRunSucceeded", || None);
        self.note(step, last, "MapStateSucceeded", || None);
    }

    /// Waits no more for a thread's task, nor for what has to be heard of it.
    fn forget_task(&mut self, thread: ThreadId, step: &mut Step) {
        let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) else { return };
        let Doing::Task(work) = std::mem::replace(&mut at.doing, Doing::Nothing) else { return };
        self.waits.remove(&work.task);
        for timer in work.timeout.into_iter().chain(work.heartbeat.map(|(timer, _)| timer)) {
            self.waits.remove(&timer);
            step.order(Command::CancelTimer(timer));
        }
    }

    pub(super) fn timer_fired(&mut self, timer: Ticket, step: &mut Step) -> bool {
        let Some(thread) = self.waits.remove(&timer) else { return false };
        let Some(at) = self.threads.get(&thread).and_then(|thread| thread.at.as_ref()) else { return false };
        match &at.doing {
            Doing::Wait(waited) if *waited == timer => self.wake(thread, step),
            Doing::Retry(waited) if *waited == timer => {
                self.set_doing(thread, Doing::Nothing);
                step.todo.push_back(Todo::Work(thread));
            }
            Doing::Task(work) => {
                let is_beat = work.heartbeat.is_some_and(|(beat, _)| beat == timer);
                let (task, resource) = (work.task, work.resource.clone());
                let error = if is_beat { name::HEARTBEAT_TIMEOUT } else { name::TIMEOUT };
                self.forget_task(thread, step);
                step.order(Command::CancelTask(task));
                let failure = Failure::new(error, "");
                if let Some(resource) = resource {
                    let details = || of_resource(&resource, of_failure(&failure));
                    self.note_of(thread, step, names(&resource).timed_out, details);
                }
                self.state_failed(thread, failure, step);
            }
            _ => return false,
        }
        true
    }

    /// Goes on from a Wait state.
    fn wake(&mut self, thread: ThreadId, step: &mut Step) {
        let Some((graph, name)) = self.place(thread) else { return };
        let Some(state) = graph.states.get(&name) else { return };
        match self.compute(thread, step, |scene| state.passed_through(scene, None)) {
            Ok(passed) => self.leave(thread, passed, &state.next, step),
            Err(trouble) => self.trouble(thread, trouble, step),
        }
    }

    /// Lets what comes next follow what the state was entered after, if nothing has happened in it, as the service does.
    fn step_back(&mut self, thread: ThreadId) {
        let Some(thread) = self.threads.get_mut(&thread) else { return };
        if let Some(at) = thread.at.as_ref().filter(|at| at.entered == thread.last) {
            thread.last = at.before;
        }
    }

    /// A state can't be executed: an expression of it has no value.
    pub(super) fn trouble(&mut self, thread: ThreadId, trouble: Trouble, step: &mut Step) {
        let Some((graph, name)) = self.place(thread) else { return };
        let entered = self.threads.get(&thread).and_then(|thread| thread.at.as_ref()).map_or(0, |at| at.entered);
        let state = graph.states.get(&name);
        let is_jsonata = state.is_some_and(|state| matches!(state.flow, Flow::Jsonata(_)));
        let is_wait = state.is_some_and(|state| matches!(state.kind, Kind::Wait(_)));
        let location = trouble.location.clone();
        let failure = trouble.of_state(&name, entered);
        if is_jsonata && failure.error == name::QUERY_EVALUATION_ERROR {
            if !is_wait {
                self.step_back(thread);
            }
            self.note_of(thread, step, "EvaluationFailed", || {
                let mut details = of_failure(&failure);
                details.insert("state".to_owned(), json!(name));
                details.extend(location.map(|location| ("location".to_owned(), json!(location))));
                Some(Value::Object(details))
            });
        }
        self.state_failed(thread, failure, step);
    }
}

fn prepare(state: &State, task: &Task, scene: &Scene) -> Result<Prepared, Trouble> {
    let input = state.arguments(scene)?;
    let effective = state.effective(scene)?;
    let scene = scene.of(&effective);
    let seconds =
        |amount: &Option<_>, field| amount.as_ref().map(|amount| amount::positive(amount, &scene, field)).transpose();
    let (timeout, heartbeat) =
        (seconds(&task.timeout, "TimeoutSeconds")?, seconds(&task.heartbeat, "HeartbeatSeconds")?);
    let credentials = task.credentials.as_ref().map(|credentials| credentials.evaluate(&scene, "Credentials"));
    let role = credentials.transpose()?.and_then(|credentials| credentials.get("RoleArn").cloned());
    Ok(Prepared { input, timeout, heartbeat, role })
}

/// The names of a resource's events.
struct Names {
    scheduled: &'static str,
    started: &'static str,
    succeeded: &'static str,
    failed: &'static str,
    timed_out: &'static str,
}

fn names(resource: &Resource) -> Names {
    match resource.service {
        Service::Function { .. } => Names {
            scheduled: "LambdaFunctionScheduled",
            started: "LambdaFunctionStarted",
            succeeded: "LambdaFunctionSucceeded",
            failed: "LambdaFunctionFailed",
            timed_out: "LambdaFunctionTimedOut",
        },
        Service::Activity { .. } => Names {
            scheduled: "ActivityScheduled",
            started: "ActivityStarted",
            succeeded: "ActivitySucceeded",
            failed: "ActivityFailed",
            timed_out: "ActivityTimedOut",
        },
        _ => Names {
            scheduled: "TaskScheduled",
            started: "TaskStarted",
            succeeded: "TaskSucceeded",
            failed: "TaskFailed",
            timed_out: "TaskTimedOut",
        },
    }
}

/// Details with the resource, as the events of services have them; those of functions and activities have none.
fn of_resource(resource: &Resource, mut details: Map<String, Value>) -> Option<Value> {
    if let Some((kind, action)) = service(resource) {
        details.insert("resourceType".to_owned(), json!(kind));
        details.insert("resource".to_owned(), json!(action));
    }
    (!details.is_empty()).then_some(Value::Object(details))
}

/// Such as `sqs` and `sendMessage.waitForTaskToken`, or `aws-sdk:dynamodb` and `getItem`.
fn service(resource: &Resource) -> Option<(&str, &str)> {
    if matches!(resource.service, Service::Function { .. } | Service::Activity { .. }) {
        return None;
    }
    let text = resource.text.splitn(6, ':').nth(5)?;
    let from = if text.starts_with("aws-sdk:") { "aws-sdk:".len() } else { 0 };
    let end = from + text.get(from..)?.find(':')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn scheduled(
    resource: &Resource,
    input: &Value,
    (timeout, heartbeat): (Option<u64>, Option<u64>),
    role: Option<Value>,
) -> Value {
    let mut details = match service(resource) {
        None => {
            let mut details = of_data("input", input);
            details.insert("resource".to_owned(), json!(resource.text));
            details
        }
        Some((kind, action)) => {
            let parameters =
                json!({"resourceType": kind, "resource": action, "region": "local", "parameters": input.to_string()});
            parameters.as_object().cloned().unwrap_or_default()
        }
    };
    for (field, seconds) in [("timeoutInSeconds", timeout), ("heartbeatInSeconds", heartbeat)] {
        details.extend(seconds.map(|seconds| (field.to_owned(), json!(seconds))));
    }
    details.extend(role.map(|role| ("taskCredentials".to_owned(), json!({ "roleArn": role }))));
    Value::Object(details)
}
