//! Key-value stores: ordered by key, durable when acknowledged.
//!
//! platform.toml names the stores and grants them to functions. A [`Store`] is a cheap handle: it holds the name. Values are
//! serde values, kept as JSON, or raw bytes; both are the same to the store.
//!
//! ```no_run
//! use flint_sdk::kv;
//!
//! # async fn example() -> Result<(), kv::Error> {
//! let links = kv::open("links");
//! links.put("abc", &"https://example.com").await?;
//! let target: Option<String> = links.get("abc").await?;
//! let visits = links.increment("abc/visits", 1).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A handler with [`#[flint_sdk::kv_change]`](macro@crate::kv_change) is told what changes in a store: a [`Change`] at a time, or
//! several.

mod batch;
mod change;
mod error;
mod scan;
mod store;

pub use self::batch::{Batch, Outcome};
pub use self::change::{Change, ChangeKind};
pub use self::error::{Conflict, Error, TooLarge};
pub use self::scan::{Item, Page, Scan};
pub use self::store::{Entry, Expect, Put, Store, Version, open};
