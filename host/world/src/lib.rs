//! The WIT boundary, both directions.
//!
//! Exports that are called ([`exports`]), imports that are served (`imports`; grants are checked there and nowhere else), and
//! the waist, [`Function`]: every invocation of every trigger goes through [`Function::http`], [`Function::invoke`],
//! [`Function::queue`], [`Function::topic`], [`Function::kv_changes`] or [`Function::blob_events`].
//!
//! Depends on: engine (instances), stores (the traits), telemetry (records and lines), model. The only crate that sees both
//! WebAssembly and stores. Deliberately absent: routing, retries, and anything that decides what an outcome means.

mod bindings;
pub mod body;
mod compiled;
pub mod context;
pub mod exports;
pub mod failure;
pub mod function;
mod head;
mod imports;
pub mod invocation;
mod link;
mod log;
mod request_error;
mod request_memory;
pub mod shape;
mod state;
mod tally;
pub mod workflow;
mod world;

pub use body::{BodyError, RequestBody, ResponseBody};
pub use compiled::{Compiled, compile};
pub use failure::Failure;
pub use function::{
    Answered, EffectsMode, Function, FunctionSpec, Handled, HandlerFailure, Init, LoadError, Remains, Tick, Unfinished,
};
pub use head::HeadLimits;
pub use imports::http::{
    Authorities, AuthoritiesError, HostPattern, HostPatternError, IpNet, OutboundOptions, OutboundSpec,
};
pub use imports::invoke::Functions;
pub use invocation::Invocation;
pub use request_error::RequestError;
pub use request_memory::{Held, RequestMemory};
pub use shape::{HttpVersion, Import, Shape};
pub use workflow::Workflows;
pub use world::{World, WorldError, WorldOptions};
