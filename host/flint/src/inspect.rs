//! What the configuration asks of the binary: components, made of sources, and what they export and import.

use crate::build::{self, BuildError, Built};
use crate::live::record::Sum;
use crate::output::Progress;
use crate::wire;
use flint_config::platform::{Function, HostLimits};
use flint_config::{Components, DescribeError, HttpVersion, Import, Shape};
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Engine, EngineError, Settings};
use flint_model::FunctionName;
use flint_world::{Compiled, Init};
use futures::{StreamExt, stream};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{io, thread};
use tokio::runtime::Handle;
use tokio::task;

/// What components are compiled for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// To be run by a host that is about to start.
    Start,
    /// To be run by a host that runs.
    Change(Engine),
    /// To be looked at.
    Look,
}

/// A component that a source came to.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) file: PathBuf,
    pub(crate) sum: Sum,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) compiled: Compiled,
}

/// Why a source came to none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoComponent {
    #[error(transparent)]
    NotBuilt(#[from] BuildError),
    #[error("can't read the component {}: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} is no component: {source}", file.display())]
    Invalid { file: PathBuf, source: CompileError },
    #[error("{} can't be run here: {source}", file.display())]
    Unfit { file: PathBuf, source: CompileError },
}

impl NoComponent {
    fn help(&self) -> Option<String> {
        match self {
            Self::NotBuilt(error) => error.help(),
            Self::Invalid { .. } => Some(format!("a component is built for the target {}", build::TARGET)),
            Self::Unfit { source: CompileError::Excess { setting, .. }, .. } => Some(more_of(setting)),
            Self::Unreadable { .. } | Self::Unfit { .. } => None,
        }
    }

    fn of(file: PathBuf, source: CompileError) -> Self {
        match source {
            CompileError::Invalid(_) => Self::Invalid { file, source },
            _ => Self::Unfit { file, source },
        }
    }
}

/// What helps a component that takes more than a setting allows.
pub(crate) fn more_of(setting: &str) -> String {
    format!("make `{setting}` larger, or build a component that takes less")
}

/// What a workshop made: the engine, and what it compiled.
pub(crate) struct Made {
    pub(crate) engine: Engine,
    pub(crate) components: BTreeMap<FunctionName, Result<Component, NoComponent>>,
}

/// Builds functions and compiles their components, all before the first is described.
///
/// The engine that compiles is the one that will run them, so that each component is loaded once.
pub(crate) struct Workshop<'p> {
    purpose: Purpose,
    cache: Option<ArtifactCache>,
    progress: &'p Progress,
    made: RefCell<Option<Result<Made, EngineError>>>,
}

impl<'p> Workshop<'p> {
    /// Makes nothing yet. What it compiles is kept in the cache, and is found there the next time.
    pub(crate) fn new(purpose: Purpose, cache: Option<ArtifactCache>, progress: &'p Progress) -> Self {
        Self { purpose, cache, progress, made: RefCell::default() }
    }

    /// What was made; none if the configuration was too bad for that.
    ///
    /// # Errors
    /// If there could be no engine.
    pub(crate) fn finish(self) -> Result<Option<Made>, EngineError> {
        self.made.into_inner().transpose()
    }

    fn make(&self, functions: &BTreeMap<&FunctionName, &Function>, limits: &HostLimits) -> Result<Made, EngineError> {
        let engine = match &self.purpose {
            Purpose::Start => Engine::new(&wire::settings(limits, functions.values().copied()))?,
            Purpose::Change(engine) => engine.clone(),
            Purpose::Look => Engine::new(&Settings { instances_max: 1, ..wire::settings(limits, []) })?,
        };
        let built = build::all(functions, self.progress);
        // The configuration is loaded by a command, which has a thread to itself.
        let components = task::block_in_place(|| Handle::current().block_on(self.compile_all(&engine, built)));
        Ok(Made { engine, components })
    }

    /// As many at once as there are cores: most of it is hashing, and mapping files.
    async fn compile_all(
        &self,
        engine: &Engine,
        built: BTreeMap<FunctionName, Built>,
    ) -> BTreeMap<FunctionName, Result<Component, NoComponent>> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let compiling = built.into_iter().map(|(name, built)| async move {
            let component = match built {
                Ok(file) => {
                    self.progress.step(format!("compiling {name}"));
                    compile(engine.clone(), self.cache.clone(), file).await
                }
                Err(error) => Err(error.into()),
            };
            (name, component)
        });
        stream::iter(compiling).buffer_unordered(cores).collect().await
    }
}

/// Compiles a component on a thread for long work, or finds it compiled.
async fn compile(engine: Engine, cache: Option<ArtifactCache>, file: PathBuf) -> Result<Component, NoComponent> {
    let path = file.clone();
    let compiling = task::spawn_blocking(move || {
        let bytes = std::fs::read(&file).map_err(|source| NoComponent::Unreadable { file: file.clone(), source })?;
        let compiling = flint_world::compile(&engine, cache.as_ref(), &bytes, Init::Snapshot);
        let compiled = Handle::current().block_on(compiling);
        let compiled = compiled.map_err(|source| NoComponent::of(file.clone(), source))?;
        Ok(Component { file, sum: Sum::of(&bytes), size: bytes.len() as u64, compiled })
    });
    let interrupted = |_| Err(NoComponent::of(path, CompileError::Interrupted));
    compiling.await.unwrap_or_else(interrupted)
}

impl Components for Workshop<'_> {
    fn prepare(&self, functions: &BTreeMap<&FunctionName, &Function>, limits: &HostLimits) {
        self.made.replace(Some(self.make(functions, limits)));
    }

    fn describe(&self, name: &FunctionName, _: &Function) -> Result<Shape, DescribeError> {
        let made = self.made.borrow();
        let component = made.as_ref().and_then(|made| made.as_ref().ok()?.components.get(name));
        match component {
            Some(Ok(component)) => Ok(describe(component.compiled.shape())),
            Some(Err(error)) => Err(DescribeError { message: error.to_string(), help: error.help() }),
            // `finish` says why there is no engine.
            None => Err(DescribeError { message: "it was not compiled".to_owned(), help: None }),
        }
    }
}

/// The same facts in the words of the configuration, which knows no WebAssembly.
pub(crate) fn describe(shape: &flint_world::Shape) -> Shape {
    Shape {
        http: shape.http.map(|version| match version {
            flint_world::HttpVersion::V02 => HttpVersion::V02,
            flint_world::HttpVersion::V03 => HttpVersion::V03,
            flint_world::HttpVersion::Buffered => HttpVersion::Buffered,
        }),
        invoke: shape.invoke,
        queue: shape.queue,
        kv: shape.kv,
        blob: shape.blob,
        topic: shape.topic,
        schedule: shape.schedule,
        init: shape.init,
        imports: shape
            .imports
            .iter()
            .map(|import| match import {
                flint_world::Import::Kv => Import::Kv,
                flint_world::Import::Queue => Import::Queue,
                flint_world::Import::Blob => Import::Blob,
                flint_world::Import::Topic => Import::Topic,
                flint_world::Import::Invoke => Import::Invoke,
                flint_world::Import::Workflow => Import::Workflow,
                flint_world::Import::Secrets => Import::Secrets,
                flint_world::Import::Outbound => Import::Outbound,
                flint_world::Import::Unknown(name) => Import::Unknown(name.clone()),
            })
            .collect(),
    }
}

/// Takes every function for one that can do everything and needs nothing: for commands that do not look at components.
pub(crate) struct AnyComponent;

impl Components for AnyComponent {
    fn describe(&self, _: &FunctionName, _: &Function) -> Result<Shape, DescribeError> {
        Ok(Shape {
            http: Some(HttpVersion::V03),
            invoke: true,
            queue: true,
            kv: true,
            blob: true,
            topic: true,
            schedule: true,
            init: true,
            imports: Vec::new(),
        })
    }
}
