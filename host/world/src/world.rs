//! The functions' world: the engine, what is linked to every component, and the making of functions.

use crate::context::FunctionContext;
use crate::exports::Program;
use crate::function::{Function, FunctionCore, FunctionSpec, Init, LoadError};
use crate::link;
use crate::outbound::Outbound;
use crate::shape::{INIT_FUNCTION, Shape};
use crate::state::State;
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Engine, Pool, PoolOptions};
use flint_model::Clock;
use flint_stores::Stores;
use flint_telemetry::Telemetry;
use std::sync::Arc;
use wasmtime::component::{Component, Linker};

/// What a world is made of.
pub struct WorldOptions {
    /// Runs the components.
    pub engine: Engine,
    /// Where compiled components are kept; none: they are compiled at each start.
    pub cache: Option<ArtifactCache>,
    /// What is durable.
    pub stores: Arc<dyn Stores>,
    /// Who is told what happens.
    pub telemetry: Telemetry,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// So many instances of all functions together are ready at most.
    pub spares_max: usize,
}

/// Says that the host's own interfaces do not fit together: a defect of the host.
#[derive(Debug, thiserror::Error)]
#[error("the host's interfaces can't be linked: {0:#}")]
pub struct WorldError(wasmtime::Error);

/// Makes functions of components.
pub struct World {
    options: WorldOptions,
    linker: Linker<State>,
}

impl World {
    /// Links what the host serves.
    ///
    /// # Errors
    /// [`WorldError`], which no setting can cause.
    pub fn new(options: WorldOptions) -> Result<Self, WorldError> {
        let linker = link::all(options.engine.wasmtime()).map_err(WorldError)?;
        Ok(Self { options, linker })
    }

    /// Makes a function of a component.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(&self, spec: FunctionSpec, bytes: &[u8]) -> Result<Function, LoadError> {
        let cache = self.options.cache.as_ref();
        let (component, shape) = compile(&self.options.engine, cache, bytes, spec.init).await?;
        let component = self.linker.instantiate_pre(&component).map_err(LoadError::Mismatch)?;
        let options = PoolOptions {
            limits: spec.limits,
            isolation: spec.isolation,
            admission: spec.admission,
            warm: spec.warm,
            spares_max: spec.spares_max,
            spares_total_max: self.options.spares_max,
        };
        let telemetry = self.options.telemetry.function(&spec.name);
        let context = Arc::new(FunctionContext {
            name: spec.name,
            environment: spec.environment,
            config: spec.config,
            secrets: spec.secrets,
            grants: spec.grants,
            outbound: Arc::new(Outbound::new(spec.outbound)),
            log_size_max: spec.log_size_max.as_u64(),
            handles_max: spec.handles_max,
            stores: Arc::clone(&self.options.stores),
            clock: Arc::clone(&self.options.clock),
            telemetry,
        });
        let program = Program::new(Arc::clone(&context), &shape, spec.init, &component).map_err(LoadError::Mismatch)?;
        let pool = Pool::new(self.options.engine.clone(), program, component, options);
        let core = FunctionCore {
            context,
            first_byte_timeout: spec.first_byte_timeout,
            request_size_max: spec.request_size_max,
            response_size_max: spec.response_size_max,
            shape,
        };
        Ok(Function::new(core, pool))
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.options.engine
    }
}

/// Says what a component exports and imports.
///
/// Compiles it, snapshot included, so that loading it later takes it from the cache.
///
/// # Errors
/// [`CompileError`] if the bytes are no component, or its init function fails.
pub async fn inspect(engine: &Engine, cache: Option<&ArtifactCache>, bytes: &[u8]) -> Result<Shape, CompileError> {
    compile(engine, cache, bytes, Init::Snapshot).await.map(|(_, shape)| shape)
}

/// Compiles a component, twice over if it has an init function: the shape of the first says so.
async fn compile(
    engine: &Engine,
    cache: Option<&ArtifactCache>,
    bytes: &[u8],
    init: Init,
) -> Result<(Component, Shape), CompileError> {
    let component = engine.load(bytes, None, cache).await?;
    let shape = Shape::of(&component, |name, item| link::serves(engine.wasmtime(), name, item));
    if shape.init && init == Init::Snapshot {
        return Ok((engine.load(bytes, Some(INIT_FUNCTION), cache).await?, shape));
    }
    Ok((component, shape))
}
