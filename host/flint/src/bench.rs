//! Benchmarks, one file each, and what they share.

pub(crate) mod cold_start;
mod measure;
mod subject;
