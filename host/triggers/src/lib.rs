//! The doors through which every event reaches a function.
//!
//! - [`request`]: a caller waits for the answer. HTTP/1.1.
//!
//! Depends on `world` (functions that can be called) and `model`. Knows neither wasmtime nor the stores' engine.
//! Deliberately absent: TLS and HTTP/2, which a proxy in front of the host ends.

pub mod request;
