//! How many calls an instance can be in at once, which decides what runs it.

use super::harness::{component, world};
use flint_engine::{Calls, Engine, Isolation, Settings};
use flint_model::{FunctionName, SystemClock};
use flint_stores::Catalog;
use flint_stores::conformance::Memory;
use flint_world::{FunctionSpec, Init, LoadError, compile};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_0_2_alone_takes_one_call_at_a_time_and_is_never_shared() {
    let world = world(Arc::new(Memory::new(Catalog::default(), Arc::new(SystemClock))));
    let (old, new) = (component("hello-02"), component("hello-plain-03"));
    let spec = || FunctionSpec {
        isolation: Isolation::Shared { uses: 10 },
        ..FunctionSpec::new(FunctionName::parse("hello").unwrap())
    };
    let compiled = compile(world.engine(), None, &old, Init::Snapshot).await.unwrap();
    assert_eq!(compiled.calls(), Calls::Sequential);
    assert!(matches!(world.load(spec(), &compiled), Err(LoadError::Unshareable)));
    let compiled = compile(world.engine(), None, &new, Init::Snapshot).await.unwrap();
    assert_eq!(compiled.calls(), Calls::Concurrent);
    assert!(world.load(spec(), &compiled).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_many_instances_there_is_one_pool_for_all() {
    for (instances_max, one) in [(4000, false), (4001, true)] {
        let engine = Engine::new(&Settings { instances_max, ..Settings::default() }).unwrap();
        let [sequential, concurrent] = [Calls::Sequential, Calls::Concurrent].map(|calls| engine.wasmtime(calls));
        assert_eq!(wasmtime::Engine::same(sequential, concurrent), one, "{instances_max}");
    }
}
