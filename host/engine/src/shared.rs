//! Instances that serve several events at once (`isolation = "shared"`).
//!
//! For components whose handlers are async. Each instance is run by its worker, which takes jobs while it has room: by a task of its
//! own, and by those who bring the jobs, so that most events end before anybody had to be woken for them (see [`Joint`]). Of WASI 0.3
//! that is 10 to 15 % more requests with 64 connections, half more with 256, and with one 23 % less CPU for each.
//!
//! wasmtime can neither cancel one event of an instance (issue 11833) nor tell which event a host call belongs to (14247), and a trap
//! ends the store (11807). So: an event that is given up retires its worker, which takes no new ones and is dropped when the others
//! have ended, and holds its right to run until then; a trap ends all events of the instance, each with the same fault; and what is
//! metered is metered for the instance.
//!
//! Events that come at once on several cores get an instance each, where spares are ready: who waits for one that another core runs is
//! woken across, and follows it there. An event that comes while those of its core are polled for others gets another one, too: else up
//! to 16 waited behind a guest that computes, until it is interrupted, or a thread that lost its core, and the connection of each then for
//! all others. With that and longer turns 0.3 had 16 % more requests with 256 connections where hosts took random turns, and -3 to 6 %,
//! which is noise, where one always came behind the same other.

use crate::fault::Fault;
use crate::joint::Joint;
use crate::lease::Lease;
use crate::limit::HasBudget;
use crate::meter::Metered;
use crate::pool::{Admitted, Blueprint, Isolation, Pool, Refusal};
use flint_model::lane::{self, PerLane};
use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use wasmtime::component::Accessor;

/// So many events run in one instance at once, at most.
const EVENTS_AT_ONCE: usize = 16;

/// An instance without events is kept so long, and one that takes no more may do so long what it does behind its answers.
const IDLE: Duration = Duration::from_secs(30);

/// What an event does in the instance. An error ends the instance.
///
/// [`Shared::submit`] says whether the event has ended with it.
pub type Job<B> = Box<
    dyn for<'a> FnOnce(
            &'a Accessor<<B as Blueprint>::Data>,
            Arc<<B as Blueprint>::Exports>,
        ) -> BoxFuture<'a, wasmtime::Result<()>>
        + Send,
>;

/// When an event has ended that came to no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// When its job has.
    WithJob,
    /// When its job has and its ticket is told so: something of it, such as the body of its answer, may come from the instance behind the
    /// job. A fault of the instance is its fault until then.
    WhenTold,
}

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
    /// Workers that take jobs, by the lane that started them.
    workers: PerLane<Mutex<Vec<Arc<Worker<B>>>>>,
}

/// One instance, as those see it who have jobs for it.
struct Worker<B: Blueprint> {
    /// How many events run; [`CLOSED`] if it takes no more. Written with the state locked.
    events: AtomicUsize,
    state: Mutex<WorkerState<B>>,
    instance: Joint,
    /// Told when it takes no more jobs and nobody waits for an event.
    forsaken: Notify,
    /// Told when it takes no more jobs and has no event.
    done: Notify,
}

/// More events than any worker has.
const CLOSED: usize = usize::MAX;

/// What a worker has for one more event, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// It has no event.
    Idle,
    /// It has few enough.
    Free,
    /// It has few enough, but somebody polls it for them right now: a guest that computes, or a thread that lost its core, would hold the
    /// next one up.
    Polled,
    /// None, or it takes no more.
    Full,
}

impl Room {
    /// By how many events it has, or [`CLOSED`].
    fn of(events: usize, is_polled: bool) -> Self {
        match events {
            0 => Self::Idle,
            1..EVENTS_AT_ONCE if is_polled => Self::Polled,
            1..EVENTS_AT_ONCE => Self::Free,
            _ => Self::Full,
        }
    }
}

/// The number of the worker that takes an event for which its lane has none: one that is idle, or, unless a new one may begin, the first
/// of those with the most room.
fn choose(rooms: impl Iterator<Item = Room>, may_begin: bool) -> Option<usize> {
    let (number, room) = rooms.enumerate().min_by_key(|(_, room)| *room)?;
    match room {
        Room::Idle => Some(number),
        Room::Free | Room::Polled => (!may_begin).then_some(number),
        Room::Full => None,
    }
}

struct WorkerState<B: Blueprint> {
    is_open: bool,
    /// Those that were not begun.
    jobs: VecDeque<Queued<B>>,
    uses: u32,
    /// Those that run, by their number.
    events: BTreeMap<u32, Event>,
    /// When the last one of them ended, or the worker began.
    idle_since: Instant,
}

struct Event {
    /// Who waits for it to end; none: it was given up, and runs until the instance is dropped.
    waiting: Option<oneshot::Sender<Result<(), Fault>>>,
    /// How much of it has not ended: its job, and what its ticket is told.
    parts: u8,
    _admitted: Admitted,
}

struct Queued<B: Blueprint> {
    number: u32,
    job: Job<B>,
    /// Resolves when nobody waits for the event any longer.
    given_up: oneshot::Receiver<()>,
}

/// An event of a shared instance, which has begun when this was polled, if not before: resolves when it has ended (see [`End`]).
/// Dropping it gives the event up.
pub struct Ticket<B: Blueprint> {
    ended: oneshot::Receiver<Result<(), Fault>>,
    worker: Arc<Worker<B>>,
    number: u32,
    begun: bool,
    complete: bool,
    _here: oneshot::Sender<()>,
}

impl<B: Blueprint> Future for Ticket<B> {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !mem::replace(&mut self.begun, true) {
            self.worker.instance.help();
        }
        let ended = Pin::new(&mut self.ended).poll(context);
        ended.map(|ended| {
            self.complete = true;
            ended.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl<B: Blueprint> Ticket<B> {
    /// What comes behind the job has ended ([`End::WhenTold`]); to be said once. None: the event has ended with that, and nobody is
    /// woken for it.
    #[must_use]
    pub fn tell(mut self) -> Option<Self> {
        let Some(event) = self.worker.end_part(self.number) else { return Some(self) };
        self.complete = true;
        self.ended.close();
        drop(event);
        None
    }
}

impl<B: Blueprint> Drop for Ticket<B> {
    fn drop(&mut self) {
        if !self.complete {
            self.worker.give_up(self.number);
        }
    }
}

impl<B: Blueprint> Shared<B> {
    /// Shares the instances of a pool; none if the pool's isolation is another.
    pub fn new(pool: &Pool<B>) -> Option<Self> {
        let Isolation::Shared { uses } = pool.options().isolation else { return None };
        Some(Self(Arc::new(Inner { pool: pool.clone(), uses: uses.max(1), workers: PerLane::default() })))
    }

    /// Lets the instances end when their events have: another function has taken this one's place.
    pub fn retire(&self) {
        for workers in self.0.workers.iter() {
            let workers = mem::take(&mut *workers.lock());
            workers.iter().for_each(|worker| worker.retire());
        }
    }

    /// Hands a job to an instance that has room, or to a new one.
    ///
    /// # Errors
    /// [`Refusal`], which says whether a retry can help. Later faults come from the [`Ticket`].
    pub async fn submit(&self, mut job: Job<B>, end: End) -> Result<Ticket<B>, Refusal> {
        let mut admitted = self.0.pool.admit().await?;
        loop {
            let lane = lane::own();
            let worker = match self.0.roomy(lane) {
                Some(worker) => worker,
                None => self.0.start(lane).await?,
            };
            // A worker can retire between the look and the hand-over.
            match worker.take(job, end, admitted, self.0.uses) {
                Ok(ticket) => return Ok(ticket),
                Err(refused) => (job, admitted) = refused,
            }
        }
    }
}

impl<B: Blueprint> Inner<B> {
    /// A worker for an event that came on a lane: the first one of the lane that has room and is not polled, so that the others run dry and
    /// end. If there is none, see [`choose`]; a new one may begin where there is a spare, unless those of the lane are full.
    fn roomy(&self, lane: usize) -> Option<Arc<Worker<B>>> {
        let mut lanes = self.workers.from(lane);
        let mut own = lanes.next()?.lock();
        own.retain(|worker| worker.events() != CLOSED);
        let mut polled = None;
        for worker in own.iter() {
            match worker.room() {
                Room::Idle | Room::Free => return Some(Arc::clone(worker)),
                Room::Polled => polled = polled.or_else(|| Some(Arc::clone(worker))),
                Room::Full => {}
            }
        }
        let may_begin = (own.is_empty() || polled.is_some()) && self.pool.has_ready();
        drop(own);
        let others = lanes.flat_map(|workers| workers.lock().clone());
        let mut workers: Vec<_> = polled.into_iter().chain(others).collect();
        choose(workers.iter().map(|worker| worker.room()), may_begin).map(|number| workers.swap_remove(number))
    }

    async fn start(&self, lane: usize) -> Result<Arc<Worker<B>>, Fault> {
        let lease = self.pool.instance().await?;
        // It lasts: its end would be the next time that somebody looks.
        self.pool.ask_if_short();
        let worker = Arc::new(Worker::new());
        worker.instance.begin(Box::pin(see_through(lease, Arc::clone(&worker))));
        self.workers.at(lane).lock().push(Arc::clone(&worker));
        tokio::spawn(WorkerTask(Arc::clone(&worker)));
        Ok(worker)
    }
}

impl<B: Blueprint> Worker<B> {
    fn new() -> Self {
        let (jobs, events) = (VecDeque::new(), BTreeMap::new());
        let state = WorkerState { is_open: true, jobs, uses: 0, events, idle_since: Instant::now() };
        let (events, state) = (AtomicUsize::new(0), Mutex::new(state));
        Self { events, state, instance: Joint::default(), forsaken: Notify::new(), done: Notify::new() }
    }

    fn events(&self) -> usize {
        self.events.load(Relaxed)
    }

    fn room(&self) -> Room {
        Room::of(self.events(), self.instance.is_polled())
    }

    /// Takes a job, or hands it back if it takes no more.
    fn take(
        self: Arc<Self>,
        job: Job<B>,
        end: End,
        admitted: Admitted,
        uses_max: u32,
    ) -> Result<Ticket<B>, (Job<B>, Admitted)> {
        let parts = if end == End::WhenTold { 2 } else { 1 };
        let (waiting, ended) = oneshot::channel();
        let (here, given_up) = oneshot::channel();
        let number = self.change(|state| {
            let number = state.uses;
            if !state.is_open {
                return Err((job, admitted));
            }
            state.jobs.push_back(Queued { number, job, given_up });
            state.events.insert(number, Event { waiting: Some(waiting), parts, _admitted: admitted });
            state.uses += 1;
            state.is_open = state.uses < uses_max;
            Ok(number)
        });
        number.map(|number| Ticket { ended, worker: self, number, begun: false, complete: false, _here: here })
    }

    /// One that was not begun.
    fn job(&self) -> Option<Queued<B>> {
        self.state.lock().jobs.pop_front()
    }

    /// Whether it has taken all jobs that it ever will.
    fn takes_no_more(&self) -> bool {
        let state = self.state.lock();
        !state.is_open && state.jobs.is_empty()
    }

    /// Since when it has no event; none: it has one.
    fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.events.is_empty().then_some(state.idle_since)
    }

    /// Takes no more jobs.
    fn retire(&self) {
        self.change(|state| state.is_open = false);
        self.instance.ring();
    }

    /// Nobody waits for this event any longer. It can't be ended by itself, so the instance takes no more.
    fn give_up(&self, number: u32) {
        self.change(|state| {
            state.is_open = false;
            if let Some(event) = state.events.get_mut(&number) {
                event.waiting = None;
            }
        });
        self.instance.ring();
    }

    /// A part of an event has ended; with its last one, the event has, and is handed out.
    fn end_part(&self, number: u32) -> Option<Event> {
        self.change(|state| {
            let event = state.events.get_mut(&number)?;
            event.parts = event.parts.saturating_sub(1);
            if event.parts > 0 {
                return None;
            }
            if state.events.len() == 1 {
                state.idle_since = Instant::now();
            }
            state.events.remove(&number)
        })
    }

    /// The job of an event has ended.
    fn end_job(&self, number: u32) {
        if let Some(Event { waiting: Some(waiting), .. }) = self.end_part(number) {
            // Who gave the event up meanwhile does not want to know.
            _ = waiting.send(Ok(()));
        }
    }

    fn end_all(&self, fault: &Fault) {
        let (events, jobs) = self.change(|state| {
            state.is_open = false;
            (mem::take(&mut state.events), mem::take(&mut state.jobs))
        });
        drop(jobs);
        for waiting in events.into_values().filter_map(|event| event.waiting) {
            _ = waiting.send(Err(fault.clone()));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut WorkerState<B>) -> T) -> T {
        let mut state = self.state.lock();
        let changed = change(&mut state);
        self.events.store(if state.is_open { state.events.len() } else { CLOSED }, Relaxed);
        if !state.is_open && state.events.values().all(|event| event.waiting.is_none()) {
            self.forsaken.notify_one();
            if state.events.is_empty() {
                self.done.notify_one();
            }
        }
        changed
    }

    /// Resolves when the instance is of no use any longer.
    async fn useless(&self) {
        self.forsaken.notified().await;
        let given_up = !self.state.lock().events.is_empty();
        if !given_up {
            // It took as many events as it may: what the guest does behind its last answer has this time.
            tokio::time::sleep(IDLE).await;
        }
    }
}

/// The task of a worker. Nothing of the instance is left when it is dropped.
struct WorkerTask<B: Blueprint>(Arc<Worker<B>>);

impl<B: Blueprint> Future for WorkerTask<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.instance.poll(context)
    }
}

impl<B: Blueprint> Drop for WorkerTask<B> {
    fn drop(&mut self) {
        self.0.instance.end();
        // There is none left, unless the runtime ends.
        self.0.end_all(&gone());
    }
}

fn gone() -> Fault {
    Fault::Other("the worker of the instance is gone".to_owned())
}

/// Sees one instance through, until it is retired, worn out, or was idle for long. Does not panic: somebody else may poll it.
async fn see_through<B: Blueprint>(lease: Lease<B>, worker: Arc<Worker<B>>) {
    let ended = AssertUnwindSafe(run_jobs(lease, &worker)).catch_unwind().await;
    worker.end_all(&ended.unwrap_or_else(|_| gone()));
}

/// Runs the jobs of one instance, and says how those end that are left.
async fn run_jobs<B: Blueprint>(mut lease: Lease<B>, worker: &Worker<B>) -> Fault {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let result = {
        let serving = pin!(store.run_concurrent(async |accessor| serve(accessor, &exports, worker).await));
        let serving = Metered::plain(serving, meter);
        // From outside: a guest that blocks in a call of the host holds up all that waits inside.
        match select(serving, pin!(worker.useless())).await {
            Either::Left((result, _)) => result.flatten(),
            Either::Right(((), _)) => Ok(()),
        }
    };
    match result {
        Ok(()) => Fault::Other("the instance was given up".to_owned()),
        Err(error) => Fault::of_call(&error, lease.store().data_mut().budget().memory_refused()),
    }
}

async fn serve<B: Blueprint>(
    accessor: &Accessor<B::Data>,
    exports: &Arc<B::Exports>,
    worker: &Worker<B>,
) -> wasmtime::Result<()> {
    let mut running = FuturesUnordered::new();
    // One timer for all events: each that set it would take the lock of all timers.
    let mut idle = pin!(tokio::time::sleep(IDLE));
    let served = poll_fn(|context| {
        while let Some(Queued { number, job, given_up }) = worker.job() {
            // The CPU limit is for the time since the last event came: one that spins lets no other in, and one that
            // works on and on beside others meets its time-out.
            accessor.with(|mut access| access.data_mut().budget().begin());
            let event = job(accessor, Arc::clone(exports));
            running.push(async move {
                match select(event, given_up).await {
                    Either::Left((result, _)) => result.map(|()| Some(number)),
                    Either::Right(_) => Ok(None),
                }
            });
        }
        while let Poll::Ready(Some(ended)) = running.poll_next_unpin(context) {
            match ended {
                Ok(Some(number)) => worker.end_job(number),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        while idle.as_mut().poll(context).is_ready() {
            let since = worker.idle_since().unwrap_or_else(Instant::now);
            if since.elapsed() >= IDLE {
                worker.retire();
                break;
            }
            idle.as_mut().reset(since + IDLE);
        }
        if running.is_empty() && worker.takes_no_more() { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    served.await?;
    // What still comes from the instance, and what the guest does behind its last answer.
    worker.done.notified().await;
    poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_room_for_so_many_events_until_it_takes_no_more() {
        let rooms =
            |is_polled| [0, 1, EVENTS_AT_ONCE - 1, EVENTS_AT_ONCE, CLOSED].map(|events| Room::of(events, is_polled));
        assert_eq!(rooms(false), [Room::Idle, Room::Free, Room::Free, Room::Full, Room::Full]);
        assert_eq!(rooms(true), [Room::Idle, Room::Polled, Room::Polled, Room::Full, Room::Full]);
    }

    #[test]
    fn who_is_idle_takes_an_event_or_the_first_with_the_most_room_if_no_other_may_begin() {
        use Room::{Free, Full, Idle, Polled};
        let chosen = |rooms: &[Room], may_begin| choose(rooms.iter().copied(), may_begin);
        assert_eq!([chosen(&[], false), chosen(&[Full], false)], [None, None]);
        assert_eq!(chosen(&[Free, Idle], true), Some(1), "one that is idle, rather than another instance");
        assert_eq!(chosen(&[Full, Free], true), None, "a lane that works has an instance of its own");
        assert_eq!(chosen(&[Full, Free, Free], false), Some(1), "but waits for none, and room is room");
        assert_eq!([chosen(&[Polled], true), chosen(&[Polled], false)], [None, Some(0)], "nor for one that computes");
        assert_eq!(chosen(&[Polled, Free], false), Some(1));
    }
}
