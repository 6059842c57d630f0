//! Settling leased messages, and extending their leases.

use std::time::Duration;

use bytes::Bytes;
use flint_model::{QueueName, Timestamp};
use flint_stores::{CommitError, Company, Invalid, Order, Receipt, Receives, Settle, Verdict};
use redb::ReadableTable as _;

use super::send::Plan;
use crate::apply::{Apply, Halt, settled};
use crate::database::Failure;
use crate::table::queue::{Ticket, ready_key};

/// What a receipt says, in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease<'a> {
    /// Of a message of a standard queue.
    Message { number: u64, until: Timestamp, lease: u64 },
    /// Of a message of a group.
    Member { number: u64, lease: u64, group: &'a str },
}

impl<'a> Lease<'a> {
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Message { number, until, lease } => {
                [&[0], &number.to_be_bytes()[..], &lease.to_be_bytes(), &until.as_millis().to_be_bytes()].concat()
            }
            Self::Member { number, lease, group } => {
                [&[1], &number.to_be_bytes()[..], &lease.to_be_bytes(), group.as_bytes()].concat()
            }
        }
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (lease, rest) = rest.split_first_chunk()?;
        let (number, lease) = (u64::from_be_bytes(*number), u64::from_be_bytes(*lease));
        match kind {
            0 => {
                let until = Timestamp::from_millis(u64::from_be_bytes(rest.try_into().ok()?));
                Some(Self::Message { number, until, lease })
            }
            1 => Some(Self::Member { number, lease, group: str::from_utf8(rest).ok()? }),
            _ => None,
        }
        // Without a lease nothing is held, whatever else it says.
        .filter(|_| lease > 0)
    }

    fn of(receipt: &'a Receipt) -> Result<Self, CommitError> {
        Self::parse(&receipt.lease).ok_or(CommitError::Invalid(Invalid::Receipt))
    }
}

/// A settlement that can happen.
pub(in crate::apply) struct Settling<'a> {
    queue: &'a QueueName,
    lease: Lease<'a>,
    verdict: &'a Verdict,
}

impl Apply<'_> {
    pub(in crate::apply) fn decide_settle<'a>(
        &mut self,
        index: usize,
        settle: &'a Settle,
        plan: &mut Plan<'a>,
    ) -> Result<Settling<'a>, Halt> {
        let queue = &settle.receipt.queue;
        let lease = Lease::of(&settle.receipt)?;
        self.holds(index, queue, lease)?;
        match &settle.verdict {
            Verdict::Retry { .. } => {}
            Verdict::Done => plan.gain(queue, -1),
            Verdict::DeadLetter { .. } => {
                plan.gain(queue, -1);
                if let Some(to) = &self.rules(queue)?.dead_letter {
                    plan.gain(to, 1);
                }
            }
        }
        Ok(Settling { queue, lease, verdict: &settle.verdict })
    }

    /// Checks that a lease counts: nobody has settled the message, or leased it anew.
    fn holds(&mut self, index: usize, queue: &QueueName, lease: Lease<'_>) -> Result<(), Halt> {
        let order = self.queue(queue)?.0.order;
        let holds = match (order, lease) {
            (Order::Standard, Lease::Message { number, until, lease }) => {
                self.ticket(queue, until, number)?.is_some_and(|ticket| ticket.lease == lease)
            }
            (Order::Fifo, Lease::Member { number, lease, group }) => self.is_leased(queue, group, number, lease)?,
            _ => return Err(CommitError::Invalid(Invalid::Receipt).into()),
        };
        if holds { Ok(()) } else { Err(CommitError::LeaseLost { index, queue: queue.clone() }.into()) }
    }

    pub(super) fn ticket(&self, queue: &QueueName, at: Timestamp, number: u64) -> Result<Option<Ticket>, Failure> {
        let row = self.tables.queues.ready.get(ready_key(queue, at, number).as_slice())?;
        Ok(row.map(|row| Ticket::parse(row.value())).transpose()?)
    }

    pub(in crate::apply) fn settle(&mut self, settling: Settling<'_>) -> Result<(), Failure> {
        let Settling { queue, lease, verdict } = settling;
        self.woken.insert(queue.clone());
        match lease {
            Lease::Message { number, until, .. } => self.settle_message(queue, until, number, verdict),
            Lease::Member { number, group, .. } => self.settle_member(queue, group, number, verdict),
        }
    }

    fn settle_message(
        &mut self,
        queue: &QueueName,
        at: Timestamp,
        number: u64,
        verdict: &Verdict,
    ) -> Result<(), Failure> {
        if *verdict == Verdict::Done {
            return self.take_out(queue, at, number);
        }
        let Some(ticket) = self.ticket(queue, at, number)? else { return Ok(()) };
        match verdict {
            Verdict::Done => Ok(()),
            Verdict::DeadLetter { reason } => {
                let stored = self.message(queue, number, ticket.receives)?;
                self.take_out(queue, at, number)?;
                self.bury(queue, stored, reason.clone())
            }
            Verdict::Retry { after, receives, company } => {
                let due = self.now.saturating_add(*after);
                self.move_ticket(queue, (at, number), due, retried(ticket, *receives, *company))
            }
        }
    }

    /// Has a lease end at another time.
    pub(crate) fn extend(
        &mut self,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<Result<(Receipt, Timestamp), CommitError>, Failure> {
        settled(self.extend_or_halt(receipt, visibility))
    }

    fn extend_or_halt(&mut self, receipt: &Receipt, visibility: Duration) -> Result<(Receipt, Timestamp), Halt> {
        let queue = &receipt.queue;
        let lease = Lease::of(receipt)?;
        self.holds(0, queue, lease)?;
        let later = self.now.saturating_add(visibility);
        self.woken.insert(queue.clone());
        let lease = match lease {
            Lease::Message { number, until, lease } => {
                if let Some(ticket) = self.ticket(queue, until, number)? {
                    self.move_ticket(queue, (until, number), later, ticket)?;
                }
                Lease::Message { number, until: later, lease }
            }
            Lease::Member { group, .. } => {
                self.hide_until(queue, group, later)?;
                lease
            }
        };
        Ok((Receipt { queue: queue.clone(), lease: Bytes::from(lease.bytes()) }, later))
    }
}

/// The ticket of a message that comes again.
pub(super) fn retried(ticket: Ticket, receives: Receives, company: Company) -> Ticket {
    let receives = match receives {
        Receives::Count => ticket.receives,
        Receives::Forgive => ticket.receives.saturating_sub(1),
    };
    ticket.retried(receives, company)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_reads_as_it_was_written() {
        for lease in [
            Lease::Message { number: 1, until: Timestamp::from_millis(2), lease: 3 },
            Lease::Member { number: 1, lease: 3, group: "é" },
        ] {
            assert_eq!(Lease::parse(&lease.bytes()), Some(lease));
        }
        let none = Lease::Message { number: 1, until: Timestamp::from_millis(2), lease: 0 };
        for bytes in [&[][..], &[0; 24], &[0; 26], &[1; 16], &[2; 25], &none.bytes()] {
            assert_eq!(Lease::parse(bytes), None, "{bytes:?}");
        }
    }
}
