//! The single writer: commits that wait are written together, and share one fsync.
//!
//! Callers put commits into a bounded queue. One thread takes all that wait, up to a bound, applies them one after the
//! other to one redb transaction, commits it durably, and then answers each caller. A commit that comes alone goes at
//! once; while the disk is busy with one group, the next one gathers. So the groups grow with the load by themselves, and
//! nobody ever waits for company. Leasing messages and removing what is over go the same way, among the commits.
//!
//! What must hold:
//! - nobody is answered before the fsync, also not with a conflict, since it may be about a commit of the same group;
//! - a commit that fails leaves its neighbours alone;
//! - if the write fails, everyone in the group is told that the store is unavailable, and the database is opened again;
//! - what was accepted is written, whether or not its caller still waits, also when the stores are closed meanwhile.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use flint_model::{Clock, ContentId, QueueName};
use flint_stores::{Catalog, Commit, CommitError, Committed, Unavailable};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::apply::Apply;
use crate::bell::Bells;
use crate::contents::Contents;
use crate::database::{Chain, Database, Failure};
use crate::options::GroupCommitOptions;
use crate::table::Tables;

/// What the writer is asked to do.
trait Job: Send {
    /// Does it. After a failure the whole transaction is given up.
    fn apply(&mut self, apply: &mut Apply<'_>) -> Result<(), Failure>;
    /// Tells the caller, if it still waits, what came of it: after the fsync.
    fn answer(self: Box<Self>);
    /// Tells the caller that it may have happened or not, unless the reason says that it has not.
    fn refuse(self: Box<Self>, reason: Unavailable);
}

struct Work {
    job: Box<dyn Job>,
    /// What it adds to its group.
    weight: usize,
    /// Given back when the caller is answered.
    _room: Option<Places>,
}

/// A question, and who asked.
struct Ask<T, F> {
    ask: F,
    came_to: Option<T>,
    answer: oneshot::Sender<Result<T, Unavailable>>,
}

impl<T: Send, F: FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send> Job for Ask<T, F> {
    fn apply(&mut self, apply: &mut Apply<'_>) -> Result<(), Failure> {
        self.came_to = Some((self.ask)(apply)?);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        // Whoever does not wait any more is not told.
        let _told = self.answer.send(self.came_to.ok_or(Unavailable::Failed));
    }

    fn refuse(self: Box<Self>, reason: Unavailable) {
        let _told = self.answer.send(Err(reason));
    }
}

/// The queue in front of the writer, and the writer's thread.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    room: Room,
    /// None when the stores are being closed.
    queue: Mutex<Option<UnboundedSender<Work>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl GroupCommit {
    /// Starts the writer.
    pub(crate) fn start(
        database: Arc<Database>,
        catalog: Arc<ArcSwap<Catalog>>,
        clock: Arc<dyn Clock>,
        bells: Arc<Bells>,
        contents: Arc<Contents>,
        options: GroupCommitOptions,
    ) -> io::Result<Self> {
        // The channel has no bound of its own: whoever sends holds a place of the room, which has.
        let (sender, receiver) = unbounded_channel();
        let bounds = Bounds { works: options.batch_max.max(1), weight: options.effects_max.max(1) };
        let free_min = options.free_min.as_u64();
        let writer = Writer {
            database,
            catalog,
            clock,
            bells,
            contents,
            queue: receiver,
            bounds,
            next: None,
            free_min,
            refused: None,
        };
        let thread = std::thread::Builder::new().name("flint-commit".to_owned()).spawn(move || writer.run())?;
        Ok(Self { room: Room::new(options), queue: Mutex::new(Some(sender)), writer: Mutex::new(Some(thread)) })
    }

    /// Puts a commit into the queue, and waits for it to be durable.
    ///
    /// Dropped before it got a place, nothing happens; dropped later, the commit happens all the same.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let (size, weight) = (commit.size(), commit.effects.len() + commit.consumed.len());
        self.ask(size, weight, move |apply| apply.commit(&commit)).await?
    }

    /// Has the writer do something among the commits, and waits for it to be durable. `size` is in bytes, `weight` in effects.
    ///
    /// Dropped before it got a place, nothing happens; dropped later, it happens all the same.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        size: u64,
        weight: usize,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let room = self.room.take(size).await?;
        let answered = self.send(Some(room), weight, ask)?;
        // The writer answers everyone; it is only gone if its thread panicked outside of a transaction.
        answered.await.unwrap_or(Err(Unavailable::Failed))
    }

    /// Removes up to `max` of what is over, and blocks until it is durable. Answers how many there were.
    pub(crate) fn collect(&self, max: usize) -> Result<usize, Unavailable> {
        let answered = self.send(None, max, move |apply| apply.collect(max))?;
        answered.blocking_recv().unwrap_or(Err(Unavailable::Failed))
    }

    /// Refuses what comes from now on, and gives the thread that still writes what was accepted, once.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        self.room.close();
        drop(self.queue.lock().take());
        self.writer.lock().take()
    }

    fn send<T: Send + 'static>(
        &self,
        room: Option<Places>,
        weight: usize,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, Unavailable>>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let work = Work { job: Box::new(Ask { ask, came_to: None, answer }), weight, _room: room };
        let queue = self.queue.lock();
        let sender = queue.as_ref().ok_or(Unavailable::ShuttingDown)?;
        sender.send(work).map_err(|_| Unavailable::Failed)?;
        Ok(answered)
    }
}

/// What bounds the queue: places for commits, and for their bytes in KiB.
#[derive(Debug)]
struct Room {
    commits: Arc<Semaphore>,
    kib: Arc<Semaphore>,
    kib_max: u32,
    wait_max: Duration,
}

/// The places that one commit holds.
#[derive(Debug)]
struct Places {
    _commit: OwnedSemaphorePermit,
    _kib: OwnedSemaphorePermit,
}

impl Room {
    fn new(options: GroupCommitOptions) -> Self {
        let kib_max = u32::try_from(options.queue_bytes_max.as_u64() >> 10).unwrap_or(u32::MAX).max(1);
        let kib_max = kib_max.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self {
            commits: Arc::new(Semaphore::new(options.queue_max.clamp(1, Semaphore::MAX_PERMITS))),
            kib: Arc::new(Semaphore::new(kib_max as usize)),
            kib_max,
            wait_max: options.wait_max,
        }
    }

    async fn take(&self, size: u64) -> Result<Places, Unavailable> {
        let kib = u32::try_from(size.div_ceil(1 << 10)).unwrap_or(u32::MAX).clamp(1, self.kib_max);
        if let Some(places) = self.take_now(kib) {
            return Ok(places);
        }
        let take = async {
            let commit = Arc::clone(&self.commits).acquire_owned().await?;
            let kib = Arc::clone(&self.kib).acquire_many_owned(kib).await?;
            Ok(Places { _commit: commit, _kib: kib })
        };
        match tokio::time::timeout(self.wait_max, take).await {
            Ok(Ok(places)) => Ok(places),
            Ok(Err(AcquireError { .. })) => Err(Unavailable::ShuttingDown),
            Err(_elapsed) => Err(Unavailable::Overloaded),
        }
    }

    /// Takes places if they are free and nobody waits for them: without a timer, which costs more than the rest.
    fn take_now(&self, kib: u32) -> Option<Places> {
        let commit = Arc::clone(&self.commits).try_acquire_owned().ok()?;
        let kib = Arc::clone(&self.kib).try_acquire_many_owned(kib).ok()?;
        Some(Places { _commit: commit, _kib: kib })
    }

    fn close(&self) {
        self.commits.close();
        self.kib.close();
    }
}

/// What bounds a group: so a caller who comes with little does not wait long behind those who come with much.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    works: usize,
    weight: usize,
}

/// The thread that writes.
struct Writer {
    database: Arc<Database>,
    catalog: Arc<ArcSwap<Catalog>>,
    clock: Arc<dyn Clock>,
    bells: Arc<Bells>,
    contents: Arc<Contents>,
    queue: UnboundedReceiver<Work>,
    bounds: Bounds,
    /// What did not fit into the last group.
    next: Option<Work>,
    /// What has to stay free on the disk, in bytes.
    free_min: u64,
    /// Why the last group was not begun, if it wasn't.
    refused: Option<Unavailable>,
}

impl Writer {
    fn run(mut self) {
        let mut group = Vec::with_capacity(self.bounds.works);
        while self.gather(&mut group) {
            if let Err(reason) = self.database.room(self.free_min) {
                self.say_once(Some(reason), group.len());
                group.drain(..).for_each(|work| work.job.refuse(reason));
                continue;
            }
            self.say_once(None, 0);
            if self.database.is_lost() {
                self.database.recover();
            }
            let mut released = Vec::new();
            match self.write(&mut group, &mut released) {
                Ok(woken) => {
                    group.drain(..).for_each(|work| work.job.answer());
                    self.bells.ring(&woken);
                }
                Err(failure) => {
                    if !matches!(failure, Failure::Unavailable(_)) {
                        tracing::error!(error = %Chain(&failure), commits = group.len(), "a write to the store failed");
                        self.database.recover();
                    }
                    let reason = failure.reason();
                    group.drain(..).for_each(|work| work.job.refuse(reason));
                }
            }
            // Also after a failure, when the database tells whether they are linked, now that it was opened again.
            self.contents.doubt(released);
        }
    }

    /// Tells that the disk takes no writes when that begins, and when it ends.
    fn say_once(&mut self, reason: Option<Unavailable>, commits: usize) {
        if self.refused == reason {
            return;
        }
        match reason {
            Some(reason) => tracing::error!(%reason, commits, "nothing is written until there is room: reads go on"),
            None => tracing::info!("the disk takes writes again"),
        }
        self.refused = reason;
    }

    /// Waits for work, and takes all that is there, up to the bounds; false when there is nobody left who could ask.
    fn gather(&mut self, group: &mut Vec<Work>) -> bool {
        let Some(first) = self.next.take().or_else(|| self.queue.blocking_recv()) else { return false };
        let mut weight = first.weight;
        group.push(first);
        while group.len() < self.bounds.works
            && let Ok(work) = self.queue.try_recv()
        {
            weight = weight.saturating_add(work.weight);
            if weight > self.bounds.weight {
                self.next = Some(work);
                break;
            }
            group.push(work);
        }
        true
    }

    /// Writes a group; answers whom to wake, and fills in the files to which nothing leads if it is written.
    fn write(&self, group: &mut [Work], released: &mut Vec<ContentId>) -> Result<BTreeSet<QueueName>, Failure> {
        let catalog = self.catalog.load();
        self.database.write(|transaction| {
            let mut apply = Apply::new(Tables::open(transaction)?, &catalog, self.clock.now())?;
            group.iter_mut().try_for_each(|work| work.job.apply(&mut apply))?;
            let finished = apply.finish()?;
            *released = finished.released;
            Ok((finished.woken, finished.changed))
        })
    }
}
