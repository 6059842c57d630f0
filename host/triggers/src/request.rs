//! The request door: a caller waits for the answer.

pub mod router;
