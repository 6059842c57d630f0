//! `flint:platform/queue-handler`: messages in, those that are not done out.

use super::invoke::cut_failure;
use super::{Exports, Program, begin, failure_of, rest};
use crate::bindings::platform::types;
use crate::bindings::queue::exports::flint::platform::queue_handler as wit;
use crate::failure::Failure;
use crate::function::{EffectsMode, Handled, HandlerFailure, Unfinished};
use crate::imports::transaction::Owner;
use crate::invocation::Invocation;
use crate::state::State;
use flint_engine::fault::Defect;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use flint_model::MessageId;
use flint_stores::Delivery;
use futures::channel::oneshot;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use wasmtime::component::Accessor;

type Answer = Result<Vec<wit::ItemFailure>, types::Failure>;

/// Calls the handler with messages, and waits for what it does behind its answer: that belongs to them too.
pub(crate) async fn call(
    mut lease: Lease<Program>,
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
        let messages = lower(messages);
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, messages).await?;
            rest(accessor).await;
            wasmtime::error::Ok(answer)
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            let effects = transaction.map(|transaction| transaction.finish()).unwrap_or_default();
            Ok(Handled { failures: lift(answer, messages)?, effects })
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// The call itself, in an instance of one's own or a shared one.
async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    messages: Vec<wit::Message>,
) -> wasmtime::Result<Answer> {
    let Some(queue) = &exports.queue else { return Err(Defect("there is no queue handler").into()) };
    queue.flint_platform_queue_handler().call_handle(accessor, messages).await
}

/// The call as a job of a shared instance, and where its answer comes out. What it does behind its answer can't be told from
/// what others do there.
pub(crate) fn job(
    invocation: Invocation,
    messages: &[Delivery],
) -> (Job<Program>, oneshot::Receiver<Result<Handled, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let messages = messages.to_vec();
    let job: Job<Program> = Box::new(move |accessor, exports| {
        Box::pin(async move {
            begin(accessor, &invocation);
            let answer = handle(accessor, &exports, lower(&messages)).await?;
            let failures = lift(answer, &messages);
            // Who gave the event up does not want to know.
            _ = sender.send(failures.map(|failures| Handled { failures, effects: Vec::new() }));
            Ok(())
        })
    });
    (job, answer)
}

fn lower(messages: &[Delivery]) -> Vec<wit::Message> {
    messages.iter().map(lower_one).collect()
}

fn lower_one(Delivery { receipt, stored, .. }: &Delivery) -> wit::Message {
    let message = &stored.message;
    let attributes = message.attributes.iter();
    wit::Message {
        id: message.id.to_string(),
        queue: receipt.queue.to_string(),
        body: message.body.to_vec(),
        attributes: attributes
            .map(|one| types::Attribute { name: one.name.clone(), value: one.value.clone() })
            .collect(),
        group: message.group.clone(),
        sent_at: stored.sent_at.as_millis(),
        receive_count: stored.receives,
        trace: message.trace.as_ref().map(types::TraceContext::from),
    }
}

/// Brings the failures into the order of the messages.
fn lift(answer: Answer, messages: &[Delivery]) -> Result<Vec<(MessageId, Unfinished)>, Failure> {
    let mut unfinished = BTreeMap::new();
    for wit::ItemFailure { id, reason } in answer? {
        unfinished.entry(id).or_insert(reason);
    }
    let ids = messages.iter().map(|delivery| delivery.stored.message.id);
    let failures = ids.filter_map(|id| Some((id, unfinished.remove(&id.to_string())?.into())));
    let failures = failures.collect();
    match unfinished.first_key_value() {
        None => Ok(failures),
        // Which message it means is not known, so none counts as done.
        Some(_) => {
            Err(Failure::NoAnswer("it says of a message that it failed which is not among those it got".to_owned()))
        }
    }
}

impl From<wit::Unfinished> for Unfinished {
    fn from(reason: wit::Unfinished) -> Self {
        match reason {
            wit::Unfinished::Failed(failure) => {
                let (name, message, retry) = cut_failure(failure);
                Self::Failed(HandlerFailure { name, message, retry })
            }
            wit::Unfinished::NotTried => Self::NotTried,
        }
    }
}
