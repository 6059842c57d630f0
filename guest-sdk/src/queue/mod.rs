//! Queues: what is sent is handled at least once, or reaches the dead-letter queue.
//!
//! platform.toml names the queues and grants them to functions. A [`Queue`] is a cheap handle that sends: it holds the name.
//! Bodies are serde values, sent as JSON, or raw bytes.
//!
//! ```no_run
//! use std::time::Duration;
//! use flint_sdk::queue::{self, Outgoing};
//!
//! # async fn example() -> Result<(), queue::Error> {
//! let jobs = queue::open("jobs");
//! jobs.send(&"resize o-1").await?;
//! jobs.send_message(Outgoing::json(&"resize o-2")?.delay(Duration::from_secs(60))).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A handler with [`#[flint_sdk::queue]`](macro@crate::queue) receives: a [`Message`] at a time, or a [`Batch`].

mod batch;
mod error;
mod message;
mod outgoing;

pub use self::batch::{Batch, BatchResult};
pub use self::error::Error;
pub use self::message::Message;
pub use self::outgoing::{Outgoing, Queue, open};

pub(crate) use self::batch::Received;
