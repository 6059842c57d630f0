//! A future that a task of its own sees through, and that whoever waits for something of it may poll where they are.
//!
//! To wake another task, and to be woken by it, costs more than what most events do in a guest. So who has work for the future polls
//! it: most of that work has ended before they have to wait at all. While somebody polls it already, it is told to be polled again.

use crate::calm::Bell;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

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

    /// Sees the future through; dropped, it drops it.
    pub(crate) async fn run(&self) {
        let _until_then = Until(self);
        poll_fn(|context| {
            self.bell.register(context.waker());
            self.poll()
        })
        .await;
    }

    /// Polls the future for what was brought to it, or has those do it again who do so now.
    pub(crate) fn help(&self) {
        // Its task is there for what is left.
        _ = self.poll();
    }

    /// Has the future polled, elsewhere.
    pub(crate) fn ring(&self) {
        self.waker.wake_by_ref();
    }

    fn poll(&self) -> Poll<()> {
        if !self.bell.begin() {
            return Poll::Pending;
        }
        let mut slot = self.future.lock();
        let Some(future) = slot.as_mut() else {
            drop(slot);
            self.bell.end();
            return Poll::Ready(());
        };
        let poll = self.bell.turn(&self.waker, |context| future.as_mut().poll(context));
        if poll.is_ready() {
            *slot = None;
            drop(slot);
            self.bell.end();
        }
        poll
    }
}

/// Drops the future of a joint when it is dropped.
struct Until<'a>(&'a Joint);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        let future = self.0.future.lock().take();
        drop(future);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calm::tests::Count;
    use futures::task::waker;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Context;

    /// A joint whose future counts its polls, does `work` in each, and ends with the third.
    fn joint(work: impl Fn() + Send + 'static) -> (Arc<Joint>, Arc<AtomicUsize>) {
        let (joint, polls) = (Arc::new(Joint::default()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&polls);
        joint.begin(Box::pin(poll_fn(move |_| {
            work();
            if count.fetch_add(1, SeqCst) == 2 { Poll::Ready(()) } else { Poll::Pending }
        })));
        (joint, polls)
    }

    #[test]
    fn who_helps_polls_it_where_they_are_and_its_task_is_woken_for_the_end() {
        let (joint, polls) = joint(|| {});
        let woken = Arc::new(Count::default());
        let task = waker(Arc::clone(&woken));
        let mut run = pin!(joint.run());
        assert!(run.as_mut().poll(&mut Context::from_waker(&task)).is_pending());
        joint.help();
        assert_eq!((polls.load(SeqCst), woken.0.load(SeqCst)), (2, 0));
        joint.help();
        assert_eq!((polls.load(SeqCst), woken.0.load(SeqCst)), (3, 1));
        assert!(run.as_mut().poll(&mut Context::from_waker(&task)).is_ready());
        joint.help();
        assert_eq!(polls.load(SeqCst), 3, "what has ended is polled no more");
    }

    #[test]
    fn who_would_help_while_it_is_polled_has_it_polled_again_or_its_task_woken() {
        let (inside, entered) = std::sync::mpsc::channel();
        let (leave, left) = std::sync::mpsc::channel();
        let left = Mutex::new(left);
        let (joint, polls) = joint(move || {
            inside.send(()).expect("the test listens");
            left.lock().recv().expect("the test tells");
        });
        let woken = Arc::new(Count::default());
        joint.bell.register(&waker(Arc::clone(&woken)));
        std::thread::scope(|threads| {
            threads.spawn(|| joint.help());
            entered.recv().expect("it is polled");
            joint.help();
            assert_eq!(polls.load(SeqCst), 0, "nobody waits for who polls it");
            (0..2).for_each(|_| leave.send(()).expect("it is polled"));
        });
        let again = polls.load(SeqCst) - 1;
        assert_eq!(again + woken.0.load(SeqCst), 1, "the task, if it took longer than a turn");
    }

    #[test]
    fn who_rings_wakes_its_task_and_the_future_goes_with_it() {
        let (joint, polls) = joint(|| {});
        let woken = Arc::new(Count::default());
        {
            let mut run = pin!(joint.run());
            assert!(run.as_mut().poll(&mut Context::from_waker(&waker(Arc::clone(&woken)))).is_pending());
            joint.ring();
            assert_eq!((polls.load(SeqCst), woken.0.load(SeqCst)), (1, 1));
        }
        joint.help();
        assert_eq!(polls.load(SeqCst), 1);
    }
}
