//! What is sent to queues, and asked of them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use flint_model::QueueName;

use crate::catalog::Catalog;
use crate::effect::Effect;
use crate::queue::{
    ATTRIBUTE_NAME_MAX, ATTRIBUTES_MAX, GROUP_MAX, LARGE_PAYLOAD_MAX, Message, Order, QueueRules, Receive, SendOptions,
    Settle, Verdict,
};
use crate::refusal::{Invalid, Refusal, TooLarge, What};

/// Checks one message that is sent.
pub(super) fn send(
    catalog: &Catalog,
    queue: &QueueName,
    message: &Message,
    options: &SendOptions,
) -> Result<(), Refusal> {
    let rules = catalog.queue(queue)?;
    size(catalog, rules, message)?;
    attributes(message)?;
    match (rules.order, &message.group) {
        (Order::Fifo, None) => return Err(Invalid::NoGroup { queue: queue.clone() }.into()),
        (Order::Standard, Some(_)) => return Err(Invalid::Group { queue: queue.clone() }.into()),
        (Order::Fifo, Some(group)) => text(What::Group, group, GROUP_MAX)?,
        (Order::Standard, None) => {}
    }
    if let Some(id) = &options.deduplication_id {
        text(What::DeduplicationId, id, GROUP_MAX)?;
    }
    match options.delay {
        Some(_) if rules.order == Order::Fifo => Err(Invalid::FifoDelay { queue: queue.clone() }.into()),
        Some(delay) => Ok(within(delay, rules.delay_max)?),
        None => Ok(()),
    }
}

/// What is too large for its queue may lie in a bucket; but for what is said beside the body.
fn size(catalog: &Catalog, rules: &QueueRules, message: &Message) -> Result<(), Refusal> {
    let Some(bucket) = rules.large_payloads.as_ref().filter(|_| rules.is_large(message)) else {
        return Ok(TooLarge::check(What::Message, message.size(), rules.message_size_max)?);
    };
    TooLarge::check(What::Message, message.size() - message.body.len(), rules.message_size_max)?;
    let blob_size_max = usize::try_from(catalog.bucket(bucket)?.blob_size_max).unwrap_or(usize::MAX);
    Ok(TooLarge::check(What::Message, message.body.len(), blob_size_max.min(LARGE_PAYLOAD_MAX))?)
}

pub(super) fn attributes(message: &Message) -> Result<(), Refusal> {
    TooLarge::check(What::Attributes, message.attributes.len(), ATTRIBUTES_MAX)?;
    for (index, attribute) in message.attributes.iter().enumerate() {
        text(What::Attribute, &attribute.name, ATTRIBUTE_NAME_MAX)?;
        if message.attributes[..index].iter().any(|before| before.name == attribute.name) {
            return Err(Invalid::AttributeTwice { name: attribute.name.clone() }.into());
        }
    }
    Ok(())
}

pub(super) fn text(what: What, text: &str, max: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Invalid::Empty { what }.into());
    }
    Ok(TooLarge::check(what, text.len(), max)?)
}

fn within(time: Duration, max: Duration) -> Result<(), TooLarge> {
    let millis = |time: Duration| usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
    TooLarge::check(What::Delay, millis(time), millis(max))
}

/// Checks what a commit of several effects sends to each queue.
pub(super) fn batch(catalog: &Catalog, effects: &[Effect]) -> Result<(), Refusal> {
    let mut load: BTreeMap<&QueueName, (usize, usize)> = BTreeMap::new();
    for effect in effects {
        let Effect::QueueSend { queue, message, .. } = effect else { continue };
        let (count, bytes) = load.entry(queue).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(message.size());
    }
    for (queue, (count, bytes)) in load {
        let rules = catalog.queue(queue)?;
        TooLarge::check(What::Batch, count, rules.batch_max)?;
        if count > 1 {
            let large = rules.large_payloads.as_ref().map_or(0, |_| LARGE_PAYLOAD_MAX);
            TooLarge::check(What::Batch, bytes, rules.batch_bytes_max.max(large))?;
        }
    }
    Ok(())
}

/// Checks the verdicts about messages.
pub(super) fn settle(catalog: &Catalog, consumed: &[Settle]) -> Result<(), Refusal> {
    let mut seen = HashSet::with_capacity(consumed.len());
    for Settle { receipt, verdict } in consumed {
        let rules = catalog.queue(&receipt.queue)?;
        if !seen.insert(receipt) {
            return Err(Invalid::SettledTwice { queue: receipt.queue.clone() }.into());
        }
        match verdict {
            Verdict::Retry { after, .. } => within(*after, rules.visibility_max)?,
            Verdict::Done | Verdict::DeadLetter { .. } => {}
        }
    }
    Ok(())
}

/// Checks a receive; answers how long its lease lasts.
///
/// # Errors
/// [`Refusal`].
pub fn receive(catalog: &Catalog, queue: &QueueName, receive: &Receive) -> Result<Duration, Refusal> {
    let rules = catalog.queue(queue)?;
    if receive.max == 0 {
        return Err(Invalid::EmptyPage.into());
    }
    TooLarge::check(What::Batch, receive.max, rules.batch_max)?;
    extend(catalog, queue, receive.visibility.unwrap_or(rules.visibility))
}

/// Checks how long a lease is to last, and answers that.
///
/// # Errors
/// [`Refusal`].
pub fn extend(catalog: &Catalog, queue: &QueueName, visibility: Duration) -> Result<Duration, Refusal> {
    let rules = catalog.queue(queue)?;
    if visibility < Duration::from_millis(1) {
        return Err(Invalid::NoLease.into());
    }
    within(visibility, rules.visibility_max)?;
    Ok(visibility)
}

/// Checks a look at a queue; answers how many messages its page may have, and how many bytes if they are several.
///
/// # Errors
/// [`Refusal`].
pub fn page(catalog: &Catalog, queue: &QueueName, limit: u32) -> Result<(usize, usize), Refusal> {
    let rules = catalog.queue(queue)?;
    if limit == 0 {
        return Err(Invalid::EmptyPage.into());
    }
    Ok(((limit as usize).min(rules.batch_max), rules.batch_bytes_max))
}

/// Checks a redrive.
///
/// # Errors
/// [`Refusal`].
pub fn redrive(catalog: &Catalog, from: &QueueName, to: Option<&QueueName>) -> Result<(), Refusal> {
    catalog.queue(from)?;
    let Some(to) = to else { return Ok(()) };
    catalog.queue(to)?;
    if from == to {
        return Err(Invalid::Itself { queue: to.clone() }.into());
    }
    Ok(())
}
