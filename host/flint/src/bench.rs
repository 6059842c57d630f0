//! Benchmarks, one file each.

pub(crate) mod cold_start;
