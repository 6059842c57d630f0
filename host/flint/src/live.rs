//! What the host serves, and how it changes while it serves.
//!
//! All that a request needs to know is in one [`Generation`]: routes, and for each function a [`Slot`] with the versions that
//! serve it. A request takes the generation when it comes and holds it, so a reload swaps routes, functions and limits at
//! once; a deployment swaps what is in one slot. Changes come one at a time, and in this order: check, load, prepare
//! instances, make it durable, swap. Whatever fails before the swap leaves everything as it was.
//!
//! [`mod@history`] keeps versions in the data folder, [`record`] says what becomes of them, [`fit`] whether a component is what its
//! function needs, [`deploy`] and [`reload`] make changes, [`watch`] notices that one is wanted.

pub(crate) mod deploy;
mod fit;
pub(crate) mod history;
pub(crate) mod record;
pub(crate) mod reload;
pub(crate) mod slot;
pub(crate) mod watch;

pub(crate) use flint_triggers::request::Cut;

use crate::error::Error;
use crate::inspect::Component;
use crate::load::Loaded;
use crate::output::Progress;
use crate::wire;
use arc_swap::ArcSwap;
use flint_config::platform::Function;
use flint_config::{Platform, Source};
use flint_engine::{Engine, Fault};
use flint_model::FunctionName;
use flint_stores::Stores;
use flint_stores_embedded::Embedded;
use flint_telemetry::Telemetry;
use flint_triggers::request::Door;
use flint_world::{Compiled, LoadError, World};
use history::{Durability, History};
use record::{Made, Record, Sum};
use slot::{Live, Serving, Slot};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The functions of a host.
pub(crate) type Slots = BTreeMap<FunctionName, Arc<Slot>>;

/// All that is served at one moment.
pub(crate) struct Generation {
    /// The configuration in force.
    pub(crate) platform: Platform,
    /// The file that it was read from, if there is one.
    pub(crate) source: Option<Source>,
    pub(crate) functions: Slots,
    pub(crate) door: Door<Arc<Slot>>,
}

/// What the host serves.
pub(crate) struct Served {
    current: ArcSwap<Generation>,
    world: World,
    stores: Arc<Embedded>,
    telemetry: Telemetry,
    /// Held by who changes something.
    changing: tokio::sync::Mutex<()>,
}

impl Served {
    /// Loads all functions: of each the versions that served last, or what its source came to since.
    ///
    /// # Errors
    /// If a component does not fit.
    pub(crate) async fn start(
        loaded: &Loaded,
        stores: Arc<Embedded>,
        telemetry: &Telemetry,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let platform = loaded.platform.clone();
        let as_stores: Arc<dyn Stores> = Arc::<Embedded>::clone(&stores);
        let world = wire::world(loaded, as_stores, telemetry)?;
        let functions = slots(&world, loaded, |_| true, progress).await?;
        functions.values().for_each(|slot| wire::observe(telemetry, slot));
        let door = wire::door(&platform, &functions, Cut::default(), wire::room(&platform.limits))?;
        let generation = Generation { platform, source: loaded.source.clone(), functions, door };
        let current = ArcSwap::from_pointee(generation);
        Ok(Self { current, world, stores, telemetry: telemetry.clone(), changing: tokio::sync::Mutex::default() })
    }

    /// What is served now.
    pub(crate) fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// What runs the functions.
    pub(crate) fn engine(&self) -> &Engine {
        self.world.engine()
    }

    /// How many invocations run.
    pub(crate) fn running(&self) -> usize {
        self.world.engine().running()
    }
}

/// Makes the functions of a platform, or those that are wanted.
///
/// # Errors
/// If a component does not fit.
pub(crate) async fn slots(
    world: &World,
    loaded: &Loaded,
    wanted: impl Fn(&FunctionName) -> bool,
    progress: &Progress,
) -> Result<Slots, Error> {
    let mut slots = Slots::new();
    for name in loaded.platform.functions.keys().filter(|name| wanted(name)) {
        progress.step(format!("loading {name}"));
        let candidate = Candidate::read(&loaded.platform, loaded, name)?;
        let serving = candidate.load(world, None).await?;
        candidate.keep()?;
        candidate.tell();
        slots.insert(name.clone(), Arc::new(Slot::new(name.clone(), serving)));
    }
    Ok(slots)
}

/// A function as its source and its history say, not yet loaded.
struct Candidate<'c> {
    platform: &'c Platform,
    name: &'c FunctionName,
    function: &'c Function,
    history: History,
    /// What was in the data folder.
    before: Option<Record>,
    record: Record,
    source: &'c Component,
}

impl<'c> Candidate<'c> {
    /// Reads the record of versions, and decides what is to serve.
    fn read(platform: &'c Platform, loaded: &'c Loaded, name: &'c FunctionName) -> Result<Self, Error> {
        let (Some(function), Some(source)) = (platform.functions.get(name), loaded.components.get(name)) else {
            return Err(Error::Bug(format!("the function {name} has no component")));
        };
        let made = Made::now(source.sum.clone(), source.size, source.file.display().to_string());
        let history = History::of(&platform.data_dir, name);
        let before = history.read();
        let mut record =
            before.as_ref().map_or_else(|| Record::new(made.clone()), |record| record.with_source(made.clone()));
        for (version, _) in record.serving() {
            let sum = record.version(version).map(|version| version.sum.clone());
            let is_whole = sum.is_some_and(|sum| sum == source.sum || history.component(&sum).is_some());
            if !is_whole {
                tracing::error!(function = %name, version, "the component of a version is lost: the source is served instead");
                record = record.of_source_alone(made.clone());
                break;
            }
        }
        record.prune(platform.limits.versions_max);
        Ok(Self { platform, name, function, history, before, record, source })
    }

    /// Loads the versions that are to serve; those that serve already, and were given the same, are taken as they are.
    async fn load(&self, world: &World, serving: Option<&Serving>) -> Result<Serving, Error> {
        let loader = Loader { world, platform: self.platform, name: self.name, function: self.function };
        loader.load(&self.record, &self.history, Some((&self.source.sum, &self.source.compiled)), serving).await
    }

    fn keep(&self) -> Result<(), Error> {
        if self.before.as_ref() == Some(&self.record) {
            return Ok(());
        }
        let failed = |source| Error::DataDir { path: self.platform.data_dir.clone(), source };
        let durability = if self.record.has_deployed() { Durability::Synced } else { Durability::Written };
        if !self.history.has(&self.source.sum, self.source.size, durability) {
            let file = &self.source.file;
            let bytes = std::fs::read(file).map_err(|source| Error::NoComponent { path: file.clone(), source })?;
            if Sum::of(&bytes) != self.source.sum {
                return Err(Error::ComponentChanged { path: file.clone() });
            }
            self.history.keep(&self.source.sum, &bytes, durability).map_err(failed)?;
        }
        self.history.write_record(&self.record, durability).map_err(failed)
    }

    /// Says which version is served where that is a question.
    fn tell(&self) {
        let (name, version) = (self.name, self.record.active());
        let active = self.record.version(version);
        let changed = self.before.as_ref().is_none_or(|before| before.active() != version);
        match active {
            Some(active) if active.sum != self.source.sum => {
                tracing::info!(function = %name, version, from = active.from, "the deployed version is served, not the source");
            }
            Some(_) if self.before.is_some() && changed => {
                tracing::info!(function = %name, version, "the source has changed: it is served");
            }
            _ => {}
        }
        if let Some(canary) = self.record.canary() {
            tracing::info!(function = %name, version = canary.version, weight = canary.weight, "a canary is served beside");
        }
    }
}

/// Loads versions of one function.
struct Loader<'l> {
    world: &'l World,
    platform: &'l Platform,
    name: &'l FunctionName,
    function: &'l Function,
}

impl Loader<'_> {
    async fn load(
        &self,
        record: &Record,
        history: &History,
        at_hand: Option<(&Sum, &Compiled)>,
        serving: Option<&Serving>,
    ) -> Result<Serving, Error> {
        let mut loaded = Vec::new();
        for (version, weight) in record.serving() {
            let known = serving.and_then(|serving| serving.versions().find(|(live, _)| live.version == version));
            let live = match known {
                Some((live, _)) => Arc::clone(live),
                None => Arc::new(self.load_one(version, record, history, at_hand).await?),
            };
            loaded.push((live, weight));
        }
        let mut loaded = loaded.into_iter();
        let Some((main, _)) = loaded.next() else {
            return Err(Error::Bug(format!("no version of {} is to serve", self.name)));
        };
        Ok(Serving { main, canary: loaded.next(), version_header: self.function.version_header })
    }

    async fn load_one(
        &self,
        version: u64,
        record: &Record,
        history: &History,
        at_hand: Option<(&Sum, &Compiled)>,
    ) -> Result<Live, Error> {
        let lost = || Error::VersionLost { function: self.name.clone(), version };
        let sum = &record.version(version).ok_or_else(lost)?.sum;
        let failed = |source| Error::Load { function: self.name.clone(), source };
        let compiled = match at_hand.filter(|(known, _)| *known == sum) {
            Some((_, compiled)) => compiled.clone(),
            None => {
                let bytes = history.component(sum).ok_or_else(lost)?;
                self.world.compile(&bytes).await.map_err(|error| failed(error.into()))?
            }
        };
        let spec = wire::spec(self.name, version, self.function, self.platform.limits.spares_max)?;
        let function = self.world.load(spec, &compiled).map_err(failed)?;
        match function.prepare(self.function.warm).await {
            // While two versions have instances there may be no room for more: they are made when they are needed.
            Ok(()) | Err(LoadError::Start(Fault::Exhausted)) => Ok(Live::new(version, function)),
            Err(error) => Err(failed(error)),
        }
    }
}

/// The versions of a function, as they are in the data folder.
pub(crate) fn history(data_dir: &Path, name: &FunctionName) -> Option<Record> {
    History::of(data_dir, name).read()
}
