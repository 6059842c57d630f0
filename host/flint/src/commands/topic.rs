//! `flint topic`: publishes, through the host that runs, or, if none does, by itself.

use super::kv::running;
use super::queue::bodies;
use crate::admin::api::Printable;
use crate::admin::api::queue::Sent;
use crate::admin::api::topic::{Publication, Publish};
use crate::admin::topic;
use crate::cli::{self, TopicCommand};
use crate::error::Error;
use crate::load;
use crate::output::Output;
use crate::wire;
use flint_model::TopicName;

/// Runs a command on topics.
pub(crate) async fn run(args: cli::Topic, output: Output) -> Result<(), Error> {
    let TopicCommand::Publish(cli::TopicPublish { topic, body, lines, attributes }) = args.command;
    let publication =
        |body| Publication { body: Printable::new(&body), attributes: attributes.iter().cloned().collect() };
    let messages = bodies(body.as_deref(), lines)?.into_iter().map(publication).collect();
    let sent = publish(&args.host, &topic, Publish { messages }).await?;
    let printed = output.answer(&sent, || sent.ids.iter().map(|id| format!("{id}\n")).collect());
    printed.map_err(Error::io("write the answer"))
}

async fn publish(host: &cli::Host, topic: &TopicName, publish: Publish) -> Result<Sent, Error> {
    if let Some(client) = running(host).await? {
        return Ok(client.publish(topic, &publish).await?);
    }
    let platform = load::stores(&host.config)?;
    let stores = tokio::task::block_in_place(|| wire::open_stores(&platform))?;
    let sent = topic::publish(&*stores, topic, publish).await;
    stores.close().await;
    Ok(sent?)
}
