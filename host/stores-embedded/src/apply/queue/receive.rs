//! Leasing.

use std::time::Duration;

use bytes::Bytes;
use flint_model::{QueueName, Timestamp};
use flint_stores::queue::{Gather, Pick};
use flint_stores::{CommitError, Delivery, Order, Receipt, Receive, Received, Stored};
use redb::ReadableTable as _;

use super::budget::{Budget, STEP_MAX};
use super::settle::Lease;
use crate::apply::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::queue::{Ticket, queue_prefix, ready_key, split_ready_key};

/// The rows that one receive looks at, beyond what it leases: so a long run of messages that have to come alone, or are given
/// up, does not make it long.
pub(super) const ROWS_MAX: usize = 1000;

/// A receive that goes on.
pub(super) struct Walk<'a> {
    pub(super) queue: &'a QueueName,
    pub(super) lease: u64,
    pub(super) until: Timestamp,
    pub(super) gather: Gather,
    /// What may still be given up on the way.
    pub(super) giving_up: Budget,
    pub(super) received: Received,
}

impl Walk<'_> {
    pub(super) fn deliver(&mut self, lease: Lease<'_>, stored: Stored) {
        let receipt = Receipt { queue: self.queue.clone(), lease: Bytes::from(lease.bytes()) };
        self.received.messages.push(Delivery { receipt, until: self.until, stored });
    }
}

/// A row of `ready`: since when it is due, the number of its message, its value.
type Due = (Timestamp, u64, Vec<u8>);

impl Apply<'_> {
    /// Leases messages.
    pub(crate) fn receive(
        &mut self,
        queue: &QueueName,
        receive: &Receive,
        visibility: Duration,
    ) -> Result<Result<Received, CommitError>, Failure> {
        settled(self.receive_or_halt(queue, receive, visibility))
    }

    fn receive_or_halt(
        &mut self,
        queue: &QueueName,
        receive: &Receive,
        visibility: Duration,
    ) -> Result<Received, Halt> {
        let order = self.queue(queue)?.0.order;
        let until = self.now.saturating_add(visibility);
        // Of a version that no other commit has: so no lease is like another one.
        let (lease, gather) = (self.version + 1, Gather::new(receive));
        let giving_up = Budget::of(STEP_MAX);
        let mut walk = Walk { queue, lease, until, gather, giving_up, received: Received::default() };
        let mut after = None;
        let mut rows = receive.max.saturating_add(ROWS_MAX);
        while walk.gather.room() > 0 && rows > 0 {
            let due = self.due(queue, after, walk.gather.room().min(rows))?;
            let Some((at, number, _)) = due.last() else { break };
            after = Some((*at, *number));
            rows -= due.len();
            if self.offer_all(&mut walk, order, due)? {
                break;
            }
        }
        if !walk.received.messages.is_empty() {
            self.version = lease;
        }
        walk.received.alone = walk.gather.is_alone();
        Ok(walk.received)
    }

    /// Offers what is due; answers whether the receive has enough.
    fn offer_all(&mut self, walk: &mut Walk<'_>, order: Order, due: Vec<Due>) -> Result<bool, Failure> {
        for (at, number, row) in due {
            let full = match order {
                _ if walk.gather.room() == 0 => true,
                Order::Standard => self.offer(walk, at, number, Ticket::parse(&row)?)?,
                Order::Fifo => self.offer_group(walk, at, number, &row)?,
            };
            if full {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a message of a queue is due.
    pub(crate) fn is_due(&self, queue: &QueueName) -> Result<bool, Failure> {
        Ok(!self.due(queue, None, 1)?.is_empty())
    }

    /// Rows of `ready` that are due, in order, behind the one at `after`.
    pub(super) fn due(
        &self,
        queue: &QueueName,
        after: Option<(Timestamp, u64)>,
        max: usize,
    ) -> Result<Vec<Due>, Failure> {
        let from = match after {
            Some((at, number)) => ready_key(queue, at, number.saturating_add(1)),
            None => queue_prefix(queue),
        };
        let to = ready_key(queue, self.now.saturating_add(Duration::from_millis(1)), 0);
        if to < from {
            return Ok(Vec::new());
        }
        let mut due = Vec::new();
        for row in self.tables.queues.ready.range::<&[u8]>(from.as_slice()..to.as_slice())?.take(max) {
            let (key, value) = row?;
            let (at, number) = split_ready_key(key.value())?;
            due.push((at, number, value.value().to_vec()));
        }
        Ok(due)
    }

    /// Leases a message, or does not; answers whether the receive has enough.
    fn offer(&mut self, walk: &mut Walk<'_>, at: Timestamp, number: u64, ticket: Ticket) -> Result<bool, Failure> {
        let queue = walk.queue;
        let stored = self.message(queue, number, ticket.receives)?;
        if let Some(reason) = self.gives_up(queue, &stored)? {
            walk.giving_up.spend(stored.message.size());
            self.take_out(queue, at, number)?;
            self.bury(queue, stored, reason)?;
            walk.received.given_up += 1;
            return Ok(walk.giving_up.is_spent());
        }
        walk.gather.next_group();
        match walk.gather.offer(stored.message.size(), ticket.company()) {
            Pick::Full => return Ok(true),
            Pick::Skip => return Ok(false),
            Pick::Take => {}
        }
        let leased = ticket.leased(walk.lease);
        self.move_ticket(queue, (at, number), walk.until, leased)?;
        let lease = Lease::Message { number, until: walk.until, lease: walk.lease };
        walk.deliver(lease, Stored { receives: leased.receives, ..stored });
        Ok(false)
    }

    /// Has a message of a standard queue become visible at another time.
    pub(super) fn move_ticket(
        &mut self,
        queue: &QueueName,
        (at, number): (Timestamp, u64),
        to: Timestamp,
        ticket: Ticket,
    ) -> Result<(), Failure> {
        self.tables.queues.ready.remove(ready_key(queue, at, number).as_slice())?;
        self.tables.queues.ready.insert(ready_key(queue, to, number).as_slice(), ticket.row().as_slice())?;
        self.changed = true;
        Ok(())
    }

    /// Why a message is not to be leased any more, if it is not.
    pub(super) fn gives_up(&self, queue: &QueueName, stored: &Stored) -> Result<Option<String>, Failure> {
        let why = self.rules(queue)?.gives_up(stored.sent_at, stored.receives, self.now);
        Ok(why.map(|why| why.to_string()))
    }

    /// Takes a message out of a standard queue.
    pub(super) fn take_out(&mut self, queue: &QueueName, at: Timestamp, number: u64) -> Result<(), Failure> {
        self.tables.queues.ready.remove(ready_key(queue, at, number).as_slice())?;
        self.remove_message(queue, number)?;
        self.add(queue, Order::Standard, -1)
    }
}
