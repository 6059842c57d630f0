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

use flint_world::Function;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use listener::{BindError, Cut, Drain, Drained, Limits, Listener};
pub use problem::{Problem, Refusal};
pub use respond::{Door, Endpoint};
pub use router::{Found, HostPattern, PathPattern, Route, Router};

/// Serves functions until `shutdown` is cancelled, and then lets what runs finish for `drain_timeout`; see
/// [`Listener::serve`] and [`Door::answer`].
pub async fn serve(
    listener: Listener,
    door: Arc<Door<Arc<Function>>>,
    shutdown: CancellationToken,
    drain_timeout: Duration,
) -> Drained {
    let drain = Drain { timeout: drain_timeout, cut: door.cut.clone() };
    let handler = move |request| {
        let door = Arc::clone(&door);
        async move {
            let call = |function: &Arc<Function>, invocation, request| {
                let function = Arc::clone(function);
                async move { function.http(invocation, request).await }
            };
            door.answer(request, call).await
        }
    };
    listener.serve(handler, shutdown, drain).await
}
