//! Turns components into instances that are ready before the event comes.
//!
//! For any world: this crate knows no WIT, no store and no trigger. Bytes of components come in through [`Engine::load`],
//! instances leave as a [`Lease`], and what an invocation used can be read from its [`Meter`]. What the world keeps in an
//! instance, and which exports it wants at hand, it says with a [`Blueprint`].
//!
//! The way of an instance: [`compile`] (bytes to machine code, kept on disk) → [`Pool`] (spares made ahead, by [`refill`],
//! off the path) → [`admission`] → [`Lease`] → the guest runs, within its [`limit`] and [`deadline`] → the instance is
//! dropped, its slot is reset to the image and used again.
//!
//! The only crate with `unsafe`: each block says which invariant it rests on and who keeps it.

pub mod admission;
pub mod artifact;
pub mod backtrace;
pub mod compile;
pub mod deadline;
pub mod demand;
pub mod fault;
pub mod lease;
pub mod limit;
pub mod meter;
pub mod pool;
pub mod refill;
pub mod residency;
pub mod settings;
pub mod shared;
pub mod snapshot;

mod calm;
mod engine;
mod joint;
mod lanes;
mod room;
mod runtime;
mod start_time;
mod stock;
mod touch;

pub use artifact::ArtifactCache;
pub use engine::{Engine, EngineError};
pub use fault::Fault;
pub use lease::{Lease, Start};
pub use limit::{Budget, HasBudget, Limits};
pub use meter::{Meter, Metered};
pub use pool::{Blueprint, Isolation, Pool, PoolOptions, Refusal};
pub use runtime::Calls;
pub use settings::{Preset, Settings};
pub use shared::Shared;
