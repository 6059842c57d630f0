//! Invocations that nobody waits for: the queues of those who can be invoked, and who is told.

use crate::component::Shape;
use crate::diagnostic::{Code, Diagnostic};
use crate::platform::{Destination, Function, Queue};
use crate::raw::{self, Reader};
use flint_model::{FunctionName, QueueName};
use std::collections::BTreeMap;

/// The queues that the host keeps for the invocations of a function, for those that are given up, and for reports if anybody is told.
pub(crate) fn queues(name: &FunctionName, function: &Function) -> impl Iterator<Item = (QueueName, Queue)> {
    let queue = Function::invoke_queue(name);
    let invocations = Queue {
        // One attempt more than there are: the one that finds out that the last one took the host with it.
        max_receives: function.asynchronous.retries.saturating_add(2),
        dead_letter: Queue::kept_dead_letter(&queue),
        ..Queue::default()
    };
    let asynchronous = &function.asynchronous;
    let is_told = asynchronous.on_success.is_some() || asynchronous.on_failure.is_some();
    let reports = is_told.then(|| {
        let queue = Function::report_queue(name);
        let reports = Queue { dead_letter: Queue::kept_dead_letter(&queue), ..Queue::default() };
        (queue, reports)
    });
    let with_dead = |(queue, rules): (QueueName, Queue)| {
        let dead = rules.dead_letter.clone().map(|dead| (dead, rules.dead_letters()));
        std::iter::once((queue, rules)).chain(dead)
    };
    std::iter::once((queue, invocations)).chain(reports).flat_map(with_dead)
}

/// Checks a function that others tell what became of their invocations.
pub(crate) fn check_handler(
    reader: &mut Reader<'_>,
    name: &FunctionName,
    shape: &Shape,
    functions: &BTreeMap<FunctionName, raw::Function>,
) {
    if shape.invoke {
        return;
    }
    let told = functions.values().flat_map(|function| {
        let told = &function.asynchronous;
        told.on_success.iter().chain(&told.on_failure)
    });
    for to in told.filter(|to| to.value == Destination::Function(name.clone())) {
        let message = format!("`{name}` is told of invocations, and its component has no invoke handler");
        let diagnostic = Diagnostic::new(Code::NoHandler, to.at.clone(), message, "can't be invoked");
        let help = "export flint:platform/invoke-handler, with #[flint_sdk::invoke] in Rust; or name a queue";
        reader.report(diagnostic.help(help.to_owned()));
    }
}
