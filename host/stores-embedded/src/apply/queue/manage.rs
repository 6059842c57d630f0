//! Removing and moving many messages, a bounded number at a time.

use flint_model::{QueueName, Timestamp};
use flint_stores::{CommitError, Order, Stored};
use redb::ReadableTable as _;

use crate::apply::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::queue::{Ticket, Turn, queue_prefix, split_ready_key};

/// The messages that one step moves or removes, so that commits don't wait long behind it.
const STEP_MAX: usize = 1000;

/// A redrive, up to where it has come.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    pub(crate) from: QueueName,
    pub(crate) to: Option<QueueName>,
    /// How many messages may still be moved.
    pub(crate) max: u64,
    /// Behind which row of `ready` it goes on.
    pub(crate) after: Option<(Timestamp, u64)>,
}

/// What one step of a redrive came to.
#[derive(Debug)]
pub(crate) struct Redriven {
    pub(crate) moved: u64,
    /// Where to go on, if there is more.
    pub(crate) after: Option<(Timestamp, u64)>,
    /// What stood in the way of going on.
    pub(crate) full: Option<CommitError>,
}

/// A message that is to be moved: its row in `ready`, itself, and whether its group's last lease is its own.
struct Candidate {
    at: Timestamp,
    number: u64,
    stored: Stored,
    leased: bool,
}

impl Apply<'_> {
    /// Moves messages that wait to where they were given up, or to a queue.
    pub(crate) fn redrive(&mut self, shift: &Shift) -> Result<Result<Redriven, CommitError>, Failure> {
        settled(self.redrive_or_halt(shift))
    }

    fn redrive_or_halt(&mut self, shift: &Shift) -> Result<Redriven, Halt> {
        let order = self.queue(&shift.from)?.0.order;
        let due = self.due(&shift.from, shift.after, STEP_MAX)?;
        let after = due.last().filter(|_| due.len() == STEP_MAX).map(|(at, number, _)| (*at, *number));
        let mut redriven = Redriven { moved: 0, after, full: None };
        for (at, number, row) in due {
            for candidate in self.candidates(&shift.from, order, at, number, &row)? {
                if redriven.moved == shift.max {
                    return Ok(Redriven { after: None, ..redriven });
                }
                match settled(self.redrive_one(shift, order, candidate))? {
                    Ok(moved) => redriven.moved += u64::from(moved),
                    Err(full) => return Ok(Redriven { full: Some(full), ..redriven }),
                }
            }
        }
        Ok(redriven)
    }

    /// The messages behind a row of `ready`.
    fn candidates(
        &self,
        queue: &QueueName,
        order: Order,
        at: Timestamp,
        number: u64,
        row: &[u8],
    ) -> Result<Vec<Candidate>, Failure> {
        if order == Order::Standard {
            let stored = self.message(queue, number, Ticket::parse(row)?.receives)?;
            return Ok(vec![Candidate { at, number, stored, leased: false }]);
        }
        let turn = Turn::parse(row)?;
        let members = self.members(queue, &turn.group, 0, STEP_MAX)?;
        let candidate = |(number, member): (u64, crate::table::queue::Member)| {
            let stored = self.message(queue, number, member.ticket.receives)?;
            let leased = turn.lease > 0 && member.ticket.lease == turn.lease;
            Ok(Candidate { at, number, stored, leased })
        };
        members.into_iter().map(candidate).collect()
    }

    /// Moves a message; answers whether there was somewhere to move it to.
    fn redrive_one(&mut self, shift: &Shift, order: Order, candidate: Candidate) -> Result<bool, Halt> {
        let Candidate { at, number, stored, leased } = candidate;
        let target = shift.to.as_ref().or(stored.death.as_ref().map(|death| &death.queue)).cloned();
        let Some(target) = target.filter(|target| self.catalog.queue(target).is_ok()) else { return Ok(false) };
        let (rules, count) = self.queue(&target)?;
        let limit = rules.length_max;
        if count.messages >= limit {
            return Err(CommitError::Full { queue: target, limit }.into());
        }
        match (order, &stored.message.group) {
            (Order::Fifo, Some(group)) => {
                self.take_member(&shift.from, group, number)?;
                self.mend(&shift.from, group, u32::from(leased))?;
            }
            _ => self.take_out(&shift.from, at, number)?,
        }
        self.hand_over(&target, stored.message, None)?;
        Ok(true)
    }

    /// Removes messages up to a number; answers how many, and whether there may be more.
    pub(crate) fn purge(&mut self, queue: &QueueName, last: u64) -> Result<(u64, bool), Failure> {
        let prefix = queue_prefix(queue);
        let mut rows = Vec::new();
        for row in self.tables.queues.ready.range::<&[u8]>(prefix.as_slice()..)?.take(STEP_MAX) {
            let (key, value) = row?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            let (at, number) = split_ready_key(key.value())?;
            if number <= last {
                rows.push((at, number, value.value().to_vec()));
            }
        }
        let count = self.count(queue, Order::Standard)?;
        let mut removed = 0;
        for (at, number, row) in rows {
            removed += match count.order {
                Order::Standard => self.take_out(queue, at, number).map(|()| 1)?,
                Order::Fifo => self.purge_group(queue, &Turn::parse(&row)?, last)?,
            };
        }
        Ok((removed, removed > 0))
    }

    fn purge_group(&mut self, queue: &QueueName, turn: &Turn, last: u64) -> Result<u64, Failure> {
        let members = self.members(queue, &turn.group, 0, STEP_MAX)?;
        let (mut removed, mut lost) = (0, 0);
        for (number, member) in members.into_iter().take_while(|(number, _)| *number <= last) {
            self.take_member(queue, &turn.group, number)?;
            lost += u32::from(turn.lease > 0 && member.ticket.lease == turn.lease);
            removed += 1;
        }
        self.mend(queue, &turn.group, lost)?;
        Ok(removed)
    }

    /// The number of the last message.
    pub(crate) fn last_number(&self) -> u64 {
        self.number
    }

    /// Gives up messages that wait and were kept too long, up to `max`; answers how many there were.
    pub(in crate::apply) fn collect_stale(&mut self, max: usize) -> Result<usize, Failure> {
        let kept = self.catalog.queues.iter().filter(|(_, rules)| rules.retention.is_some());
        let mut count = 0;
        for (queue, _) in kept.collect::<Vec<_>>() {
            let order = self.count(queue, Order::Standard)?.order;
            for (at, number, row) in self.due(queue, None, max - count)? {
                let removed = self.give_up_stale(queue, order, at, number, &row)?;
                if removed == 0 {
                    // What is behind it was put off longer, or came later.
                    break;
                }
                count += removed;
            }
            if count >= max {
                return Ok(count);
            }
        }
        Ok(count)
    }

    fn give_up_stale(
        &mut self,
        queue: &QueueName,
        order: Order,
        at: Timestamp,
        number: u64,
        row: &[u8],
    ) -> Result<usize, Failure> {
        let mut removed = 0;
        for Candidate { number, stored, leased, .. } in self.candidates(queue, order, at, number, row)? {
            if !self.rules(queue)?.is_stale(stored.sent_at, self.now) {
                break;
            }
            let Some(reason) = self.gives_up(queue, &stored)? else { break };
            match (order, stored.message.group.clone()) {
                (Order::Fifo, Some(group)) => {
                    self.take_member(queue, &group, number)?;
                    self.mend(queue, &group, u32::from(leased))?;
                }
                _ => self.take_out(queue, at, number)?,
            }
            self.bury(queue, stored, reason)?;
            removed += 1;
        }
        Ok(removed)
    }
}
