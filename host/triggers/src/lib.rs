//! The doors through which every event reaches a function.
//!
//! - [`request`]: a caller waits for the answer. HTTP/1.1 and HTTP/2, plain or through TLS.
//! - [`message`]: nobody waits. What was sent is leased, handed to a function in batches, and settled.
//! - [`schedule`]: what is due becomes such a message.
//!
//! Depends on `world` (functions that can be called), `stores` (where messages are) and `model`. Knows neither wasmtime nor the
//! stores' engine.

pub mod message;
pub mod request;
pub mod schedule;
