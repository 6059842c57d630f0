//! Changes of one function: deploy, roll back, split. Each is checked, loaded, made durable, and only then swapped in.

use super::history::{Durability, History};
use super::record::{ChangeError, Made, Record, Sum};
use super::slot::Slot;
use super::{Generation, Loader, Served, fit};
use crate::admin::api::{Changed, Problem, Versions};
use crate::error::{Error, uncompiled};
use bytes::Bytes;
use flint_engine::Fault;
use flint_engine::compile::CompileError;
use flint_model::FunctionName;
use flint_world::{Compiled, LoadError};
use http::StatusCode;
use std::sync::Arc;
use tokio::task::block_in_place;

/// A component that is in memory.
struct Upload {
    sum: Sum,
    bytes: Bytes,
    compiled: Compiled,
}

impl Served {
    /// Serves a component from now on: all requests, or so many of a hundred.
    ///
    /// Durable before it returns. Dropping the future neither stops nor halves the change.
    ///
    /// # Errors
    /// A problem; then what was served before goes on. `component/…` and `config/…` say that the component does not fit.
    pub(crate) async fn deploy(
        self: Arc<Self>,
        name: FunctionName,
        bytes: Bytes,
        from: String,
        weight: u8,
    ) -> Result<Changed, Problem> {
        to_its_end(async move {
            let _in_turn = self.deploying.lock().await;
            let before = {
                let current = self.current();
                current.slot(&name)?;
                versions(&current, &name)?
            };
            let compiled = self.world.compile(bytes.clone()).await.map_err(|error| of_compile(&error))?;
            let sum = block_in_place(|| Sum::of(&bytes));
            // Compiling takes long, and running an init function longer: who rolls a function back does not wait for it.
            let _alone = self.changing.lock().await;
            let current = self.current();
            let slot = current.slot(&name)?;
            block_in_place(|| fit::check(current.source.as_ref(), &name, compiled.shape()))?;
            let made = Made::now(sum, bytes.len() as u64, from);
            let component = Upload { sum: made.sum.clone(), bytes, compiled };
            let change = |record: &Record| match *record == before {
                true => Ok(record.with_deployed(made, weight)),
                false => Err(ChangeError::Meanwhile),
            };
            self.change(&current, slot, change, Some(&component)).await
        })
        .await
    }

    /// Goes back to a version, or to the one that served before.
    ///
    /// Durable before it returns. Dropping the future neither stops nor halves the change.
    ///
    /// # Errors
    /// A problem; then what was served before goes on.
    pub(crate) async fn roll_back(self: Arc<Self>, name: FunctionName, to: Option<u64>) -> Result<Changed, Problem> {
        to_its_end(async move {
            let _alone = self.changing.lock().await;
            let current = self.current();
            self.change(&current, current.slot(&name)?, |record| record.rolled_back(to), None).await
        })
        .await
    }

    /// Leads so many of a hundred requests to a version, or to the canary: 100 makes it the main one, 0 ends the split.
    ///
    /// Durable before it returns. Dropping the future neither stops nor halves the change.
    ///
    /// # Errors
    /// A problem; then what was served before goes on.
    pub(crate) async fn split(
        self: Arc<Self>,
        name: FunctionName,
        version: Option<u64>,
        weight: u8,
    ) -> Result<Changed, Problem> {
        to_its_end(async move {
            let _alone = self.changing.lock().await;
            let current = self.current();
            self.change(&current, current.slot(&name)?, |record| record.split(version, weight), None).await
        })
        .await
    }

    async fn change(
        &self,
        current: &Generation,
        slot: &Slot,
        change: impl FnOnce(&Record) -> Result<Record, ChangeError>,
        component: Option<&Upload>,
    ) -> Result<Changed, Problem> {
        let name = slot.name();
        let history = History::of(&current.platform.data_dir, name);
        let before = versions(current, name)?;
        let mut after = change(&before).map_err(of_change)?;
        after.prune(current.platform.limits.versions_max);
        // The folder may hold a change that failed on its way.
        if after != before || !slot.serving().is(&after.serving()) {
            let function = current.platform.functions.get(name).ok_or_else(|| no_such_function(current, name))?;
            let (world, platform) = (&self.world, &current.platform);
            let loader = Loader { world, configuration: current.source.as_ref(), platform, name, function };
            let at_hand = component.map(|component| (&component.sum, &component.compiled));
            let serving = loader.load(&after, &history, at_hand, Some(&slot.serving())).await;
            let serving = serving.map_err(|error| of_load(&error))?;
            block_in_place(|| keep(&history, &after, component)).map_err(|error| {
                let detail = format!("the versions can't be written: {error}");
                Problem::new(StatusCode::INSUFFICIENT_STORAGE, "data-dir/unusable", detail)
            })?;
            slot.swap(serving);
            let (from, to) = (before.active(), after.active());
            let canary = after.canary().map(|canary| format!("{}% to {}", canary.weight, canary.version));
            tracing::info!(function = %name, from, to, canary = canary.as_deref(), "what serves the function was changed");
        }
        Ok(Changed { changed: after != before, versions: Versions::of(name.to_string(), &after) })
    }
}

/// Runs a change to its end, also if who asked for it goes away.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(change).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change ended in a defect of the host");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host/internal", "the host failed to make the change"))
    })
}

/// First the component, then the record that names it.
fn keep(history: &History, record: &Record, component: Option<&Upload>) -> std::io::Result<()> {
    if let Some(component) = component
        && !history.has(&component.sum, component.bytes.len() as u64, Durability::Synced)?
    {
        history.keep(&component.sum, &component.bytes, Durability::Synced)?;
    }
    history.write_record(record, Durability::Synced)
}

impl Generation {
    /// Finds a function.
    ///
    /// # Errors
    /// A problem that names the functions that there are.
    pub(crate) fn slot(&self, name: &FunctionName) -> Result<&Arc<Slot>, Problem> {
        self.functions.get(name).ok_or_else(|| no_such_function(self, name))
    }
}

fn no_such_function(generation: &Generation, name: &FunctionName) -> Problem {
    let names: Vec<_> = generation.functions.keys().map(FunctionName::as_str).collect();
    let detail = format!("there is no function {name}; there are: {}", names.join(", "));
    Problem::new(StatusCode::NOT_FOUND, "function/not-found", detail)
}

/// The versions of a function, as they are written down.
fn versions(current: &Generation, name: &FunctionName) -> Result<Record, Problem> {
    block_in_place(|| super::history(&current.platform.data_dir, name)).map_err(|error| of_load(&error))
}

fn of_change(error: ChangeError) -> Problem {
    let (status, code) = match error {
        ChangeError::NoSuchVersion(_) => (StatusCode::NOT_FOUND, "version/not-found"),
        ChangeError::InService(_) => (StatusCode::CONFLICT, "version/in-service"),
        ChangeError::Oldest(_) => (StatusCode::CONFLICT, "version/oldest"),
        ChangeError::NoCanary => (StatusCode::CONFLICT, "version/no-canary"),
        ChangeError::Meanwhile => (StatusCode::CONFLICT, "version/changed-meanwhile"),
    };
    Problem::new(status, code, error.to_string())
}

fn of_compile(error: &CompileError) -> Problem {
    let status = match error {
        CompileError::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, uncompiled(error), error.to_string())
}

/// What went wrong with the versions of a function, for who manages the host.
pub(crate) fn of_load(error: &Error) -> Problem {
    let refused = |code: &str, detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
    match error {
        Error::Load { source: LoadError::Compile(error), .. } => of_compile(error),
        Error::Load { source: error @ (LoadError::Mismatch(_) | LoadError::Unshareable), .. } => {
            refused("component/mismatch", error.to_string())
        }
        Error::Load { source: LoadError::Start(Fault::Exhausted), .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "host/exhausted", "there is no room for another instance")
        }
        Error::Load { source: error @ LoadError::Start(_), .. } => refused("component/not-started", error.to_string()),
        Error::Misfit { version, problem, .. } => {
            refused(&problem.code, format!("version {version} does not fit the configuration: {}", problem.detail))
        }
        Error::Versions { .. } => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "version/unreadable", error.with_causes())
        }
        Error::VersionLost { .. } => Problem::new(StatusCode::GONE, "version/lost", error.to_string()),
        other => {
            tracing::error!(error = %other, "a version could not be loaded");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host/internal", "the host failed to load the version")
        }
    }
}
