//! The side of the queues that receives and looks.
//!
//! A receive first looks, in a read transaction, whether something is due; only then it asks the writer to lease it. Who
//! waits stands ready for the commit that brings a message, which leases it too (`waiters`), and looks again when the next one is
//! due.

use std::pin::pin;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flint_model::{QueueName, Timestamp};
use flint_stores::queue::HIDDEN_MAX;
use flint_stores::{
    BoxFuture, CommitError, Depth, Invalid, Order, Peeked, Queues, ReadError, Receipt, Receive, Received, Stored,
    Unavailable, check,
};
use redb::{ReadOnlyTable, ReadTransaction};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Embedded;
use crate::apply::{Apply, END, Shift};
use crate::database::{Chain, Failure};
use crate::load::Load;
use crate::table::Corrupt;
use crate::table::blob::BODY;
use crate::table::queue::{
    GROUP, MESSAGE, Member, QUEUE, READY, Ticket, Turn, count, group_key, message_key, number_of, queue_prefix,
    read_message, read_whole, ready_key, split_ready_key,
};

/// How often somebody who waits looks at the clock: it may have been set, and then a delay ends at another time than was
/// thought.
const LOOK: Duration = Duration::from_secs(1);

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Queues for Embedded {
    fn receive_until<'a>(
        &'a self,
        queue: &'a QueueName,
        receive: Receive,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Received, CommitError>> {
        Box::pin(async move {
            let visibility = check::receive(&self.catalog.load(), queue, &receive)?;
            let until = Instant::now() + receive.wait;
            let bell = self.waiters.bell(queue);
            let is_over = || Instant::now() >= until || stop.is_cancelled();
            let mut given_up = 0;
            loop {
                // Before it looks: so no commit falls between looking and waiting.
                let mut rung = pin!(bell.notified());
                rung.as_mut().enable();
                let received = match self.next_due(queue)? {
                    Some(Duration::ZERO) => self.lease(queue, receive, visibility).await?,
                    _ if is_over() => Received::default(),
                    due => {
                        let until = until.min(Instant::now() + due.map_or(LOOK, |wait| wait.min(LOOK)));
                        // Woken, stopped or neither, it looks again.
                        let woken = tokio::time::timeout_at(until, stop.run_until_cancelled(rung));
                        self.stand(queue, receive, visibility, woken).await?
                    }
                };
                given_up += received.given_up;
                if !received.messages.is_empty() || is_over() {
                    return Ok(Received { given_up, ..received });
                }
            }
        })
    }

    fn extend<'a>(
        &'a self,
        receipt: &'a Receipt,
        visibility: Duration,
    ) -> BoxFuture<'a, Result<(Receipt, Timestamp), CommitError>> {
        Box::pin(async move {
            check::extend(&self.catalog.load(), &receipt.queue, visibility)?;
            let receipt = receipt.clone();
            self.group_commit.ask(Load::frees(1), move |apply| apply.extend(&receipt, visibility)).await?
        })
    }

    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Peeked, ReadError>> {
        Box::pin(async move {
            let (messages_max, bytes_max) = check::page(&self.catalog.load(), queue, limit)?;
            let after = cursor.map(Place::decode).transpose()?;
            let filling = Filling { messages_max, bytes_max, ..Filling::default() };
            self.look(|transaction| peek(transaction, queue, after, filling)).map_err(ReadError::from)
        })
    }

    fn depth<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<Depth, ReadError>> {
        Box::pin(async move {
            self.catalog.load().queue(queue)?;
            let now = self.clock.now();
            self.look(|transaction| depth(transaction, queue, now)).map_err(ReadError::from)
        })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<u64, CommitError>> {
        Box::pin(async move {
            self.catalog.load().queue(queue)?;
            let last = self.group_commit.ask(Load::frees(1), |apply| Ok(apply.last_number())).await?;
            self.purge_up_to(queue, last).await
        })
    }

    fn redrive<'a>(
        &'a self,
        from: &'a QueueName,
        to: Option<&'a QueueName>,
        max: u64,
    ) -> BoxFuture<'a, Result<u64, CommitError>> {
        Box::pin(async move {
            check::redrive(&self.catalog.load(), from, to)?;
            let mut shift = Shift { from: from.clone(), to: to.cloned(), max, after: None };
            let mut total = 0;
            loop {
                let step = shift.clone();
                let redriven = self
                    .group_commit
                    .ask(Load::adds(STEP_BYTES, STEP_WEIGHT), move |apply| apply.redrive(&step))
                    .await??;
                total += redriven.moved;
                match (redriven.full, redriven.after) {
                    (Some(full), _) => return Err(full),
                    (None, None) => return Ok(total),
                    (None, after) => shift = Shift { max: shift.max - redriven.moved, after, ..shift },
                }
            }
        })
    }
}

/// What a step of moving or removing many messages counts for in its group of commits.
const STEP_WEIGHT: usize = 1000;
/// What it may bring, about.
const STEP_BYTES: u64 = 4 << 20;

impl Embedded {
    /// Has the writer lease what is there.
    async fn lease(&self, queue: &QueueName, receive: Receive, visibility: Duration) -> Result<Received, CommitError> {
        let queue = queue.clone();
        // It adds little; but who can't settle with what came of it should not begin.
        let load = Load::adds(0, receive.max);
        self.group_commit.ask(load, move |apply| apply.receive(&queue, &receive, visibility)).await?
    }

    /// Stands ready to receive what comes, until something else is over; nothing if that was first.
    async fn stand(
        &self,
        queue: &QueueName,
        receive: Receive,
        visibility: Duration,
        until: impl Future,
    ) -> Result<Received, CommitError> {
        let name = queue.clone();
        let receiving = move |apply: &mut Apply<'_>| apply.receive(&name, &receive, visibility);
        let (place, mut answered) = self.group_commit.stand(queue.clone(), Load::adds(0, receive.max), receiving);
        let answer = tokio::select! {
            biased;
            answer = &mut answered => answer,
            _ = until => if place.leave() { return Ok(Received::default()) } else { answered.await }
        };
        answer.unwrap_or(Err(Unavailable::Failed))?
    }

    /// Removes the messages up to a number, in passes until one has found none: what is leased meanwhile, or comes back, may
    /// have gone past.
    pub(crate) async fn purge_up_to(&self, queue: &QueueName, last: u64) -> Result<u64, CommitError> {
        let (mut total, mut of_pass, mut before) = (0, 0, END);
        loop {
            let name = queue.clone();
            let step = self.group_commit.ask(Load::frees(STEP_WEIGHT), move |apply| apply.purge(&name, last, before));
            let purged = step.await?;
            (total, of_pass) = (total + purged.removed, of_pass + purged.removed);
            (of_pass, before) = match purged.before {
                Some(row) => (of_pass, row),
                None if of_pass == 0 => return Ok(total),
                None => (0, END),
            };
        }
    }

    /// In how long the next message is due; none if nothing is in the queue.
    fn next_due(&self, queue: &QueueName) -> Result<Option<Duration>, Unavailable> {
        let now = self.clock.now();
        let due = self.look(|transaction| next_due(transaction, queue))?;
        Ok(due.map(|at| Duration::from_millis(at.as_millis().saturating_sub(now.as_millis()))))
    }

    /// Looks at the tables at one moment.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, Failure>) -> Result<T, Unavailable> {
        self.database.read(look).map_err(|failure| match failure {
            Failure::Unavailable(reason) => reason,
            failure => {
                tracing::error!(error = %Chain(&failure), "a read of the tables failed");
                Unavailable::Failed
            }
        })
    }
}

fn next_due(transaction: &ReadTransaction, queue: &QueueName) -> Result<Option<Timestamp>, Failure> {
    let prefix = queue_prefix(queue);
    let ready = transaction.open_table(READY)?;
    let Some(first) = ready.range::<&[u8]>(prefix.as_slice()..)?.next() else { return Ok(None) };
    let (key, _) = first?;
    Ok(if key.value().starts_with(&prefix) { Some(split_ready_key(key.value())?.0) } else { None })
}

/// When the message was sent that may be received next, if there is one.
pub(crate) fn first_waiting(
    transaction: &ReadTransaction,
    queue: &QueueName,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let prefix = queue_prefix(queue);
    let ready = transaction.open_table(READY)?;
    let Some(first) = ready.range::<&[u8]>(prefix.as_slice()..)?.next() else { return Ok(None) };
    let (key, _) = first?;
    if !key.value().starts_with(&prefix) {
        return Ok(None);
    }
    let (at, number) = split_ready_key(key.value())?;
    let row = transaction.open_table(MESSAGE)?.get(message_key(queue, number).as_slice())?;
    let sent_at = row.map(|row| read_message(row.value(), 0)).transpose()?.map(|stored| stored.sent_at);
    Ok(sent_at.filter(|_| at <= now))
}

fn depth(transaction: &ReadTransaction, queue: &QueueName, now: Timestamp) -> Result<Depth, Failure> {
    let Some(count) = count(&transaction.open_table(QUEUE)?, queue)? else { return Ok(Depth::default()) };
    let hidden = hidden(&transaction.open_table(READY)?, queue, count.order, now)?.min(count.messages);
    let oldest = match first_message(&transaction.open_table(MESSAGE)?, queue)? {
        Some((_, stored)) => Some(stored.sent_at),
        None => None,
    };
    Ok(Depth { waiting: count.messages - hidden, hidden, oldest })
}

fn hidden(ready: &Rows, queue: &QueueName, order: Order, now: Timestamp) -> Result<u64, Failure> {
    let prefix = queue_prefix(queue);
    let from = ready_key(queue, now.saturating_add(Duration::from_millis(1)), 0);
    let mut hidden = 0;
    for row in ready.range::<&[u8]>(from.as_slice()..)? {
        let (key, value) = row?;
        if !key.value().starts_with(&prefix) || hidden >= HIDDEN_MAX {
            break;
        }
        hidden += match order {
            Order::Standard => 1,
            Order::Fifo => u64::from(Turn::parse(value.value())?.leased.max(1)),
        };
    }
    Ok(hidden.min(HIDDEN_MAX))
}

fn first_message(messages: &Rows, queue: &QueueName) -> Result<Option<(u64, Stored)>, Failure> {
    let prefix = queue_prefix(queue);
    let Some(first) = messages.range::<&[u8]>(prefix.as_slice()..)?.next() else { return Ok(None) };
    let (key, value) = first?;
    if !key.value().starts_with(&prefix) {
        return Ok(None);
    }
    Ok(Some((number_of(key.value())?, read_message(value.value(), 0)?)))
}

/// Where a page of a look ended.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: Timestamp,
    number: u64,
}

impl Place {
    fn encode(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([self.at.as_millis().to_be_bytes(), self.number.to_be_bytes()].concat())
    }

    fn decode(cursor: &str) -> Result<Self, Invalid> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Invalid::Cursor)?;
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| Invalid::Cursor)?;
        let (at, number) = split_ready_key(&bytes).map_err(|_| Invalid::Cursor)?;
        Ok(Self { at, number })
    }
}

/// A page of a look that fills.
#[derive(Debug, Default)]
struct Filling {
    messages_max: usize,
    bytes_max: usize,
    page: Peeked,
    bytes: usize,
    last: Option<Place>,
}

impl Filling {
    /// Adds a message; answers whether it had room. If not, the page ends before it.
    fn add(&mut self, stored: Stored, place: Place) -> bool {
        let bytes = self.bytes.saturating_add(stored.message.size());
        let fits = self.page.messages.len() < self.messages_max && bytes <= self.bytes_max;
        if !self.page.messages.is_empty() && !fits {
            self.page.cursor = self.last.map(Place::encode);
            return false;
        }
        self.page.messages.push(stored);
        (self.bytes, self.last) = (bytes, Some(place));
        true
    }
}

fn peek(
    transaction: &ReadTransaction,
    queue: &QueueName,
    after: Option<Place>,
    filling: Filling,
) -> Result<Peeked, Failure> {
    let Some(count) = count(&transaction.open_table(QUEUE)?, queue)? else { return Ok(Peeked::default()) };
    match count.order {
        Order::Standard => peek_standard(transaction, queue, after, filling),
        Order::Fifo => peek_fifo(transaction, queue, after, filling),
    }
}

fn peek_standard(
    transaction: &ReadTransaction,
    queue: &QueueName,
    after: Option<Place>,
    mut filling: Filling,
) -> Result<Peeked, Failure> {
    let prefix = queue_prefix(queue);
    let from = after.map_or_else(|| prefix.clone(), |place| ready_key(queue, place.at, place.number.saturating_add(1)));
    let (ready, messages) = (transaction.open_table(READY)?, transaction.open_table(MESSAGE)?);
    let bodies = transaction.open_table(BODY)?;
    for row in ready.range::<&[u8]>(from.as_slice()..)? {
        let (key, value) = row?;
        if !key.value().starts_with(&prefix) {
            break;
        }
        let (at, number) = split_ready_key(key.value())?;
        let message = messages.get(message_key(queue, number).as_slice())?.ok_or(Corrupt("ready"))?;
        let stored = read_whole(message.value(), Ticket::parse(value.value())?.receives, &bodies)?;
        if !filling.add(stored, Place { at, number }) {
            break;
        }
    }
    Ok(filling.page)
}

fn peek_fifo(
    transaction: &ReadTransaction,
    queue: &QueueName,
    after: Option<Place>,
    mut filling: Filling,
) -> Result<Peeked, Failure> {
    let prefix = queue_prefix(queue);
    let from = message_key(queue, after.map_or(0, |place| place.number.saturating_add(1)));
    let (messages, groups) = (transaction.open_table(MESSAGE)?, transaction.open_table(GROUP)?);
    let bodies = transaction.open_table(BODY)?;
    for row in messages.range::<&[u8]>(from.as_slice()..)? {
        let (key, value) = row?;
        if !key.value().starts_with(&prefix) {
            break;
        }
        let number = number_of(key.value())?;
        let stored = read_whole(value.value(), 0, &bodies)?;
        let group = stored.message.group.as_deref().unwrap_or_default();
        let member = groups.get(group_key(queue, group, number).as_slice())?.ok_or(Corrupt("group"))?;
        let receives = Member::parse(member.value())?.ticket.receives;
        if !filling.add(Stored { receives, ..stored }, Place { at: Timestamp::default(), number }) {
            break;
        }
    }
    Ok(filling.page)
}
