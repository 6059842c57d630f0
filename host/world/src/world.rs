//! The functions' world: the engine, what is linked to every component, and the making of functions.

use crate::compiled::{Compiled, compile};
use crate::context::FunctionContext;
use crate::exports::Program;
use crate::function::{Function, FunctionCore, FunctionSpec, Init, LoadError};
use crate::head::HeadLimits;
use crate::imports::http::{Client, Outbound, OutboundOptions};
use crate::imports::invoke::{Functions, NoFunctions};
use crate::link;
use crate::request_memory::RequestMemory;
use crate::state::State;
use crate::workflow::{NoWorkflows, Workflows};
use bytes::Bytes;
use flint_engine::admission::{Admission, AdmissionOptions};
use flint_engine::compile::CompileError;
use flint_engine::{ArtifactCache, Calls, Engine, Isolation, Pool, PoolOptions, Shared};
use flint_model::{ByteSize, Clock, FunctionName, SystemClock};
use flint_stores::Stores;
use flint_stores::blob::sign::Signer;
use flint_telemetry::Telemetry;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;
use tokio::task;
use wasmtime::component::Linker;

/// So much the host copies from a guest in one call at least, and so much beside an answer of the size that it may have. A guest
/// that passes more traps.
const COPIED_LEAST: usize = 128 << 20;
const COPIED_BESIDE: usize = 1 << 20;

/// What a world is made of.
pub struct WorldOptions {
    /// Runs the components.
    pub engine: Engine,
    /// Where compiled components are kept; none: they are compiled at each start.
    pub cache: Option<ArtifactCache>,
    /// What is durable.
    pub stores: Arc<dyn Stores>,
    /// Finds the functions that others call.
    pub functions: Arc<dyn Functions>,
    /// Has the executions that functions start and tell of.
    pub workflows: Arc<dyn Workflows>,
    /// How many calls and messages may lead to a call, each causing the next.
    pub invoke_depth_max: u32,
    /// Who is told what happens.
    pub telemetry: Telemetry,
    /// Makes the URLs that functions hand out.
    pub signer: Arc<Signer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// So many instances of all functions together are ready at most.
    pub spares_max: usize,
    /// How much requests and answers that are held whole may take, of all functions together.
    pub request_memory_max: ByteSize,
    /// How large the heads of answers may be.
    pub head_max: HeadLimits,
    /// Requests that functions make.
    pub outbound: OutboundOptions,
}

impl WorldOptions {
    /// A world of functions that know of no others and of no workflows; all else has its default, and compiled components are not
    /// kept.
    pub fn new(engine: Engine, stores: Arc<dyn Stores>, signer: Arc<Signer>) -> Self {
        Self {
            engine,
            cache: None,
            stores,
            functions: Arc::new(NoFunctions),
            workflows: Arc::new(NoWorkflows),
            invoke_depth_max: 16,
            telemetry: Telemetry::new(flint_telemetry::Options::default()),
            signer,
            clock: Arc::new(SystemClock),
            spares_max: PoolOptions::default().spares_total_max,
            request_memory_max: ByteSize::mib(256),
            head_max: HeadLimits::default(),
            outbound: OutboundOptions::default(),
        }
    }
}

/// Says that the host's own interfaces do not fit together: a defect of the host.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The linker refuses them.
    #[error("the host's interfaces can't be linked: {0:#}")]
    Link(wasmtime::Error),
    /// There is no TLS.
    #[error("the host can't speak TLS")]
    Tls(#[source] rustls::Error),
}

/// Makes functions of components.
pub struct World {
    options: WorldOptions,
    concurrent: Linker<State>,
    sequential: Linker<State>,
    request_memory: Arc<RequestMemory>,
    /// Who of a function may run: one for all its versions, so that `concurrency` holds while one takes the other's place.
    admissions: Mutex<BTreeMap<FunctionName, Weak<Admission>>>,
    client: Arc<Client>,
}

impl World {
    /// Links what the host serves.
    ///
    /// # Errors
    /// [`WorldError`], which no setting can cause.
    pub fn new(options: WorldOptions) -> Result<Self, WorldError> {
        let engine = &options.engine;
        let concurrent = link::concurrent(engine.wasmtime(Calls::Concurrent)).map_err(WorldError::Link)?;
        let sequential = link::sequential(engine.wasmtime(Calls::Sequential)).map_err(WorldError::Link)?;
        let client = Client::new(options.outbound.clone()).map_err(WorldError::Tls)?;
        let request_memory = RequestMemory::new(options.request_memory_max);
        Ok(Self {
            options,
            concurrent,
            sequential,
            client: Arc::new(client),
            request_memory,
            admissions: Mutex::default(),
        })
    }

    /// Makes a function of a component. Functions of one name are versions of one: they are counted and admitted together, by
    /// the options of the last that [took over](Function::take_over).
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(&self, spec: FunctionSpec, compiled: &Compiled) -> Result<Function, LoadError> {
        let is_shared = matches!(spec.isolation, Isolation::Shared { .. });
        let linker = match compiled.calls() {
            Calls::Sequential if is_shared => return Err(LoadError::Unshareable),
            Calls::Sequential => &self.sequential,
            Calls::Concurrent => &self.concurrent,
        };
        let component = linker.instantiate_pre(compiled.component()).map_err(LoadError::Mismatch)?;
        let options = PoolOptions {
            limits: spec.limits,
            isolation: spec.isolation,
            admission: spec.admission,
            reserved: spec.reserved,
            warm: spec.warm,
            spares_max: spec.spares_max,
            spares_total_max: self.options.spares_max,
        };
        let telemetry = self.options.telemetry.function(&spec.name).of_version(spec.version);
        let name = spec.name.clone();
        let context = Arc::new(FunctionContext {
            name: spec.name,
            environment: spec.environment,
            config: spec.config,
            secrets: spec.secrets,
            grants: spec.grants,
            outbound: Arc::new(Outbound::new(spec.outbound, Arc::clone(&self.client))),
            log_size_max: spec.log_size_max.as_u64(),
            handles_max: spec.handles_max,
            copied_max: COPIED_LEAST.max(spec.response_size_max.as_usize().saturating_add(COPIED_BESIDE)),
            head_max: self.options.head_max,
            is_shared,
            kv_calls_max: spec.kv_calls_max,
            kv_size_max: spec.kv_size_max.as_u64(),
            stores: Arc::clone(&self.options.stores),
            functions: Arc::clone(&self.options.functions),
            workflows: Arc::clone(&self.options.workflows),
            invoke_depth_max: self.options.invoke_depth_max,
            signer: Arc::clone(&self.options.signer),
            clock: Arc::clone(&self.options.clock),
            telemetry,
        });
        let program = Program::new(Arc::clone(&context), compiled, &component).map_err(LoadError::Mismatch)?;
        let admission = self.admission(name, options.admission);
        let pool = Pool::admitted_by(self.options.engine.clone(), program, component, options, admission);
        let core = FunctionCore {
            context,
            request_memory: Arc::clone(&self.request_memory),
            first_byte_timeout: spec.first_byte_timeout,
            request_size_max: spec.request_size_max,
            response_size_max: spec.response_size_max,
            http_response_max: spec.http_response_max,
            shape: compiled.shape().clone(),
            shared: Shared::new(&pool),
            pool,
        };
        Ok(Function::new(core))
    }

    /// Compiles a component for this world; see [`compile`]. All of it on a thread for long work: already to look whether it was
    /// compiled before, its bytes and its machine code are read and hashed.
    ///
    /// # Errors
    /// [`CompileError`].
    pub async fn compile(&self, bytes: Bytes) -> Result<Compiled, CompileError> {
        let (engine, cache) = (self.options.engine.clone(), self.options.cache.clone());
        let compiling = task::spawn_blocking(move || {
            Handle::current().block_on(compile(&engine, cache.as_ref(), &bytes, Init::Snapshot))
        });
        compiling.await.map_err(|_| CompileError::Interrupted)?
    }

    fn admission(&self, name: FunctionName, options: AdmissionOptions) -> Arc<Admission> {
        let mut admissions = self.admissions.lock();
        let known = admissions.entry(name).or_default();
        if let Some(admission) = known.upgrade() {
            return admission;
        }
        let admission = Arc::new(Admission::new(options));
        *known = Arc::downgrade(&admission);
        admission
    }

    /// Counts requests and answers that are held whole.
    pub fn request_memory(&self) -> &Arc<RequestMemory> {
        &self.request_memory
    }

    /// Tells how many bytes of requests and answers are held whole at a moment.
    pub fn held(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let memory = Arc::clone(&self.request_memory);
        move || memory.held()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.options.engine
    }
}
