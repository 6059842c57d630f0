//! `flint topic`.

use super::Host;
use super::queue::attribute;
use clap::{Args, Subcommand};
use flint_model::TopicName;

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder; if none does, opens the stores itself. What is published then is handled
when a host starts.

Examples:
  flint topic publish orders '{\"id\": 1}' -a type=order.created   publish a message, whose attribute filters see
  flint topic publish orders --lines < orders.jsonl               a message a line, all or none")]
pub(crate) struct Topic {
    #[command(subcommand)]
    pub(crate) command: TopicCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Publish a message, durably for everybody who listens, and print its id
    Publish(TopicPublish),
}

#[derive(Debug, Args)]
pub(crate) struct TopicPublish {
    /// The topic
    pub(crate) topic: TopicName,
    /// The message; without it, standard input is the message
    pub(crate) body: Option<String>,
    /// Every line is a message of its own
    #[arg(long)]
    pub(crate) lines: bool,
    /// A named text that filters look at; may be given several times
    #[arg(long = "attribute", short, value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, String)>,
}
