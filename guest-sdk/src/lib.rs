//! Write functions for flint.
//!
//! A function is a crate that is built to a WebAssembly component. It has one or several handlers, each an `async fn` with
//! an attribute:
//!
//! ```
//! use flint_sdk::http::{Request, RequestExt};
//!
//! #[flint_sdk::http]
//! async fn hello(request: Request) -> String {
//!     format!("Hello, {}!", request.param("name").unwrap_or("world"))
//! }
//! ```
//!
//! | attribute | handler | is called for |
//! | --- | --- | --- |
//! | [`#[flint_sdk::http]`](macro@http) | `async fn(Request) -> impl IntoResponse` | requests, streaming both ways |
//! | [`#[flint_sdk::http(buffered)]`](macro@http) | the same | requests whose bodies fit in memory; faster |
//! | [`#[flint_sdk::invoke]`](macro@invoke) | `async fn(T) -> Result<U, E>` | invocations, as `flint invoke` makes them |
//! | [`#[flint_sdk::queue]`](macro@queue) | `async fn(Message<T>) -> Result<(), E>` | messages of a queue, one by one |
//! | [`#[flint_sdk::queue]`](macro@queue) | `async fn(Batch<T>) -> BatchResult` | messages of a queue, by the batch |
//! | [`#[flint_sdk::schedule]`](macro@schedule) | `async fn(Tick<T>) -> Result<(), E>` | ticks of a schedule |
//! | [`#[flint_sdk::topic]`](macro@topic) | `async fn(Message<T>) -> Result<(), E>` | what is published to a topic |
//! | [`#[flint_sdk::kv_change]`](macro@kv_change) | `async fn(Change<T>) -> Result<(), E>` | what changes in a store |
//! | [`#[flint_sdk::blob]`](macro@blob) | `async fn(Event) -> Result<(), E>` | what happens in a bucket |
//! | [`#[flint_sdk::init]`](macro@init) | `fn()` | once, when the function is built |
//!
//! An HTTP handler that needs no more of the request than the parameters of the path takes [`http::Params`], which makes
//! the component up to 40 kB smaller.
//!
//! `flint new http hello` makes such a crate. Its `Cargo.toml` says `crate-type = ["cdylib"]`, and `flint up` builds it.
//!
//! What a function may call is a module each: [`kv`] (key-value stores), [`mod@blob`] (content of any size),
//! [`mod@queue`] (sending to queues), [`mod@topic`] (publishing), [`mod@invoke`] (calling other functions),
//! [`workflow`] (starting executions, ending tasks that wait for a callback),
//! [`http::send`](http::send()) (requests to others),
//! [`config`], [`secrets`], [`log`], [`context`] and [`time`]. What is written in a
//! [`transaction`](fn@transaction) happens together, and what is done by [`idempotent`](fn@idempotent) happens once. All of it is `async`; [`join!`] and [`join_all`] run calls
//! at once.
//!
//! ```no_run
//! use flint_sdk::prelude::*;
//!
//! #[flint_sdk::http]
//! async fn visit(request: Request) -> Result<Json<i64>, Problem> {
//!     let page: String = request.param_as("page")?;
//!     let visits = kv::open("visits").increment(&page, 1).await?;
//!     log::info!("visited", page = page, visits = visits);
//!     Ok(Json(visits))
//! }
//! ```
//!
//! Every invocation runs in an instance that nobody used before, unless platform.toml says otherwise: a `static` is no cache
//! and no leak. What is expensive to set up belongs in [`#[flint_sdk::init]`](macro@init).
//!
//! A panic ends the invocation: requests are answered with 500, and nobody but the log learns why.

// The attributes say `::flint_sdk`, in this crate too.
extern crate self as flint_sdk;

#[doc(hidden)]
pub mod bindings;
pub mod blob;
pub mod config;
pub mod context;
mod failure;
#[doc(hidden)]
pub mod handler;
pub mod http;
pub mod idempotent;
pub mod invoke;
mod join;
pub mod kv;
pub mod log;
mod payload;
pub mod prelude;
pub mod queue;
pub mod schedule;
pub mod secrets;
pub mod time;
pub mod topic;
pub mod transaction;
pub mod workflow;

pub use self::failure::{Failure, Retry};
pub use self::idempotent::idempotent;
pub use self::join::{join_all, spawn, try_join_all};
pub use self::payload::Payload;
pub use self::transaction::transaction;
pub use flint_sdk_macros::{blob, http, init, invoke, kv_change, queue, schedule, topic};

/// For the code that the attributes write. No promise is made about it.
#[doc(hidden)]
pub mod __internal {
    pub use crate::{bindings, handler};
    pub use {futures, wit_bindgen};
}
