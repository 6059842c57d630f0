//! One instance, lent for one event.

use crate::deadline::Running;
use crate::limit::HasBudget;
use crate::meter::Meter;
use crate::pool::{Admitted, Blueprint, Inner, Live};
use flint_model::lane::Hold;
use std::sync::Arc;
use wasmtime::Store;

/// Where the instance came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// Made ahead, never used before.
    Pooled,
    /// Made when the event came.
    OnDemand,
    /// It served other events before (`serial`).
    Reused,
    /// It serves other events at the same time (`shared`).
    Shared,
}

/// An instance for one event, with the right to run.
///
/// When it is dropped, also in the middle of a call, the instance is gone and its slot is reset. Within a runtime that happens
/// on a task of its own, which the same thread runs next: resetting takes longer than many events, and an answer does not
/// wait for it, but with others on a busy thread (the request door). The same task then makes another spare, if one is missing.
pub struct Lease<B: Blueprint> {
    start: Start,
    /// None: the instance was kept for another event.
    instance: Option<Instance<B>>,
}

/// What is given back together. The fields are dropped in their order: first the slot is free, then another event may run.
struct Instance<B: Blueprint> {
    live: Live<B>,
    slot: Slot<B>,
    admitted: Option<Admitted>,
    running: Running,
}

/// Offers the slot to who waits for one when it is dropped: behind the instance.
struct Slot<B: Blueprint>(Hold<Inner<B>>);

impl<B: Blueprint> Drop for Slot<B> {
    fn drop(&mut self) {
        self.0.room().freed();
    }
}

impl<B: Blueprint> Lease<B> {
    pub(crate) fn new(live: Live<B>, start: Start, pool: Hold<Inner<B>>, running: Running) -> Self {
        let instance = Instance { live, slot: Slot(pool), admitted: None, running };
        Self { start, instance: Some(instance) }
    }

    /// Keeps the right to run for as long as the instance.
    pub(crate) fn admit(&mut self, admitted: Admitted) {
        self.instance_mut().admitted = Some(admitted);
    }

    /// Where the instance came from.
    pub fn start(&self) -> Start {
        self.start
    }

    /// The store of the instance.
    pub fn store(&mut self) -> &mut Store<B::Data> {
        &mut self.instance_mut().live.store
    }

    /// The store and the exports of the instance.
    pub fn parts(&mut self) -> (&mut Store<B::Data>, &Arc<B::Exports>) {
        let live = &mut self.instance_mut().live;
        (&mut live.store, &live.exports)
    }

    /// What the event uses.
    pub fn meter(&mut self) -> Arc<Meter> {
        Arc::clone(self.store().data_mut().budget().meter())
    }

    /// Says that the event ended well: the instance may serve another one, if the function's isolation allows it.
    pub fn finish(mut self) {
        if let Some(Instance { live, slot, admitted, running }) = self.instance.take() {
            let kept = slot.0.give_back(live);
            self.instance = kept.map(|live| Instance { live, slot, admitted, running });
        }
    }

    fn instance_mut(&mut self) -> &mut Instance<B> {
        self.instance.as_mut().expect("`finish`, which takes the instance, takes the lease too")
    }
}

impl<B: Blueprint> Drop for Lease<B> {
    fn drop(&mut self) {
        let Some(instance) = self.instance.take() else { return };
        // Without a runtime, as when the process ends, it is dropped here.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let pool = instance.slot.0.clone();
                drop(instance);
                pool.replace().await;
            });
        }
    }
}
