//! What the handlers of messages have in common: an instance of one's own or a shared one, effects that are held, and failures in
//! the order of the messages.

use super::{Exports, Program, begin, blob, failure_of, kv, queue, rest, topic};
use crate::bindings::platform::types;
use crate::failure::Failure;
use crate::function::{EffectsMode, Handled, Handler, Unfinished};
use crate::imports::transaction::Owner;
use crate::invocation::Invocation;
use crate::state::State;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use flint_model::MessageId;
use flint_stores::{Attribute, Delivery};
use futures::channel::oneshot;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use wasmtime::component::Accessor;

/// The messages that are not done, in their order; or why none is.
pub(super) type Answer = Result<Vec<(MessageId, Unfinished)>, Failure>;

/// Calls a handler with messages, and waits for what it does behind its answer: that belongs to them too.
pub(crate) async fn call(
    mut lease: Lease<Program>,
    handler: Handler,
    messages: &[Delivery],
    effects: EffectsMode,
) -> Result<Handled, Failure> {
    let transaction = match effects {
        EffectsMode::Direct => None,
        EffectsMode::Held => Some(lease.store().data_mut().hold(Owner::Caller)),
    };
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, handler, messages).await?;
            rest(accessor).await;
            wasmtime::error::Ok(answer)
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            let effects = transaction.map(|transaction| transaction.finish()).unwrap_or_default();
            Ok(Handled { failures: answer?, effects })
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// The call itself, in an instance of one's own or a shared one.
async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    handler: Handler,
    messages: &[Delivery],
) -> wasmtime::Result<Answer> {
    match handler {
        Handler::Queue => queue::handle(accessor, exports, messages).await,
        Handler::Topic => topic::handle(accessor, exports, messages).await,
        Handler::Kv => kv::handle(accessor, exports, messages).await,
        Handler::Blob => blob::handle(accessor, exports, messages).await,
    }
}

/// The call as a job of a shared instance, and where its answer comes out. What it does behind its answer can't be told from
/// what others do there.
pub(crate) fn job(
    invocation: Invocation,
    handler: Handler,
    messages: &[Delivery],
) -> (Job<Program>, oneshot::Receiver<Result<Handled, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let messages = messages.to_vec();
    let job: Job<Program> = Box::new(move |accessor, exports| {
        Box::pin(async move {
            begin(accessor, &invocation);
            let failures = handle(accessor, &exports, handler, &messages).await?;
            // Who gave the event up does not want to know.
            _ = sender.send(failures.map(|failures| Handled { failures, effects: Vec::new() }));
            Ok(())
        })
    });
    (job, answer)
}

pub(super) fn lower_attributes(attributes: &[Attribute]) -> Vec<types::Attribute> {
    attributes.iter().map(|one| types::Attribute { name: one.name.clone(), value: one.value.clone() }).collect()
}

/// Brings the failures into the order of the messages.
pub(super) fn in_order(
    failures: impl IntoIterator<Item = (String, Unfinished)>,
    messages: impl IntoIterator<Item = MessageId>,
) -> Answer {
    let mut unfinished = BTreeMap::new();
    for (id, reason) in failures {
        unfinished.entry(id).or_insert(reason);
    }
    let failures = messages.into_iter().filter_map(|id| Some((id, unfinished.remove(&id.to_string())?)));
    let failures = failures.collect();
    match unfinished.first_key_value() {
        None => Ok(failures),
        // Which message it means is not known, so none counts as done.
        Some(_) => {
            Err(Failure::NoAnswer("it says of a message that it failed which is not among those it got".to_owned()))
        }
    }
}

pub(super) fn ids(messages: &[Delivery]) -> impl Iterator<Item = MessageId> {
    messages.iter().map(|delivery| delivery.stored.message.id)
}
