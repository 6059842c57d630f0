//! Calls of other functions: [`call`] waits for the answer, [`send`] leaves the work for later.
//!
//! platform.toml grants a function to call others. Payloads and answers are serde values, sent as JSON, or a
//! [`Payload`] as it is; the handler of the other side is
//! [`#[flint_sdk::invoke]`](macro@crate::invoke).
//!
//! ```no_run
//! use flint_sdk::invoke;
//!
//! # async fn example() -> Result<(), invoke::Error> {
//! let total: u64 = invoke::call("price", ["mug", "plate"]).await?;
//! let invocation = invoke::send("receipt", total).await?;
//! # Ok(())
//! # }
//! ```

mod error;

pub use self::error::Error;

use crate::Payload;
use crate::bindings::imports::flint::platform::invoke as wit;
use crate::handler::invoke::{FromPayload, IntoPayload};

/// Calls a function, and waits for its answer.
///
/// It runs in an instance of its own, and for no longer than the caller may still run. What it writes is its own: a
/// [`transaction`](fn@crate::transaction) of the caller holds none of it back.
///
/// ```
/// use flint_sdk::{Failure, invoke};
///
/// #[flint_sdk::invoke]
/// async fn welcome(name: String) -> Result<String, Failure> {
///     Ok(invoke::call("greeter", name).await?)
/// }
/// ```
///
/// # Errors
/// [`Error`].
pub async fn call<A: FromPayload>(function: &str, payload: impl IntoPayload) -> Result<A, Error> {
    let payload = payload.into_payload().map_err(Error::Payload)?;
    let answer = wit::call(function.to_owned(), payload.0).await?;
    A::from_payload(Payload(answer)).map_err(Error::Payload)
}

/// Leaves a call for later, and answers the id of the invocation: durable then, and handled at least once, with retries.
///
/// In a [`transaction`](fn@crate::transaction), and in a handler of messages, it is accepted together with all else that is
/// written, or not at all.
///
/// ```
/// use flint_sdk::{Failure, invoke, transaction};
///
/// async fn order(id: &str) -> Result<(), Failure> {
///     transaction(async || {
///         flint_sdk::kv::open("orders").put(id, "new").await?;
///         invoke::send("receipt", id).await?;
///         Ok(())
///     })
///     .await
/// }
/// ```
///
/// # Errors
/// [`Error`].
pub async fn send(function: &str, payload: impl IntoPayload) -> Result<String, Error> {
    let payload = payload.into_payload().map_err(Error::Payload)?;
    Ok(wit::send(function.to_owned(), payload.0).await?)
}
