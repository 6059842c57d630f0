//! Sending.

use std::collections::HashMap;
use std::time::Duration;

use flint_model::{MessageId, QueueName};
use flint_stores::{CommitError, Message, Outcome, SendOptions};
use redb::ReadableTable as _;

use crate::apply::{Apply, Halt};
use crate::database::Failure;
use crate::table::queue::{sent_key, sent_row, split_sent_row};
use crate::table::{expiry_key, split_expiry_key};

/// A message that can be sent.
pub(in crate::apply) enum Step<'a> {
    /// It is new.
    New { queue: &'a QueueName, message: &'a Message, options: &'a SendOptions },
    /// It was sent before.
    Known { id: MessageId },
}

/// What the parts of one commit come to together.
#[derive(Default)]
pub(in crate::apply) struct Plan<'a> {
    /// How many messages each queue gains, or loses.
    gains: HashMap<QueueName, i64>,
    /// Deduplication ids of this very commit.
    ids: HashMap<(&'a QueueName, &'a str), MessageId>,
}

impl Plan<'_> {
    /// Says that messages come to a queue, or go.
    pub(super) fn gain(&mut self, queue: &QueueName, messages: i64) {
        match self.gains.get_mut(queue) {
            Some(gain) => *gain += messages,
            None => drop(self.gains.insert(queue.clone(), messages)),
        }
    }
}

impl Apply<'_> {
    pub(in crate::apply) fn decide_send<'a>(
        &mut self,
        queue: &'a QueueName,
        message: &'a Message,
        options: &'a SendOptions,
        plan: &mut Plan<'a>,
    ) -> Result<Step<'a>, Halt> {
        if let Some(id) = &options.deduplication_id {
            if let Some(id) = self.known(queue, id, plan)? {
                return Ok(Step::Known { id });
            }
            plan.ids.insert((queue, id), message.id);
        }
        self.admit(queue, plan)?;
        Ok(Step::New { queue, message, options })
    }

    /// Finds room for one more message.
    pub(in crate::apply) fn admit(&mut self, queue: &QueueName, plan: &mut Plan<'_>) -> Result<(), Halt> {
        let (rules, count) = self.queue(queue)?;
        let limit = rules.length_max;
        let gain = plan.gains.get(queue).copied().unwrap_or(0);
        if count.messages.saturating_add_signed(gain) >= limit {
            return Err(CommitError::Full { queue: queue.clone(), limit }.into());
        }
        plan.gain(queue, 1);
        Ok(())
    }

    /// The message that was sent with a deduplication id before, if that still counts.
    fn known(&self, queue: &QueueName, id: &str, plan: &Plan<'_>) -> Result<Option<MessageId>, Failure> {
        if let Some(id) = plan.ids.get(&(queue, id)) {
            return Ok(Some(*id));
        }
        let Some(row) = self.tables.queues.sent.get(sent_key(queue, id).as_slice())? else { return Ok(None) };
        let (until, id) = split_sent_row(row.value())?;
        Ok((self.now < until).then_some(id))
    }

    pub(in crate::apply) fn take_send(&mut self, step: Step<'_>) -> Result<Outcome, Failure> {
        let (queue, message, options) = match step {
            Step::Known { id } => return Ok(Outcome::QueueSend { id }),
            Step::New { queue, message, options } => (queue, message, options),
        };
        let rules = self.rules(queue)?;
        let (order, delay) = (rules.order, options.delay.unwrap_or(rules.delay));
        if let Some(id) = &options.deduplication_id {
            let window = rules.deduplication_window;
            self.remember(queue, id, message.id, window)?;
        }
        self.put(queue, order, message, self.now.saturating_add(delay), None)?;
        Ok(Outcome::QueueSend { id: message.id })
    }

    fn remember(&mut self, queue: &QueueName, id: &str, message: MessageId, window: Duration) -> Result<(), Failure> {
        let (key, until) = (sent_key(queue, id), self.now.saturating_add(window));
        let before = self.tables.queues.sent.insert(key.as_slice(), sent_row(until, message).as_slice())?;
        if let Some((ended, _)) = before.map(|row| split_sent_row(row.value())).transpose()? {
            self.tables.queues.sent_expiry.remove(expiry_key(ended, &key).as_slice())?;
        }
        self.tables.queues.sent_expiry.insert(expiry_key(until, &key).as_slice(), ())?;
        Ok(())
    }

    /// Forgets up to `max` deduplication ids that do not count any more; answers how many there were.
    pub(in crate::apply) fn collect_sent(&mut self, max: usize) -> Result<usize, Failure> {
        let end = expiry_key(self.now.saturating_add(Duration::from_millis(1)), &[]);
        let due = self.tables.queues.sent_expiry.range::<&[u8]>(..end.as_slice())?;
        let due = due.take(max).map(|row| Ok(row?.0.value().to_vec())).collect::<Result<Vec<_>, Failure>>()?;
        for row in &due {
            let (_, key) = split_expiry_key(row)?;
            self.tables.queues.sent_expiry.remove(row.as_slice())?;
            self.tables.queues.sent.remove(key)?;
        }
        self.changed |= !due.is_empty();
        Ok(due.len())
    }
}
