//! What the host serves, and how it changes while it serves.
//!
//! All that a request needs to know is in one [`Generation`]: routes, and for each function a [`Slot`] with the versions that
//! serve it. A request takes the generation when it comes and holds it, so a reload swaps routes, functions and limits at
//! once; a deployment swaps what is in one slot. Changes come one at a time, and in this order: check, load, prepare
//! instances, make it durable, swap. Whatever fails before the swap leaves everything as it was.
//!
//! [`directory`] finds the functions that others call, and the workflows that they start, [`mod@history`] keeps versions in the data folder, [`record`] says what becomes of them, [`fit`] whether a component is what its
//! function needs, [`deploy`] and [`reload`] make changes, [`watch`] notices that one is wanted, [`messages`] has the triggers
//! at work, and [`routes`] says whom requests ask; [`starts`] has what starts executions of [`workflows`], [`express`] those in
//! memory, and [`services`] what the tasks of both call.

mod beginnings;
pub(crate) mod deploy;
pub(crate) mod directory;
mod executions;
mod express;
mod fit;
pub(crate) mod history;
pub(crate) mod invocations;
pub(crate) mod messages;
pub(crate) mod record;
pub(crate) mod reload;
mod reports;
pub(crate) mod routes;
pub(crate) mod schedules;
pub(crate) mod services;
pub(crate) mod slot;
mod starts;
pub(crate) mod watch;
pub(crate) mod workflows;

pub(crate) use flint_triggers::request::Cut;

use crate::error::Error;
use crate::inspect::Component;
use crate::load::Loaded;
use crate::output::Progress;
use crate::signing;
use crate::wire::{self, Rates};
use arc_swap::ArcSwap;
use directory::Directory;
use flint_config::platform::Function;
use flint_config::{Platform, Source};
use flint_engine::{Engine, Fault};
use flint_model::FunctionName;
use flint_model::lane::{Hold, Spread};
use flint_stores::blob::sign::Signer;
use flint_stores_embedded::Embedded;
use flint_telemetry::Telemetry;
use flint_triggers::request::{Answers, Door};
use flint_world::{Compiled, Functions, LoadError, RequestMemory, World};
use history::{Durability, History};
use record::{Made, Record, Sum};
use routes::Callee;
use slot::{Live, Serving, Slot};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::task::block_in_place;
use workflows::Workflows;

/// The functions of a host.
pub(crate) type Slots = BTreeMap<FunctionName, Arc<Slot>>;

/// All that is served at one moment.
pub(crate) struct Generation {
    /// The configuration in force.
    pub(crate) platform: Platform,
    /// The file that it was read from, if there is one.
    pub(crate) source: Option<Source>,
    pub(crate) functions: Slots,
    pub(crate) workflows: Workflows,
    pub(crate) door: Door<Callee>,
    /// Those of the door, which the next one goes on with.
    pub(crate) rates: Rates,
    /// What requests that are held whole may take; the same over all changes.
    pub(crate) request_memory: Arc<RequestMemory>,
}

/// What the host serves.
pub(crate) struct Served {
    current: ArcSwap<Spread<Generation>>,
    world: World,
    stores: Arc<Embedded>,
    pub(crate) signer: Arc<Signer>,
    /// The same over all changes: what it has begun, it knows by that.
    answers: Answers,
    telemetry: Telemetry,
    /// Held by who deploys, from the first byte that is compiled on: one component is compiled at a time, and of two the one that
    /// came first is the older version.
    deploying: tokio::sync::Mutex<()>,
    /// Held by who changes something. Nothing is compiled meanwhile but what is to be served again and was forgotten.
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
    ) -> Result<Arc<Self>, Error> {
        let platform = loaded.platform.clone();
        let signer = Arc::new(block_in_place(|| signing::signer(&platform))?);
        let directory = Arc::new(Directory::default());
        let functions: Arc<dyn Functions> = Arc::<Directory>::clone(&directory);
        let callable = wire::Callable { functions, workflows: directory.executions() };
        let world = wire::world(loaded, Arc::clone(&stores), callable, Arc::clone(&signer), telemetry)?;
        let functions = slots(&world, loaded, |_| true, progress).await?;
        functions.values().for_each(|slot| wire::observe(telemetry, slot));
        let rates = wire::rates(&platform, None);
        let blobs = wire::blobs(&stores, &signer);
        let answers = Answers::new(Arc::<Embedded>::clone(&stores), Arc::clone(world.request_memory()));
        let room = wire::room(&platform.limits);
        let door = wire::door(&platform, &functions, &rates, Cut::default(), room, blobs, answers.clone())?;
        let workflows = loaded.executions(&stores)?;
        let (source, request_memory) = (loaded.source.clone(), Arc::clone(world.request_memory()));
        let generation = Generation { platform, source, functions, workflows, door, rates, request_memory };
        let current = ArcSwap::from_pointee(Spread::new(Arc::new(generation)));
        let telemetry = telemetry.clone();
        let (deploying, changing) = Default::default();
        let served = Arc::new(Self { current, world, stores, signer, answers, telemetry, deploying, changing });
        directory.fill(&served);
        Ok(served)
    }

    /// What is served now.
    pub(crate) fn current(&self) -> Arc<Generation> {
        Arc::clone(self.current.load().value())
    }

    /// What is served now, for a request.
    pub(crate) fn for_request(&self) -> Hold<Generation> {
        self.current.load().hold()
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
        Candidate::keep_all(std::slice::from_ref(&candidate))?;
        candidate.tell();
        slots.insert(name.clone(), Arc::new(Slot::new(name.clone(), serving)));
    }
    Ok(slots)
}

/// A function as its source and its history say, not yet loaded.
struct Candidate<'c> {
    /// As it was read.
    configuration: Option<&'c Source>,
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
    ///
    /// # Errors
    /// If the versions can't be read. Only what is not there, or was changed, is taken for lost.
    fn read(platform: &'c Platform, loaded: &'c Loaded, name: &'c FunctionName) -> Result<Self, Error> {
        let (Some(function), Some(source)) = (platform.functions.get(name), loaded.components.get(name)) else {
            return Err(Error::Bug(format!("the function {name} has no component")));
        };
        let made = Made::now(source.sum.clone(), source.size, source.file.display().to_string());
        let history = History::of(&platform.data_dir, name);
        let unreadable =
            |source| Error::Versions { function: name.clone(), folder: history.folder().to_owned(), source };
        let before = history.read().map_err(unreadable)?;
        let mut record =
            before.as_ref().map_or_else(|| Record::new(made.clone()), |record| record.with_source(made.clone()));
        for (version, _) in record.serving() {
            let is_whole = match record.version(version) {
                Some(kept) if kept.sum == source.sum => true,
                Some(kept) => history.component(&kept.sum).map_err(unreadable)?.is_some(),
                None => false,
            };
            if !is_whole {
                tracing::error!(function = %name, version, "the component of a version is lost: the source is served instead");
                record = record.of_source_alone(made.clone());
                break;
            }
        }
        record.prune(platform.limits.versions_max);
        let configuration = loaded.source.as_ref();
        Ok(Self { configuration, platform, name, function, history, before, record, source })
    }

    /// Loads the versions that are to serve; those that serve already, and were given the same, are taken as they are.
    async fn load(&self, world: &World, serving: Option<&Serving>) -> Result<Serving, Error> {
        let at_hand = Some((&self.source.sum, &self.source.compiled));
        self.loader(world).load(&self.record, &self.history, at_hand, serving).await
    }

    /// Whether versions that serve already fit the configuration too.
    fn check_fit(&self, world: &World, serving: &Serving) -> Result<(), Error> {
        self.loader(world).check_fit(serving, &self.record, Some(&self.source.sum))
    }

    fn loader<'l>(&'l self, world: &'l World) -> Loader<'l> {
        let Self { configuration, platform, name, function, .. } = *self;
        Loader { world, configuration, platform, name, function }
    }

    /// Writes what the candidates of a change have to keep: all components before the first record, so that what can't be
    /// written changes no record.
    fn keep_all(candidates: &[Self]) -> Result<(), Error> {
        let changed = || candidates.iter().filter(|candidate| candidate.before.as_ref() != Some(&candidate.record));
        changed().try_for_each(Self::keep_component)?;
        changed().try_for_each(Self::keep_record)
    }

    fn unusable(&self) -> impl Fn(io::Error) -> Error {
        let path = self.history.folder().to_owned();
        move |source| Error::DataDir { path: path.clone(), source }
    }

    fn durability(&self) -> Durability {
        if self.record.has_deployed() { Durability::Synced } else { Durability::Written }
    }

    fn keep_component(&self) -> Result<(), Error> {
        let (failed, durability) = (self.unusable(), self.durability());
        if !self.history.has(&self.source.sum, self.source.size, durability).map_err(&failed)? {
            let file = &self.source.file;
            let bytes = std::fs::read(file).map_err(|source| Error::NoComponent { path: file.clone(), source })?;
            if Sum::of(&bytes) != self.source.sum {
                return Err(Error::ComponentChanged { path: file.clone() });
            }
            self.history.keep(&self.source.sum, &bytes, durability).map_err(&failed)?;
        }
        Ok(())
    }

    fn keep_record(&self) -> Result<(), Error> {
        self.history.write_record(&self.record, self.durability()).map_err(self.unusable())
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
    /// What other components than that of the source are checked against.
    configuration: Option<&'l Source>,
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
                Some((live, _)) => live.clone(),
                None => Spread::new(Arc::new(self.load_one(version, record, history, at_hand).await?)),
            };
            loaded.push((live, weight));
        }
        let mut loaded = loaded.into_iter();
        let Some((main, _)) = loaded.next() else {
            return Err(Error::Bug(format!("no version of {} is to serve", self.name)));
        };
        let serving = Serving { main, canary: loaded.next(), version_header: self.function.version_header };
        self.check_fit(&serving, record, at_hand.map(|(sum, _)| sum))?;
        Ok(serving)
    }

    /// Whether versions fit the configuration: other ones than that of the source, or the one that is deployed, which were
    /// checked already.
    fn check_fit(&self, serving: &Serving, record: &Record, checked: Option<&Sum>) -> Result<(), Error> {
        let others = serving.versions().filter(|(live, _)| {
            record.version(live.version).is_none_or(|kept| checked.is_none_or(|checked| *checked != kept.sum))
        });
        for (live, _) in others {
            let misfit = |problem| Error::Misfit { function: self.name.clone(), version: live.version, problem };
            block_in_place(|| fit::check(self.configuration, self.name, live.function.shape())).map_err(misfit)?;
        }
        Ok(())
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
                let function = || self.name.clone();
                let unreadable =
                    |source| Error::Versions { function: function(), folder: history.folder().to_owned(), source };
                let bytes = block_in_place(|| history.component(sum)).map_err(unreadable)?.ok_or_else(lost)?;
                self.world.compile(bytes.into()).await.map_err(|error| failed(error.into()))?
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
///
/// # Errors
/// If they can't be read, or are not there.
pub(crate) fn history(data_dir: &Path, name: &FunctionName) -> Result<Record, Error> {
    let history = History::of(data_dir, name);
    let unreadable = |source| Error::Versions { function: name.clone(), folder: history.folder().to_owned(), source };
    // A function that is served has a record.
    history.read().and_then(|record| record.ok_or_else(|| io::ErrorKind::NotFound.into())).map_err(unreadable)
}
