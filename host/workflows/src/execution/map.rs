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
//!
//! When the execution is redriven, so is the map run ("Redriving Map Runs"): items that ended well stay as they are, those that
//! failed or were stopped are redriven themselves, as places become free, and those that never began begin. An end is told with
//! how often the item was redriven, so that one from before is not taken for one from after.

mod items;
mod results;

use super::head::Parent;
use super::message::News;
use super::read::Seen;
use super::{ExecutionError, Executions, Head, Job, Origin, Status, keys, notice, read};
use crate::chance;
use crate::failure::{Failure, name};
use crate::map_run::{Item, MapRun};
use crate::run::{Event, MapOrder, Outcome, Ticket};
use crate::size;
use flint_stores::{Effect, Expectation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
        /// How often it had been redriven by then.
        #[serde(default)]
        redrives: u32,
    },
    /// Its execution is redriven, and waits for it with another task.
    Redriven {
        /// This one.
        task: Ticket,
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
    /// Whether it is redriven after that, and which items are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redriven: Option<Redrive>,
    /// The items that go on, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    again: Vec<(usize, Again)>,
    /// How many were started by then.
    started: usize,
}

/// Which items of a map run are redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Redrive {
    /// Those that failed: the others still run.
    Failed,
    /// Those that did not end well: what ran was stopped.
    Unsuccessful,
}

/// How an item goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Again {
    /// It is redriven for the time of this number.
    Redriven(u32),
    /// It had ended well before it could be stopped.
    Succeeded,
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
    /// The items that run, and how often each was redriven.
    open: BTreeMap<usize, u32>,
    /// The items that failed.
    failed: BTreeSet<usize>,
    /// How often each item was redriven by the run: it may not know yet.
    redrives: BTreeMap<usize, u32>,
    seen: Seen,
}

impl Mapping {
    /// What a record did to the run.
    fn replay(&mut self, record: &MapRecord) {
        for (index, is_well) in &record.ended {
            self.ended(*index, *is_well, u32::MAX);
        }
        if let Some(redrive) = record.redriven {
            self.redrive(redrive);
        }
        for (_, again) in &record.again {
            if let Some(index) = self.map.again_next() {
                self.goes_on(index, *again);
            }
        }
        while self.map.started() < record.started && self.start_again().is_some() {}
    }

    /// An item's execution ended when it had been redriven so often; whether that is news.
    fn ended(&mut self, index: usize, is_well: bool, redrives: u32) -> bool {
        match self.open.get(&index) {
            // It is to be redriven, and has ended well before.
            None => return is_well && self.map.is_done_before(index),
            // It is redriven already, and this is what it was redriven for.
            Some(expected) if !is_well && redrives < *expected => return false,
            Some(_) => {}
        }
        self.open.remove(&index);
        if !is_well {
            self.failed.insert(index);
        }
        let outcome = if is_well { Outcome::Succeeded(Value::Null) } else { Outcome::TimedOut };
        self.map.ended(index, &outcome);
        true
    }

    fn redrive(&mut self, redrive: Redrive) {
        let mut again = std::mem::take(&mut self.failed);
        if redrive == Redrive::Unsuccessful {
            again.extend(std::mem::take(&mut self.open).into_keys());
        }
        self.map.redrive(again, self.open.len());
    }

    fn goes_on(&mut self, index: usize, again: Again) {
        match again {
            Again::Redriven(redrives) => {
                self.open.insert(index, redrives);
                self.redrives.insert(index, redrives);
            }
            Again::Succeeded => self.map.ended(index, &Outcome::Succeeded(Value::Null)),
        }
    }

    fn start(&mut self) -> Option<Item> {
        let item = self.map.start_next();
        self.open.extend(item.as_ref().map(|item| (item.index, 0)));
        item
    }

    /// Starts an item that was started before.
    fn start_again(&mut self) -> Option<Item> {
        let item = self.map.start_again();
        self.open.extend(item.as_ref().map(|item| (item.index, 0)));
        item
    }
}

impl Executions {
    /// Applies what happened to a map run, and answers what is to be committed with the end of the messages that told it.
    pub(super) async fn map_step(
        &self,
        map: &str,
        events: Vec<(Option<u64>, MapEvent)>,
    ) -> Result<Vec<Effect>, ExecutionError> {
        let is_redrive = |event: &MapEvent| matches!(event, MapEvent::Redriven { .. });
        let goes_on = events.iter().any(|(_, event)| is_redrive(event));
        let Some(mut mapping) = self.current_map(map, goes_on).await? else { return Ok(Vec::new()) };
        let its_own = |seed: Option<u64>| seed.is_none_or(|seed| seed == mapping.head.order.seed);
        let events: Vec<_> = events.into_iter().filter(|(seed, _)| its_own(*seed)).map(|(_, event)| event).collect();
        let redriven = events.iter().rev().find_map(|event| match event {
            MapEvent::Redriven { task } => Some(*task),
            _ => None,
        });
        let mut record = MapRecord::default();
        for event in &events {
            if let MapEvent::ItemEnded { index, is_well, redrives } = event
                && mapping.ended(*index, *is_well, *redrives)
            {
                record.ended.push((*index, *is_well));
            }
        }
        let mut effects = Vec::new();
        if let Some(task) = redriven {
            let redrive = if mapping.head.is_over { Redrive::Unsuccessful } else { Redrive::Failed };
            mapping.redrive(redrive);
            record.redriven = Some(redrive);
            (mapping.head.is_over, mapping.head.failure) = (false, None);
            mapping.head.order.task = task;
        }
        let end = match events.iter().rev().find(|event| matches!(event, MapEvent::Stopped | MapEvent::Redriven { .. }))
        {
            // What was stopped and redriven since goes on.
            Some(MapEvent::Stopped) => Some(End::Stopped),
            _ => self.start_items(map, &mut mapping, &mut record, &mut effects).await?,
        };
        record.started = mapping.map.started();
        let key = keys::record(&self.options.workflow, map, mapping.seen.records);
        let record = serde_json::to_vec(&record).unwrap_or_default();
        mapping.seen = mapping.seen.and(&record);
        effects.push(self.put(key, record, Some(Expectation::Absent)));
        match end {
            None => {
                effects.extend(redriven.map(|_| self.put_map(map, &mapping.head, None)));
                self.maps.keep(map, mapping);
            }
            Some(end) => effects.extend(self.end_map(map, mapping, end)),
        }
        Ok(effects)
    }

    /// Starts as many items as may run now, and first has those go on that are redriven; how the run ends, if it does.
    async fn start_items(
        &self,
        map: &str,
        mapping: &mut Mapping,
        record: &mut MapRecord,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<End>, ExecutionError> {
        let (is_long, began) = (mapping.map.machine().is_long, Instant::now());
        let mut bytes = 0;
        for begun in 0..STARTS_MAX {
            let is_tired = || began.elapsed() > self.options.limits.patience.work;
            if begun > 0 && (bytes > self.options.limits.step_max || is_tired()) {
                break;
            }
            if let Some(index) = mapping.map.again_next() {
                let before = mapping.redrives.get(&index).copied().unwrap_or(0);
                let again = self.redrive_item(map, index, before, effects).await?;
                mapping.goes_on(index, again);
                record.again.push((index, again));
            } else if let Some(item) = self.options.aside.run(is_long, || mapping.start()).await {
                bytes += size::of(&item.input);
                effects.extend(self.start_item(map, &mapping.head, item));
            } else {
                return Ok(mapping.map.result().map(|result| result.map_or_else(End::Failed, |_| End::Well)));
            }
        }
        effects.push(self.notice(map, mapping.head.order.seed, News::Map(MapEvent::GoOn)));
        Ok(None)
    }

    /// Has an item go on that did not end well, or was stopped and has not ended yet: what it is told now comes after that. It
    /// was redriven so often before, even if it has not seen that either.
    async fn redrive_item(
        &self,
        map: &str,
        index: usize,
        before: u32,
        effects: &mut Vec<Effect>,
    ) -> Result<Again, ExecutionError> {
        let name = keys::item(map, index);
        let head = self.head(&name).await?.ok_or_else(|| read::corrupt(&name, "it is gone".to_owned()))?;
        if head.status == Status::Succeeded {
            return Ok(Again::Succeeded);
        }
        let redrives = head.redrives.max(before) + 1;
        effects.push(self.notice(&name, head.seed, News::Execution(Event::Redriven { redrives })));
        Ok(Again::Redriven(redrives))
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
        effects.extend(mapping.open.into_keys().map(stop));
        match end {
            End::Failed(failure) if head.failure.is_none() => {
                effects.extend(self.map_ended(map, &head, Err(failure)));
            }
            End::Well | End::Failed(_) => effects.push(self.job(&head.origin, &Job::GatherResults(map.to_owned()))),
            End::Stopped => {}
        }
        effects
    }

    /// Tells the execution of a map run how that ended, by the task that waits for it.
    fn map_ended(&self, map: &str, head: &MapHead, result: Result<Value, Failure>) -> Option<Effect> {
        self.map_told(map, head.order.task, head.seed, result)
    }

    fn map_told(&self, map: &str, task: Ticket, seed: Option<u64>, result: Result<Value, Failure>) -> Option<Effect> {
        let (execution, _) = keys::task_of(map)?;
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

    /// A map run as its journal has it now: the one that is kept, if what it has seen is what there is. None if it is over and is
    /// not redriven.
    async fn current_map(&self, map: &str, is_redriven: bool) -> Result<Option<Mapping>, ExecutionError> {
        if let Some(kept) = self.maps.take(map)
            && self.has_seen_all(map, kept.seen).await?
        {
            return Ok(Some(kept));
        }
        let is_wanted = |head: &MapHead| is_redriven || !head.is_over;
        let Some(head) = self.map_head(map).await?.filter(is_wanted) else { return Ok(None) };
        let machine = self.machine_of(map, &head.definition).await?;
        let items = self.stored_items(map).await?;
        let order = Arc::new(head.order.clone());
        let run = MapRun::new(&order, &machine, items)
            .ok_or_else(|| read::corrupt(map, "its state is not in its definition".to_owned()))?;
        let (open, failed, redrives) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut mapping = Mapping { head, map: run, open, failed, redrives, seen: Seen::default() };
        let journal = keys::journal(&self.options.workflow, map);
        self.scan_until(&journal, machine.is_long, |item| {
            let record = serde_json::from_slice(&item.entry.value);
            mapping.replay(&record.map_err(|error| read::corrupt(map, error.to_string()))?);
            mapping.seen = mapping.seen.and(&item.entry.value);
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
