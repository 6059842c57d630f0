//! `flint queue`: sends, receives and looks after queues, through the host that runs, or, if none does, by itself.

use super::kv::{millis_up, running, standard_input};
use crate::admin::api::Printable;
use crate::admin::api::queue::{
    Counted, Extend, Extended, Message, Messages, Outgoing, Peek, Queue, Queues, Receive, Redrive, Send, Sent, Settle,
    Verdict,
};
use crate::admin::client::Client;
use crate::admin::queue;
use crate::cli::{self, QueueCommand};
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::wire;
use bytes::Bytes;
use flint_model::QueueName;
use flint_stores_embedded::Embedded;
use std::sync::Arc;

/// Runs a command on queues.
pub(crate) async fn run(args: cli::Queue, output: Output) -> Result<(), Error> {
    let queues = Access::open(&args.host).await?;
    let done = work(&queues, args.command, output).await;
    queues.close().await;
    done
}

async fn work(queues: &Access, command: QueueCommand, output: Output) -> Result<(), Error> {
    let printed = match command {
        QueueCommand::Send(send) => {
            let sent = queues.send(&send.queue, messages(&send)?).await?;
            output.answer(&sent, || sent.ids.iter().map(|id| format!("{id}\n")).collect())
        }
        QueueCommand::Receive(receive) => {
            let received = queues.receive(&receive).await?;
            let printed = output.answer(&received, || received.messages.iter().map(line).collect());
            // Only what could be printed is done with.
            printed.map_err(Error::io("write the answer"))?;
            if receive.ack && !received.messages.is_empty() {
                let receipts = received.messages.into_iter().filter_map(|message| message.receipt).collect();
                queues.settle(&receive.queue, receipts, Verdict::Done, None).await?;
            }
            Ok(())
        }
        QueueCommand::Ack(lease) => {
            let counted = queues.settle(&lease.queue, vec![lease.receipt], Verdict::Done, None).await?;
            output.answer(&counted, || "it is done".to_owned())
        }
        QueueCommand::Nack { lease, delay } => {
            let delay = Some(millis_up(delay));
            let counted = queues.settle(&lease.queue, vec![lease.receipt], Verdict::Retry, delay).await?;
            output.answer(&counted, || "it comes again".to_owned())
        }
        QueueCommand::Extend { lease, visibility } => {
            let extend = Extend { receipt: lease.receipt, visibility_ms: millis_up(visibility) };
            let extended = queues.extend(&lease.queue, &extend).await?;
            output.answer(&extended, || extended.receipt.clone())
        }
        QueueCommand::Depth { queue } => {
            let depths = queues.depth(queue.as_ref()).await?;
            output.answer(&depths, || depths.queues.iter().map(depth_line).collect())
        }
        QueueCommand::Peek { queue, limit, cursor } => {
            let page = queues.peek(&queue, &Peek { cursor, limit: Some(limit) }).await?;
            let printed = output.answer(&page, || page.messages.iter().map(line).collect());
            if let (Some(cursor), false) = (&page.cursor, output.is_json()) {
                output.note(format_args!("there may be more: --cursor {cursor}"));
            }
            printed
        }
        QueueCommand::Redrive { queue, to, max } => {
            let redrive = Redrive { to: to.map(|to| to.to_string()), max };
            let counted = queues.redrive(&queue, &redrive).await?;
            output.answer(&counted, || format!("{} messages were moved", counted.messages))
        }
        QueueCommand::Purge { queue } => {
            let counted = queues.purge(&queue).await?;
            output.answer(&counted, || format!("{} messages were removed", counted.messages))
        }
    };
    printed.map_err(Error::io("write the answer"))
}

/// The bodies of messages: what was given, or standard input; whole, or by lines.
pub(super) fn bodies(given: Option<&str>, by_lines: bool) -> Result<Vec<Bytes>, Error> {
    let whole = match given {
        Some(body) => Bytes::copy_from_slice(body.as_bytes()),
        None => standard_input()?,
    };
    if !by_lines {
        return Ok(vec![whole]);
    }
    let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(Bytes::copy_from_slice).collect())
}

/// The messages that are to be sent.
fn messages(send: &cli::QueueSend) -> Result<Send, Error> {
    let bodies = bodies(send.body.as_deref(), send.lines)?;
    let outgoing = |body: Bytes| Outgoing {
        body: Printable::new(&body),
        attributes: send.attributes.iter().cloned().collect(),
        delay_ms: send.delay.map(millis_up),
        group: send.group.clone(),
        deduplication_id: send.deduplication_id.clone(),
    };
    Ok(Send { messages: bodies.into_iter().map(outgoing).collect() })
}

/// One line a message, whatever is in it.
fn line(message: &Message) -> String {
    let body = match (&message.event, &message.body) {
        (Some(event), _) => serde_json::to_string(event).unwrap_or_default(),
        (None, Printable::Text(text)) => text.escape_debug().to_string(),
        (None, Printable::Base64(text)) => format!("base64:{text}"),
    };
    let mut parts = vec![message.id.clone(), format!("received {}", message.receive_count), body];
    parts.extend(
        message.attributes.iter().map(|(name, value)| format!("{}={}", name.escape_debug(), value.escape_debug())),
    );
    parts.extend(message.group.iter().map(|group| format!("group {}", group.escape_debug())));
    parts.extend(message.death.iter().map(|death| format!("{}: {}", death.queue, death.reason.escape_debug())));
    parts.extend(message.receipt.clone());
    parts.join("\t") + "\n"
}

fn depth_line(queue: &Queue) -> String {
    let age = queue.oldest_age_ms.map_or_else(String::new, |age| format!("\toldest {}s", age / 1000));
    format!("{}\twaiting {}\thidden {}{age}\n", queue.queue, queue.waiting, queue.hidden)
}

/// The way to the queues.
enum Access {
    Host(Client),
    Here { stores: Arc<Embedded>, names: Vec<QueueName> },
}

impl Access {
    async fn open(host: &cli::Host) -> Result<Self, Error> {
        if let Some(client) = running(host).await? {
            return Ok(Self::Host(client));
        }
        let platform = load::stores(&host.config)?;
        let stores = tokio::task::block_in_place(|| wire::open_stores(&platform))?;
        Ok(Self::Here { stores, names: platform.queues.into_keys().collect() })
    }

    async fn send(&self, queue: &QueueName, send: Send) -> Result<Sent, Error> {
        Ok(match self {
            Self::Host(client) => client.with_queue(queue, "messages", &send).await?,
            Self::Here { stores, .. } => queue::send(&**stores, queue, send).await?,
        })
    }

    async fn receive(&self, args: &cli::QueueReceive) -> Result<Messages, Error> {
        let ask = Receive {
            max: Some(args.max),
            visibility_ms: args.visibility.map(millis_up),
            wait_ms: Some(millis_up(args.wait)),
        };
        Ok(match self {
            Self::Host(client) => client.with_queue(&args.queue, "receive", &ask).await?,
            Self::Here { stores, .. } => queue::receive(&**stores, &args.queue, &ask).await?,
        })
    }

    async fn settle(
        &self,
        queue: &QueueName,
        receipts: Vec<String>,
        verdict: Verdict,
        delay_ms: Option<u64>,
    ) -> Result<Counted, Error> {
        let settle = Settle { receipts, verdict, delay_ms, reason: None };
        Ok(match self {
            Self::Host(client) => client.with_queue(queue, "settle", &settle).await?,
            Self::Here { stores, .. } => queue::settle(&**stores, queue, settle).await?,
        })
    }

    async fn extend(&self, queue: &QueueName, extend: &Extend) -> Result<Extended, Error> {
        Ok(match self {
            Self::Host(client) => client.with_queue(queue, "extend", extend).await?,
            Self::Here { stores, .. } => queue::extend(&**stores, queue, extend).await?,
        })
    }

    async fn depth(&self, queue: Option<&QueueName>) -> Result<Queues, Error> {
        Ok(match (self, queue) {
            (Self::Host(client), Some(queue)) => Queues { queues: vec![client.queue(queue).await?] },
            (Self::Host(client), None) => client.queues().await?,
            (Self::Here { stores, .. }, Some(name)) => Queues { queues: vec![queue::depth(&**stores, name).await?] },
            (Self::Here { stores, names }, None) => {
                let mut queues = Vec::with_capacity(names.len());
                for name in names {
                    queues.push(queue::depth(&**stores, name).await?);
                }
                Queues { queues }
            }
        })
    }

    async fn peek(&self, queue: &QueueName, peek: &Peek) -> Result<Messages, Error> {
        Ok(match self {
            Self::Host(client) => client.peek(queue, peek).await?,
            Self::Here { stores, .. } => queue::peek(&**stores, queue, peek).await?,
        })
    }

    async fn redrive(&self, queue: &QueueName, redrive: &Redrive) -> Result<Counted, Error> {
        Ok(match self {
            Self::Host(client) => client.with_queue(queue, "redrive", redrive).await?,
            Self::Here { stores, .. } => queue::redrive(&**stores, queue, redrive).await?,
        })
    }

    async fn purge(&self, queue: &QueueName) -> Result<Counted, Error> {
        Ok(match self {
            Self::Host(client) => client.with_queue(queue, "purge", &()).await?,
            Self::Here { stores, .. } => queue::purge(&**stores, queue).await?,
        })
    }

    async fn close(&self) {
        if let Self::Here { stores, .. } = self {
            stores.close().await;
        }
    }
}
