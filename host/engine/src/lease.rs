//! One instance, lent for one event.

use crate::admission::Permit;
use crate::deadline::Running;
use crate::limit::HasBudget;
use crate::meter::Meter;
use crate::pool::{Blueprint, Inner, Live};
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
/// When it is dropped, also in the middle of a call, the instance is gone and its slot is reset.
pub struct Lease<B: Blueprint> {
    live: Option<Live<B>>,
    start: Start,
    pool: Arc<Inner<B>>,
    permit: Option<Permit>,
    _running: Running,
}

impl<B: Blueprint> Lease<B> {
    pub(crate) fn new(live: Live<B>, start: Start, pool: Arc<Inner<B>>, running: Running) -> Self {
        Self { live: Some(live), start, pool, permit: None, _running: running }
    }

    /// Keeps the right to run for as long as the instance.
    pub(crate) fn admit(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// Where the instance came from.
    pub fn start(&self) -> Start {
        self.start
    }

    /// The store of the instance.
    pub fn store(&mut self) -> &mut Store<B::Data> {
        &mut self.live_mut().store
    }

    /// The store and the exports of the instance.
    pub fn parts(&mut self) -> (&mut Store<B::Data>, &Arc<B::Exports>) {
        let live = self.live_mut();
        (&mut live.store, &live.exports)
    }

    /// What the event uses.
    pub fn meter(&mut self) -> Arc<Meter> {
        Arc::clone(self.store().data_mut().budget().meter())
    }

    /// Says that the event ended well: the instance may serve another one, if the function's isolation allows it.
    pub fn finish(mut self) {
        if let Some(live) = self.live.take() {
            self.live = self.pool.give_back(live);
        }
    }

    fn live_mut(&mut self) -> &mut Live<B> {
        self.live.as_mut().expect("`finish`, which takes the instance, takes the lease too")
    }
}

impl<B: Blueprint> Drop for Lease<B> {
    fn drop(&mut self) {
        // The slot first: the next instance of this function goes where this one was.
        self.live = None;
        self.pool.ask_if_low();
    }
}
