//! Groups: one row of `ready` for each, which is where its next message may be received.
//!
//! A group is hidden while one of its messages is leased. Once none is any more, it is due again when its first message is,
//! and not before now: so it goes behind the groups that wait already. A lease counts as long as it is the group's last one:
//! whoever leases messages of a group anew ends all leases before.

use flint_model::{QueueName, Timestamp};
use flint_stores::queue::Pick;
use flint_stores::{Order, Stored, Verdict};
use redb::ReadableTable as _;

use super::receive::Walk;
use super::settle::{Lease, retried};
use crate::apply::Apply;
use crate::database::Failure;
use crate::table::Corrupt;
use crate::table::queue::{
    Member, Ticket, Turn, group_key, group_prefix, number_of, ready_key, split_ready_key, turn_key, turn_row,
};

/// What came of offering a group.
#[derive(Default)]
struct Offered {
    leased: u32,
    /// When the first message is visible that is not yet.
    hidden: Option<Timestamp>,
    /// How many were given up that had the group's last lease.
    lost: u32,
    full: bool,
}

impl Apply<'_> {
    /// Adds a message to its group.
    pub(super) fn join(
        &mut self,
        queue: &QueueName,
        group: &str,
        number: u64,
        visible_at: Timestamp,
    ) -> Result<(), Failure> {
        self.write_member(queue, group, number, Member { visible_at, ticket: Ticket::NEW })?;
        if self.place(queue, group)?.is_none() {
            let turn = Turn { lease: 0, leased: 0, group: group.to_owned() };
            self.place_at(queue, visible_at, number, &turn)?;
        }
        Ok(())
    }

    /// Where the row of a group is in `ready`.
    fn place(&self, queue: &QueueName, group: &str) -> Result<Option<(Timestamp, u64)>, Failure> {
        let Some(row) = self.tables.queues.turn.get(turn_key(queue, group).as_slice())? else { return Ok(None) };
        Ok(Some(split_ready_key(row.value())?))
    }

    fn place_at(&mut self, queue: &QueueName, at: Timestamp, number: u64, turn: &Turn) -> Result<(), Failure> {
        self.tables.queues.ready.insert(ready_key(queue, at, number).as_slice(), turn.row().as_slice())?;
        let key = turn_key(queue, &turn.group);
        self.tables.queues.turn.insert(key.as_slice(), turn_row(at, number).as_slice())?;
        self.changed = true;
        Ok(())
    }

    /// The row of a group: when its next message may be received.
    pub(super) fn turn(&self, queue: &QueueName, group: &str) -> Result<Option<(Timestamp, Turn)>, Failure> {
        let Some((at, number)) = self.place(queue, group)? else { return Ok(None) };
        let row = self.tables.queues.ready.get(ready_key(queue, at, number).as_slice())?;
        Ok(row.map(|row| Turn::parse(row.value())).transpose()?.map(|turn| (at, turn)))
    }

    /// Takes the row of a group out of `ready`.
    pub(super) fn lift(&mut self, queue: &QueueName, group: &str) -> Result<Option<(Timestamp, Turn)>, Failure> {
        let Some((at, number)) = self.place(queue, group)? else { return Ok(None) };
        let row = self.tables.queues.ready.remove(ready_key(queue, at, number).as_slice())?;
        let turn = Turn::parse(row.ok_or(Corrupt("turn, which names a row that is not there,"))?.value())?;
        self.tables.queues.turn.remove(turn_key(queue, group).as_slice())?;
        self.changed = true;
        Ok(Some((at, turn)))
    }

    /// The first message of a group.
    fn head(&self, queue: &QueueName, group: &str) -> Result<Option<(u64, Member)>, Failure> {
        Ok(self.members(queue, group, 0, 1)?.into_iter().next())
    }

    /// Up to `max` messages of a group, from a number on, in order.
    pub(super) fn members(
        &self,
        queue: &QueueName,
        group: &str,
        from: u64,
        max: usize,
    ) -> Result<Vec<(u64, Member)>, Failure> {
        let prefix = group_prefix(queue, group);
        let from = group_key(queue, group, from);
        let mut members = Vec::new();
        for row in self.tables.queues.group.range::<&[u8]>(from.as_slice()..)?.take(max) {
            let (key, value) = row?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            members.push((number_of(key.value())?, Member::parse(value.value())?));
        }
        Ok(members)
    }

    pub(super) fn member(&self, queue: &QueueName, group: &str, number: u64) -> Result<Option<Member>, Failure> {
        let row = self.tables.queues.group.get(group_key(queue, group, number).as_slice())?;
        Ok(row.map(|row| Member::parse(row.value())).transpose()?)
    }

    /// Whether a lease of a message counts.
    pub(super) fn is_leased(&self, queue: &QueueName, group: &str, number: u64, lease: u64) -> Result<bool, Failure> {
        let of_group = self.turn(queue, group)?.is_some_and(|(_, turn)| turn.lease == lease);
        Ok(of_group && self.member(queue, group, number)?.is_some_and(|member| member.ticket.lease == lease))
    }

    /// Leases messages of a group; answers whether the receive has enough.
    pub(super) fn offer_group(
        &mut self,
        walk: &mut Walk<'_>,
        at: Timestamp,
        number: u64,
        row: &[u8],
    ) -> Result<bool, Failure> {
        let (queue, before) = (walk.queue, Turn::parse(row)?);
        let offered = self.offer_members(walk, &before)?;
        let Some((head, _)) = self.head(queue, &before.group)? else {
            self.lift(queue, &before.group)?;
            return Ok(offered.full);
        };
        let (at, lease, leased) = match (offered.leased, offered.hidden) {
            (leased @ 1.., _) => (walk.until, walk.lease, leased),
            (0, Some(due)) => (due, 0, 0),
            // Only what changed is written: a group that has to wait for another receive stays where it is.
            (0, None) if head == number => return Ok(offered.full),
            (0, None) => (at, before.lease, before.leased.saturating_sub(offered.lost)),
        };
        self.lift(queue, &before.group)?;
        self.place_at(queue, at, head, &Turn { lease, leased, group: before.group })?;
        Ok(offered.full)
    }

    fn offer_members(&mut self, walk: &mut Walk<'_>, turn: &Turn) -> Result<Offered, Failure> {
        let mut offered = Offered::default();
        walk.gather.next_group();
        let mut from = 0;
        loop {
            let members = self.members(walk.queue, &turn.group, from, walk.gather.room().saturating_add(1))?;
            let Some((last, _)) = members.last() else { return Ok(offered) };
            from = last.saturating_add(1);
            for (number, member) in members {
                if walk.gather.room() == 0 {
                    return Ok(Offered { full: true, ..offered });
                }
                if self.now < member.visible_at {
                    return Ok(Offered { hidden: Some(member.visible_at), ..offered });
                }
                match self.offer_member(walk, &turn.group, number, member)? {
                    Some(Pick::Take) => offered.leased += 1,
                    Some(Pick::Skip) => return Ok(offered),
                    Some(Pick::Full) => return Ok(Offered { full: true, ..offered }),
                    None => offered.lost += u32::from(turn.has_leased(&member)),
                }
                if walk.giving_up.is_spent() {
                    return Ok(Offered { full: true, ..offered });
                }
            }
        }
    }

    /// Leases a message of a group, or leaves it for another time, or gives it up.
    fn offer_member(
        &mut self,
        walk: &mut Walk<'_>,
        group: &str,
        number: u64,
        member: Member,
    ) -> Result<Option<Pick>, Failure> {
        let queue = walk.queue;
        let stored = self.message(queue, number, member.ticket.receives)?;
        if let Some(reason) = self.gives_up(queue, &stored)? {
            walk.giving_up.spend(stored.message.size());
            self.take_member(queue, group, number)?;
            self.bury(queue, stored, reason)?;
            walk.received.given_up += 1;
            return Ok(None);
        }
        let pick = walk.gather.offer(stored.message.size(), member.ticket.company());
        if pick == Pick::Take {
            let ticket = member.ticket.leased(walk.lease);
            self.write_member(queue, group, number, Member { ticket, ..member })?;
            let lease = Lease::Member { number, lease: walk.lease, group };
            walk.deliver(lease, Stored { receives: ticket.receives, ..stored });
        }
        Ok(Some(pick))
    }

    fn write_member(&mut self, queue: &QueueName, group: &str, number: u64, member: Member) -> Result<(), Failure> {
        self.tables.queues.group.insert(group_key(queue, group, number).as_slice(), member.row().as_slice())?;
        self.changed = true;
        Ok(())
    }

    /// Takes a message out of its group, and leaves the group's row as it is.
    pub(super) fn take_member(&mut self, queue: &QueueName, group: &str, number: u64) -> Result<(), Failure> {
        self.tables.queues.group.remove(group_key(queue, group, number).as_slice())?;
        self.remove_message(queue, number)?;
        self.add(queue, Order::Fifo, -1)
    }

    pub(super) fn settle_member(
        &mut self,
        queue: &QueueName,
        group: &str,
        number: u64,
        verdict: &Verdict,
    ) -> Result<(), Failure> {
        let Some(member) = self.member(queue, group, number)? else { return Ok(()) };
        match verdict {
            Verdict::Done => self.take_member(queue, group, number)?,
            Verdict::DeadLetter { reason } => {
                let stored = self.message(queue, number, member.ticket.receives)?;
                self.take_member(queue, group, number)?;
                self.bury(queue, stored, reason.clone())?;
            }
            Verdict::Retry { after, receives, company } => {
                let ticket = retried(member.ticket, *receives, *company);
                let visible_at = self.now.saturating_add(*after);
                self.write_member(queue, group, number, Member { visible_at, ticket })?;
            }
        }
        let Some((at, turn)) = self.lift(queue, group)? else { return Ok(()) };
        let turn = Turn { leased: turn.leased.saturating_sub(1), ..turn };
        let Some((head, member)) = self.head(queue, group)? else { return Ok(()) };
        let at = if turn.leased > 0 { at } else { member.visible_at.max(self.now) };
        self.place_at(queue, at, head, &turn)
    }

    /// Hides a group as a whole.
    pub(super) fn hide_until(&mut self, queue: &QueueName, group: &str, until: Timestamp) -> Result<(), Failure> {
        let (Some((_, turn)), Some((head, _))) = (self.lift(queue, group)?, self.head(queue, group)?) else {
            return Ok(());
        };
        self.place_at(queue, until, head, &turn)
    }

    /// Puts the row of a group right after messages of it were taken out, `lost` of which had its last lease. If those were
    /// all that had it, it hides nobody any more.
    pub(super) fn mend(&mut self, queue: &QueueName, group: &str, lost: u32) -> Result<(), Failure> {
        let Some((at, turn)) = self.lift(queue, group)? else { return Ok(()) };
        let Some((head, member)) = self.head(queue, group)? else { return Ok(()) };
        let turn = Turn { leased: turn.leased.saturating_sub(lost), ..turn };
        let at = if turn.leased > 0 { at } else { at.min(member.visible_at.max(self.now)) };
        self.place_at(queue, at, head, &turn)
    }
}
