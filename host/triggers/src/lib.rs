//! The doors through which every event reaches a function.
//!
//! - [`request`]: a caller waits for the answer. HTTP/1.1 and HTTP/2, plain or through TLS.
//! - [`schedule`]: nobody waits. So far the pure part: expressions, their ticks, and which of them fires.
//!
//! Depends on `world` (functions that can be called) and `model`. Knows neither wasmtime nor the stores' engine.

pub mod request;
pub mod schedule;
