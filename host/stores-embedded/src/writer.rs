//! The thread that writes: takes what waits, has it share a transaction, and answers each.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use flint_model::{Clock, ContentId, QueueName};
use flint_stores::{Catalog, Unavailable};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::apply::Apply;
use crate::contents::Contents;
use crate::database::{Chain, Database, Failure};
use crate::group_commit::Places;
use crate::load::Load;
use crate::options::GroupCommitOptions;
use crate::space::{Reserve, Space};
use crate::table::Tables;
use crate::waiters::Waiters;

/// What the writer is asked to do.
pub(crate) trait Job: Send {
    /// Does it. After a failure the whole transaction is given up, and it may be done again in another one.
    fn apply(&mut self, apply: &mut Apply<'_>) -> Result<(), Failure>;
    /// Tells the caller, if it still waits, what came of it: after the fsync.
    fn answer(self: Box<Self>);
    /// Tells the caller that it may have happened or not, unless the reason says that it has not.
    fn refuse(self: Box<Self>, reason: Unavailable);
}

/// A piece of work that waits.
pub(crate) struct Work {
    pub(crate) job: Box<dyn Job>,
    /// What it adds to its group.
    pub(crate) load: Load,
    /// Given back when the caller is answered.
    pub(crate) _room: Option<Places>,
}

/// What bounds a group: so a caller who comes with little does not wait long behind those who come with much.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    works: usize,
    weight: usize,
    bytes: u64,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("load", &self.load).finish_non_exhaustive()
    }
}

/// The thread that writes.
pub(crate) struct Writer {
    database: Arc<Database>,
    catalog: Arc<ArcSwap<Catalog>>,
    clock: Arc<dyn Clock>,
    waiters: Arc<Waiters>,
    contents: Arc<Contents>,
    queue: UnboundedReceiver<Work>,
    bounds: Bounds,
    /// What did not fit into the last group.
    next: Option<Work>,
    reserve: Reserve,
    /// Whether there was more room for the last group than has to stay.
    has_room: bool,
    /// Why something of the last group was refused, if it was.
    refused: Option<Unavailable>,
}

impl Writer {
    pub(crate) fn new(
        database: Arc<Database>,
        catalog: Arc<ArcSwap<Catalog>>,
        clock: Arc<dyn Clock>,
        waiters: Arc<Waiters>,
        contents: Arc<Contents>,
        queue: UnboundedReceiver<Work>,
        options: GroupCommitOptions,
    ) -> Self {
        let bounds = Bounds {
            works: options.batch_max.max(1),
            weight: options.effects_max.max(1),
            bytes: options.bytes_max.as_u64(),
        };
        let reserve = Reserve(options.free_min.as_u64());
        Self {
            database,
            catalog,
            clock,
            waiters,
            contents,
            queue,
            bounds,
            next: None,
            reserve,
            has_room: false,
            refused: None,
        }
    }

    /// Writes until there is nobody left who could ask.
    pub(crate) fn run(mut self) {
        let mut group = Vec::with_capacity(self.bounds.works);
        while self.gather(&mut group) {
            // First, since reads wait for it too, whatever there is room for.
            if self.database.is_lost() {
                self.database.recover();
            }
            self.turn_away(&mut group);
            if group.is_empty() {
                continue;
            }
            self.write_all(&mut group);
        }
    }

    /// Writes a group, and answers it. Whoever meets something damaged is refused alone, and the others are written again.
    fn write_all(&self, group: &mut Vec<Work>) {
        let mut released = Vec::new();
        while !group.is_empty() {
            let mut at = None;
            match self.write(group, &mut at, &mut released) {
                Ok(woken) => {
                    group.drain(..).for_each(|work| work.job.answer());
                    self.waiters.ring(&woken);
                }
                Err(failure) => {
                    self.recover_from(&failure, group.len());
                    // What could not be synced may be there all the same, and room helps nobody any more.
                    let is_distrusted = self.database.is_distrusted();
                    let reason = if is_distrusted { Unavailable::Failed } else { failure.reason() };
                    match at.filter(|_| failure.is_damage()) {
                        Some(index) => group.remove(index).job.refuse(reason),
                        None => group.drain(..).for_each(|work| work.job.refuse(reason)),
                    }
                }
            }
        }
        // Also after a failure, when the database tells whether they are linked, now that it was opened again.
        self.contents.doubt(released);
    }

    fn recover_from(&self, failure: &Failure, commits: usize) {
        if !matches!(failure, Failure::Unavailable(_)) {
            tracing::error!(error = %Chain(failure), commits, "a write to the store failed");
        }
        // Of a row that can't be read the tables know nothing: the transaction was rolled back, and that is all.
        // Nor of what the log did not take: it ends where it did, and the next group goes there. Unless it could not be synced.
        let is_undone = match failure {
            Failure::Unavailable(_) | Failure::Corrupt(_) => true,
            Failure::Log(_) => !self.database.is_distrusted(),
            Failure::Redb(_) | Failure::Behind(_) | Failure::Panicked(_) => false,
        };
        if !is_undone {
            self.database.recover();
        }
    }

    /// Waits for work, and takes all that is there, up to the bounds; false when there is nobody left who could ask.
    fn gather(&mut self, group: &mut Vec<Work>) -> bool {
        let Some(first) = self.next.take().or_else(|| self.queue.blocking_recv()) else { return false };
        let Load { mut weight, mut bytes, .. } = first.load;
        group.push(first);
        while group.len() < self.bounds.works
            && let Ok(work) = self.queue.try_recv()
        {
            weight = weight.saturating_add(work.load.weight);
            bytes = bytes.saturating_add(work.load.bytes);
            if weight > self.bounds.weight || bytes > self.bounds.bytes {
                self.next = Some(work);
                break;
            }
            group.push(work);
        }
        true
    }

    /// Refuses what there is no room for.
    fn turn_away(&mut self, group: &mut Vec<Work>) {
        let free = self.database.free();
        let mut space = Space::new(self.reserve, free.unwrap_or_default());
        self.has_room = space.is_ample();
        let turned_away = group.extract_if(.., |work| free.is_err() || !space.takes(work.load)).collect::<Vec<_>>();
        match (free, turned_away.len()) {
            (Ok(_), 0) if space.is_ample() => self.say_once(None, 0),
            (_, 0) => {}
            (free, refused) => {
                let reason = free.err().unwrap_or(Unavailable::DiskFull);
                self.say_once(Some(reason), refused);
                turned_away.into_iter().for_each(|work| work.job.refuse(reason));
            }
        }
    }

    /// Tells that the disk takes no writes when that begins, and when it ends.
    fn say_once(&mut self, reason: Option<Unavailable>, commits: usize) {
        if self.refused == reason {
            return;
        }
        match reason {
            Some(reason) => tracing::error!(%reason, commits, "nothing is added until there is room: reads go on"),
            None => tracing::info!("the disk takes writes again"),
        }
        self.refused = reason;
    }

    /// Writes a group, and with it the receives that stand ready for what it brings; answers whom to wake, and fills in the files to
    /// which nothing leads if it is written, or which one failed if it was one.
    fn write(
        &self,
        group: &mut Vec<Work>,
        at: &mut Option<usize>,
        released: &mut Vec<ContentId>,
    ) -> Result<BTreeSet<QueueName>, Failure> {
        let catalog = self.catalog.load();
        self.database.write(|transaction, redo| {
            let mut apply = Apply::new(Tables::open(transaction, redo)?, &catalog, self.clock.now())?;
            for (index, work) in group.iter_mut().enumerate() {
                *at = Some(index);
                work.job.apply(&mut apply)?;
            }
            self.hand_over(&mut apply, group, at)?;
            *at = None;
            let finished = apply.finish()?;
            *released = finished.released;
            Ok((finished.woken, finished.changed))
        })
    }

    /// Has those who stand ready receive what is due by now. On a disk that is low none of them begins.
    fn hand_over(&self, apply: &mut Apply<'_>, group: &mut Vec<Work>, at: &mut Option<usize>) -> Result<(), Failure> {
        if !self.has_room {
            return Ok(());
        }
        for queue in apply.woken().clone() {
            while let Some(mut work) = self.waiters.take(&queue) {
                // To blame for what is met, and nobody who sent.
                *at = Some(group.len());
                let applied = work.job.apply(apply);
                group.push(work);
                applied?;
                if !apply.is_due(&queue)? {
                    break;
                }
            }
        }
        Ok(())
    }
}
