//! Wakes those who wait for messages of a queue.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use flint_model::QueueName;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// One bell for each queue that somebody waited for.
#[derive(Debug, Default)]
pub(crate) struct Bells(Mutex<HashMap<QueueName, Arc<Notify>>>);

impl Bells {
    /// The bell of a queue: whoever listened before a commit hears it.
    pub(crate) fn of(&self, queue: &QueueName) -> Arc<Notify> {
        let mut bells = self.0.lock();
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
        let bells = self.0.lock();
        queues.iter().filter_map(|queue| bells.get(queue)).for_each(|bell| bell.notify_waiters());
    }
}
