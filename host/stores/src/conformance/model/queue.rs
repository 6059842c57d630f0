//! Queues in memory: a list of messages each.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use flint_model::{MessageId, QueueName, Timestamp};

use crate::queue::{
    Company, Death, Delivery, Depth, Gather, Message, Order, Peeked, Pick, Receipt, Receive, Received, Receives,
    SendOptions, Settle, Stored, Verdict,
};
use crate::refusal::Invalid;
use crate::{Catalog, CommitError};

/// All queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues {
    queues: BTreeMap<QueueName, Queue>,
    /// The number of the last message, and of the last lease.
    last: u64,
}

#[derive(Debug, Clone, Default)]
struct Queue {
    /// By the order in which they were sent.
    held: BTreeMap<u64, Held>,
    /// When the next message of each group may be received.
    groups: BTreeMap<String, Timestamp>,
    ids: BTreeMap<String, (MessageId, Timestamp)>,
}

#[derive(Debug, Clone)]
struct Held {
    stored: Stored,
    visible_at: Timestamp,
    /// Unset when the lease is settled, not when it ends.
    lease: Option<u64>,
    company: Company,
}

impl Held {
    fn company(&self) -> Company {
        if self.lease.is_some() { Company::Alone } else { self.company }
    }
}

impl Queue {
    fn hold(&mut self, number: u64, stored: Stored, visible_at: Timestamp) {
        if let Some(group) = &stored.message.group {
            self.groups.entry(group.clone()).or_insert(visible_at);
        }
        self.held.insert(number, Held { stored, visible_at, lease: None, company: Company::Any });
    }

    fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (u64, &'a Held)> {
        let of_group = move |held: &Held| held.stored.message.group.as_deref() == Some(group);
        self.held.iter().filter(move |(_, held)| of_group(held)).map(|(number, held)| (*number, held))
    }

    /// The runs of messages that may be received, in order: those of a group are one run.
    fn runs(&self, order: Order, now: Timestamp) -> Vec<Vec<u64>> {
        let mut runs: Vec<(Timestamp, u64, Vec<u64>)> = match order {
            Order::Standard => {
                self.held.iter().map(|(number, held)| (held.visible_at, *number, vec![*number])).collect()
            }
            Order::Fifo => {
                let run = |group: &str| self.members(group).map(|(number, _)| number).collect::<Vec<_>>();
                self.groups.iter().map(|(group, at)| (*at, run(group))).map(|(at, run)| (at, run[0], run)).collect()
            }
        };
        runs.retain(|(at, ..)| *at <= now);
        runs.sort();
        runs.into_iter().map(|(.., run)| run).collect()
    }

    /// Takes a message out.
    fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.held.remove(&number)?;
        if let Some(group) = &held.stored.message.group
            && self.members(group).next().is_none()
        {
            self.groups.remove(group);
        }
        Some(held)
    }

    /// Hides a group while a lease lasts. An older lease of it is over, or its order would be up to two.
    fn hide(&mut self, group: String, lease: u64, until: Timestamp) {
        let members = self.held.values_mut().filter(|held| held.stored.message.group.as_deref() == Some(&group));
        for held in members.filter(|held| held.lease.is_some_and(|other| other != lease)) {
            (held.lease, held.company) = (None, Company::Alone);
        }
        self.groups.insert(group, until);
    }

    /// Shows a group again when none of its messages is leased any more.
    fn release(&mut self, group: &str, now: Timestamp) {
        let Some((_, head)) = self.members(group).next() else { return };
        let at = head.visible_at.max(now);
        if self.members(group).all(|(_, held)| held.lease.is_none()) {
            self.groups.insert(group.to_owned(), at);
        }
    }
}

impl Queues {
    pub(super) fn send(
        &mut self,
        catalog: &Catalog,
        now: Timestamp,
        name: &QueueName,
        message: &Message,
        options: &SendOptions,
    ) -> Result<MessageId, CommitError> {
        let rules = catalog.queue(name)?;
        self.last += 1;
        let queue = self.queues.entry(name.clone()).or_default();
        if let Some(id) = &options.deduplication_id {
            match queue.ids.get(id) {
                Some((first, until)) if now < *until => return Ok(*first),
                _ => queue.ids.insert(id.clone(), (message.id, now.saturating_add(rules.deduplication_window))),
            };
        }
        if queue.held.len() as u64 >= rules.length_max {
            return Err(CommitError::Full { queue: name.clone(), limit: rules.length_max });
        }
        let visible_at = now.saturating_add(options.delay.unwrap_or(rules.delay));
        let stored = Stored { message: message.clone(), sent_at: now, receives: 0, death: None };
        queue.hold(self.last, stored, visible_at);
        Ok(message.id)
    }

    pub(super) fn receive(
        &mut self,
        catalog: &Catalog,
        now: Timestamp,
        name: &QueueName,
        receive: &Receive,
    ) -> Result<Received, CommitError> {
        let rules = catalog.queue(name)?;
        self.last += 1;
        let (lease, until) = (self.last, now.saturating_add(receive.visibility.unwrap_or(rules.visibility)));
        let mut received = Received::default();
        let mut gather = Gather::new(receive);
        'runs: for run in self.queues.entry(name.clone()).or_default().runs(rules.order, now) {
            let mut leased = false;
            gather.next_group();
            for number in run {
                if gather.room() == 0 {
                    break 'runs;
                }
                let held = &self.queues[name].held[&number];
                let due = held.visible_at;
                if let (Some(group), true) = (held.stored.message.group.clone(), now < due) {
                    if !leased {
                        self.queues.entry(name.clone()).or_default().hide(group, 0, due);
                    }
                    continue 'runs;
                }
                if let Some(why) = rules.gives_up(held.stored.sent_at, held.stored.receives, now) {
                    self.give_up(catalog, now, name, number, &why.to_string());
                    received.given_up += 1;
                    continue;
                }
                let queue = self.queues.entry(name.clone()).or_default();
                let Some(held) = queue.held.get_mut(&number) else { continue };
                let group = held.stored.message.group.clone();
                if group.is_none() {
                    gather.next_group();
                }
                match gather.offer(held.stored.message.size(), held.company()) {
                    Pick::Skip => continue 'runs,
                    Pick::Full => break 'runs,
                    Pick::Take => {}
                }
                leased = true;
                held.lease = Some(lease);
                held.stored.receives += 1;
                let receipt = Receipt { queue: name.clone(), lease: receipt(number, lease) };
                received.messages.push(Delivery { receipt, until, stored: held.stored.clone() });
                match group {
                    Some(group) => queue.hide(group, lease, until),
                    None => held.visible_at = until,
                }
            }
        }
        received.alone = gather.is_alone();
        Ok(received)
    }

    pub(super) fn extend(
        &mut self,
        now: Timestamp,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(Receipt, Timestamp), CommitError> {
        let number = self.leased(0, receipt)?;
        let until = now.saturating_add(visibility);
        let queue = self.queues.entry(receipt.queue.clone()).or_default();
        if let Some(held) = queue.held.get_mut(&number) {
            match held.stored.message.group.clone() {
                Some(group) => drop(queue.groups.insert(group, until)),
                None => held.visible_at = until,
            }
        }
        Ok((receipt.clone(), until))
    }

    /// The message of a lease.
    fn leased(&self, index: usize, receipt: &Receipt) -> Result<u64, CommitError> {
        let (number, lease) = numbers(&receipt.lease).ok_or(CommitError::Invalid(Invalid::Receipt))?;
        let held = self.queues.get(&receipt.queue).and_then(|queue| queue.held.get(&number));
        match held {
            Some(held) if held.lease == Some(lease) => Ok(number),
            _ => Err(CommitError::LeaseLost { index, queue: receipt.queue.clone() }),
        }
    }

    pub(super) fn settle(
        &mut self,
        catalog: &Catalog,
        now: Timestamp,
        index: usize,
        settle: &Settle,
    ) -> Result<(), CommitError> {
        let number = self.leased(index, &settle.receipt)?;
        let name = &settle.receipt.queue;
        let queue = self.queues.entry(name.clone()).or_default();
        let group = queue.held.get(&number).and_then(|held| held.stored.message.group.clone());
        match &settle.verdict {
            Verdict::Done => drop(queue.remove(number)),
            Verdict::DeadLetter { reason } => self.give_up(catalog, now, name, number, reason),
            Verdict::Retry { after, receives, company } => {
                let Some(held) = queue.held.get_mut(&number) else { return Ok(()) };
                held.lease = None;
                held.company = *company;
                held.visible_at = now.saturating_add(*after);
                if *receives == Receives::Forgive {
                    held.stored.receives -= 1;
                }
            }
        }
        if let (Some(group), Some(queue)) = (group, self.queues.get_mut(name)) {
            queue.release(&group, now);
        }
        Ok(())
    }

    /// Moves a message to the dead-letter queue, or removes it.
    fn give_up(&mut self, catalog: &Catalog, now: Timestamp, name: &QueueName, number: u64, reason: &str) {
        let Some(held) = self.queues.get_mut(name).and_then(|queue| queue.remove(number)) else { return };
        let Ok(Some(to)) = catalog.queue(name).map(|rules| rules.dead_letter.as_ref()) else { return };
        let receives = held.stored.receives;
        let death = Death { queue: name.clone(), reason: reason.to_owned(), receives, at: now };
        self.put(catalog, now, to, held.stored.message, Some(death));
    }

    /// Puts a message into a queue as if it had just been sent there.
    fn put(&mut self, catalog: &Catalog, now: Timestamp, to: &QueueName, mut message: Message, death: Option<Death>) {
        message.group = match catalog.queue(to).map(|rules| rules.order) {
            Ok(Order::Fifo) => Some(message.group.unwrap_or_else(|| to.to_string())),
            _ => None,
        };
        self.last += 1;
        let stored = Stored { message, sent_at: now, receives: 0, death };
        self.queues.entry(to.clone()).or_default().hold(self.last, stored, now);
    }

    pub(super) fn purge(&mut self, name: &QueueName) -> u64 {
        let Some(queue) = self.queues.get_mut(name) else { return 0 };
        queue.groups.clear();
        std::mem::take(&mut queue.held).len() as u64
    }

    pub(super) fn redrive(
        &mut self,
        catalog: &Catalog,
        now: Timestamp,
        from: &QueueName,
        to: Option<&QueueName>,
        max: u64,
    ) -> Result<u64, CommitError> {
        let order = catalog.queue(from)?.order;
        let mut moved = 0;
        let mut waiting = self.queues.entry(from.clone()).or_default().runs(order, now).concat();
        if order == Order::Fifo {
            waiting.sort_unstable();
        }
        for number in waiting {
            let stored = &self.queues[from].held[&number].stored;
            let target = to.or(stored.death.as_ref().map(|death| &death.queue)).cloned();
            let Some(target) = target.filter(|target| catalog.queue(target).is_ok()) else { continue };
            if moved == max {
                break;
            }
            let limit = catalog.queue(&target)?.length_max;
            if self.queues.get(&target).map_or(0, |queue| queue.held.len() as u64) >= limit {
                return Err(CommitError::Full { queue: target, limit });
            }
            let Some(held) = self.queues.get_mut(from).and_then(|queue| queue.remove(number)) else { continue };
            self.put(catalog, now, &target, held.stored.message, None);
            moved += 1;
        }
        Ok(moved)
    }

    pub(super) fn peek(
        &self,
        order: Order,
        name: &QueueName,
        cursor: Option<&str>,
        (limit, bytes_max): (usize, usize),
    ) -> Result<Peeked, Invalid> {
        let skip = cursor.map(str::parse::<usize>).transpose().map_err(|_| Invalid::Cursor)?.unwrap_or(0);
        let Some(queue) = self.queues.get(name) else { return Ok(Peeked::default()) };
        let mut held: Vec<_> = queue.held.iter().collect();
        if order == Order::Standard {
            held.sort_by_key(|(number, held)| (held.visible_at, **number));
        }
        let (all, mut bytes, mut messages) = (held.len(), 0, Vec::new());
        for (_, held) in held.into_iter().skip(skip).take(limit) {
            bytes += held.stored.message.size();
            if bytes > bytes_max && !messages.is_empty() {
                break;
            }
            messages.push(held.stored.clone());
        }
        let end = skip + messages.len();
        Ok(Peeked { cursor: (end < all).then(|| end.to_string()), messages })
    }

    pub(super) fn depth(&self, order: Order, name: &QueueName, now: Timestamp) -> Depth {
        let Some(queue) = self.queues.get(name) else { return Depth::default() };
        let hidden = match order {
            Order::Standard => queue.held.values().filter(|held| now < held.visible_at).count(),
            Order::Fifo => {
                let leased = |group: &str| queue.members(group).filter(|(_, held)| held.lease.is_some()).count();
                let hidden = queue.groups.iter().filter(|(_, at)| now < **at);
                hidden.map(|(group, _)| leased(group).max(1)).sum()
            }
        };
        let total = queue.held.len();
        let oldest = queue.held.values().next().map(|held| held.stored.sent_at);
        Depth { waiting: (total - hidden) as u64, hidden: hidden as u64, oldest }
    }
}

fn receipt(number: u64, lease: u64) -> Bytes {
    [number.to_be_bytes(), lease.to_be_bytes()].concat().into()
}

fn numbers(receipt: &[u8]) -> Option<(u64, u64)> {
    let (number, lease) = receipt.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), u64::from_be_bytes(lease.try_into().ok()?)))
}
