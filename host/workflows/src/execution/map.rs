//! Distributed Maps: their items are executions of their own, and a map run is the journal of which of them began and ended.
//!
//! ```text
//!  StartMap ─→ tasks: read the items, put them into the store ─→ inbox of the map run: step ─→ starts of items' executions
//!                                                                      ↑                              │
//!                                                                      └──────── their ends ──────────┘
//!  all have ended ─→ tasks: gather the results ─→ inbox of the execution: the task's end
//! ```
//!
//! An item's execution is one like any other, but nobody lists it, and it is forgotten with the execution that it belongs to.

mod items;
mod results;

use super::head::Parent;
use super::message::News;
use super::{ExecutionError, Executions, Head, Job, Origin, keys, read};
use crate::chance;
use crate::failure::{Failure, name};
use crate::map_run::{Item, MapRun};
use crate::run::{Event, MapOrder, Outcome};
use flint_stores::{Effect, Expectation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// Most items that one step starts: what is left, the next one does.
const STARTS_MAX: usize = 500;

/// Something that happened to a map run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapEvent {
    /// It starts, or goes on to start items.
    GoOn,
    /// The execution of an item has ended.
    ItemEnded {
        /// Which one: counts from 0.
        index: usize,
        /// Whether it ended well.
        is_well: bool,
    },
    /// Nobody waits for it any more.
    Stopped,
}

/// What is known about a map run without its journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MapHead {
    /// The hash of the definition that the state is in.
    definition: String,
    /// What the state says; the items are elsewhere.
    order: MapOrder,
    /// What led to the execution that the state is of.
    #[serde(default)]
    origin: Origin,
    /// Whether nothing begins any more.
    is_over: bool,
}

/// A record of a map run's journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct MapRecord {
    /// The items that ended, and whether they did so well.
    ended: Vec<(usize, bool)>,
    /// How many were started by then.
    started: usize,
}

/// How a map run ends.
enum End {
    /// All items have ended, and few enough failed.
    Well,
    /// Its execution is told why.
    Failed(Failure),
    /// Nobody waits for it.
    Stopped,
}

/// A map run, and how many records of its journal it has seen.
pub(super) struct Mapping {
    head: MapHead,
    map: MapRun,
    /// The items that have not ended.
    open: BTreeSet<usize>,
    records: u64,
}

impl Mapping {
    /// What a record did to the run.
    fn replay(&mut self, record: &MapRecord) {
        for (index, is_well) in &record.ended {
            self.ended(*index, *is_well);
        }
        while self.map.started() < record.started && self.start_again().is_some() {}
        self.records += 1;
    }

    /// An item's execution ended; whether that is news.
    fn ended(&mut self, index: usize, is_well: bool) -> bool {
        let is_news = self.open.remove(&index);
        if is_news {
            let outcome = if is_well { Outcome::Succeeded(Value::Null) } else { Outcome::TimedOut };
            self.map.ended(index, &outcome);
        }
        is_news
    }

    fn start(&mut self) -> Option<Item> {
        let item = self.map.start_next();
        self.open.extend(item.as_ref().map(|item| item.index));
        item
    }

    /// Starts an item that was started before.
    fn start_again(&mut self) -> Option<Item> {
        let item = self.map.start_again();
        self.open.extend(item.as_ref().map(|item| item.index));
        item
    }
}

impl Executions {
    /// Applies what happened to a map run, and answers what is to be committed with the end of the messages that told it.
    pub(super) async fn map_step(&self, map: &str, events: &[MapEvent]) -> Result<Vec<Effect>, ExecutionError> {
        let Some(mut mapping) = self.current_map(map).await? else { return Ok(Vec::new()) };
        let mut record = MapRecord::default();
        for event in events {
            if let MapEvent::ItemEnded { index, is_well } = event
                && mapping.ended(*index, *is_well)
            {
                record.ended.push((*index, *is_well));
            }
        }
        let mut effects = Vec::new();
        let is_long = mapping.map.machine().is_long;
        let end = match events.contains(&MapEvent::Stopped) {
            true => Some(End::Stopped),
            false => self.options.aside.run(is_long, || self.start_items(map, &mut mapping, &mut effects)).await,
        };
        record.started = mapping.map.started();
        let key = keys::record(&self.options.workflow, map, mapping.records);
        effects.push(self.put(key, serde_json::to_vec(&record).unwrap_or_default(), Some(Expectation::Absent)));
        mapping.records += 1;
        match end {
            None => self.maps.keep(map, mapping),
            Some(end) => effects.extend(self.end_map(map, mapping, end)),
        }
        Ok(effects)
    }

    /// Starts as many items as may run now; how the run ends, if it does.
    fn start_items(&self, map: &str, mapping: &mut Mapping, effects: &mut Vec<Effect>) -> Option<End> {
        let (before, began) = (mapping.map.started(), Instant::now());
        let has_time = || began.elapsed() < self.options.limits.patience.work;
        while mapping.map.started() == before || (mapping.map.started() - before < STARTS_MAX && has_time()) {
            let Some(item) = mapping.start() else {
                return mapping.map.result().map(|result| result.map_or_else(End::Failed, |_| End::Well));
            };
            effects.extend(self.start_item(map, &mapping.head, item));
        }
        effects.push(self.notice(map, News::Map(MapEvent::GoOn)));
        None
    }

    fn start_item(&self, map: &str, head: &MapHead, item: Item) -> [Effect; 2] {
        let name = keys::item(map, item.index);
        let seed = chance::seed_of(head.order.seed, item.index as u64);
        let parent = Parent::Map { map: map.to_owned(), state: head.order.state.clone(), index: item.index };
        let new = Head::new(head.definition.clone(), item.input, seed, self.stores.now().as_millis());
        let head = Head { origin: head.origin.clone(), parent: Some(parent), ..new };
        let put = self.put(keys::head(&self.options.workflow, &name), head.write(), Some(Expectation::Absent));
        [put, self.notice(&name, News::Execution(Event::Started))]
    }

    /// Ends a map run: what still runs is stopped.
    fn end_map(&self, map: &str, mapping: Mapping, end: End) -> Vec<Effect> {
        let head = MapHead { is_over: true, ..mapping.head };
        let mut effects = vec![self.put_map(map, &head, None)];
        let failure = Failure::new("", "The map run has ended.");
        let stop = |index| {
            let stopped = Event::Stopped { failure: failure.clone() };
            self.notice(&keys::item(map, index), News::Execution(stopped))
        };
        effects.extend(mapping.open.into_iter().map(stop));
        match end {
            End::Well => effects.push(self.job(&head.origin, &Job::GatherResults(map.to_owned()))),
            End::Failed(failure) => effects.extend(self.map_ended(map, Err(failure))),
            End::Stopped => {}
        }
        effects
    }

    /// Tells the execution of a map run how that ended.
    fn map_ended(&self, map: &str, result: Result<Value, Failure>) -> Option<Effect> {
        let (execution, task) = keys::task_of(map)?;
        Some(self.notice(execution, News::Execution(Event::TaskEnded { task, result })))
    }

    fn put_map(&self, map: &str, head: &MapHead, expect: Option<Expectation>) -> Effect {
        let key = keys::map_head(&self.options.workflow, map);
        self.put(key, serde_json::to_vec(head).unwrap_or_default(), expect)
    }

    pub(super) async fn map_head(&self, map: &str) -> Result<Option<MapHead>, ExecutionError> {
        let key = keys::map_head(&self.options.workflow, map);
        let Some(entry) = self.stores.kv().get(&self.place.store, &key).await? else { return Ok(None) };
        serde_json::from_slice(&entry.value).map(Some).map_err(|error| read::corrupt(map, error.to_string()))
    }

    /// A map run as its journal has it now: the one that is kept, if what it has seen is what there is. None if it is over.
    async fn current_map(&self, map: &str) -> Result<Option<Mapping>, ExecutionError> {
        if let Some(kept) = self.maps.take(map)
            && self.has_seen_all(map, kept.records).await?
        {
            return Ok(Some(kept));
        }
        let Some(head) = self.map_head(map).await?.filter(|head| !head.is_over) else { return Ok(None) };
        let machine = self.machine_of(map, &head.definition).await?;
        let items = self.stored_items(map).await?;
        let order = Arc::new(head.order.clone());
        let run = MapRun::new(&order, &machine, items)
            .ok_or_else(|| read::corrupt(map, "its state is not in its definition".to_owned()))?;
        let mut mapping = Mapping { head, map: run, open: BTreeSet::new(), records: 0 };
        let journal = keys::journal(&self.options.workflow, map);
        self.scan_until(&journal, machine.is_long, |item| {
            let record = serde_json::from_slice(&item.entry.value);
            mapping.replay(&record.map_err(|error| read::corrupt(map, error.to_string()))?);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(Some(mapping))
    }
}

/// Why items can't be read, or results can't be written.
#[derive(Debug)]
enum Halt {
    /// The state fails.
    Told(Failure),
    /// The stores do: somebody tries again.
    Stores(ExecutionError),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Told(failure)
    }
}

impl From<ExecutionError> for Halt {
    fn from(error: ExecutionError) -> Self {
        Self::Stores(error)
    }
}

fn failed(error: &str, cause: impl Into<String>) -> Failure {
    Failure::new(error, cause.into())
}

/// That the results are too large to be told.
fn too_large(state: &str) -> Failure {
    let cause =
        format!("The result of the state '{state}' has a size exceeding the maximum number of bytes service limit.");
    failed(name::DATA_LIMIT_EXCEEDED, cause)
}
