//! What became of an execution's states, from its history, of which one event after the other is enough.
//!
//! Branches and items run side by side, so what an event is about is found through the event that led to it.

use super::{Mark, Marks};
use crate::history::Happened;
use serde_json::Value;
use std::collections::HashMap;

/// An attempt of a Map: its visit, and which attempt it is.
type Items = (usize, usize);

/// A state that was entered.
#[derive(Debug)]
struct Visit {
    name: String,
    /// The type of the state, as it begins the kinds of its events.
    kind: &'static str,
    /// The visit that it is within, and those within it.
    around: Option<usize>,
    within: Vec<usize>,
    /// The outermost Map that it is within, and which attempt of it: items count together.
    items: Option<Items>,
    attempts: usize,
    is_failed: bool,
    /// Whether it was told that it failed with all that is within it.
    is_over: bool,
    /// Whether what is around it went on without it.
    is_gone: bool,
    /// What it became when it was left.
    left: Option<Mark>,
}

impl Visit {
    fn is_open(&self) -> bool {
        self.left.is_none() && !self.is_gone
    }
}

/// What becomes of an execution's states, as it is told what happens in it.
#[derive(Debug, Default)]
pub struct Marking {
    /// The visits of states so far.
    all: Vec<Visit>,
    /// The visits that events belong to, by the events' numbers.
    owners: HashMap<u64, usize>,
    /// How the execution ended.
    end: Option<Mark>,
}

impl Marking {
    /// Takes in the next event of the history. Of its details, only the names of states count.
    pub fn add(&mut self, happened: &Happened) {
        let before = self.owners.get(&happened.previous).copied();
        let kind = happened.kind;
        let name = happened.details.as_ref().and_then(|details| details.get("name")).and_then(Value::as_str);
        let owner = if let (Some(kind), Some(name)) = (kind.strip_suffix("StateEntered"), name) {
            Some(self.enter(name, kind, before))
        } else if let (Some(_), Some(name)) = (kind.strip_suffix("StateExited"), name) {
            self.exit(name, before)
        } else if let Some(what) = kind.strip_prefix("Execution") {
            self.of_execution(what);
            before
        } else if kind == "EvaluationFailed" {
            self.of_evaluation(happened).or(before)
        } else if kind.starts_with("MapIteration") || kind.ends_with("Aborted") {
            before
        } else if let Some((kind, what)) = kind.split_once("State") {
            let owner = self.around(before, |visit| visit.kind == kind && visit.is_open() && !visit.is_over);
            self.of_many(owner, before, what);
            owner.or(before)
        } else {
            self.of_work(before, kind);
            before
        };
        if let Some(owner) = owner {
            self.owners.insert(happened.id, owner);
        }
    }

    fn enter(&mut self, name: &str, kind: &'static str, around: Option<usize>) -> usize {
        let index = self.all.len();
        let mut items = None;
        if let Some((at, visit)) = around.and_then(|at| Some((at, self.all.get_mut(at)?))) {
            visit.within.push(index);
            items = visit.items.or((visit.kind == "Map").then_some((at, visit.attempts)));
        }
        self.all.push(Visit {
            name: name.to_owned(),
            kind,
            around,
            within: Vec::new(),
            items,
            attempts: 0,
            is_failed: kind == "Fail",
            is_over: false,
            is_gone: false,
            left: None,
        });
        index
    }

    /// A state was left: what goes on belongs to what is around it.
    fn exit(&mut self, name: &str, before: Option<usize>) -> Option<usize> {
        let index = self.around(before, |visit| visit.name == name && visit.is_open())?;
        self.drop_within(index);
        let visit = &mut self.all[index];
        visit.left = Some(if visit.is_failed { Mark::Caught } else { Mark::Succeeded });
        visit.around
    }

    fn of_execution(&mut self, what: &str) {
        match what {
            "Failed" | "TimedOut" => self.end = Some(Mark::Failed),
            "Aborted" => self.end = Some(Mark::Aborted),
            "Redriven" => {
                self.end = None;
                for visit in self.all.iter_mut().filter(|visit| visit.is_open()) {
                    (visit.is_failed, visit.is_over) = (false, false);
                }
            }
            _ => {}
        }
    }

    /// Something became of a Parallel or a Map; `before` is the visit that led to it, which may be within it.
    fn of_many(&mut self, owner: Option<usize>, before: Option<usize>, what: &str) {
        let Some(owner) = owner else { return };
        if matches!(what, "Started" | "Failed")
            && let Some(before) = before.filter(|before| *before != owner)
        {
            self.all[before].is_failed = true;
        }
        match what {
            "Started" => {
                self.drop_within(owner);
                self.all[owner].attempts += 1;
                self.all[owner].is_failed = false;
            }
            "Failed" => (self.all[owner].is_failed, self.all[owner].is_over) = (true, true),
            "Succeeded" => self.all[owner].is_failed = false,
            _ => {}
        }
    }

    /// Something became of the work of a state.
    fn of_work(&mut self, owner: Option<usize>, kind: &str) {
        let Some(visit) = owner.and_then(|owner| self.all.get_mut(owner)) else { return };
        if kind.ends_with("Failed") || kind.ends_with("TimedOut") {
            visit.is_failed = true;
        } else if ["Scheduled", "Started", "Succeeded", "Redriven"].iter().any(|end| kind.ends_with(end)) {
            visit.is_failed = false;
        }
    }

    /// An expression of a state failed. The event follows what the state was entered after, so its own words say which.
    fn of_evaluation(&mut self, happened: &Happened) -> Option<usize> {
        let name = happened.details.as_ref()?.get("state")?.as_str()?;
        let index = self.all.iter().rposition(|visit| visit.is_open() && visit.name == name)?;
        self.all[index].is_failed = true;
        Some(index)
    }

    /// The nearest visit, from this one outwards, that is sought.
    fn around(&self, from: Option<usize>, is_sought: impl Fn(&Visit) -> bool) -> Option<usize> {
        std::iter::successors(from, |at| self.all[*at].around).find(|at| is_sought(&self.all[*at]))
    }

    /// Gives up what is still within a visit.
    fn drop_within(&mut self, index: usize) {
        let mut dropped = std::mem::take(&mut self.all[index].within);
        while let Some(index) = dropped.pop() {
            let visit = &mut self.all[index];
            visit.is_gone = visit.left.is_none();
            dropped.append(&mut visit.within);
        }
    }

    /// The marks of the states.
    ///
    /// Of a state that was entered several times the last time counts; of one that is within a Map, the worst of its items.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let has_failed = self.all.iter().any(|visit| visit.is_open() && visit.is_failed);
        let mut stopped = Vec::with_capacity(self.all.len());
        let mut last: HashMap<&str, (Option<Items>, Mark)> = HashMap::new();
        for visit in &self.all {
            let is_stopped =
                visit.is_gone || visit.is_over || visit.around.is_some_and(|around: usize| stopped[around]);
            stopped.push(is_stopped);
            let mark = match (visit.left, self.end) {
                (Some(left), _) => left,
                (None, Some(Mark::Aborted)) if !is_stopped => Mark::Aborted,
                (None, None) if !is_stopped => Mark::Running,
                // Of some failures no event tells: what was not left then is what failed.
                (None, Some(_)) if !is_stopped && !has_failed => Mark::Failed,
                (None, _) if visit.is_failed => Mark::Failed,
                (None, _) => Mark::Aborted,
            };
            last.entry(&visit.name)
                .and_modify(|(items, known)| {
                    let is_together = visit.items.is_some() && *items == visit.items;
                    if !is_together || rank(mark) > rank(*known) {
                        (*items, *known) = (visit.items, mark);
                    }
                })
                .or_insert((visit.items, mark));
        }
        last.into_iter().map(|(name, (_, mark))| (name.to_owned(), mark)).collect()
    }
}

/// What of several items is told: that there is still work, else the worst.
fn rank(mark: Mark) -> u8 {
    match mark {
        Mark::Succeeded => 0,
        Mark::Caught => 1,
        Mark::Aborted => 2,
        Mark::Failed => 3,
        Mark::Running => 4,
    }
}
