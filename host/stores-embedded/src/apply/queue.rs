//! Messages: sending, leasing, settling, moving.

mod aside;
mod budget;
mod fifo;
mod manage;
mod receive;
mod send;
mod settle;

use flint_model::{QueueName, Timestamp};
use flint_stores::refusal::Refusal;
use flint_stores::{CommitError, Death, Invalid, Message, Order, QueueRules, Stored};
use redb::ReadableTable as _;

use crate::apply::{Apply, Halt};
use crate::database::Failure;
use crate::table::Corrupt;
use crate::table::queue::{Count, Ticket, count, message_key, read_whole, ready_key, write_message};

pub(crate) use manage::{END, Shift};
pub(super) use send::{Plan, Step};
pub(super) use settle::Settling;

impl Apply<'_> {
    /// The rules of a queue, and what it holds; refuses if that is of another kind.
    pub(super) fn queue(&mut self, queue: &QueueName) -> Result<(&QueueRules, Count), Halt> {
        let rules = self.catalog.queue(queue)?;
        let count = self.count(queue, rules.order)?;
        if count.order != rules.order {
            let holds = count.order.as_str();
            return Err(CommitError::Invalid(Invalid::Kind { queue: queue.clone(), holds }).into());
        }
        Ok((rules, count))
    }

    /// The rules of a queue that was looked up before in this transaction.
    pub(super) fn rules(&self, queue: &QueueName) -> Result<&'_ QueueRules, Failure> {
        // Of one transaction all see one catalog.
        Ok(self.catalog.queue(queue).map_err(|_| Corrupt("the catalog of queues"))?)
    }

    /// What a queue holds. An empty one is of any kind.
    fn count(&mut self, queue: &QueueName, order: Order) -> Result<Count, Failure> {
        let none = Count { messages: 0, order };
        if let Some(count) = self.counts.get(queue) {
            return Ok(if count.messages == 0 { none } else { *count });
        }
        let found = count(&*self.tables.queues.queue, queue)?.filter(|count| count.messages > 0).unwrap_or(none);
        self.counts.insert(queue.clone(), found);
        Ok(found)
    }

    fn add(&mut self, queue: &QueueName, order: Order, messages: i64) -> Result<(), Failure> {
        let mut count = self.count(queue, order)?;
        let total = count.messages.checked_add_signed(messages);
        count.messages = total.ok_or(Corrupt("the count of a queue"))?;
        if let Some(known) = self.counts.get_mut(queue) {
            *known = count;
        }
        self.changed = true;
        Ok(())
    }

    /// Writes what the touched queues hold.
    pub(super) fn write_counts(&mut self) -> Result<(), Failure> {
        for (queue, count) in &self.counts {
            self.tables.queues.queue.insert(queue.as_str().as_bytes(), count.row().as_slice())?;
        }
        Ok(())
    }

    /// Reads a message.
    fn message(&self, queue: &QueueName, number: u64, receives: u32) -> Result<Stored, Failure> {
        let row = self.tables.queues.message.get(message_key(queue, number).as_slice())?;
        let row = row.ok_or(Corrupt("ready, which names a message that is not there,"))?;
        read_whole(row.value(), receives, &*self.tables.blobs.body)
    }

    /// Puts a message behind all others of a queue, of which it keeps the rule of groups: it may have been sent by another one,
    /// which a reload changed until now.
    pub(super) fn put(
        &mut self,
        queue: &QueueName,
        order: Order,
        message: &Message,
        visible_at: Timestamp,
        death: Option<&Death>,
    ) -> Result<(), Failure> {
        self.number += 1;
        let number = self.number;
        let group = match order {
            Order::Fifo => Some(message.group.as_deref().unwrap_or(queue.as_str())),
            Order::Standard => None,
        };
        let large = self.catalog.queues.get(queue).filter(|rules| rules.is_large(message));
        let aside = match large.and_then(|rules| rules.large_payloads.as_ref()) {
            Some(bucket) => Some(self.set_aside(bucket, queue, message)?),
            None => None,
        };
        write_message(&mut self.row, message, group, self.now, death, aside.as_ref())?;
        self.tables.queues.message.insert(message_key(queue, number).as_slice(), self.row.as_slice())?;
        match group {
            Some(group) => self.join(queue, group, number, visible_at)?,
            None => {
                let key = ready_key(queue, visible_at, number);
                self.tables.queues.ready.insert(key.as_slice(), Ticket::NEW.row().as_slice())?;
            }
        }
        self.woken.insert(queue.clone());
        self.add(queue, order, 1)
    }

    /// Moves what was taken out of a queue to its dead-letter queue, if it has one. That is never too full.
    fn bury(&mut self, queue: &QueueName, stored: Stored, reason: String) -> Result<(), Failure> {
        let rules = self.catalog.queue(queue).ok();
        let Some(to) = rules.and_then(|rules| rules.dead_letter.as_ref()) else { return Ok(()) };
        let death = Death { queue: queue.clone(), reason, receives: stored.receives, at: self.now };
        self.hand_over(to, &stored.message, Some(&death))
    }

    /// Puts a message of one queue into another, as if it had just been sent there.
    pub(super) fn hand_over(
        &mut self,
        to: &QueueName,
        message: &Message,
        death: Option<&Death>,
    ) -> Result<(), Failure> {
        // What is there decides: a dead-letter queue whose kind was changed goes on as it was until it is empty.
        let order = self.catalog.queue(to).map_or(Order::Standard, |rules| rules.order);
        let order = self.count(to, order)?.order;
        self.put(to, order, message, self.now, death)
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}
