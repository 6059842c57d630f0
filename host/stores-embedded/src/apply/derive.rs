//! Messages that effects cause: `flint_stores::derive` says which; here is whether their queues take them.

use flint_model::TopicName;
use flint_stores::derive::{self, Derived};
use flint_stores::{Cause, Message};

use super::queue::Plan;
use super::{Apply, Halt, Planned, Step};
use crate::database::Failure;

impl Apply<'_> {
    pub(super) fn decide_publish<'a>(
        &mut self,
        topic: &TopicName,
        message: &Message,
        cause: &Cause,
        plan: &mut Plan<'_>,
    ) -> Result<Planned<'a>, Halt> {
        let catalog = self.catalog;
        let mut derived = Vec::new();
        for one in derive::publication(catalog, cause, topic, message)? {
            let one = one?;
            self.admit(&one.queue, plan)?;
            derived.push(one);
        }
        Ok(Planned { step: Step::Publish(message.id), tells: None, derived })
    }

    /// Puts a message where it belongs.
    pub(super) fn deliver(&mut self, Derived { queue, message }: &Derived) -> Result<(), Failure> {
        let rules = self.rules(queue)?;
        let (order, visible_at) = (rules.order, self.now.saturating_add(rules.delay));
        self.put(queue, order, message, visible_at, None)
    }
}
