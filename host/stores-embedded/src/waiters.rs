//! Those who wait for messages: the commit that brings some wakes them; or leases them too, for a receive that stands ready, so that
//! a message costs one fsync on its way to its handler and not two.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use flint_model::QueueName;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::writer::Work;

/// Who waits, by the queue.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// One bell for each queue that somebody waited for.
    bells: Mutex<HashMap<QueueName, Arc<Notify>>>,
    standing: Mutex<Standing>,
}

/// The receives that stand ready: of each queue, whoever came first is first.
#[derive(Debug, Default)]
struct Standing {
    queues: HashMap<QueueName, VecDeque<(u64, Work)>>,
    entered: u64,
}

/// A place among those who stand ready; given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    waiters: Arc<Waiters>,
    queue: QueueName,
    number: u64,
}

impl Waiters {
    /// The bell of a queue: whoever listened before a commit hears it.
    pub(crate) fn bell(&self, queue: &QueueName) -> Arc<Notify> {
        let mut bells = self.bells.lock();
        if let Some(bell) = bells.get(queue) {
            return Arc::clone(bell);
        }
        Arc::clone(bells.entry(queue.clone()).or_default())
    }

    /// Wakes all who wait for these queues.
    pub(crate) fn ring(&self, queues: &BTreeSet<QueueName>) {
        if queues.is_empty() {
            return;
        }
        let bells = self.bells.lock();
        queues.iter().filter_map(|queue| bells.get(queue)).for_each(|bell| bell.notify_waiters());
    }

    /// Has a receive stand ready.
    pub(crate) fn enter(self: &Arc<Self>, queue: QueueName, receive: Work) -> Place {
        let mut standing = self.standing.lock();
        standing.entered += 1;
        let number = standing.entered;
        standing.queues.entry(queue.clone()).or_default().push_back((number, receive));
        Place { waiters: Arc::clone(self), queue, number }
    }

    /// The receive that is to be made next.
    pub(crate) fn take(&self, queue: &QueueName) -> Option<Work> {
        self.standing.lock().remove(queue, |_| true)
    }
}

impl Standing {
    /// Removes the first one that it is to be.
    fn remove(&mut self, queue: &QueueName, is_it: impl Fn(u64) -> bool) -> Option<Work> {
        let receives = self.queues.get_mut(queue)?;
        let at = receives.iter().position(|(number, _)| is_it(*number))?;
        let (_, receive) = receives.remove(at)?;
        if receives.is_empty() {
            self.queues.remove(queue);
        }
        Some(receive)
    }
}

impl Place {
    /// Gives the place up; false if the receive was made, or is being made, and will be answered.
    pub(crate) fn leave(self) -> bool {
        self.remove().is_some()
    }

    fn remove(&self) -> Option<Work> {
        self.waiters.standing.lock().remove(&self.queue, |number| number == self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}
