//! Benchmarks, one file each, and what they share.

pub(crate) mod cold_start;
pub(crate) mod density;
mod measure;
pub(crate) mod neighbours;
mod subject;
