//! Sends to queues, receives from them and looks into them, on behalf of whoever runs the host: no grants are asked.

use super::api::queue::{
    Counted, Death, Extend, Extended, Message, Messages, Peek, Queue, Receive, Redrive, Send, Sent, Settle, Verdict,
};
use super::api::{Printable, Problem};
use super::event::event;
use flint_model::{MessageId, QueueName};
use flint_stores::{
    Attribute, Commit, CommitError, Company, Delivery, Effect, Invalid, Outcome, ReadError, Receipt, Receives,
    SendOptions, Stored, Stores,
};
use http::StatusCode;
use std::time::Duration;

/// How many messages a page has when nobody says.
const PAGE: u32 = 100;

/// The longest wait of one request.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// What a queue holds.
///
/// # Errors
/// A problem, as in the functions below.
pub(crate) async fn depth(stores: &dyn Stores, queue: &QueueName) -> Result<Queue, Problem> {
    let depth = stores.queues().depth(queue).await.map_err(of_read)?;
    let now = stores.now().as_millis();
    let oldest_age_ms = depth.oldest.map(|oldest| now.saturating_sub(oldest.as_millis()));
    Ok(Queue { queue: queue.to_string(), waiting: depth.waiting, hidden: depth.hidden, oldest_age_ms })
}

/// Sends messages, durably.
pub(crate) async fn send(stores: &dyn Stores, queue: &QueueName, send: Send) -> Result<Sent, Problem> {
    let mut effects = Vec::with_capacity(send.messages.len());
    for outgoing in send.messages {
        let body = outgoing.body.bytes().ok_or_else(|| bad("a body in base 64 can't be read"))?;
        let attributes = outgoing.attributes.into_iter().map(|(name, value)| Attribute { name, value }).collect();
        let group = outgoing.group;
        let message = flint_stores::Message { attributes, group, ..flint_stores::Message::new(MessageId::now(), body) };
        let delay = outgoing.delay_ms.map(Duration::from_millis);
        let options = SendOptions { delay, deduplication_id: outgoing.deduplication_id };
        effects.push(Effect::QueueSend { queue: queue.clone(), message, options });
    }
    let committed = stores.commit(Commit::new(effects)).await.map_err(of_commit)?;
    let ids = committed.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::QueueSend { id } => Some(id.to_string()),
        _ => None,
    });
    Ok(Sent { ids: ids.collect() })
}

/// Looks at messages, and leaves them where they are.
pub(crate) async fn peek(stores: &dyn Stores, queue: &QueueName, peek: &Peek) -> Result<Messages, Problem> {
    let limit = peek.limit.unwrap_or(PAGE);
    let page = stores.queues().peek(queue, peek.cursor.as_deref(), limit).await.map_err(of_read)?;
    Ok(Messages { messages: page.messages.into_iter().map(message).collect(), cursor: page.cursor })
}

/// Leases messages.
pub(crate) async fn receive(stores: &dyn Stores, queue: &QueueName, ask: &Receive) -> Result<Messages, Problem> {
    let receive = flint_stores::Receive {
        max: ask.max.unwrap_or(1),
        visibility: ask.visibility_ms.map(Duration::from_millis),
        wait: ask.wait_ms.map(Duration::from_millis).unwrap_or_default().min(WAIT_MAX),
        ..flint_stores::Receive::default()
    };
    let received = stores.queues().receive(queue, receive).await.map_err(of_commit)?;
    Ok(Messages { messages: received.messages.into_iter().map(delivery).collect(), cursor: None })
}

/// Settles leased messages: all, or none.
pub(crate) async fn settle(stores: &dyn Stores, queue: &QueueName, settle: Settle) -> Result<Counted, Problem> {
    let delay = settle.delay_ms.map(Duration::from_millis).unwrap_or_default();
    let verdict = match settle.verdict {
        Verdict::Done => flint_stores::Verdict::Done,
        Verdict::Retry => {
            flint_stores::Verdict::Retry { after: delay, receives: Receives::Count, company: Company::Any }
        }
        Verdict::DeadLetter => {
            let reason = settle.reason.unwrap_or_else(|| "it was given up by hand".to_owned());
            flint_stores::Verdict::DeadLetter { reason }
        }
    };
    let settled = settle.receipts.iter().map(|text| {
        let receipt = receipt(queue, text)?;
        Ok(flint_stores::Settle { receipt, verdict: verdict.clone() })
    });
    let consumed = settled.collect::<Result<Vec<_>, Problem>>()?;
    let messages = consumed.len() as u64;
    stores.commit(Commit::settle(consumed)).await.map_err(of_commit)?;
    Ok(Counted { messages })
}

/// Has a lease end at another time.
pub(crate) async fn extend(stores: &dyn Stores, queue: &QueueName, extend: &Extend) -> Result<Extended, Problem> {
    let receipt = receipt(queue, &extend.receipt)?;
    let visibility = Duration::from_millis(extend.visibility_ms);
    let (receipt, until) = stores.queues().extend(&receipt, visibility).await.map_err(of_commit)?;
    Ok(Extended { receipt: receipt.text(), leased_until_ms: until.as_millis() })
}

/// Removes all messages.
pub(crate) async fn purge(stores: &dyn Stores, queue: &QueueName) -> Result<Counted, Problem> {
    let messages = stores.queues().purge(queue).await.map_err(of_commit)?;
    Ok(Counted { messages })
}

/// Moves dead letters back.
pub(crate) async fn redrive(stores: &dyn Stores, queue: &QueueName, redrive: &Redrive) -> Result<Counted, Problem> {
    let to = redrive.to.as_deref().map(QueueName::parse).transpose().map_err(|error| bad(&error.to_string()))?;
    let max = redrive.max.unwrap_or(u64::MAX);
    let messages = stores.queues().redrive(queue, to.as_ref(), max).await.map_err(of_commit)?;
    Ok(Counted { messages })
}

fn receipt(queue: &QueueName, text: &str) -> Result<Receipt, Problem> {
    Receipt::parse(queue.clone(), text).map_err(|invalid: Invalid| bad(&invalid.to_string()))
}

fn message(stored: Stored) -> Message {
    let Stored { message, sent_at, receives, death } = stored;
    Message {
        id: message.id.to_string(),
        body: Printable::new(&message.body),
        event: event(&message),
        attributes: message.attributes.into_iter().map(|one| (one.name, one.value)).collect(),
        group: message.group,
        sent_at_ms: sent_at.as_millis(),
        receive_count: receives,
        receipt: None,
        leased_until_ms: None,
        death: death.map(|death| Death {
            queue: death.queue.to_string(),
            reason: death.reason,
            receive_count: death.receives,
            at_ms: death.at.as_millis(),
        }),
    }
}

fn delivery(delivery: Delivery) -> Message {
    let Delivery { receipt, until, stored } = delivery;
    Message { receipt: Some(receipt.text()), leased_until_ms: Some(until.as_millis()), ..message(stored) }
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "queue/invalid", detail)
}

fn of_read(error: ReadError) -> Problem {
    super::problem::of_read("queue", &error)
}

fn of_commit(error: CommitError) -> Problem {
    super::problem::of_commit("queue", &error)
}
