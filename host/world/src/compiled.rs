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
    shape: Arc<Shape>,
    init: Init,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("shape", &self.shape).field("init", &self.init).finish_non_exhaustive()
    }
}

impl Compiled {
    /// What it exports and imports.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
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
    let mut component = engine.load(bytes, None, cache).await?;
    let shape = Shape::of(&component, |name, item| link::serves(engine.wasmtime(), name, item));
    if shape.init && init == Init::Snapshot {
        component = engine.load(bytes, Some(INIT_FUNCTION), cache).await?;
    }
    Ok(Compiled { component, shape: Arc::new(shape), init })
}
