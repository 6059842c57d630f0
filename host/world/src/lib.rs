//! The WIT boundary, both directions.

pub mod failure;
pub mod invocation;

pub use failure::Failure;
pub use invocation::Invocation;
