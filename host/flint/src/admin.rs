//! Management: metrics, health, and the calls that `flint invoke` and `flint kv` make.
//!
//! Served on a loopback address and nowhere else, since whoever reaches it may do anything (`guard`). [`server`] answers,
//! [`client`] asks, [`api`] holds what both say, and [`kv`] and [`functions`] do the work, also without any server in between:
//! that is how `flint kv` works when no host is running.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod functions;
mod guard;
pub(crate) mod kv;
pub(crate) mod run_file;
pub(crate) mod server;
