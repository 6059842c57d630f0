//! Workflows, and the queues that their executions go through.

use crate::platform::{Queue, Workflow};
use crate::raw::{self, File};
use flint_model::{QueueName, WorkflowName};
use std::collections::BTreeMap;
use std::path::Path;

/// The workflows that are complete. What their definitions say is looked at by whoever reads them.
pub(crate) fn finish(folder: &Path, file: &File) -> BTreeMap<WorkflowName, Workflow> {
    let finish = |(name, raw): (&WorkflowName, &raw::Workflow)| {
        let definition = folder.join(&raw.definition.as_ref()?.value);
        let raw::Workflow { kind, concurrency, retention, runs_cached, .. } = *raw;
        Some((name.clone(), Workflow { definition, kind, concurrency, retention, runs_cached }))
    };
    file.workflows.iter().filter_map(finish).collect()
}

/// The queues that the host keeps for executions. What they hold is never given up: an execution would wait for ever.
pub(crate) fn queues(workflows: &BTreeMap<WorkflowName, Workflow>) -> BTreeMap<QueueName, Queue> {
    let queues = workflows.keys().flat_map(|name| {
        let rules = |is_fifo| Queue { is_fifo, dead_letter: None, ..Queue::default() };
        [
            (Workflow::inbox(name), rules(true)),
            (Workflow::tasks(name), rules(false)),
            (Workflow::timers(name), rules(false)),
        ]
    });
    queues.collect()
}
