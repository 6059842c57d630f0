//! The single writer: commits that wait are written together, and share one fsync.
//!
//! Callers put commits into a bounded queue. One thread (`writer`) takes all that wait, up to a bound, applies them one after
//! the other to one redb transaction, commits it durably, and then answers each caller. A commit that comes alone goes at
//! once; while the disk is busy with one group, the next one gathers. So the groups grow with the load by themselves, and
//! nobody ever waits for company. Leasing messages and removing what is over go the same way, among the commits.
//!
//! What must hold:
//! - nobody is answered before the fsync, also not with a conflict, since it may be about a commit of the same group;
//! - a commit that fails leaves its neighbours alone, also if it fails since it meets something damaged;
//! - if the write fails, everyone in the group is told that the store is unavailable, and the database is opened again;
//! - what was accepted is written, whether or not its caller still waits, also when the stores are closed meanwhile.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use flint_model::{Clock, QueueName};
use flint_stores::{Catalog, Commit, CommitError, Committed, Unavailable};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::apply::Apply;
use crate::contents::Contents;
use crate::database::{Database, Failure};
use crate::load::Load;
use crate::options::GroupCommitOptions;
use crate::waiters::{Place, Waiters};
use crate::writer::{Job, Work, Writer};

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

/// Where the answer comes: nothing does if the writer's thread is gone.
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, Unavailable>>;

impl Work {
    fn new<T: Send + 'static>(
        room: Option<Places>,
        load: Load,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> (Self, Answered<T>) {
        let (answer, answered) = oneshot::channel();
        (Self { job: Box::new(Ask { ask, came_to: None, answer }), load, _room: room }, answered)
    }
}

/// The queue in front of the writer, and the writer's thread.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    room: Room,
    /// Says what a commit causes.
    catalog: Arc<ArcSwap<Catalog>>,
    waiters: Arc<Waiters>,
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
        waiters: Arc<Waiters>,
        contents: Arc<Contents>,
        options: GroupCommitOptions,
    ) -> io::Result<Self> {
        // The channel has no bound of its own: whoever sends holds a place of the room, which has.
        let (sender, receiver) = unbounded_channel();
        let loaded = Arc::clone(&catalog);
        let waiting = Arc::clone(&waiters);
        let writer = Writer::new(database, catalog, clock, waiting, contents, receiver, options);
        let thread = std::thread::Builder::new().name("flint-commit".to_owned()).spawn(move || writer.run())?;
        let (queue, writer) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { room: Room::new(options), catalog: loaded, waiters, queue, writer })
    }

    /// Puts a commit into the queue, and waits for it to be durable.
    ///
    /// Dropped before it got a place, nothing happens; dropped later, the commit happens all the same.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let load = Load::of(&commit, &self.catalog.load());
        self.ask(load, move |apply| apply.commit(&commit)).await?
    }

    /// Has the writer do something among the commits, and waits for it to be durable.
    ///
    /// Dropped before it got a place, nothing happens; dropped later, it happens all the same.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        load: Load,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let room = self.room.take(load.bytes).await?;
        let answered = self.send(Some(room), load, ask)?;
        // The writer answers everyone; it is only gone if its thread panicked outside of a transaction.
        answered.await.unwrap_or(Err(Unavailable::Failed))
    }

    /// Has a receive of a queue stand ready: the writer makes it when a commit brings something for it, as long as it has its place.
    /// Answered when that is durable.
    pub(crate) fn stand<T: Send + 'static>(
        &self,
        queue: QueueName,
        load: Load,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> (Place, Answered<T>) {
        let (work, answered) = Work::new(None, load, ask);
        (self.waiters.enter(queue, work), answered)
    }

    /// Removes up to `max` of what is over, and blocks until it is durable. Answers whether there may be more.
    pub(crate) fn collect(&self, max: usize) -> Result<bool, Unavailable> {
        let answered = self.send(None, Load::frees(max), move |apply| apply.collect(max))?;
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
        load: Load,
        ask: impl FnMut(&mut Apply<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Answered<T>, Unavailable> {
        let (work, answered) = Work::new(room, load, ask);
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
pub(crate) struct Places {
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
