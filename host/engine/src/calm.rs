//! A future whose task is not woken by what the future does to itself.
//!
//! Parts of a guest's call wake each other while it is polled. What they wake is the task of the whole connection, which is then
//! polled once more, and for which the runtime wakes another thread to help: with a system call, on the way of the answer. But a
//! call that ended in this poll has no use for it, and any other is polled again at once, unless it holds its thread for long. It
//! takes a request from 60 to 49 µs of CPU with 64 connections on two cores, and from 115 to 76 µs with one.
//!
//! Polling again at once gave 0.3 a quarter more requests with one connection, fresh or shared, and a shared buffered handler half
//! more; with 16 and more connections that one lost 15 %, since its instance then looks for work before there is any. To have a
//! shared instance polled again behind the other tasks of its thread (`yield_now`) was tried: it lost all of the first, and 12 % of
//! shared 0.3, and won nothing back.

use futures::task::AtomicWaker;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A future that rang for itself is polled again as long as all of it takes no longer; then it is the turn of others. A guest that
/// spins does not ring: behind a tick it waits until the others of its thread had theirs. With 50 µs, 7 to 49 % of the turns of shared
/// instances of 0.3 were over before they had nothing left to do, with 256 connections (counted in a build that is not optimised as a
/// whole), and what was left waited behind all of them; with 500 µs it was 1 % at most.
const TURN: Duration = Duration::from_micros(200);

/// But not more often: one that has nothing to do but to wait for the others of its thread would take all of the turn.
const AGAIN_MAX: u32 = 3;

/// See the module.
pub struct Calm<F> {
    future: F,
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
}

impl<F> Calm<F> {
    pub(crate) fn new(future: F) -> Self {
        let (bell, waker) = Bell::with_waker();
        Self { future, bell, waker }
    }
}

impl<F: Future + Unpin> Future for Calm<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Nobody else polls it.
        _ = this.bell.begin();
        let mut is_first = true;
        let turn = this.bell.turn(&this.waker, |inner| {
            let poll = Pin::new(&mut this.future).poll(inner);
            if poll.is_pending() && mem::take(&mut is_first) {
                // Before others may ring for it.
                this.bell.register(context.waker());
            }
            poll
        });
        match turn {
            Turn::Ended(output) => return Poll::Ready(output),
            Turn::Waits => {}
            Turn::Over => this.bell.end(),
        }
        Poll::Pending
    }
}

/// What a future is given to wake its task by, and who polls it.
#[derive(Debug)]
pub(crate) struct Bell {
    task: AtomicWaker,
    state: AtomicU8,
}

/// The future waits: whoever rings wakes its task.
const WAITING: u8 = 0;
/// The future is polled, or has ended: nobody has to be woken now.
const POLLED: u8 = 1;
/// It was rung for meanwhile.
const RUNG: u8 = 2;

/// How a turn has ended.
#[derive(Debug)]
pub(crate) enum Turn<T> {
    /// With the future: nobody may poll it any longer.
    Ended(T),
    /// The future waits.
    Waits,
    /// It is the turn of others, and the future has more to do: nobody may poll it until [`Bell::end`].
    Over,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let rung = self.state.fetch_update(AcqRel, Acquire, |state| (state != WAITING).then_some(RUNG));
        if rung.is_err() {
            self.task.wake();
        }
    }
}

impl Bell {
    /// A bell, and what rings it.
    pub(crate) fn with_waker() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self { task: AtomicWaker::new(), state: AtomicU8::new(WAITING) });
        let waker = Waker::from(Arc::clone(&bell));
        (bell, waker)
    }

    /// Names the task to wake.
    pub(crate) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Whether the future is polled at this moment.
    pub(crate) fn is_polled(&self) -> bool {
        self.state.load(Relaxed) != WAITING
    }

    /// Whether it is the caller's turn to poll the future. If not, who polls it now is told to do so again.
    pub(crate) fn begin(&self) -> bool {
        let begun = |state| Some(if state == WAITING { POLLED } else { RUNG });
        self.state.fetch_update(AcqRel, Acquire, begun) == Ok(WAITING)
    }

    /// Polls the future until nobody has rung, or others should have their turn.
    pub(crate) fn turn<T>(&self, waker: &Waker, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Turn<T> {
        let began = Instant::now();
        let mut again = 0;
        loop {
            if let Poll::Ready(output) = poll(&mut Context::from_waker(waker)) {
                return Turn::Ended(output);
            }
            if self.state.compare_exchange(POLLED, WAITING, AcqRel, Acquire).is_ok() {
                return Turn::Waits;
            }
            if again == AGAIN_MAX || began.elapsed() >= TURN {
                return Turn::Over;
            }
            again += 1;
            self.state.swap(POLLED, AcqRel);
        }
    }

    /// Leaves the future to its task, and to whoever comes before.
    pub(crate) fn end(&self) {
        self.state.swap(WAITING, AcqRel);
        self.task.wake();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use futures::task::{ArcWake, waker};
    use std::future::poll_fn;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// How often a task was woken.
    #[derive(Default)]
    pub(crate) struct Count(pub(crate) AtomicUsize);

    impl ArcWake for Count {
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn a_wake_of_ones_own_is_a_poll_at_once_and_none_if_nothing_is_left_to_do() {
        let woken = Arc::new(Count::default());
        let task = waker(Arc::clone(&woken));
        let (inside, mut polls) = (Mutex::new(None::<Waker>), 0);
        let mut calm = Calm::new(poll_fn(|context| {
            polls += 1;
            *inside.lock().expect("no poison") = Some(context.waker().clone());
            context.waker().wake_by_ref();
            if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert!(Pin::new(&mut calm).poll(&mut Context::from_waker(&task)).is_ready());
        inside.lock().expect("no poison").take().expect("a waker").wake();
        assert_eq!(woken.0.load(SeqCst), 0, "nothing is left to do, nor later");
    }

    #[test]
    fn one_that_goes_on_and_on_lets_others_have_their_turn() {
        for (takes, most) in [(Duration::ZERO, AGAIN_MAX + 1), (TURN, 1)] {
            let woken = Arc::new(Count::default());
            let task = waker(Arc::clone(&woken));
            let mut polls = 0;
            let mut calm = Calm::new(poll_fn(|context| {
                polls += 1;
                std::thread::sleep(takes);
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            assert!(Pin::new(&mut calm).poll(&mut Context::from_waker(&task)).is_pending());
            assert_eq!(woken.0.load(SeqCst), 1, "it is told that there is more to do");
            assert!((1..=most).contains(&polls), "{polls}");
        }
    }

    #[test]
    fn whoever_rings_while_it_waits_wakes_the_task() {
        let woken = Arc::new(Count::default());
        let task = waker(Arc::clone(&woken));
        let inside = Mutex::new(None::<Waker>);
        let mut calm = Calm::new(poll_fn(|context| {
            *inside.lock().expect("no poison") = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        assert!(Pin::new(&mut calm).poll(&mut Context::from_waker(&task)).is_pending());
        assert_eq!(woken.0.load(SeqCst), 0);
        inside.lock().expect("no poison").take().expect("a waker").wake();
        assert_eq!(woken.0.load(SeqCst), 1);
    }
}
