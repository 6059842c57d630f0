//! Accepts invocations for later, and tells what became of them.

use super::api::invoke::{Accepted, Progress, Status};
use super::api::{Printable, Problem};
use crate::live::invocations::accepted;
use bytes::Bytes;
use flint_config::platform::Asynchronous;
use flint_model::{FunctionName, InvocationId, MessageId};
use flint_stores::{Commit, InvocationState, Message, Stores};
use http::StatusCode;

/// Accepts an invocation: when this answers, it is durable.
///
/// # Errors
/// A problem: the payload is too large, the function can't be invoked, or the stores can't be written.
pub(crate) async fn send(
    stores: &dyn Stores,
    name: &FunctionName,
    how: &Asynchronous,
    payload: Bytes,
) -> Result<Accepted, Problem> {
    let id = InvocationId::now();
    let message = Message::new(MessageId::from_bytes(id.to_bytes()), payload);
    let effects = accepted(message, name, how, stores.now()).collect();
    let sent = stores.commit(Commit::new(effects)).await;
    sent.map_err(|error| super::problem::of_commit("invoke", &error))?;
    Ok(Accepted { invocation: id.to_string() })
}

/// What became of an invocation.
///
/// # Errors
/// A problem: nothing is known of it, not any more perhaps; or the stores can't be read.
pub(crate) async fn status(stores: &dyn Stores, id: InvocationId) -> Result<Status, Problem> {
    let known = stores.invocations().get(id).await.map_err(|error| super::problem::of_read("invoke", &error))?;
    let Some(known) = known else {
        let detail = format!("nothing is known of the invocation {id}, or not any more");
        return Err(Problem::new(StatusCode::NOT_FOUND, "invoke/no-such-invocation", detail));
    };
    let mut status = Status {
        invocation: id.to_string(),
        status: Progress::Queued,
        attempt: None,
        answer: None,
        answer_base64: None,
        error: None,
        message: None,
        expires_at_ms: known.expires_at.as_millis(),
    };
    match known.state {
        InvocationState::Queued => {}
        InvocationState::Running { attempt } => {
            (status.status, status.attempt) = (Progress::Running, Some(attempt));
        }
        InvocationState::Succeeded { answer } => {
            status.status = Progress::Succeeded;
            match Printable::new(&answer) {
                Printable::Text(text) => status.answer = Some(text),
                Printable::Base64(text) => status.answer_base64 = Some(text),
            }
        }
        InvocationState::Failed { error, message } => {
            status.status = Progress::Failed;
            (status.error, status.message) = (Some(error), Some(message));
        }
    }
    Ok(status)
}
