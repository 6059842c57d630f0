//! wasmtime's engines: one for components that do several things at once, one for those that do not.
//!
//! What the component model calls `async` takes a task for each call of a guest, and for each call that it makes, wherever it is
//! possible. What only uses WASI 0.2 is called once and makes one call at a time: it runs where there is no `async`, in a pool of
//! slots of its own.

use crate::residency::Residency;
use crate::room::Room;
use crate::settings::Settings;
use std::time::Duration;

/// How many calls an instance can be in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One, and the guest makes one at a time.
    Sequential,
    /// Several: what the component model calls `async`.
    Concurrent,
}

/// Runs components of one kind.
pub(crate) struct Runtime {
    pub(crate) wasmtime: wasmtime::Engine,
    /// Who waits for one of its slots.
    pub(crate) room: Room,
}

/// Those of a host.
pub(crate) struct Runtimes {
    concurrent: Runtime,
    /// None: the other one runs all.
    sequential: Option<Runtime>,
}

impl Runtimes {
    /// Reserves their pools. A second one that can't be had is no error.
    pub(crate) fn new(settings: &Settings, residency: &Residency, patience: Duration) -> wasmtime::Result<Self> {
        let runtime = |config: &wasmtime::Config| {
            wasmtime::Engine::new(config).map(|wasmtime| Runtime { wasmtime, room: Room::new(patience) })
        };
        let config = settings.wasmtime_config(residency);
        let concurrent = runtime(&config)?;
        let sequential = settings.sequential_config(&config).and_then(|config| {
            runtime(&config)
                .inspect_err(|error| {
                    tracing::warn!(error = format!("{error:#}"), "there is no second pool of instances")
                })
                .ok()
        });
        if sequential.is_none() {
            tracing::info!("components of WASI 0.2 run as all others do");
        }
        Ok(Self { concurrent, sequential })
    }

    /// The one that runs components of a kind.
    pub(crate) fn of(&self, calls: Calls) -> &Runtime {
        match calls {
            Calls::Sequential => self.sequential.as_ref().unwrap_or(&self.concurrent),
            Calls::Concurrent => &self.concurrent,
        }
    }

    /// Whether one kind can use the slots of the other.
    pub(crate) fn share_slots(&self, one: Calls, other: Calls) -> bool {
        one == other || self.sequential.is_none()
    }

    /// All that there are.
    pub(crate) fn engines(&self) -> Vec<wasmtime::Engine> {
        self.sequential.iter().chain([&self.concurrent]).map(|runtime| runtime.wasmtime.clone()).collect()
    }
}
