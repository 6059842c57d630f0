//! `flint:platform/kv-handler`: changes of stores in. The handler answers for all of them together.

use super::Exports;
use super::messages::Answer;
use crate::bindings::kv::exports::flint::platform::kv_handler as wit;
use crate::bindings::platform::kv;
use crate::function::{HandlerFailure, Unfinished};
use crate::state::State;
use flint_engine::fault::Defect;
use flint_stores::{Change, Delivery};
use wasmtime::component::Accessor;

pub(super) async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    messages: &[Delivery],
) -> wasmtime::Result<Answer> {
    let Some(handler) = &exports.kv else { return Err(Defect("there is no kv handler").into()) };
    let mut failures = Vec::new();
    let mut changes = Vec::with_capacity(messages.len());
    for Delivery { stored, .. } in messages {
        match Change::decode(&stored.message.body) {
            Ok(change) => changes.push(lower(change)),
            // Somebody sent it to the queue that the host keeps.
            Err(error) => {
                let failure = HandlerFailure { name: "NoChange".to_owned(), message: error.to_string(), retry: None };
                failures.push((stored.message.id, Unfinished::Failed(failure)));
            }
        }
    }
    if !changes.is_empty()
        && let Err(failure) = handler.flint_platform_kv_handler().call_handle(accessor, changes).await?
    {
        return Ok(Err(failure.into()));
    }
    Ok(Ok(failures))
}

fn lower(change: Change) -> wit::Change {
    wit::Change {
        id: change.id.to_string(),
        store: change.store.to_string(),
        key: change.key,
        old: change.old.map(kv::Entry::from),
        new: change.new.map(kv::Entry::from),
        at: change.at.as_millis(),
    }
}
