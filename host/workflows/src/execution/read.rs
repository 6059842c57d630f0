//! Reading executions: heads, journals, histories.

use super::{ExecutionError, Executions, Head, Parent, Status, keys};
use crate::arn;
use crate::chance;
use crate::clock::Decided;
use crate::definition::{Kind, Machine};
use crate::draw::{Marking, Marks};
use crate::history::{Happened, Keep};
use crate::run::{About, Event, Made, Moment, Run};
use crate::source;
use flint_stores::{Expectation, Stores};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A page of a journal, in records.
const PAGE: u32 = 1_000;
/// Most bytes of the events on a page of a history, about.
const HISTORY_BYTES_MAX: usize = 16 << 20;

/// An execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub id: String,
    /// What is known about it.
    pub head: Head,
}

/// Some executions.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// In the order of their names.
    pub executions: Vec<Described>,
    /// Where to go on; none when these were the last.
    pub cursor: Option<String>,
}

/// A page of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// In the order of their numbers.
    pub events: Vec<Happened>,
    /// The number after which the next page begins; none when these were the last.
    pub cursor: Option<u64>,
}

/// How much of a journal somebody has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The records.
    pub(super) records: u64,
    /// A hash of the last of them: another one may have been written in its place. Good within a process.
    last: u64,
}

impl Seen {
    /// The same, and then this record.
    pub(super) fn and(self, record: &[u8]) -> Self {
        Self { records: self.records + 1, last: hash(record) }
    }
}

fn hash(record: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.hash(&mut hasher);
    hasher.finish()
}

/// A run, what it has seen of its journal, and the head that goes with it.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) run: Run,
    pub(super) seen: Seen,
    pub(super) head: Head,
}

/// A record of a journal: the events of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// In milliseconds since 1970.
    pub(super) at: u64,
    pub(super) events: Vec<Event>,
    /// What the clock decided, by the places of the events that it decided something of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) decided: BTreeMap<usize, Decided>,
}

impl Record {
    pub(super) fn write(&self) -> Vec<u8> {
        // Maps whose keys are texts can be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The moments of a record's events, one after the other: the same in the step that writes it and whenever it is replayed.
pub(super) struct Moments {
    number: u64,
    at: u64,
    /// How many were applied.
    index: usize,
    /// What is left of the step's room.
    room: usize,
}

impl Moments {
    /// Those of the record of this number, all at the same time.
    pub(super) fn of(run: &Run, number: u64, at: u64) -> Self {
        Self { number, at, index: 0, room: run.limits().step_max }
    }

    /// The moment of the next event.
    pub(super) fn next(&self, run: &Run) -> Moment {
        let seed = chance::seed_of(chance::seed_of(run.about().seed, self.number), self.index as u64);
        Moment { now: self.at, seed, room: self.room }
    }

    /// Goes on behind an event. One that means nothing is none of the record's.
    pub(super) fn applied(&mut self, made: &Made) {
        self.index += usize::from(made.is_news);
        self.room = self.room.saturating_sub(made.weight);
    }
}

impl Executions {
    /// What is known about an execution.
    pub(super) async fn head(&self, name: &str) -> Result<Option<Head>, ExecutionError> {
        self.head_in(&*self.stores, name).await
    }

    /// The same, and the version that it has now: whoever writes it expects that.
    pub(super) async fn versioned_head(&self, name: &str) -> Result<Option<(Head, Expectation)>, ExecutionError> {
        let key = keys::head(&self.options.workflow, name);
        let Some(entry) = self.stores.kv().get(&self.place.store, &key).await? else { return Ok(None) };
        let head = Head::read(&entry.value).map_err(|reason| corrupt(name, reason))?;
        Ok(Some((head, Expectation::Version(entry.version))))
    }

    /// The head of an execution that runs, if it is the one of this seed; without a seed, whoever has the name.
    pub(super) async fn running(&self, name: &str, seed: Option<u64>) -> Result<Option<Head>, ExecutionError> {
        let is_it = |head: &Head| head.status == Status::Running && seed.is_none_or(|seed| seed == head.seed);
        Ok(self.head(name).await?.filter(is_it))
    }

    /// As these stores have it.
    pub(super) async fn head_in(&self, stores: &dyn Stores, name: &str) -> Result<Option<Head>, ExecutionError> {
        let key = keys::head(&self.options.workflow, name);
        let Some(entry) = stores.kv().get(&self.place.store, &key).await? else { return Ok(None) };
        Head::read(&entry.value).map(Some).map_err(|reason| corrupt(name, reason))
    }

    /// An execution by its name.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], and what a read fails with.
    pub async fn described(&self, name: &str) -> Result<Described, ExecutionError> {
        self.within(&*self.stores).described(name).await
    }

    /// Some executions, in the order of their names.
    ///
    /// # Errors
    /// What a read fails with.
    pub async fn list(&self, cursor: Option<&str>, limit: u32) -> Result<Listed, ExecutionError> {
        let prefix = keys::heads(&self.options.workflow);
        let page = self.stores.kv().scan(&self.place.store, &prefix, cursor, limit).await?;
        let described = |item: flint_stores::Item| {
            let name = item.key.strip_prefix(&prefix).unwrap_or_default().to_owned();
            let head = Head::read(&item.entry.value).map_err(|reason| corrupt(&name, reason))?;
            Ok(Described { id: self.id(&name), name, head })
        };
        let executions = page.items.into_iter().map(described).collect::<Result<_, ExecutionError>>()?;
        Ok(Listed { executions, cursor: page.cursor })
    }

    /// What an execution runs.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], and what a read fails with.
    pub async fn machine(&self, name: &str) -> Result<Arc<Machine>, ExecutionError> {
        let head = self.described(name).await?.head;
        self.machine_of_head(name, &head).await
    }

    /// What happened in an execution after the event of a number, 0 for all: so many events at most, or fewer if they are
    /// large.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], and what a read fails with.
    pub async fn history(&self, name: &str, after: u64, most: u64) -> Result<History, ExecutionError> {
        let head = self.described(name).await?.head;
        let (mut events, keep) = (Vec::new(), Keep::page(after, most.max(1), HISTORY_BYTES_MAX));
        let (run, _) = self.replay(name, &head, keep, |made| events.extend(made.happened)).await?;
        Ok(History { events, cursor: run.kept_until() })
    }

    /// What became of an execution's states so far.
    ///
    /// # Errors
    /// [`ExecutionError::Missing`], and what a read fails with.
    pub async fn marks(&self, name: &str) -> Result<Marks, ExecutionError> {
        let head = self.described(name).await?.head;
        let mut marking = Marking::default();
        self.replay(name, &head, Keep::STATES, |made| made.happened.iter().for_each(|one| marking.add(one))).await?;
        Ok(marking.marks())
    }

    /// An execution's run as its journal has it.
    pub(super) async fn load(&self, name: &str, head: Head) -> Result<Cached, ExecutionError> {
        let (run, seen) = self.replay(name, &head, Keep::NOTHING, |_| {}).await?;
        Ok(Cached { run, seen, head })
    }

    /// Whether a journal is what somebody has seen of it, and not more.
    pub(super) async fn has_seen_all(&self, name: &str, seen: Seen) -> Result<bool, ExecutionError> {
        let key = |number| keys::record(&self.options.workflow, name, number);
        let (kv, store) = (self.stores.kv(), &self.place.store);
        let has_last = match seen.records.checked_sub(1) {
            None => true,
            Some(last) => kv.get(store, &key(last)).await?.is_some_and(|entry| hash(&entry.value) == seen.last),
        };
        Ok(has_last && !kv.exists(store, &key(seen.records)).await?)
    }

    /// Applies what happened to an execution again, until no more is to be kept of its history.
    async fn replay(
        &self,
        name: &str,
        head: &Head,
        keep: Keep,
        mut each: impl FnMut(Made) + Send,
    ) -> Result<(Run, Seen), ExecutionError> {
        let machine = self.machine_of_head(name, head).await?;
        let is_long = machine.is_long;
        let mut run = Run::new(machine, self.about(name, head), self.options.limits, false).keeping(keep);
        let mut seen = Seen::default();
        self.scan_until(&keys::journal(&self.options.workflow, name), is_long, |item| {
            let mut record: Record =
                serde_json::from_slice(&item.entry.value).map_err(|error| corrupt(name, error.to_string()))?;
            let mut moments = Moments::of(&run, seen.records, record.at);
            for (index, event) in record.events.into_iter().enumerate() {
                let decided = record.decided.remove(&index).unwrap_or_default();
                let made = run.replay(event, moments.next(&run), decided);
                moments.applied(&made);
                each(made);
            }
            seen = seen.and(&item.entry.value);
            Ok(if run.kept_until().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .await?;
        Ok((run, seen))
    }

    /// Reads all entries whose keys start so, in their order.
    pub(super) async fn scan(
        &self,
        prefix: &str,
        mut each: impl FnMut(flint_stores::Item) -> Result<(), ExecutionError> + Send,
    ) -> Result<(), ExecutionError> {
        self.scan_until(prefix, false, |item| each(item).map(ControlFlow::Continue)).await
    }

    /// Reads entries whose keys start so, in their order, as long as more are wanted. What is done with them may be long:
    /// others have their turn in between.
    pub(super) async fn scan_until(
        &self,
        prefix: &str,
        is_long: bool,
        mut each: impl FnMut(flint_stores::Item) -> Result<ControlFlow<()>, ExecutionError> + Send,
    ) -> Result<(), ExecutionError> {
        let mut cursor = None;
        loop {
            let page = self.stores.kv().scan(&self.place.store, prefix, cursor.as_deref(), PAGE).await?;
            let (mut items, mut flow) = (page.items.into_iter(), ControlFlow::Continue(()));
            let next = || {
                let Some(item) = items.next() else { return Ok::<_, ExecutionError>(false) };
                flow = each(item)?;
                Ok(flow.is_continue())
            };
            self.options.aside.repeat(is_long, next).await?;
            match page.cursor {
                Some(next) if flow.is_continue() => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    }

    async fn machine_of_head(&self, name: &str, head: &Head) -> Result<Arc<Machine>, ExecutionError> {
        let machine = self.machine_of(name, &head.definition).await?;
        match &head.parent {
            Some(Parent::Map { state, .. }) => {
                processor(&machine, state).ok_or_else(|| corrupt(name, format!("there is no state `{state}`")))
            }
            _ => Ok(machine),
        }
    }

    /// The definition of this hash, which an execution was started with.
    pub(super) async fn machine_of(&self, name: &str, definition: &str) -> Result<Arc<Machine>, ExecutionError> {
        if definition == self.hash {
            return Ok(self.machine.clone());
        }
        let key = keys::definition(&self.options.workflow, definition);
        let entry = self.stores.kv().get(&self.place.store, &key).await?;
        let entry = entry.ok_or_else(|| corrupt(name, "its definition is gone".to_owned()))?;
        let text = String::from_utf8_lossy(&entry.value);
        let machine =
            source::load(&text).map_err(|_| corrupt(name, "its definition is not valid any more".to_owned()))?;
        Ok(Arc::new(machine))
    }

    pub(super) fn about(&self, name: &str, head: &Head) -> Arc<About> {
        Arc::new(About {
            id: self.id(name),
            name: name.to_owned(),
            role: arn::ROLE.to_owned(),
            input: head.input.clone(),
            started_at: head.started_at,
            redrives: 0,
            seed: head.seed,
            machine_id: arn::machine(&self.options.workflow),
            machine_name: self.options.workflow.clone(),
        })
    }
}

/// What is done with the items of a Map state.
fn processor(machine: &Machine, state: &str) -> Option<Arc<Machine>> {
    match &machine.state(state)?.kind {
        Kind::Map(map) => Some(Arc::new(Machine {
            comment: None,
            timeout: None,
            graph: map.processor.clone(),
            is_long: machine.is_long,
        })),
        _ => None,
    }
}

pub(super) fn corrupt(name: &str, reason: String) -> ExecutionError {
    ExecutionError::Corrupt { name: name.to_owned(), reason }
}
