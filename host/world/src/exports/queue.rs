//! `flint:platform/queue-handler`: messages in, those that are not done out.

use super::Exports;
use super::invoke::cut_failure;
use super::messages::{Answer, ids, in_order, lower_attributes};
use crate::bindings::platform::types;
use crate::bindings::queue::exports::flint::platform::queue_handler as wit;
use crate::function::{HandlerFailure, Unfinished};
use crate::state::State;
use flint_engine::fault::Defect;
use flint_stores::Delivery;
use wasmtime::component::Accessor;

pub(super) async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    messages: &[Delivery],
) -> wasmtime::Result<Answer> {
    let Some(queue) = &exports.queue else { return Err(Defect("there is no queue handler").into()) };
    let lowered = messages.iter().map(lower).collect();
    let answer = queue.flint_platform_queue_handler().call_handle(accessor, lowered).await?;
    Ok(match answer {
        Ok(failures) => in_order(failures.into_iter().map(|item| (item.id, item.reason.into())), ids(messages)),
        Err(failure) => Err(failure.into()),
    })
}

fn lower(Delivery { receipt, stored, .. }: &Delivery) -> wit::Message {
    let message = &stored.message;
    wit::Message {
        id: message.id.to_string(),
        queue: receipt.queue.to_string(),
        body: message.body.to_vec(),
        attributes: lower_attributes(&message.attributes),
        group: message.group.clone(),
        sent_at: stored.sent_at.as_millis(),
        receive_count: stored.receives,
        trace: message.trace.as_ref().map(types::TraceContext::from),
    }
}

impl From<wit::Unfinished> for Unfinished {
    fn from(reason: wit::Unfinished) -> Self {
        match reason {
            wit::Unfinished::Failed(failure) => Self::Failed(failure.into()),
            wit::Unfinished::NotTried => Self::NotTried,
        }
    }
}

impl From<types::Failure> for HandlerFailure {
    fn from(failure: types::Failure) -> Self {
        let (name, message, retry) = cut_failure(failure);
        Self { name, message, retry }
    }
}
