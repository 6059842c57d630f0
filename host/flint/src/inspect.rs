//! What the configuration asks of the binary: components, made of sources, and what they export and import.

use crate::build::{self, Built};
use crate::error::Error;
use crate::output::Progress;
use flint_config::{Components, DescribeError, HttpVersion, Import, Shape};
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Engine, Settings};
use flint_model::FunctionName;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

use flint_config::platform::Function;

/// Tells what components are like.
pub(crate) struct Inspector {
    engine: Engine,
    cache: Option<ArtifactCache>,
}

impl Inspector {
    /// Starts an engine that compiles and never runs. What it compiles is kept in the cache, where the host finds it.
    ///
    /// # Errors
    /// If there can be no engine.
    pub(crate) fn new(cache: Option<ArtifactCache>) -> Result<Self, Error> {
        // The most that the limits of a host can allow: what they do allow is known when the component is loaded.
        let most =
            Settings { memories_max: 100, tables_max: 1000, table_elements_max: 10_000_000, ..Settings::default() };
        let engine = Engine::new(&Settings { instances_max: 1, ..most })?;
        Ok(Self { engine, cache })
    }

    /// Describes a component.
    ///
    /// # Errors
    /// If the bytes are none.
    pub(crate) fn shape(&self, bytes: &[u8]) -> Result<flint_world::Shape, CompileError> {
        let inspection = flint_world::inspect(&self.engine, self.cache.as_ref(), bytes);
        // The configuration is loaded by a command, which has a thread of the runtime to itself.
        tokio::task::block_in_place(|| Handle::current().block_on(inspection))
    }
}

/// Builds functions and describes their components; remembers where they are.
pub(crate) struct Workshop<'p> {
    inspector: Inspector,
    progress: &'p Progress,
    built: RefCell<BTreeMap<FunctionName, Built>>,
}

impl<'p> Workshop<'p> {
    /// Builds nothing yet.
    pub(crate) fn new(inspector: Inspector, progress: &'p Progress) -> Self {
        Self { inspector, progress, built: RefCell::default() }
    }

    /// The components that were built.
    pub(crate) fn into_components(self) -> BTreeMap<FunctionName, PathBuf> {
        self.built.into_inner().into_iter().filter_map(|(name, built)| Some((name, built.ok()?))).collect()
    }

    fn component(&self, name: &FunctionName, function: &Function) -> Built {
        if !self.built.borrow().contains_key(name) {
            self.prepare(&BTreeMap::from([(name, function)]));
        }
        self.built
            .borrow()
            .get(name)
            .cloned()
            .unwrap_or_else(|| Err(build::BuildError::NoComponent { package: name.to_string() }))
    }
}

impl Components for Workshop<'_> {
    fn prepare(&self, functions: &BTreeMap<&FunctionName, &Function>) {
        self.built.borrow_mut().extend(build::all(functions, self.progress));
    }

    fn describe(&self, name: &FunctionName, function: &Function) -> Result<Shape, DescribeError> {
        let file = self.component(name, function).map_err(|error| describe_build(&error))?;
        self.progress.step(format!("compiling {name}"));
        let bytes = std::fs::read(&file).map_err(|error| DescribeError {
            message: format!("can't read the component {}: {error}", file.display()),
            help: None,
        })?;
        self.inspector.shape(&bytes).map(|shape| describe(&shape)).map_err(|error| describe_file(&file, &error))
    }
}

fn describe_build(error: &build::BuildError) -> DescribeError {
    DescribeError { message: error.to_string(), help: error.help() }
}

fn describe_file(file: &Path, error: &CompileError) -> DescribeError {
    DescribeError {
        message: format!("{} is no component: {error}", file.display()),
        help: Some(format!("a component is built for the target {}", build::TARGET)),
    }
}

/// The same facts in the words of the configuration, which knows no WebAssembly.
pub(crate) fn describe(shape: &flint_world::Shape) -> Shape {
    let exports = |handler: &str| {
        let prefix = format!("flint:platform/{handler}@");
        shape.exports.iter().any(|name| name.starts_with(&prefix))
    };
    Shape {
        http: shape.http.map(|version| match version {
            flint_world::HttpVersion::V02 => HttpVersion::V02,
            flint_world::HttpVersion::V03 => HttpVersion::V03,
            flint_world::HttpVersion::Buffered => HttpVersion::Buffered,
        }),
        invoke: shape.invoke,
        queue: exports("queue-handler"),
        kv: exports("kv-handler"),
        blob: exports("blob-handler"),
        topic: exports("topic-handler"),
        schedule: exports("schedule-handler"),
        init: shape.init,
        imports: shape
            .imports
            .iter()
            .map(|import| match import {
                flint_world::Import::Kv => Import::Kv,
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
