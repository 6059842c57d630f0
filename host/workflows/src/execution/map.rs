//! Distributed Maps: their items are executions of their own, and a map run is the journal of which of them began and ended.
//!
//! ```text
//!  StartMap ─→ tasks: read the items, put them into the store ─→ inbox of the map run: step ─→ starts of items' executions
//!                                                                      ↑                              │
//!                                                                      └──────── their ends ──────────┘
//!  all have ended, or too many failed ─→ tasks: gather the results ─→ inbox of the execution: the task's end
//! ```
//!
//! An item's execution is one like any other, but nobody lists it, and it is forgotten with the execution that it belongs to.

mod items;
mod results;

use super::head::Parent;
use super::message::News;
use super::read::Seen;
use super::{ExecutionError, Executions, Head, Job, Origin, keys, notice, read};
use crate::chance;
use crate::failure::{Failure, name};
use crate::map_run::{Item, MapRun};
use crate::run::{Event, MapOrder, Outcome};
use flint_stores::{Effect, Expectation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// The execution's seed; the map run has that of its order.
    #[serde(default)]
    seed: Option<u64>,
    /// Whether nothing begins any more.
    is_over: bool,
    /// What it failed with, if what came of its items is written before its execution is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
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

/// A map run, and what it has seen of its journal.
pub(super) struct Mapping {
    head: MapHead,
    map: MapRun,
    /// The items that have not ended.
    open: BTreeSet<usize>,
    seen: Seen,
}

impl Mapping {
    /// What a record did to the run.
    fn replay(&mut self, record: &MapRecord) {
        for (index, is_well) in &record.ended {
            self.ended(*index, *is_well);
        }
        while self.map.started() < record.started && self.start().is_some() {}
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
        let item = self.map.start_next()?;
        self.open.insert(item.index);
        Some(item)
    }
}

impl Executions {
    /// Applies what happened to a map run, and answers what is to be committed with the end of the messages that told it.
    pub(super) async fn map_step(
        &self,
        map: &str,
        events: Vec<(Option<u64>, MapEvent)>,
    ) -> Result<Vec<Effect>, ExecutionError> {
        let Some(mut mapping) = self.current_map(map).await? else { return Ok(Vec::new()) };
        let mut record = MapRecord::default();
        let its_own = |seed: Option<u64>| seed.is_none_or(|seed| seed == mapping.head.order.seed);
        let events: Vec<_> = events.into_iter().filter(|(seed, _)| its_own(*seed)).map(|(_, event)| event).collect();
        for event in &events {
            if let MapEvent::ItemEnded { index, is_well } = event
                && mapping.ended(*index, *is_well)
            {
                record.ended.push((*index, *is_well));
            }
        }
        let mut effects = Vec::new();
        let end = match events.contains(&MapEvent::Stopped) {
            true => Some(End::Stopped),
            false => self.start_items(map, &mut mapping, &mut effects),
        };
        record.started = mapping.map.started();
        let key = keys::record(&self.options.workflow, map, mapping.seen.records);
        let record = serde_json::to_vec(&record).unwrap_or_default();
        mapping.seen = mapping.seen.and(&record);
        effects.push(self.put(key, record, Some(Expectation::Absent)));
        match end {
            None => self.maps.keep(map, mapping),
            Some(end) => effects.extend(self.end_map(map, mapping, end)),
        }
        Ok(effects)
    }

    /// Starts as many items as may run now; how the run ends, if it does.
    fn start_items(&self, map: &str, mapping: &mut Mapping, effects: &mut Vec<Effect>) -> Option<End> {
        let before = mapping.map.started();
        while mapping.map.started() - before < STARTS_MAX {
            let Some(item) = mapping.start() else {
                return mapping.map.result().map(|result| result.map_or_else(End::Failed, |_| End::Well));
            };
            effects.extend(self.start_item(map, &mapping.head, item));
        }
        effects.push(self.notice(map, mapping.head.order.seed, News::Map(MapEvent::GoOn)));
        None
    }

    fn start_item(&self, map: &str, head: &MapHead, item: Item) -> [Effect; 2] {
        let name = keys::item(map, item.index);
        let seed = chance::seed_of(head.order.seed, item.index as u64);
        let (map, state, of_map) = (map.to_owned(), head.order.state.clone(), Some(head.order.seed));
        let parent = Parent::Map { map, seed: of_map, state, index: item.index };
        let new = Head::new(head.definition.clone(), item.input, seed, self.stores.now().as_millis());
        let head = Head { origin: head.origin.clone(), parent: Some(parent), ..new };
        let put = self.put(keys::head(&self.options.workflow, &name), head.write(), Some(Expectation::Absent));
        [put, self.notice(&name, seed, News::Execution(Event::Started))]
    }

    /// Ends a map run: what still runs is stopped.
    fn end_map(&self, map: &str, mapping: Mapping, end: End) -> Vec<Effect> {
        let failure = match &end {
            End::Failed(failure) if mapping.head.order.writer.is_some() => Some(failure.clone()),
            End::Well | End::Failed(_) | End::Stopped => None,
        };
        let head = MapHead { is_over: true, failure, ..mapping.head };
        let mut effects = vec![self.put_map(map, &head, None)];
        let over = Failure::new("", "The map run has ended.");
        let stop = |index| {
            let stopped = Event::Stopped { failure: over.clone() };
            let seed = chance::seed_of(head.order.seed, index as u64);
            self.notice(&keys::item(map, index), seed, News::Execution(stopped))
        };
        effects.extend(mapping.open.into_iter().map(stop));
        match end {
            End::Failed(failure) if head.failure.is_none() => {
                effects.extend(self.map_ended(map, head.seed, Err(failure)));
            }
            End::Well | End::Failed(_) => effects.push(self.job(&head.origin, &Job::GatherResults(map.to_owned()))),
            End::Stopped => {}
        }
        effects
    }

    /// Tells the execution of a map run how that ended.
    fn map_ended(&self, map: &str, seed: Option<u64>, result: Result<Value, Failure>) -> Option<Effect> {
        let (execution, task) = keys::task_of(map)?;
        let news = News::Execution(Event::TaskEnded { task, result });
        Some(notice(self.place.inbox.clone(), execution, seed, news))
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
            && self.has_seen_all(map, kept.seen).await?
        {
            return Ok(Some(kept));
        }
        let Some(head) = self.map_head(map).await?.filter(|head| !head.is_over) else { return Ok(None) };
        let machine = self.machine_of(map, &head.definition).await?;
        let items = self.stored_items(map).await?;
        let order = Arc::new(head.order.clone());
        let run = MapRun::new(&order, &machine, items)
            .ok_or_else(|| read::corrupt(map, "its state is not in its definition".to_owned()))?;
        let mut mapping = Mapping { head, map: run, open: BTreeSet::new(), seen: Seen::default() };
        let journal = keys::journal(&self.options.workflow, map);
        self.scan(&journal, |item| {
            let record = serde_json::from_slice(&item.entry.value);
            mapping.replay(&record.map_err(|error| read::corrupt(map, error.to_string()))?);
            mapping.seen = mapping.seen.and(&item.entry.value);
            Ok(())
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
