//! `flint queue`.

use super::{Host, duration};
use clap::{Args, Subcommand};
use flint_model::QueueName;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder; if none does, opens the stores itself.

Examples:
  flint queue send jobs '{\"task\": 1}'              send a message
  flint queue send jobs hi --delay 10s -a kind=a    nobody sees it before, and filters see the attribute
  flint queue send orders paid --group customer-7   one of a FIFO queue
  flint queue depth                                 what all queues hold
  flint queue peek jobs/dead                        why messages were given up
  flint queue redrive jobs/dead                     and once more
  flint queue receive jobs --max 5 --ack            take five messages out")]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) command: QueueCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Send a message, durably, and print its id
    Send(QueueSend),
    /// Lease messages and print them with their receipts
    Receive(QueueReceive),
    /// Settle a leased message: it is done
    Ack(QueueAck),
    /// Settle a leased message: it comes again
    Nack {
        #[command(flatten)]
        lease: QueueAck,
        /// Not before so long has passed
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
        delay: Duration,
    },
    /// Have a lease end so long from now, and print the receipt that counts then
    Extend {
        #[command(flatten)]
        lease: QueueAck,
        /// How long it lasts from now on
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        visibility: Duration,
    },
    /// Print what a queue holds, or all of them
    Depth {
        /// The queue; without it, all
        queue: Option<QueueName>,
    },
    /// Print messages, and leave them where they are
    Peek {
        /// The queue
        queue: QueueName,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Where the page before ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Move dead letters back to where they were given up
    Redrive {
        /// The queue of the dead letters, such as `jobs/dead`
        queue: QueueName,
        /// Move them to this queue instead
        #[arg(long, value_name = "QUEUE")]
        to: Option<QueueName>,
        /// At most so many
        #[arg(long, value_name = "N")]
        max: Option<u64>,
    },
    /// Remove all messages, leased ones too
    Purge {
        /// The queue
        queue: QueueName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct QueueSend {
    /// The queue
    pub(crate) queue: QueueName,
    /// The message; without it, standard input is the message
    pub(crate) body: Option<String>,
    /// Every line is a message of its own
    #[arg(long)]
    pub(crate) lines: bool,
    /// A named text that filters look at; may be given several times
    #[arg(long = "attribute", short, value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, String)>,
    /// Nobody sees it before so long has passed
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) delay: Option<Duration>,
    /// For a FIFO queue: messages of a group are handled one after the other
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// A second message with this id within five minutes is not stored
    #[arg(long, value_name = "ID", conflicts_with = "lines")]
    pub(crate) deduplication_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct QueueReceive {
    /// The queue
    pub(crate) queue: QueueName,
    /// At most so many messages
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1000))]
    pub(crate) max: usize,
    /// How long nobody else sees them; without it, as the queue says
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) visibility: Option<Duration>,
    /// How long to wait for a first message, up to 20 s
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    pub(crate) wait: Duration,
    /// They are done with when they are printed
    #[arg(long)]
    pub(crate) ack: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QueueAck {
    /// The queue
    pub(crate) queue: QueueName,
    /// What `flint queue receive` printed
    pub(crate) receipt: String,
}

pub(super) fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("an attribute is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
