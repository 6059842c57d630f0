//! The imports that are served: one module a capability, one implementation each, a thin converter a dialect.
//!
//! Grants are checked here, before a store is touched, and nowhere else.

pub(crate) mod blob;
mod config;
mod context;
mod exit;
pub(crate) mod http;
pub(crate) mod invoke;
pub(crate) mod kv;
mod logging;
mod queue;
mod secrets;
mod sender;
pub(crate) mod stores;
mod topic;
pub(crate) mod transaction;
mod workflow;
