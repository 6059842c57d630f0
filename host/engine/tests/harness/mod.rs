//! What the tests of the engine share: components as text, pools of them, and calls by name.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod patient;

use flint_engine::admission::AdmissionOptions;
use flint_engine::{
    ArtifactCache, Blueprint, Budget, Calls, Engine, Fault, HasBudget, Lease, Metered, Pool, PoolOptions, Settings,
};
use flint_model::ByteSize;
use std::pin::pin;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Linker, Lower};

/// A world of nothing: its stores hold a budget, and its components import nothing.
pub(crate) struct Bare(Calls);

/// What a store of [`Bare`] holds.
pub(crate) struct Data(Budget);

impl HasBudget for Data {
    fn budget(&mut self) -> &mut Budget {
        &mut self.0
    }
}

impl Blueprint for Bare {
    type Data = Data;
    type Exports = Instance;

    fn calls(&self) -> Calls {
        self.0
    }

    fn data(&self, budget: Budget) -> Data {
        Data(budget)
    }

    fn exports(&self, _store: &mut Store<Data>, instance: &Instance) -> wasmtime::Result<Instance> {
        Ok(*instance)
    }
}

/// Settings for a pool of so many slots, in which no more run than there are slots. So who asks for an instance right after
/// another one was dropped waits until its slot is free, which is done behind the answer.
pub(crate) fn slots(instances_max: u32) -> Settings {
    let admission = AdmissionOptions { concurrency: instances_max as usize, ..AdmissionOptions::default() };
    Settings { instances_max, admission, memory_max: ByteSize::mib(16), ..Settings::default() }
}

/// Options without any spare instance: what is lent was made for the one who asked.
pub(crate) fn on_demand() -> PoolOptions {
    PoolOptions { warm: 0, spares_max: 0, ..PoolOptions::default() }
}

/// Makes a pool of a component's text.
pub(crate) async fn pool(
    engine: &Engine,
    text: &str,
    cache: Option<&ArtifactCache>,
    options: PoolOptions,
) -> Pool<Bare> {
    pool_of(Calls::Concurrent, engine, text, cache, options).await
}

/// Makes a pool of a component's text, of either kind.
pub(crate) async fn pool_of(
    calls: Calls,
    engine: &Engine,
    text: &str,
    cache: Option<&ArtifactCache>,
    options: PoolOptions,
) -> Pool<Bare> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let component = engine.load(calls, &bytes, None, cache).await.expect("a component");
    let component = Linker::new(engine.wasmtime(calls)).instantiate_pre(&component).expect("it imports nothing");
    Pool::new(engine.clone(), Bare(calls), component, options)
}

/// Calls an export, as the world does: metered, and its error classified.
pub(crate) async fn call<P, R>(lease: &mut Lease<Bare>, name: &str, params: P) -> Result<R, Fault>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let meter = lease.meter();
    let (store, instance) = lease.parts();
    let export = instance.get_typed_func::<P, R>(&mut *store, name).expect("an export of this type");
    let answer = {
        let call = pin!(export.call_async(&mut *store, params));
        Metered::new(call, meter).await
    };
    answer.map_err(|error| Fault::classify(&error, lease.store().data_mut().budget().memory_refused()))
}
