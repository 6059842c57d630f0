//! Branches of Parallel and items of Map: threads side by side, whose outputs become one list.

use super::context::Besides;
use super::proceed::too_large;
use super::thread::{Doing, Many, MapRun, Parent, TaskWork, Thread, ThreadId};
use super::{Batch, Command, MapOrder, Outcome, Run, Step, Ticket, Todo};
use crate::amount;
use crate::chance::Chance;
use crate::definition::{Distributed, Flow, Graph, Items, Kind, Map, Mode, State};
use crate::failure::{Failure, name};
use crate::jsonata;
use crate::scene::{Scene, Trouble};
use crate::size;
use crate::template::Template;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// `Map.Item.Source` in the context object of items that were in a state's input.
pub(crate) const STATE_DATA: &str = "STATE_DATA";
/// The most bytes of all results together: far more than may be passed on, which is looked at when all is there.
const RESULTS_MAX: usize = 16 << 20;

impl Run {
    pub(super) fn start_branches(&mut self, thread: ThreadId, state: &State, branches: &[Arc<Graph>], step: &mut Step) {
        let input = match self.compute(thread, step, |scene| state.arguments(scene)) {
            Ok(input) => input,
            Err(trouble) => return self.trouble(thread, trouble, step),
        };
        let size = match self.check_given(thread, &input) {
            Ok(size) => size / branches.len().max(1),
            Err(failure) => return self.state_failed(thread, failure, step),
        };
        let input = Arc::new(input);
        let begun = self.note_of(thread, step, "ParallelStateStarted", || None);
        let mut many = Many {
            results: vec![None; branches.len()],
            held: 0,
            items: Vec::new(),
            running: BTreeSet::new(),
            started: branches.len(),
            ended: 0,
            at_once: branches.len(),
            begun,
            input: Value::Null,
        };
        for (index, graph) in branches.iter().enumerate() {
            let child = self.branch(thread, index, graph.clone(), begun, None);
            many.running.insert(child);
            let (state, input) = (graph.start.clone(), input.clone());
            step.todo.push_back(Todo::Enter { thread: child, state, input, size });
        }
        self.set_doing(thread, Doing::Many(many));
    }

    /// A thread for a branch or an item, which has not entered its first state yet.
    fn branch(
        &mut self,
        parent: ThreadId,
        index: usize,
        graph: Arc<Graph>,
        last: u64,
        item: Option<Arc<Value>>,
    ) -> ThreadId {
        let (variables, outer) = match self.threads.get(&parent) {
            Some(thread) => (thread.variables.clone(), thread.item.clone()),
            None => Default::default(),
        };
        let parent = Some(Parent { thread: parent, index });
        self.spawn(Thread { graph, parent, variables, assigned: 0, item: item.or(outer), last, at: None })
    }

    pub(super) fn start_items(&mut self, thread: ThreadId, state: &State, map: &Map, step: &mut Step) {
        if let Mode::Distributed(distributed) = &map.mode {
            return self.start_map_run(thread, state, map, distributed, step);
        }
        let prepared = self.compute(thread, step, |scene| {
            let effective = state.effective(scene)?;
            let scene = scene.of(&effective);
            let items = items(state, map, &scene)?;
            let at_once = map
                .concurrency
                .as_ref()
                .map(|amount| amount::map_count(amount, &scene, "MaxConcurrency"))
                .transpose()?;
            Ok((items, at_once.unwrap_or(0), effective.clone()))
        });
        let (items, at_once, input) = match prepared {
            Ok((Ok(items), at_once, input)) => (items, at_once, input),
            Ok((Err(failure), ..)) => return self.state_failed(thread, failure, step),
            Err(trouble) => return self.trouble(thread, trouble, step),
        };
        let begun = self.note_of(thread, step, "MapStateStarted", || Some(json!({ "length": items.len() })));
        let at_once = if at_once == 0 { self.limits.items_at_once } else { at_once.min(self.limits.items_at_once) };
        let many = Many {
            results: vec![None; items.len()],
            held: 0,
            items,
            running: BTreeSet::new(),
            started: 0,
            ended: 0,
            at_once: usize::try_from(at_once).unwrap_or(usize::MAX),
            begun,
            input,
        };
        self.set_doing(thread, Doing::Many(many));
        self.go_on(thread, step);
    }

    /// Starts as many items as may run at once, or ends the state if none is left.
    fn go_on(&mut self, thread: ThreadId, step: &mut Step) {
        let Some((graph, state_name)) = self.place(thread) else { return };
        let Some(state) = graph.states.get(&state_name) else { return };
        let is_crowded = self.threads.len() >= self.limits.threads_max;
        while let Some(many) = self.many(thread) {
            if many.ended == many.results.len() {
                return self.all_ended(thread, state, step);
            }
            let Kind::Map(map) = &state.kind else { return };
            let most = if is_crowded { 1 } else { many.at_once };
            if many.started == many.items.len() || many.running.len() >= most {
                return;
            }
            let (index, begun) = (many.started, many.begun);
            many.started += 1;
            let value = many.items[index].clone();
            let input = std::mem::take(&mut many.input);
            let item = json!({"Item": {"Index": index, "Value": value.clone(), "Source": STATE_DATA}});
            let child = self.branch(thread, index, map.processor.clone(), begun, Some(Arc::new(item)));
            let details = || Some(json!({"name": state_name, "index": index}));
            self.note_of(child, step, "MapIterationStarted", details);
            let given = self.select(thread, child, map, &input, value, step);
            if let Some(many) = self.many(thread) {
                many.input = input;
                many.running.insert(child);
            }
            match given.map(|given| self.check_given(thread, &given).map(|size| (given, size))) {
                Ok(Ok((given, size))) => {
                    let start = map.processor.start.clone();
                    step.todo.push_back(Todo::Enter { thread: child, state: start, input: Arc::new(given), size });
                }
                Ok(Err(failure)) => return self.state_failed(thread, failure, step),
                Err(trouble) => return self.trouble(thread, trouble, step),
            }
        }
    }

    /// The bytes of what a branch or an item gets, if they are few enough.
    fn check_given(&self, thread: ThreadId, given: &Value) -> Result<usize, Failure> {
        match size::of(given) {
            size if size <= self.limits.payload_max => Ok(size),
            _ => Err(too_large(&self.place(thread).map(|(_, name)| name).unwrap_or_default())),
        }
    }

    /// What an item's graph gets.
    fn select(
        &mut self,
        thread: ThreadId,
        child: ThreadId,
        map: &Map,
        input: &Value,
        value: Value,
        step: &Step,
    ) -> Result<Value, Trouble> {
        let Some(selector) = &map.selector else { return Ok(value) };
        let besides = Besides { token: None, item: self.threads.get(&child).and_then(|child| child.item.clone()) };
        self.compute_with(thread, step, besides, |scene| selector.evaluate(&scene.of(input), "ItemSelector"))
    }

    fn many(&mut self, thread: ThreadId) -> Option<&mut Many> {
        match &mut self.threads.get_mut(&thread)?.at.as_mut()?.doing {
            Doing::Many(many) => Some(many),
            _ => None,
        }
    }

    /// All branches or items have ended well.
    fn all_ended(&mut self, thread: ThreadId, state: &State, step: &mut Step) {
        let Some(many) = self.many(thread) else { return };
        let results = std::mem::take(&mut many.results).into_iter().map(Option::unwrap_or_default).collect();
        let held = std::mem::take(&mut many.held);
        self.held = self.held.saturating_sub(held);
        self.set_doing(thread, Doing::Nothing);
        let kind = if matches!(state.kind, Kind::Map(_)) { "MapStateSucceeded" } else { "ParallelStateSucceeded" };
        let last = self.threads.get(&thread).map_or(0, |thread| thread.last);
        self.note(step, last, kind, || None);
        self.succeed(thread, Value::Array(results), step);
    }

    /// A thread has reached the end of its graph.
    pub(super) fn thread_ended(&mut self, thread: ThreadId, (output, held): (Value, usize), step: &mut Step) {
        let Some(parent) = self.threads.get(&thread).map(|thread| thread.parent) else { return };
        let Some(Parent { thread: parent, index }) = parent else {
            return self.finish(Outcome::Succeeded(output), step);
        };
        let Some(ended) = self.remove(thread) else { return };
        let Some((graph, name)) = self.place(parent) else { return };
        let last = match graph.states.get(&name).map(|state| &state.kind) {
            Some(Kind::Map(_)) => {
                self.note(step, ended.last, "MapIterationSucceeded", || Some(json!({"name": name, "index": index})))
            }
            _ => ended.last,
        };
        if let Some(parent) = self.threads.get_mut(&parent) {
            parent.last = last;
        }
        if let Some(many) = self.many(parent) {
            many.begun = ended.last;
            many.running.remove(&thread);
            many.ended += 1;
            many.held = many.held.saturating_add(held);
            many.results[index] = Some(output);
            let is_too_large = many.held > RESULTS_MAX;
            self.held = self.held.saturating_add(held);
            if is_too_large {
                return self.state_failed(parent, too_large(&name), step);
            }
        }
        self.go_on(parent, step);
    }

    /// Has the items of a distributed Map run, as executions of their own; after a redrive, those of the run that there is.
    fn start_map_run(
        &mut self,
        thread: ThreadId,
        state: &State,
        map: &Map,
        distributed: &Distributed,
        step: &mut Step,
    ) {
        let Some((_, name)) = self.place(thread) else { return };
        let given = match self.compute(thread, step, |scene| given(state, map, distributed, scene)) {
            Ok(Ok(given)) => given,
            Ok(Err(failure)) => return self.state_failed(thread, failure, step),
            Err(trouble) => return self.trouble(thread, trouble, step),
        };
        let there = self.threads.get(&thread).and_then(|thread| thread.at.as_ref()?.map_run.clone());
        if there.is_none() {
            let length = given.items.as_ref().map_or(0, Vec::len);
            self.note_of(thread, step, "MapStateStarted", || Some(json!({ "length": length })));
        }
        let task = self.ticket();
        let label = distributed.label.as_ref().unwrap_or(&name);
        let of = match there {
            Some(there) => MapRun { redrives: there.redrives + 1, ..there },
            None => {
                let machine = self.about.machine_id.replace(":stateMachine:", ":mapRun:");
                let arn = format!("{machine}/{label}:{}", Chance::seeded(self.random(step)).uuid());
                MapRun { first: task, arn, redrives: 0 }
            }
        };
        let place = MapPlace { task, name: &name, label, of: &of };
        let prepared = self.compute(thread, step, |scene| order(place, state, map, distributed, given, scene));
        let order = match prepared {
            Ok(order) => order,
            Err(trouble) => return self.trouble(thread, trouble, step),
        };
        match of.redrives {
            0 => self.note_of(thread, step, "MapRunStarted", || Some(json!({ "mapRunArn": of.arn }))),
            redrives => {
                let details = || Some(json!({"mapRunArn": of.arn, "redriveCount": redrives}));
                self.note_of(thread, step, "MapRunRedriven", details)
            }
        };
        self.waits.insert(task, thread);
        self.set_doing(thread, Doing::Task(TaskWork { task, resource: None, timeout: None, heartbeat: None }));
        self.set_map_run(thread, Some(of));
        match order {
            Ok(order) => {
                let weight = order.weight();
                step.order_with(Command::StartMap(Box::new(order)), weight);
            }
            Err(failure) => _ = self.task_ended(task, Err(failure), step),
        }
    }

    /// Sets which run of a distributed Map a redrive goes on with; none: it begins a new one.
    pub(super) fn set_map_run(&mut self, thread: ThreadId, map_run: Option<MapRun>) {
        if let Some(at) = self.threads.get_mut(&thread).and_then(|thread| thread.at.as_mut()) {
            at.map_run = map_run;
        }
    }
}

/// Which distributed Map, and which run of it.
struct MapPlace<'a> {
    task: Ticket,
    label: &'a str,
    name: &'a str,
    of: &'a MapRun,
}

/// What a distributed Map has to know to start.
struct Given {
    /// None: a reader reads them.
    items: Option<Vec<Value>>,
    concurrency: u64,
}

fn given(
    state: &State,
    map: &Map,
    distributed: &Distributed,
    scene: &Scene,
) -> Result<Result<Given, Failure>, Trouble> {
    let effective = state.effective(scene)?;
    let scene = scene.of(&effective);
    let items = match &distributed.reader {
        Some(_) => None,
        None => match items(state, map, &scene)? {
            Ok(items) => Some(items),
            Err(failure) => return Ok(Err(failure)),
        },
    };
    let at_once =
        map.concurrency.as_ref().map(|amount| amount::map_count(amount, &scene, "MaxConcurrency")).transpose()?;
    Ok(Ok(Given { items, concurrency: at_once.unwrap_or(0) }))
}

/// The items of a Map state: the failure is one that AWS tells without the words about the state.
fn items(state: &State, map: &Map, scene: &Scene) -> Result<Result<Vec<Value>, Failure>, Trouble> {
    let is_distributed = matches!(map.mode, Mode::Distributed(_));
    let found = match &map.items {
        Items::Path(path) => path.get(scene)?,
        Items::Template(template) => template.evaluate(scene, "Items")?,
        Items::Input => scene.input.clone(),
    };
    match (found, &map.items) {
        (Value::Array(items), _) => Ok(Ok(items)),
        (Value::Object(fields), _) if is_distributed => {
            Ok(Ok(fields.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()))
        }
        (found, Items::Template(Template::Jsonata(expression))) => {
            Err(jsonata::unexpected(expression.text(), "Items", "array", &found))
        }
        (found, _) if matches!(state.flow, Flow::Jsonata(_)) => {
            let cause = format!("Map state input must be an array but was: {found}");
            Err(Trouble::new(name::QUERY_EVALUATION_ERROR, cause))
        }
        (_, Items::Path(path)) => {
            Ok(Err(Failure::new(name::RUNTIME, format!("Reference path \"{}\" must point to array.", path.text()))))
        }
        (found, _) => Err(Trouble::runtime(format!("Map state input must be an array but was: {found}"))),
    }
}

/// All that the run of a distributed Map has to know. The failure is one of the run, which has started by then.
fn order(
    place: MapPlace,
    state: &State,
    map: &Map,
    distributed: &Distributed,
    Given { items, concurrency }: Given,
    scene: &Scene,
) -> Result<Result<MapOrder, Failure>, Trouble> {
    let effective = state.effective(scene)?;
    let scene = scene.of(&effective);
    let count =
        |amount: &Option<_>, field| amount.as_ref().map(|amount| amount::map_count(amount, &scene, field)).transpose();
    let reader = distributed.reader.as_ref();
    let batch = distributed.batcher.as_ref().map(|batcher| {
        let input = batcher.input.as_ref().map(|input| input.evaluate(&scene, "BatchInput")).transpose()?;
        let positive = |amount: &Option<_>, field| {
            amount.as_ref().map(|amount| amount::map_positive(amount, &scene, field)).transpose()
        };
        let items_max = positive(&batcher.items_max, "MaxItemsPerBatch")?;
        Ok(Batch { input, items_max, bytes_max: positive(&batcher.bytes_max, "MaxInputBytesPerBatch")? })
    });
    let writer = distributed.writer.as_ref().and_then(|writer| writer.arguments.as_ref());
    let percentage = |amount| amount::percentage(amount, &scene, "ToleratedFailurePercentage");
    let items_max = reader.and_then(|reader| reader.items_max.as_ref());
    let items_max = items_max.map(|amount| amount::map_number(amount, &scene, "MaxItems")).transpose()?;
    let Ok(items_max) = items_max.map(u64::try_from).transpose() else {
        return Ok(Err(Failure::new(name::ITEM_READER_FAILED, "field MaxItems must be positive")));
    };
    Ok(Ok(MapOrder {
        task: place.task,
        state: place.name.to_owned(),
        goes_on: (place.of.redrives > 0).then_some(place.of.first),
        map_run: place.of.arn.clone(),
        label: place.label.to_owned(),
        items,
        reader: reader.map(|reader| reader.arguments.evaluate(&scene, "ItemReader")).transpose()?,
        items_max,
        batch: batch.transpose()?,
        writer: writer.map(|writer| writer.evaluate(&scene, "ResultWriter")).transpose()?,
        concurrency,
        tolerated_count: count(&map.tolerated_count, "ToleratedFailureCount")?,
        tolerated_percentage: map.tolerated_percentage.as_ref().map(percentage).transpose()?,
        context: scene.context.clone(),
        variables: BTreeMap::clone(scene.variables),
        seed: scene.seed,
        now: scene.now,
        input: effective.clone(),
    }))
}
