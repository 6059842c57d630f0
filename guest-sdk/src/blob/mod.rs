//! Blobs: content of any size under a key, in buckets that platform.toml names.
//!
//! A [`Bucket`] is a cheap handle: it holds the name. Content is bytes, or a [`Body`](crate::http::Body) that is read while it
//! is stored, so that a function passes on what is larger than its memory. A put is durable when it is acknowledged, and nobody
//! ever reads half of it.
//!
//! ```no_run
//! use std::time::Duration;
//! use flint_sdk::blob::{self, Put};
//!
//! # async fn example() -> Result<(), blob::Error> {
//! let reports = blob::open("reports");
//! reports.put("2026/05.csv", "a;b\n1;2\n", Put::new().content_type("text/csv")).await?;
//! let url = reports.download_url("2026/05.csv", Duration::from_secs(3600)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A handler with [`#[flint_sdk::blob]`](macro@crate::blob) is told what happens in a bucket: an [`Event`] at a time, or several.

mod bucket;
mod content;
mod error;
mod event;
mod list;

pub use self::bucket::{Bucket, Expect, Info, Put, open};
pub use self::content::{Blob, Content};
pub use self::error::Error;
pub use self::event::{Event, EventKind};
pub use self::list::{Listing, Page};
