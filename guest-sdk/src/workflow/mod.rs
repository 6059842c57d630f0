//! Executions of workflows: [`start`] one, [`describe`] it, [`stop`] it; and end tasks that wait for a callback, by their tokens:
//! [`succeed`], [`fail`], [`heartbeat`].
//!
//! platform.toml names the workflows and grants functions to use them: `read` to describe executions, `callback` to end tasks,
//! `start` for all. Inputs and outputs are serde values, handed over as JSON of at most 256 KiB.
//!
//! ```no_run
//! use flint_sdk::workflow::{self, Status};
//!
//! # async fn example() -> Result<(), workflow::Error> {
//! // The same order again comes to the same execution.
//! let id = workflow::start("order", &["mug", "plate"]).name("o-1").await?;
//! if let Status::Succeeded(total) = workflow::describe::<u64>(&id).await?.status {
//!     flint_sdk::log::info!("paid", total = total);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In a [`transaction`](fn@crate::transaction), and in a handler of messages, what is started, stopped and told happens together
//! with all else that is written, or not at all.

mod error;
mod execution;
mod start;
mod task;

pub use self::error::Error;
pub use self::execution::{Cause, Execution, Status, describe, stop};
pub use self::start::{Start, start};
pub use self::task::{fail, heartbeat, succeed};
