//! The request door: a caller waits for the answer. HTTP/1.1, each connection a task, and HTTP/2, also each stream; plain or
//! through TLS.
//!
//! `listener` (accept, limit by `admission`, drain) → `router` (host, method and path → route; pure) → `respond` (route → invoke → answer), with
//! `header`, `forwarded`, `cors`, `encoding`, `rate`, `trace` and `problem` as the pure rules of what passes. A [`Listener`] takes any handler; a [`Door`] any target, so
//! each can be used and tested without the other; `idempotency` does work once under a key. `serve` puts both together over functions.
//!
//! Deliberately absent: upgrades (no guest could speak what comes then), HTTP/3, client certificates.

mod activity;
mod admission;
mod answer;
pub mod blobs;
pub mod body;
pub mod client;
mod compress;
mod connection;
pub mod cors;
pub mod encoding;
pub mod files;
pub mod forwarded;
pub mod header;
pub mod idempotency;
pub mod listener;
mod multiplex;
pub mod problem;
pub mod rate;
pub mod respond;
pub mod router;
mod slices;
mod socket;
mod target;
pub mod tls;
pub mod trace;
mod turn;
mod watch;

use flint_world::Function;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use blobs::Blobs;
pub use client::{Client, ClientBody};
pub use cors::Cors;
pub use files::Folder;
pub use idempotency::{Answers, Keep};
pub use listener::{BindError, Cut, Drain, Drained, Limits, Listener};
pub use problem::{Problem, Refusal};
pub use rate::Rate;
pub use respond::{Door, Endpoint, Room, Target, WantedVersion};
pub use router::{Found, HostPattern, PathPattern, Route, Router};
pub use tls::{CertificateError, Tls};
pub use turn::thread_parks;

/// Serves functions until `shutdown` is cancelled, and then lets what runs finish for `drain_timeout`; see
/// [`Listener::serve`] and [`Door::answer`].
pub async fn serve(
    listener: Listener,
    door: Arc<Door<Arc<Function>>>,
    shutdown: CancellationToken,
    drain_timeout: Duration,
) -> Drained {
    let drain = Drain { timeout: drain_timeout, cut: door.cut.clone() };
    let handler = move |request, client: Arc<Client>| {
        let door = Arc::clone(&door);
        async move {
            let call = |function: &Arc<Function>, invocation, request| {
                let function = Arc::clone(function);
                async move { function.http(invocation, request).await }
            };
            door.answer(request, &client, call).await
        }
    };
    listener.serve(handler, shutdown, drain).await
}
