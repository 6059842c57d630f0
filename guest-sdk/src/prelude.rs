//! What most functions need: `use flint_sdk::prelude::*;`.
//!
//! ```
//! use flint_sdk::prelude::*;
//!
//! #[flint_sdk::http]
//! async fn hello(_: Request) -> Result<&'static str, Problem> {
//!     Ok("Hello!")
//! }
//! ```

pub use crate::http::{Body, IntoResponse, Json, Method, Problem, Request, RequestExt, Response, Router, StatusCode};
pub use crate::queue::{Batch, BatchResult, Message, Outgoing};
pub use crate::schedule::Tick;
pub use crate::{Failure, Payload, blob, config, context, invoke, kv, log, queue, secrets, time, topic, workflow};
