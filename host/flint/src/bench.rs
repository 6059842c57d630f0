//! Benchmarks, one file each, and what they share.

pub(crate) mod blob;
mod caller;
pub(crate) mod cold_start;
pub(crate) mod compare;
pub(crate) mod density;
pub(crate) mod depth;
mod host;
mod house;
pub(crate) mod kv;
mod load;
mod measure;
pub(crate) mod neighbours;
pub(crate) mod queue;
mod rival;
mod subject;
pub(crate) mod workflow;
