//! An event: on an instance that was ready, up to its answer, and on one that is made for it, up to its end.

use crate::callgrind::{counted, uncounted};
use crate::site::{self, Site, TIMES, WARM_UP};
use bytes::Bytes;
use flint_world::{Function, Invocation, World};
use tokio::runtime::Runtime;

pub(crate) struct Events {
    is_pooled: bool,
    runtime: Runtime,
    function: Function,
    _world: World,
    _site: Site,
}

impl Events {
    /// Each finds an instance.
    pub(crate) fn pooled() -> Self {
        Self::new(true)
    }

    /// None does.
    pub(crate) fn on_demand() -> Self {
        Self::new(false)
    }

    fn new(is_pooled: bool) -> Self {
        let (runtime, site) = (site::runtime(), Site::open());
        let (world, function) = runtime.block_on(site::function(site.stores(), "event", 0));
        let events = Self { is_pooled, runtime, function, _world: world, _site: site };
        events.invoke(WARM_UP);
        events
    }

    pub(crate) fn run(&self) {
        counted(|| self.invoke(TIMES));
    }

    /// Each by itself, on an instance that was ready: before it, the caches that are simulated hold nothing.
    pub(crate) fn run_each_after_idleness(&self) {
        for _ in 0..TIMES {
            self.runtime.block_on(self.make_ready());
            counted(|| self.runtime.block_on(self.event()));
        }
    }

    fn invoke(&self, times: u64) {
        self.runtime.block_on(async {
            for _ in 0..times {
                if self.is_pooled {
                    uncounted(self.make_ready()).await;
                }
                self.event().await;
                if !self.is_pooled {
                    tokio::task::yield_now().await;
                }
            }
        });
    }

    async fn event(&self) {
        let answer = self.function.invoke(Invocation::accept(None), Bytes::from_static(b"{}")).await;
        answer.expect("an answer");
    }

    /// A task that runs next drops the instance of the event before.
    async fn make_ready(&self) {
        tokio::task::yield_now().await;
        self.function.prepare(1).await.expect("a spare");
    }
}
