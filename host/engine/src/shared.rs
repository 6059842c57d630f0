//! Instances that serve several events at once (`isolation = "shared"`).
//!
//! For components whose handlers are async. Each instance is run by one task, its worker, which takes jobs while it has
//! room. wasmtime can neither cancel one event of an instance (issue 11833) nor tell which event a host call belongs to
//! (14247), and a trap ends the store (11807). So: an event that is given up retires its worker, which takes no new ones and is
//! dropped when the others have ended; a trap ends all events of the instance, each with the same fault; and what is metered
//! is metered for the instance.

use crate::fault::Fault;
use crate::lease::Lease;
use crate::limit::HasBudget;
use crate::meter::Metered;
use crate::pool::{Admitted, Blueprint, Isolation, Pool, Refusal};
use futures::future::{BoxFuture, Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Accessor;

/// So many events run in one instance at once; the next one starts another instance, which may run on another thread.
const EVENTS_AT_ONCE: usize = 16;

/// An instance without events is kept so long.
const IDLE: Duration = Duration::from_secs(30);

/// What an event does in the instance. An error ends the instance.
pub type Job<B> = Box<
    dyn for<'a> FnOnce(
            &'a Accessor<<B as Blueprint>::Data>,
            Arc<<B as Blueprint>::Exports>,
        ) -> BoxFuture<'a, wasmtime::Result<()>>
        + Send,
>;

/// Runs events in shared instances.
pub struct Shared<B: Blueprint>(Arc<Inner<B>>);

impl<B: Blueprint> Clone for Shared<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<B: Blueprint> {
    pool: Pool<B>,
    uses: u32,
    /// Workers that take jobs.
    workers: Mutex<Vec<Arc<Worker<B>>>>,
}

/// One instance, as those see it who have jobs for it.
struct Worker<B: Blueprint> {
    state: Mutex<WorkerState<B>>,
}

struct WorkerState<B: Blueprint> {
    /// None: it takes no more jobs.
    jobs: Option<mpsc::UnboundedSender<Task<B>>>,
    uses: u32,
    /// Who waits for an event to end.
    waiting: BTreeMap<u32, oneshot::Sender<Result<(), Fault>>>,
}

struct Task<B: Blueprint> {
    number: u32,
    job: Job<B>,
    /// Resolves when nobody waits for the event any longer.
    given_up: oneshot::Receiver<()>,
}

/// An event that runs in a shared instance: resolves when it has ended. Dropping it gives the event up.
pub struct Ticket<B: Blueprint> {
    ended: oneshot::Receiver<Result<(), Fault>>,
    worker: Arc<Worker<B>>,
    complete: bool,
    _here: oneshot::Sender<()>,
    _admitted: Admitted,
}

impl<B: Blueprint> Future for Ticket<B> {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = Pin::new(&mut self.ended).poll(context);
        ended.map(|ended| {
            self.complete = true;
            ended.unwrap_or_else(|_| Err(Fault::Other("the worker of the instance is gone".to_owned())))
        })
    }
}

impl<B: Blueprint> Drop for Ticket<B> {
    fn drop(&mut self) {
        if !self.complete {
            self.worker.retire();
        }
    }
}

impl<B: Blueprint> Shared<B> {
    /// Shares the instances of a pool; none if the pool's isolation is another.
    pub fn new(pool: &Pool<B>) -> Option<Self> {
        let Isolation::Shared { uses } = pool.options().isolation else { return None };
        Some(Self(Arc::new(Inner { pool: pool.clone(), uses: uses.max(1), workers: Mutex::default() })))
    }

    /// Runs a job in an instance that has room, or in a new one. `prepare` sees the data of a new instance's store.
    ///
    /// # Errors
    /// [`Refusal`], which says whether a retry can help. Later faults come from the [`Ticket`].
    pub async fn submit(&self, mut job: Job<B>, prepare: impl Fn(&mut B::Data)) -> Result<Ticket<B>, Refusal> {
        let mut admitted = self.0.pool.admit().await?;
        loop {
            let worker = match self.0.roomy() {
                Some(worker) => worker,
                None => self.0.start(&prepare).await?,
            };
            // A worker can retire between the look and the hand-over.
            match worker.take(job, admitted, self.0.uses) {
                Ok(ticket) => return Ok(ticket),
                Err(refused) => (job, admitted) = refused,
            }
        }
    }
}

impl<B: Blueprint> Inner<B> {
    /// The first worker with room: the others run dry and end.
    fn roomy(&self) -> Option<Arc<Worker<B>>> {
        let mut workers = self.workers.lock();
        workers.retain(|worker| worker.state.lock().jobs.is_some());
        workers.iter().find(|worker| worker.state.lock().waiting.len() < EVENTS_AT_ONCE).cloned()
    }

    async fn start(&self, prepare: impl Fn(&mut B::Data)) -> Result<Arc<Worker<B>>, Fault> {
        let mut lease = self.pool.instance().await?;
        prepare(lease.store().data_mut());
        let (sender, jobs) = mpsc::unbounded_channel();
        let state = WorkerState { jobs: Some(sender), uses: 0, waiting: BTreeMap::new() };
        let worker = Arc::new(Worker { state: Mutex::new(state) });
        self.workers.lock().push(Arc::clone(&worker));
        tokio::spawn(run(lease, jobs, Arc::clone(&worker)));
        Ok(worker)
    }
}

impl<B: Blueprint> Worker<B> {
    /// Takes a job, or hands it back if it takes no more.
    fn take(self: Arc<Self>, job: Job<B>, admitted: Admitted, uses_max: u32) -> Result<Ticket<B>, (Job<B>, Admitted)> {
        let (end, ended) = oneshot::channel();
        let (here, given_up) = oneshot::channel();
        {
            let mut state = self.state.lock();
            let number = state.uses;
            let Some(jobs) = &state.jobs else { return Err((job, admitted)) };
            if let Err(refused) = jobs.send(Task { number, job, given_up }) {
                state.jobs = None;
                return Err((refused.0.job, admitted));
            }
            state.waiting.insert(number, end);
            state.uses += 1;
            if state.uses >= uses_max {
                state.jobs = None;
            }
        }
        Ok(Ticket { ended, worker: self, complete: false, _here: here, _admitted: admitted })
    }

    /// Takes no more jobs.
    fn retire(&self) {
        self.state.lock().jobs = None;
    }

    fn end(&self, number: u32) {
        if let Some(waiting) = self.state.lock().waiting.remove(&number) {
            // Who gave the event up does not want to know.
            _ = waiting.send(Ok(()));
        }
    }

    fn end_all(&self, fault: &Fault) {
        let mut state = self.state.lock();
        state.jobs = None;
        for (_, waiting) in std::mem::take(&mut state.waiting) {
            _ = waiting.send(Err(fault.clone()));
        }
    }
}

/// Runs the jobs of one instance, until it is retired, worn out, or was idle for long.
async fn run<B: Blueprint>(mut lease: Lease<B>, jobs: mpsc::UnboundedReceiver<Task<B>>, worker: Arc<Worker<B>>) {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let result = {
        let events = pin!(store.run_concurrent(async |accessor| serve(accessor, &exports, jobs, &worker).await));
        Metered::new(events, meter).await.flatten()
    };
    let fault = match result {
        Ok(()) => Fault::Other("the instance was given up".to_owned()),
        Err(error) => Fault::classify(&error, lease.store().data_mut().budget().memory_refused()),
    };
    worker.end_all(&fault);
}

async fn serve<B: Blueprint>(
    accessor: &Accessor<B::Data>,
    exports: &Arc<B::Exports>,
    mut jobs: mpsc::UnboundedReceiver<Task<B>>,
    worker: &Worker<B>,
) -> wasmtime::Result<()> {
    let mut running = FuturesUnordered::new();
    let mut open = true;
    while open || !running.is_empty() {
        tokio::select! {
            biased;
            Some(ended) = running.next() => {
                let ended: wasmtime::Result<u32> = ended;
                worker.end(ended?);
            }
            task = jobs.recv(), if open => match task {
                Some(Task { number, job, given_up }) => {
                    // The CPU limit is for the time since the last event came: one that spins lets no other in.
                    accessor.with(|mut access| access.data_mut().budget().begin());
                    let event = job(accessor, Arc::clone(exports));
                    running.push(async move {
                        match select(event, given_up).await {
                            Either::Left((result, _)) => result.map(|()| number),
                            Either::Right(_) => Ok(number),
                        }
                    });
                }
                None => open = false,
            },
            () = tokio::time::sleep(IDLE), if running.is_empty() => worker.retire(),
        }
    }
    // What the guest does behind its last answer; nothing, for an event that was given up.
    let mut left = pin!(poll_fn(|context| accessor.poll_no_interesting_tasks(context)));
    _ = tokio::time::timeout(IDLE, &mut left).await;
    Ok(())
}
