//! `flint:platform/topic-handler`: what was published in, what is not done out.

use super::Exports;
use super::messages::{Answer, ids, in_order, lower_attributes};
use crate::bindings::platform::types;
use crate::bindings::topic::exports::flint::platform::topic_handler as wit;
use crate::function::{HandlerFailure, Unfinished};
use crate::state::State;
use flint_engine::fault::Defect;
use flint_model::TopicName;
use flint_stores::{Delivery, Source};
use wasmtime::component::Accessor;

pub(super) async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    messages: &[Delivery],
) -> wasmtime::Result<Answer> {
    let Some(handler) = &exports.topic else { return Err(Defect("there is no topic handler").into()) };
    let mut failures = Vec::new();
    let mut lowered = Vec::with_capacity(messages.len());
    for delivery in messages {
        match &delivery.stored.message.source {
            Some(Source::Topic(topic)) => lowered.push(lower(topic, delivery)),
            // Somebody sent it to the queue that the host keeps.
            _ => failures.push((delivery.stored.message.id.to_string(), not_published())),
        }
    }
    if !lowered.is_empty() {
        match handler.flint_platform_topic_handler().call_handle(accessor, lowered).await? {
            Ok(items) => {
                failures.extend(items.into_iter().map(|item| (item.id, Unfinished::Failed(item.failure.into()))))
            }
            Err(failure) => return Ok(Err(failure.into())),
        }
    }
    Ok(in_order(failures, ids(messages)))
}

fn not_published() -> Unfinished {
    let message = "the message was not published to a topic".to_owned();
    Unfinished::Failed(HandlerFailure { name: "NotPublished".to_owned(), message, retry: None })
}

fn lower(topic: &TopicName, Delivery { stored, .. }: &Delivery) -> wit::Message {
    let message = &stored.message;
    wit::Message {
        id: message.id.to_string(),
        topic: topic.to_string(),
        body: message.body.to_vec(),
        attributes: lower_attributes(&message.attributes),
        published_at: stored.sent_at.as_millis(),
        receive_count: stored.receives,
        trace: message.trace.as_ref().map(types::TraceContext::from),
    }
}
