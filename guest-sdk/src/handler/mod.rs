//! What the attributes expand to: one file a handler, with the way from the binding to the function and back.
//!
//! Public for the macros alone. A new handler is a world in [`crate::bindings`], a file here and an attribute.

mod answer;
mod argument;
pub mod blob;
pub mod http;
pub mod http_buffered;
pub mod init;
pub mod invoke;
pub mod kv_change;
pub mod queue;
pub mod schedule;
pub mod topic;
