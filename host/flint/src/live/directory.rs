//! Finds the functions that others call, and the workflows that they start, as they are served at that moment.
//!
//! Functions are loaded before there is anything that serves them: so a directory is given to them first, and filled then.

use super::executions::OfFunctions;
use super::invocations::accepted;
use super::workflows::Workflows;
use super::{Served, Slots};
use flint_config::Platform;
use flint_model::{FunctionName, Timestamp, WorkflowName};
use flint_stores::{Effect, Message};
use flint_workflows::execution::Executions;
use flint_world::{Function, Functions};
use std::sync::{Arc, OnceLock, Weak};

/// What is served, once it is.
#[derive(Default)]
pub(super) struct Directory(OnceLock<Weak<Served>>);

impl Directory {
    /// Says what is served. The first one counts: there is one.
    pub(super) fn fill(&self, served: &Arc<Served>) {
        _ = self.0.set(Arc::downgrade(served));
    }

    fn served(&self) -> Option<Arc<Served>> {
        self.0.get()?.upgrade()
    }

    /// The executions that functions work with.
    pub(super) fn executions(self: &Arc<Self>) -> Arc<dyn flint_world::Workflows> {
        let directory = Arc::clone(self);
        let find = move |name: &WorkflowName| directory.served()?.current().workflows.get(name).map(Arc::clone);
        Arc::new(OfFunctions(find))
    }
}

impl Functions for Directory {
    fn find(&self, name: &FunctionName) -> Option<Function> {
        find(&self.served()?.current().functions, name)
    }

    fn later(&self, name: &FunctionName, message: Message, now: Timestamp) -> Option<Vec<Effect>> {
        let current = self.served()?.current();
        later(&current.functions, &current.platform, name, message, now)
    }
}

/// What is loaded where nothing is served, once it is.
#[derive(Default)]
pub(crate) struct Alone(OnceLock<Loaded>);

struct Loaded {
    slots: Slots,
    workflows: Workflows,
    platform: Platform,
}

impl Alone {
    /// Says what is loaded. The first one counts: there is one.
    pub(crate) fn fill(&self, slots: Slots, workflows: Workflows, platform: Platform) {
        _ = self.0.set(Loaded { slots, workflows, platform });
    }

    /// The executions that functions work with. They go on when they are served.
    pub(crate) fn executions(self: &Arc<Self>) -> Arc<dyn flint_world::Workflows> {
        let alone = Arc::clone(self);
        let find =
            move |name: &WorkflowName| -> Option<Arc<Executions>> { alone.0.get()?.workflows.get(name).cloned() };
        Arc::new(OfFunctions(find))
    }
}

impl Functions for Alone {
    fn find(&self, name: &FunctionName) -> Option<Function> {
        find(&self.0.get()?.slots, name)
    }

    fn later(&self, name: &FunctionName, message: Message, now: Timestamp) -> Option<Vec<Effect>> {
        let Loaded { slots, platform, .. } = self.0.get()?;
        later(slots, platform, name, message, now)
    }
}

fn find(slots: &Slots, name: &FunctionName) -> Option<Function> {
    Some(slots.get(name)?.choose().function.clone())
}

fn later(
    slots: &Slots,
    platform: &Platform,
    name: &FunctionName,
    message: Message,
    now: Timestamp,
) -> Option<Vec<Effect>> {
    let can = find(slots, name)?.shape().invoke;
    let function = platform.functions.get(name).filter(|_| can)?;
    Some(accepted(message, name, &function.asynchronous, now).collect())
}
