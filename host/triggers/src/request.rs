//! The request door: a caller waits for the answer. HTTP/1.1, each connection a task.
//!
//! `listener` (accept, limit, drain) → `router` (host, method and path → route; pure) → `respond` (route → invoke → answer), with
//! `header`, `trace` and `problem` as the pure rules of what passes. A [`Listener`] takes any handler; a [`Door`] any target, so
//! each can be used and tested without the other. `serve` puts both together over functions.
//!
//! Deliberately absent: TLS and HTTP/2 (a proxy in front has them), upgrades, compression, CORS (a function's own business).

mod activity;
pub mod body;
mod connection;
pub mod header;
pub mod listener;
pub mod problem;
pub mod respond;
pub mod router;
mod socket;
pub mod trace;

pub use listener::{BindError, Drained, Limits, Listener};
pub use problem::{Problem, Refusal};
pub use respond::{Door, Endpoint};
pub use router::{HostPattern, PathPattern, Route, Router};
