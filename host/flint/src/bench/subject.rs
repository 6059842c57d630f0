//! What is measured: functions of the repository, each loaded as a row wants it.

use crate::error::Error;
use crate::inspect::{Purpose, Workshop};
use crate::output::Progress;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flint_config::{Secrets, Source};
use flint_engine::{Engine, Preset, Settings};
use flint_model::FunctionName;
use flint_stores::Stores;
use flint_stores::blob::sign::Signer;
use flint_stores_embedded::Embedded;
use flint_world::{Function, FunctionSpec, Init, Invocation, World, WorldOptions};
use http::Request;
use http_body_util::{BodyExt, Empty};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What kind of handler a row calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `flint:platform/invoke-handler`.
    Event,
    /// `wasi:http` 0.2.
    Http02,
    /// `wasi:http` 0.3.
    Http03,
    /// The same as an event, of a function with a heavy init.
    Init,
    /// A function that never comes back.
    Spin,
    /// A function that takes messages and times reads.
    Messages,
    /// The SDK's own interface for requests.
    Hello,
    /// The same as an event, of a function whose init takes a tenth of a second.
    SlowStart,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Event, Self::Http02, Self::Http03, Self::Init, Self::Spin];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Http02 => "http02",
            Self::Http03 => "http03",
            Self::Init => "init",
            Self::Spin => "spin",
            Self::Messages => "messages",
            Self::Hello => "buffered",
            Self::SlowStart => "slow-start",
        }
    }

    /// The function that is measured: one of the repository's examples.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Http02 => "hello-02",
            Self::Http03 => "hello-plain-03",
            Self::Init => "lookup",
            Self::Spin => "misbehave",
            Self::Messages => "yardstick",
            Self::Hello => "hello-buffered",
            Self::SlowStart => "slow-start",
        }
    }
}

/// The components, and a world for each configuration of the engine.
pub(crate) struct Subjects {
    components: BTreeMap<&'static str, Vec<u8>>,
    tuned: World,
    defaults: World,
    _data: tempfile::TempDir,
}

impl Subjects {
    /// Builds the functions of a folder, and starts two engines.
    ///
    /// # Errors
    /// If a function can't be built, or an engine can't be started.
    pub(crate) fn build(functions: &Path, progress: &Progress) -> Result<Self, Error> {
        Self::of(functions, &Kind::ALL, progress)
    }

    /// The same with these alone.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn of(functions: &Path, kinds: &[Kind], progress: &Progress) -> Result<Self, Error> {
        let data = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let names: Vec<_> = kinds.iter().map(|kind| kind.function()).collect();
        let components = components(functions, &names, progress)?;
        let folder = Dir::open_ambient_dir(data.path(), ambient_authority()).map_err(Error::io("open it"))?;
        let stores = Embedded::open(folder, flint_stores_embedded::Options::default())
            .map_err(|source| Error::Stores { path: data.path().to_owned(), source })?;
        let stores: Arc<dyn Stores> = Arc::new(stores);
        Ok(Self {
            components,
            tuned: world(Preset::Tuned, &stores)?,
            defaults: world(Preset::WasmtimeDefaults, &stores)?,
            _data: data,
        })
    }

    /// Loads a function that makes no instances of its own accord.
    ///
    /// # Errors
    /// If the component does not fit.
    pub(crate) async fn load(
        &self,
        kind: Kind,
        preset: Preset,
        adapt: impl FnOnce(&mut FunctionSpec),
    ) -> Result<Subject, Error> {
        self.load_with(kind, preset, Init::Snapshot, adapt).await
    }

    /// The same, with a choice of when its init function runs.
    ///
    /// # Errors
    /// If the component does not fit.
    pub(crate) async fn load_with(
        &self,
        kind: Kind,
        preset: Preset,
        init: Init,
        adapt: impl FnOnce(&mut FunctionSpec),
    ) -> Result<Subject, Error> {
        let world = if preset == Preset::Tuned { &self.tuned } else { &self.defaults };
        let name = FunctionName::parse(kind.function()).map_err(|error| Error::Bug(error.to_string()))?;
        let mut spec = FunctionSpec::new(name.clone());
        (spec.warm, spec.spares_max) = (0, 0);
        adapt(&mut spec);
        let component = self.components.get(kind.function()).map(Vec::as_slice).unwrap_or_default();
        let failed = |source| Error::Load { function: name.clone(), source };
        let compiled = flint_world::compile(world.engine(), None, component, init).await;
        let function = world.load(spec, &compiled.map_err(|error| failed(error.into()))?).map_err(failed)?;
        Ok(Subject { kind, function })
    }

    /// How the tuned engine resets memory.
    pub(crate) fn residency(&self) -> String {
        self.tuned.engine().residency().to_string()
    }
}

/// Makes what functions are loaded into.
pub(super) fn world(preset: Preset, stores: &Arc<dyn Stores>) -> Result<World, Error> {
    let engine = Engine::new(&Settings { preset, ..Settings::default() })?;
    let signer = Arc::new(Signer::new(rand::random(), ""));
    Ok(World::new(WorldOptions { spares_max: 1_000, ..WorldOptions::new(engine, Arc::clone(stores), signer) })?)
}

/// Builds the functions as `flint up` does, from a configuration that names them.
///
/// # Errors
/// If one can't be built.
pub(super) fn components(
    functions: &Path,
    names: &[&'static str],
    progress: &Progress,
) -> Result<BTreeMap<&'static str, Vec<u8>>, Error> {
    let folder = std::path::absolute(functions).map_err(Error::io("find the functions"))?;
    // What some of them could use is not given to them.
    let section = |name: &str| {
        format!(
            "[function.{name}]\nsource = {:?}\nsecrets = {{}}\noutbound = []\ngrants = {{ kv = {{}}, queue = {{}} }}\n",
            folder.join(name)
        )
    };
    let text: String = names.iter().map(|name| section(name)).collect();
    let workshop = Workshop::new(Purpose::Look, None, progress);
    let source = Source { path: PathBuf::from("bench.toml"), text };
    flint_config::load(&source, &|name: &str| std::env::var(name).ok(), &workshop, Secrets::Read)?;
    let made = workshop.finish()?;
    let component = |name: &'static str| {
        let component = made.as_ref().and_then(|made| made.components.get(name)?.as_ref().ok());
        let component = component.ok_or_else(|| Error::Bug(format!("no component of {name}")))?;
        let path = || component.file.clone();
        let bytes = std::fs::read(&component.file).map_err(|source| Error::NoComponent { path: path(), source })?;
        Ok((name, bytes))
    };
    names.iter().copied().map(component).collect()
}

/// Builds one of the functions.
///
/// # Errors
/// If it can't be built.
pub(crate) fn component(functions: &Path, kind: Kind, progress: &Progress) -> Result<Vec<u8>, Error> {
    Ok(components(functions, &[kind.function()], progress)?.remove(kind.function()).unwrap_or_default())
}

/// What a function is invoked with.
pub(crate) enum Event {
    Payload(Bytes),
    Request(Request<Empty<Bytes>>),
}

/// One function, ready to be measured.
pub(crate) struct Subject {
    kind: Kind,
    function: Function,
}

impl Subject {
    /// How many instances are ready.
    pub(crate) fn spares(&self) -> usize {
        self.function.spares()
    }

    /// Makes instances ready.
    ///
    /// # Errors
    /// If one can't be made.
    pub(crate) async fn prepare(&self, spares: usize) -> Result<(), Error> {
        self.function.prepare(spares).await.map_err(|source| self.failed(source))
    }

    /// Makes an event, as a door would have it before an invocation begins.
    ///
    /// # Errors
    /// None: it is always the same.
    pub(crate) fn event(&self) -> Result<Event, Error> {
        Ok(match self.kind {
            Kind::Event | Kind::Messages => Event::Payload(Bytes::from_static(b"{}")),
            Kind::Init | Kind::SlowStart => Event::Payload(Bytes::from_static(b"1000")),
            Kind::Http02 | Kind::Http03 | Kind::Spin | Kind::Hello => {
                let path = if self.kind == Kind::Spin { "/spin" } else { "/hello" };
                let request = Request::get(format!("http://localhost{path}")).body(Empty::new());
                Event::Request(request.map_err(|error| Error::Bug(error.to_string()))?)
            }
        })
    }

    /// Invokes it once, and waits for the whole answer.
    ///
    /// # Errors
    /// If it gives none.
    pub(crate) async fn invoke(&self, event: Event) -> Result<(), Error> {
        let invocation = Invocation::accept(None);
        let failed = |error: &dyn std::fmt::Display| Error::Bug(format!("{}: {error}", self.function.name()));
        match event {
            Event::Payload(payload) => match self.function.invoke(invocation, payload).await {
                // Without its init, the function says so: it does the rest of its work all the same.
                Ok(_) | Err(flint_world::Failure::Handler { .. }) => {}
                Err(error) => return Err(failed(&error)),
            },
            Event::Request(request) => {
                let response = self.function.http(invocation, request).await.map_err(|error| failed(&error))?;
                response.into_body().collect().await.map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }

    fn failed(&self, source: flint_world::LoadError) -> Error {
        Error::Load { function: self.function.name().clone(), source }
    }
}
