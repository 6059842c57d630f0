//! Container-based Lambdas: AWS's own runtime interface clients, each in a container that is created for the event, the API that
//! they ask for events, and a table for those that keep something.
//!
//! There is no image to be pulled, no network of its own and no placement, and with runc no daemon to be asked: a container that is
//! created for an event takes no less. Podman and Docker say what an engine adds, which is the same for all handlers.

mod container;
mod dynamodb;
mod engine;
#[cfg(test)]
mod fake;
mod language;
mod runtime_api;
mod spec;

pub(super) use container::Lambda;

use super::peer::{Broken, Missing};
use super::work::Work;
use crate::cli;
use crate::error::Error;
use bytes::Bytes;
use dynamodb::Table;
use engine::{Engine, Kind, Presence};
use language::{Interpreter, Language};
use runtime_api::RuntimeApi;
use spec::Addresses;
use std::future::Future;
use std::sync::Arc;

/// What runc creates: the least that a container takes.
pub(super) const CONTAINER: &str = "container";

/// What the Lambdas of this machine ask.
pub(super) struct Cloud {
    runtime_api: RuntimeApi,
    table: Table,
}

/// Those that are on this machine, and those that are not.
#[derive(Default)]
pub(super) struct Found {
    pub(super) lambdas: Vec<Lambda>,
    pub(super) missing: Vec<Missing>,
    pub(super) broken: Vec<Broken>,
}

impl Cloud {
    /// # Errors
    /// If it can't listen, or open a store.
    pub(super) async fn start() -> Result<Self, Error> {
        Ok(Self { runtime_api: RuntimeApi::start().await?, table: Table::serve().await? })
    }

    /// Has an event wait for the container that asks for the next one; answers what came of it.
    pub(super) fn invoke(&self, event: Bytes) -> impl Future<Output = Result<Bytes, Error>> + use<> {
        self.runtime_api.invoke(event)
    }

    fn addresses(&self) -> Addresses {
        Addresses { runtime_api: self.runtime_api.address, table: self.table.address }
    }
}

/// Prepares a Lambda of each engine, language and work that is on this machine, and says which are not.
///
/// # Errors
/// If one can't be written.
pub(super) fn find(args: &cli::BenchCompare, cloud: &Cloud) -> Result<Found, Error> {
    let mut found = Found::default();
    let engines = found.engines(args);
    if engines.is_empty() {
        return Ok(found);
    }
    for language in Language::ALL {
        found.add(language, &engines, args, cloud)?;
    }
    Ok(found)
}

impl Found {
    fn engines(&mut self, args: &cli::BenchCompare) -> Vec<Arc<Engine>> {
        let mut engines = Vec::new();
        for (kind, program) in Kind::ALL.into_iter().zip([&args.runc, &args.podman, &args.docker]) {
            match Engine::find(kind, program) {
                Presence::Here(engine) => engines.push(Arc::new(engine)),
                Presence::Missing(missing) => self.missing.push(missing),
                Presence::Broken(broken) => self.broken.push(broken),
            }
        }
        engines
    }

    fn add(
        &mut self,
        language: Language,
        engines: &[Arc<Engine>],
        args: &cli::BenchCompare,
        cloud: &Cloud,
    ) -> Result<(), Error> {
        let Some(interpreter) = Interpreter::find(language, args) else {
            // The first one's says what all of them take.
            self.missing.extend(language.handlers().first().map(|handler| handler.missing.clone()));
            return Ok(());
        };
        for handler in language.handlers() {
            if !interpreter.has(handler) {
                self.missing.push(handler.missing.clone());
                continue;
            }
            for engine in engines.iter().filter(|engine| runs(engine.kind, language, handler.work)) {
                self.lambdas.push(Lambda::prepare(engine, language, &interpreter, handler, cloud.addresses())?);
            }
        }
        Ok(())
    }
}

/// What an engine adds, one handler tells.
fn runs(kind: Kind, language: Language, work: Work) -> bool {
    kind == Kind::Runc || (language == Language::Python && work == Work::Hello)
}
