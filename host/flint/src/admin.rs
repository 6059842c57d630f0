//! Management: metrics, health, and the calls that `flint invoke` and `flint kv` make.
//!
//! Whoever reaches it may do anything, so it is served on a loopback address, or asks for a [`token`]; web pages are kept away
//! (`guard`). [`server`] answers, with [`functions`], [`kv`], [`queue`], [`topic`], [`blob`], [`schedule`], [`workflow`] and [`show`]; [`client`] asks;
//! [`api`] holds what both say, and [`openapi`] the same for programs. [`kv`], [`queue`], [`topic`], [`blob`], [`schedule`] and
//! [`functions`] also work without any server in between:
//! that is how `flint kv` works when no host is running.

pub(crate) mod api;
pub(crate) mod blob;
pub(crate) mod client;
mod event;
pub(crate) mod functions;
pub(crate) mod guard;
pub(crate) mod invoke;
pub(crate) mod kv;
pub(crate) mod openapi;
mod problem;
pub(crate) mod queue;
pub(crate) mod run_file;
pub(crate) mod schedule;
pub(crate) mod server;
mod show;
pub(crate) mod token;
pub(crate) mod topic;
pub(crate) mod workflow;

use api::Problem;
use std::str::FromStr;

/// Reads a name.
///
/// # Errors
/// `admin/bad-name`.
fn parse<N: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<N, Problem> {
    text.parse()
        .map_err(|error: N::Err| Problem::new(http::StatusCode::BAD_REQUEST, "admin/bad-name", error.to_string()))
}
