//! Topics: what is published reaches everybody who listens, at least once each.
//!
//! platform.toml names the topics, says who listens, and grants functions to publish. A [`Topic`] is a cheap handle that publishes:
//! it holds the name. Bodies are serde values, sent as JSON, or raw bytes; attributes are what the filters of listeners look at.
//!
//! ```no_run
//! use flint_sdk::topic::{self, Outgoing};
//!
//! # async fn example() -> Result<(), topic::Error> {
//! let events = topic::open("events");
//! events.publish_message(Outgoing::json(&"o-1")?.attribute("type", "order.created")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A handler with [`#[flint_sdk::topic]`](macro@crate::topic) gets what was published: a [`Message`] at a time, or several.

mod error;
mod message;
mod outgoing;

pub use self::error::Error;
pub use self::message::Message;
pub use self::outgoing::{Outgoing, Topic, open};
