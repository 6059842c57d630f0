//! `flint:platform/blob-handler`: what happens in buckets in. The handler answers for all of it together.

use super::Exports;
use super::messages::Answer;
use crate::bindings::blob::exports::flint::platform::blob_handler as wit;
use crate::bindings::platform::blob::Info;
use crate::function::{HandlerFailure, Unfinished};
use crate::state::State;
use flint_engine::fault::Defect;
use flint_stores::{BlobEvent, Delivery};
use wasmtime::component::Accessor;

pub(super) async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    messages: &[Delivery],
) -> wasmtime::Result<Answer> {
    let Some(handler) = &exports.blob else { return Err(Defect("there is no blob handler").into()) };
    let mut failures = Vec::new();
    let mut events = Vec::with_capacity(messages.len());
    for Delivery { stored, .. } in messages {
        match BlobEvent::decode(&stored.message.body) {
            Ok(event) => events.push(lower(event)),
            // Somebody sent it to the queue that the host keeps.
            Err(error) => {
                let failure = HandlerFailure { name: "NoEvent".to_owned(), message: error.to_string(), retry: None };
                failures.push((stored.message.id, Unfinished::Failed(failure)));
            }
        }
    }
    if !events.is_empty()
        && let Err(failure) = handler.flint_platform_blob_handler().call_handle(accessor, events).await?
    {
        return Ok(Err(failure.into()));
    }
    Ok(Ok(failures))
}

fn lower(event: BlobEvent) -> wit::Event {
    wit::Event {
        id: event.id.to_string(),
        bucket: event.bucket.to_string(),
        key: event.key,
        kind: match event.created {
            Some(info) => wit::EventKind::Created(Info::from(info)),
            None => wit::EventKind::Deleted,
        },
        sequence: event.sequence,
        at: event.at.as_millis(),
    }
}
