//! Components that are machine code, and what they export and import.

use crate::function::Init;
use crate::link;
use crate::shape::{INIT_FUNCTION, Shape};
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Engine};
use std::sync::Arc;
use wasmtime::component::Component;

/// A component that an engine can run. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    component: Component,
    calls: Calls,
    shape: Arc<Shape>,
    init: Init,
}

/// How many calls an instance can be in at once: which of the engine's two runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One, and the guest makes one at a time: WASI 0.2.
    Sequential,
    /// Several: what the component model calls `async`.
    Concurrent,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut compiled = f.debug_struct("Compiled");
        compiled.field("calls", &self.calls).field("shape", &self.shape).field("init", &self.init);
        compiled.finish_non_exhaustive()
    }
}

impl Compiled {
    /// What it exports and imports.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// How many calls an instance of it can be in at once.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// When its init function runs.
    pub(crate) fn init(&self) -> Init {
        self.init
    }
}

/// Compiles a component, or finds it in the cache. Twice over if it has an init function whose memory is to be kept: the shape
/// of the first says so.
///
/// # Errors
/// [`CompileError`] if the bytes are no component, or its init function fails.
pub async fn compile(
    engine: &Engine,
    cache: Option<&ArtifactCache>,
    bytes: &[u8],
    init: Init,
) -> Result<Compiled, CompileError> {
    if let Some(sequential) = compile_sequential(engine, cache, bytes, init).await? {
        return Ok(sequential);
    }
    let mut component = engine.load(bytes, None, cache).await?;
    let shape = Shape::of(&component, |name, item| link::serves(engine.concurrent(), name, item));
    if keeps_init(&shape, init) {
        component = engine.load(bytes, Some(INIT_FUNCTION), cache).await?;
    }
    Ok(Compiled { component, calls: Calls::Concurrent, shape: Arc::new(shape), init })
}

/// None if the component is not one of WASI 0.2 alone, or the engine has one runtime for all. What is `async` says so in types, which
/// are looked at before anything is compiled.
async fn compile_sequential(
    engine: &Engine,
    cache: Option<&ArtifactCache>,
    bytes: &[u8],
    init: Init,
) -> Result<Option<Compiled>, CompileError> {
    // What is wrong with it otherwise, the other engine says.
    let Ok(Some(mut component)) = engine.load_sequential(bytes, None, cache).await else { return Ok(None) };
    let runtime = component.engine();
    let shape = Shape::of(&component, |name, item| link::serves(runtime, name, item));
    let ty = component.component_type();
    let mut imports = ty.imports(runtime);
    if !shape.takes_requests_alone() || !imports.all(|(name, item)| link::is_sequential(runtime, name, &item.ty)) {
        return Ok(None);
    }
    drop(imports);
    if keeps_init(&shape, init)
        && let Some(initialised) = engine.load_sequential(bytes, Some(INIT_FUNCTION), cache).await?
    {
        component = initialised;
    }
    Ok(Some(Compiled { component, calls: Calls::Sequential, shape: Arc::new(shape), init }))
}

fn keeps_init(shape: &Shape, init: Init) -> bool {
    shape.init && init == Init::Snapshot
}
