//! A future that a task of its own sees through, and that whoever waits for something of it may poll where they are.
//!
//! To wake another task, and to be woken by it, costs more than what most events do in a guest. So who has work for the future polls
//! it: most of that work has ended before they have to wait at all. While somebody polls it already, that one polls it again, for a
//! turn at most, and may get what they wait for later by that; its task is woken for what takes longer.
//!
//! Whoever comes may poll it before its task does, also if it had its turn: so a guest that spins goes on for a tick with each event
//! that comes, of which an instance takes but a few at once. To keep it for the task then was tried: that task waits behind the
//! connections that are ready, whose events queue up meanwhile, and with 256 of them 14 to 27 % of the rate were lost.

use crate::calm::{Bell, Turn};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// See the module.
pub(crate) struct Joint {
    /// None: it has not begun, or has ended. Who holds the bell's turn locks it, and the end of its task.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
}

impl Default for Joint {
    fn default() -> Self {
        let (bell, waker) = Bell::with_waker();
        Self { future: Mutex::default(), bell, waker }
    }
}

impl Joint {
    /// Says what the future is. Nobody polls it before.
    pub(crate) fn begin(&self, future: BoxFuture<'static, ()>) {
        *self.future.lock() = Some(future);
    }

    /// Polls the future in its task.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.register(context.waker());
        self.poll_if_idle()
    }

    /// Polls the future for what was brought to it, or leaves that to who polls it now or next.
    pub(crate) fn help(&self) {
        // Its task is there for what is left.
        _ = self.poll_if_idle();
    }

    /// Whether somebody polls it at this moment.
    pub(crate) fn is_polled(&self) -> bool {
        self.bell.is_polled()
    }

    /// Has the future polled, elsewhere.
    pub(crate) fn ring(&self) {
        self.waker.wake_by_ref();
    }

    /// Drops the future.
    pub(crate) fn end(&self) {
        let future = self.future.lock().take();
        drop(future);
    }

    /// Polls the future, unless somebody does so.
    fn poll_if_idle(&self) -> Poll<()> {
        if !self.bell.begin() {
            return Poll::Pending;
        }
        let mut slot = self.future.lock();
        let turn = match slot.as_mut() {
            Some(future) => self.bell.turn(&self.waker, |context| future.as_mut().poll(context)),
            None => Turn::Ended(()),
        };
        let poll = match turn {
            Turn::Waits => return Poll::Pending,
            Turn::Over => Poll::Pending,
            Turn::Ended(()) => {
                *slot = None;
                Poll::Ready(())
            }
        };
        drop(slot);
        self.bell.end();
        poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calm::tests::Count;
    use futures::task::waker;
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::mpsc;
    use std::time::Duration;

    /// A joint whose future counts its polls, and does `work` in each with the number and its waker, until that says that it has ended.
    fn joint(work: impl Fn(usize, &Waker) -> bool + Send + 'static) -> (Arc<Joint>, Arc<AtomicUsize>) {
        let (joint, polls) = (Arc::new(Joint::default()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&polls);
        joint.begin(Box::pin(poll_fn(move |context| {
            let number = count.fetch_add(1, SeqCst);
            if work(number, context.waker()) { Poll::Ready(()) } else { Poll::Pending }
        })));
        (joint, polls)
    }

    /// A task, and how often it was woken.
    fn task() -> (Waker, impl Fn() -> usize) {
        let woken = Arc::new(Count::default());
        (waker(Arc::clone(&woken)), move || woken.0.load(SeqCst))
    }

    #[test]
    fn who_helps_polls_it_where_they_are_and_its_task_is_woken_for_the_end() {
        let (joint, polls) = joint(|number, _| number == 2);
        let (waker, woken) = task();
        let mut context = Context::from_waker(&waker);
        assert!(joint.poll(&mut context).is_pending());
        joint.help();
        assert_eq!((polls.load(SeqCst), woken()), (2, 0));
        joint.help();
        assert_eq!((polls.load(SeqCst), woken()), (3, 1));
        assert!(joint.poll(&mut context).is_ready());
        joint.help();
        assert_eq!(polls.load(SeqCst), 3, "what has ended is polled no more");
    }

    #[test]
    fn who_would_help_while_it_is_polled_waits_for_nobody_and_has_it_polled_again() {
        let ((entering, entered), (leave, leaving)) = (mpsc::channel(), mpsc::channel());
        let leaving = Mutex::new(leaving);
        let (joint, polls) = joint(move |_, _| {
            entering.send(()).expect("the test listens");
            leaving.lock().recv().expect("the test tells");
            false
        });
        let (waker, woken) = task();
        joint.bell.register(&waker);
        std::thread::scope(|threads| {
            threads.spawn(|| joint.help());
            entered.recv_timeout(Duration::from_secs(60)).expect("it is polled");
            joint.help();
            assert_eq!(polls.load(SeqCst), 1);
            (0..2).for_each(|_| leave.send(()).expect("it is polled"));
        });
        let again = polls.load(SeqCst) - 1;
        assert_eq!(again + woken(), 1, "by its task, if a turn was over");
    }

    #[test]
    fn what_rings_while_it_waits_wakes_its_task() {
        let inside = Arc::new(Mutex::new(None));
        let (joint, polls) = joint({
            let inside = Arc::clone(&inside);
            move |_, waker| {
                *inside.lock() = Some(waker.clone());
                false
            }
        });
        let (waker, woken) = task();
        assert!(joint.poll(&mut Context::from_waker(&waker)).is_pending());
        inside.lock().take().expect("it was polled").wake();
        assert_eq!((polls.load(SeqCst), woken()), (1, 1));
        assert!(joint.poll(&mut Context::from_waker(&waker)).is_pending());
        joint.ring();
        assert_eq!((polls.load(SeqCst), woken()), (2, 2));
    }

    #[test]
    fn its_task_is_woken_for_what_takes_long() {
        let (joint, polls) = joint(|_, waker| {
            std::thread::sleep(Duration::from_millis(1));
            waker.wake_by_ref();
            false
        });
        let (waker, woken) = task();
        joint.bell.register(&waker);
        joint.help();
        assert_eq!((polls.load(SeqCst), woken()), (1, 1));
        assert!(joint.poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!((polls.load(SeqCst), woken()), (2, 2));
    }

    #[test]
    fn nothing_is_left_of_it_at_its_end() {
        let held = Arc::new(());
        let (joint, polls) = joint({
            let held = Arc::clone(&held);
            move |_, _| Arc::strong_count(&held) == 0
        });
        joint.end();
        joint.help();
        assert_eq!((Arc::strong_count(&held), polls.load(SeqCst)), (1, 0));
    }
}
