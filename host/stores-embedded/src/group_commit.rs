//! The single writer: commits that wait are written together, and share one fsync.
//!
//! Callers put commits into a bounded queue. One thread takes all that wait, up to a bound, applies them one after the
//! other to one redb transaction, commits it durably, and then answers each caller. A commit that comes alone goes at
//! once; while the disk is busy with one group, the next one gathers. So the groups grow with the load by themselves, and
//! nobody ever waits for company.
//!
//! What must hold:
//! - nobody is answered before the fsync, also not with a conflict, since it may be about a commit of the same group;
//! - a commit that fails leaves its neighbours alone;
//! - if the write fails, everyone in the group is told that the store is unavailable, and the database is opened again;
//! - what was accepted is written, whether or not its caller still waits, also when the stores are closed meanwhile.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use flint_model::Clock;
use flint_stores::{Commit, CommitError, Committed, Unavailable};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::apply::Apply;
use crate::database::{Chain, Database, Failure};
use crate::options::GroupCommitOptions;
use crate::table::Tables;

type Answer<T> = oneshot::Sender<T>;

/// What the writer is asked to do.
enum Work {
    Commit {
        commit: Commit,
        answer: Answer<Result<Committed, CommitError>>,
        /// Given back when the commit is answered.
        _room: Places,
    },
    Collect {
        max: usize,
        answer: Answer<Result<usize, Unavailable>>,
    },
}

/// What became of it, to be told after the fsync.
enum Done {
    Commit(Result<Committed, CommitError>),
    Collect(usize),
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
        clock: Arc<dyn Clock>,
        options: GroupCommitOptions,
    ) -> io::Result<Self> {
        // The channel has no bound of its own: whoever sends holds a place of the room, which has.
        let (sender, receiver) = unbounded_channel();
        let writer = Writer { database, clock, queue: receiver, batch_max: options.batch_max.max(1) };
        let thread = std::thread::Builder::new().name("flint-commit".to_owned()).spawn(move || writer.run())?;
        Ok(Self { room: Room::new(options), queue: Mutex::new(Some(sender)), writer: Mutex::new(Some(thread)) })
    }

    /// Puts a commit into the queue, and waits for it to be durable.
    ///
    /// Dropped before it got a place, nothing happens; dropped later, the commit happens all the same.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let room = self.room.take(&commit).await?;
        let (answer, answered) = oneshot::channel();
        self.send(Work::Commit { commit, answer, _room: room })?;
        // The writer answers everyone; it is only gone if its thread panicked outside of a transaction.
        answered.await.unwrap_or(Err(Unavailable::Failed.into()))
    }

    /// Removes up to `max` expired entries, and blocks until it is durable. Answers how many there were.
    pub(crate) fn collect(&self, max: usize) -> Result<usize, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Collect { max, answer })?;
        answered.blocking_recv().unwrap_or(Err(Unavailable::Failed))
    }

    /// Refuses what comes from now on, and gives the thread that still writes what was accepted, once.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        self.room.close();
        drop(self.queue.lock().take());
        self.writer.lock().take()
    }

    fn send(&self, work: Work) -> Result<(), Unavailable> {
        let queue = self.queue.lock();
        let sender = queue.as_ref().ok_or(Unavailable::ShuttingDown)?;
        sender.send(work).map_err(|_| Unavailable::Failed)
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

    async fn take(&self, commit: &Commit) -> Result<Places, Unavailable> {
        let kib = u32::try_from(commit.size().div_ceil(1 << 10)).unwrap_or(u32::MAX).clamp(1, self.kib_max);
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

/// The thread that writes.
struct Writer {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    queue: UnboundedReceiver<Work>,
    batch_max: usize,
}

impl Writer {
    fn run(mut self) {
        let mut group = Vec::with_capacity(self.batch_max);
        while self.queue.blocking_recv_many(&mut group, self.batch_max) > 0 {
            if self.database.is_lost() {
                self.database.recover();
            }
            match self.write(&group) {
                Ok(done) => group.drain(..).zip(done).for_each(|(work, done)| work.answer(done)),
                Err(failure) => {
                    if !matches!(failure, Failure::Unavailable(_)) {
                        tracing::error!(error = %Chain(&failure), commits = group.len(), "a write to the store failed");
                        self.database.recover();
                    }
                    group.drain(..).for_each(Work::refuse);
                }
            }
        }
    }

    fn write(&self, group: &[Work]) -> Result<Vec<Done>, Failure> {
        self.database.write(|transaction| {
            let mut apply = Apply::new(Tables::open(transaction)?, self.clock.now())?;
            let done = group.iter().map(|work| work.apply(&mut apply)).collect::<Result<_, _>>()?;
            Ok((done, apply.finish()?))
        })
    }
}

impl Work {
    fn apply(&self, apply: &mut Apply<'_>) -> Result<Done, Failure> {
        match self {
            Self::Commit { commit, .. } => Ok(Done::Commit(apply.commit(commit)?)),
            Self::Collect { max, .. } => Ok(Done::Collect(apply.collect(*max)?)),
        }
    }

    /// Tells the caller, if it still waits.
    fn answer(self, done: Done) {
        match (self, done) {
            (Self::Commit { answer, .. }, Done::Commit(result)) => drop(answer.send(result)),
            (Self::Collect { answer, .. }, Done::Collect(count)) => drop(answer.send(Ok(count))),
            (Self::Commit { .. }, Done::Collect(_)) | (Self::Collect { .. }, Done::Commit(_)) => {
                unreachable!("`apply` answers each kind of work with its own kind")
            }
        }
    }

    fn refuse(self) {
        match self {
            Self::Commit { answer, .. } => drop(answer.send(Err(Unavailable::Failed.into()))),
            Self::Collect { answer, .. } => drop(answer.send(Err(Unavailable::Failed))),
        }
    }
}
