//! `#[flint_sdk::topic]`: `flint:platform/topic-handler`.

use super::answer::EventAnswer;
use super::invoke::FromPayload;
use crate::Failure;
use crate::bindings::imports::flint::platform::types as wit;
use crate::topic::Message;
use crate::transaction::Part;

pub use crate::bindings::topic::export_topic as export;
pub use crate::bindings::topic::exports::flint::platform::topic_handler::{Guest, ItemFailure, Message as Incoming};
pub use wit::Failure as Refusal;

/// What a handler can take: one message, or all that came together.
#[diagnostic::on_unimplemented(
    message = "messages of a topic can't be handed over as `{Self}`",
    label = "a handler takes `Message<T>` or `Vec<Message<T>>`",
    note = "`Message` is in `flint_sdk::topic`"
)]
pub trait Argument: Sized {
    /// Calls the handler, once or for each message; answers those that failed, or that all did.
    #[allow(async_fn_in_trait, reason = "a guest has one thread")]
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<Vec<(String, Failure)>, Failure>;
}

impl<T: FromPayload> Argument for Message<T> {
    /// In a transactional handler, what was written for a message that failed is taken back.
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<Vec<(String, Failure)>, Failure> {
        let (messages, mut failed) = read(received);
        for message in messages {
            let id = message.id.clone();
            let part = Part::begin();
            match part.run(handler(message)).await.into_result() {
                Ok(()) => part.keep().await,
                Err(failure) => {
                    part.take_back();
                    failed.push((id, failure));
                }
            }
        }
        Ok(failed)
    }
}

impl<T: FromPayload> Argument for Vec<Message<T>> {
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<Vec<(String, Failure)>, Failure> {
        let (messages, failed) = read(received);
        if !messages.is_empty() {
            handler(messages).await.into_result()?;
        }
        Ok(failed)
    }
}

/// The messages that can be read, and why the others can't.
fn read<T: FromPayload>(received: Vec<Incoming>) -> (Vec<Message<T>>, Vec<(String, Failure)>) {
    let (mut messages, mut failed) = (Vec::with_capacity(received.len()), Vec::new());
    for message in received {
        let id = message.id.clone();
        match Message::lift(message) {
            Ok(message) => messages.push(message),
            Err(failure) => failed.push((id, failure)),
        }
    }
    (messages, failed)
}

/// Handles messages of the host by a handler of the user.
///
/// # Errors
/// The handler's, for all of them.
pub async fn serve<T, F>(received: Vec<Incoming>, handler: impl Fn(T) -> F) -> Result<Vec<ItemFailure>, Refusal>
where
    T: Argument,
    F: Future<Output: EventAnswer>,
{
    let failed = T::serve(received, handler).await.map_err(Refusal::from)?;
    Ok(failed.into_iter().map(|(id, failure)| ItemFailure { id, failure: failure.into() }).collect())
}
