//! The exports that are called: typed input, one guest call, typed output. No policy and no retries.

mod blob;
pub(crate) mod http;
pub(crate) mod http_buffered;
pub(crate) mod invoke;
mod kv;
pub(crate) mod messages;
mod queue;
pub(crate) mod schedule;
mod topic;

use crate::bindings;
use crate::compiled::Compiled;
use crate::context::FunctionContext;
use crate::failure::Failure;
use crate::function::Init;
use crate::invocation::Invocation;
use crate::shape::{HttpVersion, INIT_EXPORT};
use crate::state::State;
use crate::tally::Tally;
use flint_engine::deadline::{Deadline, WithDeadline};
use flint_engine::{Blueprint, Budget, Calls, Fault, HasBudget, Lease, Metered};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use wasmtime::Store;
use wasmtime::component::{Accessor, ComponentExportIndex, Instance, InstancePre};
use wasmtime_wasi_http::handler::Proxy;
use wasmtime_wasi_http::{p2, p3};

/// What a guest holds of the component model while it makes a single call, beside what it asked for: the call itself, what it
/// waits with, and what it is called with.
const HANDLES_OF_A_CALL: usize = 16;

/// What wasmtime keeps for calls, streams and futures counts by `handles-max` too: a stream, the largest of them, has three
/// entries, and a call that runs beside them one.
const ENTRIES_OF_A_HANDLE: usize = 4;

/// Where in a component the exports are: looked up once.
enum HttpIndices {
    V02(p2::bindings::ProxyIndices),
    V03(p3::bindings::ServiceIndices),
    Buffered(bindings::http::HttpIndices),
}

/// What the instances of a function are.
pub(crate) struct Program {
    context: Arc<FunctionContext>,
    calls: Calls,
    http: Option<HttpIndices>,
    invoke: Option<bindings::invoke::InvokeIndices>,
    queue: Option<bindings::queue::QueueIndices>,
    schedule: Option<bindings::schedule::ScheduleIndices>,
    topic: Option<bindings::topic::TopicIndices>,
    kv: Option<bindings::kv::KvIndices>,
    blob: Option<bindings::blob::BlobIndices>,
    /// Called in every new instance: only where the snapshot is switched off.
    init: Option<ComponentExportIndex>,
}

/// The HTTP handler of an instance.
pub(crate) enum HttpExport {
    /// By the standard, either version.
    Standard(Proxy),
    /// By 0.2 of the standard, one request at a time.
    Sequential(p2::bindings::Proxy),
    /// The lean handler.
    Buffered(bindings::http::Http),
}

/// The exports of an instance.
pub(crate) struct Exports {
    pub(crate) http: Option<HttpExport>,
    pub(crate) invoke: Option<bindings::invoke::Invoke>,
    pub(crate) queue: Option<bindings::queue::Queue>,
    pub(crate) schedule: Option<bindings::schedule::Schedule>,
    pub(crate) topic: Option<bindings::topic::Topic>,
    pub(crate) kv: Option<bindings::kv::Kv>,
    pub(crate) blob: Option<bindings::blob::Blob>,
}

impl Program {
    pub(crate) fn new(
        context: Arc<FunctionContext>,
        compiled: &Compiled,
        component: &InstancePre<State>,
    ) -> wasmtime::Result<Self> {
        let shape = compiled.shape();
        let http = match shape.http {
            Some(HttpVersion::V02) => Some(HttpIndices::V02(p2::bindings::ProxyIndices::new(component)?)),
            Some(HttpVersion::V03) => Some(HttpIndices::V03(p3::bindings::ServiceIndices::new(component)?)),
            Some(HttpVersion::Buffered) => Some(HttpIndices::Buffered(bindings::http::HttpIndices::new(component)?)),
            None => None,
        };
        let invoke = if shape.invoke { Some(bindings::invoke::InvokeIndices::new(component)?) } else { None };
        let queue = if shape.queue { Some(bindings::queue::QueueIndices::new(component)?) } else { None };
        let schedule = if shape.schedule { Some(bindings::schedule::ScheduleIndices::new(component)?) } else { None };
        let topic = if shape.topic { Some(bindings::topic::TopicIndices::new(component)?) } else { None };
        let kv = if shape.kv { Some(bindings::kv::KvIndices::new(component)?) } else { None };
        let blob = if shape.blob { Some(bindings::blob::BlobIndices::new(component)?) } else { None };
        let init = match compiled.init() {
            Init::EveryStart if shape.init => {
                let (interface, function) = INIT_EXPORT;
                let component = component.component();
                let interface = component.get_export_index(None, interface);
                component.get_export_index(interface.as_ref(), function)
            }
            _ => None,
        };
        Ok(Self { context, calls: compiled.calls(), http, invoke, queue, topic, kv, blob, schedule, init })
    }
}

impl Blueprint for Program {
    type Data = State;
    type Exports = Exports;

    fn calls(&self) -> Calls {
        self.calls
    }

    fn data(&self, budget: Budget) -> State {
        State::new(budget, Arc::clone(&self.context))
    }

    /// What stands behind handles and calls is the host's memory, which the guest's limit does not see.
    fn limit(&self, store: &mut Store<State>) {
        let context = &self.context;
        let handles_max = context.handles_max.saturating_add(HANDLES_OF_A_CALL);
        store.set_max_component_handles(handles_max);
        if let Some(table) = store.concurrent_resource_table() {
            table.set_max_capacity(handles_max.saturating_mul(ENTRIES_OF_A_HANDLE));
        }
        store.set_hostcall_fuel(context.copied_max);
    }

    fn exports(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Exports> {
        let http = match &self.http {
            Some(HttpIndices::V02(indices)) => {
                let proxy = indices.load(&mut *store, instance)?;
                Some(match self.calls {
                    Calls::Sequential => HttpExport::Sequential(proxy),
                    Calls::Concurrent => HttpExport::Standard(Proxy::P2(proxy)),
                })
            }
            Some(HttpIndices::V03(indices)) => {
                Some(HttpExport::Standard(Proxy::P3(indices.load(&mut *store, instance)?)))
            }
            Some(HttpIndices::Buffered(indices)) => Some(HttpExport::Buffered(indices.load(&mut *store, instance)?)),
            None => None,
        };
        let invoke = match &self.invoke {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        let queue = match &self.queue {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        let topic = match &self.topic {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        let kv = match &self.kv {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        let blob = match &self.blob {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        let schedule = match &self.schedule {
            Some(indices) => Some(indices.load(&mut *store, instance)?),
            None => None,
        };
        Ok(Exports { http, invoke, queue, topic, kv, blob, schedule })
    }

    async fn start(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
        if let Some(init) = &self.init {
            instance.get_typed_func::<(), ()>(&mut *store, init)?.call_async(&mut *store, ()).await?;
        }
        Ok(())
    }
}

/// What a guest does behind its answer goes on by itself, until the deadline; most have done all by then.
pub(crate) fn finish(mut lease: Lease<Program>, idle: bool, deadline: Deadline, tally: &Arc<Tally>) {
    if idle {
        lease.finish();
        return;
    }
    let tally = Arc::clone(tally);
    tokio::spawn(async move {
        let meter = lease.meter();
        let rest = {
            let rest = pin!(lease.store().run_concurrent(async |accessor| rest(accessor).await));
            WithDeadline::new(Metered::new(rest, meter), deadline).await
        };
        match rest {
            Ok(Ok(())) => lease.finish(),
            // The answer has left: it is for the log alone.
            Ok(Err(error)) => drop(failure_of(&error, &mut lease)),
            Err(_elapsed) => {}
        }
        // The record counts all of it.
        drop(tally);
    });
}

/// Starts an invocation in a shared instance: what the guest asks and says from now on counts as its.
pub(crate) fn begin(accessor: &Accessor<State>, invocation: &Invocation) {
    accessor.with(|mut access| access.data_mut().begin(invocation));
}

/// Whether nothing is left to do in an instance.
pub(crate) async fn is_idle(accessor: &Accessor<State>) -> bool {
    poll_fn(|context| Poll::Ready(accessor.poll_no_interesting_tasks(context).is_ready())).await
}

/// What is left to do in an instance.
pub(crate) async fn rest(accessor: &Accessor<State>) {
    poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
}

/// Says what an error of a guest call means, and tells the log what the caller may not know.
pub(crate) fn failure_of(error: &wasmtime::Error, lease: &mut Lease<Program>) -> Failure {
    let memory_refused = lease.store().data_mut().budget().memory_refused();
    let limits = *lease.store().data_mut().budget().limits();
    match Fault::of_call(error, memory_refused) {
        Fault::Cpu(exceeded) => Failure::CpuExceeded(exceeded.0),
        Fault::Memory => Failure::OutOfMemory(limits.memory),
        Fault::Trap(trap) => {
            let state = lease.store().data();
            let (function, invocation) = (&state.function.name, state.invocation());
            let trace = invocation.map(|invocation| invocation.trace.trace_id().to_string());
            let invocation = invocation.map(|invocation| invocation.id.to_string());
            tracing::warn!(%function, invocation, trace, cause = %trap, "the function trapped");
            Failure::Trapped(trap)
        }
        Fault::Exhausted => Failure::Exhausted,
        Fault::Other(text) => {
            let function = &lease.store().data().function.name;
            tracing::error!(%function, error = %text, "a guest call failed in the host");
            Failure::Internal
        }
    }
}
