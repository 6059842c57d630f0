//! Removing and moving many messages, a bounded number at a time.

use flint_model::{QueueName, Timestamp};
use flint_stores::{CommitError, Order, Stored};
use redb::ReadableTable as _;

use super::budget::{Budget, STEP_MAX};
use crate::apply::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::Corrupt;
use crate::table::queue::{Ticket, Turn, message_key, number_of, queue_prefix, ready_key, split_ready_key};

/// A row of `ready`, by its key: moment and number.
type Row = (Timestamp, u64);

/// Behind all rows.
pub(crate) const END: Row = (Timestamp::from_millis(u64::MAX), u64::MAX);

/// A redrive, up to where it has come.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    pub(crate) from: QueueName,
    pub(crate) to: Option<QueueName>,
    /// How many messages may still be moved.
    pub(crate) max: u64,
    /// Behind what it goes on: a row of `ready`, or of a FIFO queue the number of a message.
    pub(crate) after: Option<Row>,
}

/// What one step of a redrive came to.
#[derive(Debug)]
pub(crate) struct Redriven {
    pub(crate) moved: u64,
    /// Where to go on, if there is more.
    pub(crate) after: Option<Row>,
    /// What stood in the way of going on.
    pub(crate) full: Option<CommitError>,
}

/// What one step of a purge came to.
#[derive(Debug)]
pub(crate) struct Purged {
    pub(crate) removed: u64,
    /// Before which row to go on, if there is more.
    pub(crate) before: Option<Row>,
}

/// A message that is to be moved: since when it waits, itself, and whether its group's last lease is its own.
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
        let rows = self.rows_to_move(shift, order)?;
        let (mut budget, last) = (Budget::of(STEP_MAX), rows.last().copied().filter(|_| rows.len() == STEP_MAX));
        let mut redriven = Redriven { moved: 0, after: shift.after, full: None };
        for (at, number) in rows {
            if budget.is_spent() {
                return Ok(redriven);
            }
            redriven.after = Some((at, number));
            let Some(candidate) = self.candidate(&shift.from, order, at, number, &mut budget)? else { continue };
            if redriven.moved == shift.max {
                return Ok(Redriven { after: None, ..redriven });
            }
            match settled(self.redrive_one(shift, order, candidate))? {
                Ok(moved) => redriven.moved += u64::from(moved),
                Err(full) => return Ok(Redriven { full: Some(full), ..redriven }),
            }
        }
        Ok(Redriven { after: last, ..redriven })
    }

    /// What one step of a redrive looks at. Of a FIFO queue it is messages as they were sent: the row of a group does not stay
    /// where it is while its messages go.
    fn rows_to_move(&self, shift: &Shift, order: Order) -> Result<Vec<Row>, Failure> {
        if order == Order::Standard {
            let due = self.due(&shift.from, shift.after, STEP_MAX)?;
            return Ok(due.into_iter().map(|(at, number, _)| (at, number)).collect());
        }
        let from = message_key(&shift.from, shift.after.map_or(0, |(_, number)| number.saturating_add(1)));
        let to = message_key(&shift.from, u64::MAX);
        let rows = self.tables.queues.message.range::<&[u8]>(from.as_slice()..to.as_slice())?.take(STEP_MAX);
        rows.map(|row| Ok((Timestamp::default(), number_of(row?.0.value())?))).collect()
    }

    /// A message, if it waits.
    fn candidate(
        &self,
        queue: &QueueName,
        order: Order,
        at: Timestamp,
        number: u64,
        budget: &mut Budget,
    ) -> Result<Option<Candidate>, Failure> {
        if order == Order::Standard {
            let receives = self.ticket(queue, at, number)?.map_or(0, |ticket| ticket.receives);
            let stored = self.message(queue, number, receives)?;
            budget.spend(stored.message.size());
            return Ok(Some(Candidate { at, number, stored, leased: false }));
        }
        let stored = self.message(queue, number, 0)?;
        budget.spend(stored.message.size());
        let group = stored.message.group.as_deref().ok_or(Corrupt("the group of a message"))?;
        let Some((at, turn)) = self.turn(queue, group)?.filter(|(at, _)| *at <= self.now) else { return Ok(None) };
        let member = self.member(queue, group, number)?.ok_or(Corrupt("group"))?;
        let leased = turn.has_leased(&member);
        let stored = Stored { receives: member.ticket.receives, ..stored };
        Ok(Some(Candidate { at, number, stored, leased }))
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
        self.hand_over(&target, &stored.message, None)?;
        Ok(true)
    }

    /// Removes messages up to the number `last`, going back from the rows before one: so it does not go through what is sent
    /// meanwhile, which is where it comes last.
    pub(crate) fn purge(&mut self, queue: &QueueName, last: u64, before: Row) -> Result<Purged, Failure> {
        let (from, to) = (queue_prefix(queue), ready_key(queue, before.0, before.1));
        let mut rows = Vec::new();
        for row in self.tables.queues.ready.range::<&[u8]>(from.as_slice()..to.as_slice())?.rev().take(STEP_MAX) {
            let (key, value) = row?;
            rows.push((split_ready_key(key.value())?, value.value().to_vec()));
        }
        let order = self.count(queue, Order::Standard)?.order;
        let (mut purged, is_full) = (Purged { removed: 0, before: Some(before) }, rows.len() == STEP_MAX);
        for ((at, number), row) in rows {
            let room = STEP_MAX.saturating_sub(purged.removed as usize);
            purged.removed += match order {
                // What is behind the first message of a group came later.
                _ if number > last => 0,
                Order::Standard => self.take_out(queue, at, number).map(|()| 1)?,
                Order::Fifo => self.purge_group(queue, &Turn::parse(&row)?, last, room)?,
            };
            if purged.removed as usize >= STEP_MAX {
                // There may be more of the group: what was looked at before is so again, and is short.
                return Ok(purged);
            }
            purged.before = Some((at, number));
        }
        Ok(Purged { before: purged.before.filter(|_| is_full), ..purged })
    }

    fn purge_group(&mut self, queue: &QueueName, turn: &Turn, last: u64, max: usize) -> Result<u64, Failure> {
        let members = self.members(queue, &turn.group, 0, max)?;
        let (mut removed, mut lost) = (0, 0);
        for (number, member) in members.into_iter().take_while(|(number, _)| *number <= last) {
            self.take_member(queue, &turn.group, number)?;
            lost += u32::from(turn.has_leased(&member));
            removed += 1;
        }
        self.mend(queue, &turn.group, lost)?;
        Ok(removed)
    }

    /// The number of the last message.
    pub(crate) fn last_number(&self) -> u64 {
        self.number
    }

    /// Gives up messages that wait and were kept too long, up to `max`; answers whether there may be more.
    pub(in crate::apply) fn collect_stale(&mut self, max: usize) -> Result<bool, Failure> {
        let kept = self.catalog.queues.iter().filter(|(_, rules)| rules.retention.is_some());
        let mut budget = Budget::of(max);
        for (queue, _) in kept.collect::<Vec<_>>() {
            let order = self.count(queue, Order::Standard)?.order;
            for (at, number, row) in self.due(queue, None, budget.messages())? {
                let removed = match order {
                    Order::Standard => self.give_up_stale(queue, at, number, Ticket::parse(&row)?, &mut budget)?,
                    Order::Fifo => self.give_up_stale_of(queue, &Turn::parse(&row)?, &mut budget)?,
                };
                if budget.is_spent() {
                    return Ok(true);
                }
                if !removed {
                    // What is behind it was put off longer, or came later.
                    break;
                }
            }
        }
        Ok(budget.is_spent())
    }

    /// Gives a message of a standard queue up if it is time; answers whether it was.
    fn give_up_stale(
        &mut self,
        queue: &QueueName,
        at: Timestamp,
        number: u64,
        ticket: Ticket,
        budget: &mut Budget,
    ) -> Result<bool, Failure> {
        let Some((stored, reason)) = self.stale(queue, number, ticket)? else { return Ok(false) };
        budget.spend(stored.message.size());
        self.take_out(queue, at, number)?;
        self.bury(queue, stored, reason)?;
        Ok(true)
    }

    /// Gives the messages of a group up for which it is time; answers whether there were any.
    fn give_up_stale_of(&mut self, queue: &QueueName, turn: &Turn, budget: &mut Budget) -> Result<bool, Failure> {
        let (mut removed, mut lost) = (false, 0);
        for (number, member) in self.members(queue, &turn.group, 0, budget.messages())? {
            if budget.is_spent() {
                break;
            }
            let Some((stored, reason)) = self.stale(queue, number, member.ticket)? else { break };
            budget.spend(stored.message.size());
            self.take_member(queue, &turn.group, number)?;
            self.bury(queue, stored, reason)?;
            lost += u32::from(turn.has_leased(&member));
            removed = true;
        }
        if removed {
            self.mend(queue, &turn.group, lost)?;
        }
        Ok(removed)
    }

    /// A message that was kept too long, and the words for it.
    fn stale(&self, queue: &QueueName, number: u64, ticket: Ticket) -> Result<Option<(Stored, String)>, Failure> {
        let stored = self.message(queue, number, ticket.receives)?;
        if !self.rules(queue)?.is_stale(stored.sent_at, self.now) {
            return Ok(None);
        }
        Ok(self.gives_up(queue, &stored)?.map(|reason| (stored, reason)))
    }
}
