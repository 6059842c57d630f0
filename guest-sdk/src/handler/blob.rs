//! `#[flint_sdk::blob]`: `flint:platform/blob-handler`.

use super::answer::EventAnswer;
use crate::Failure;
use crate::bindings::imports::flint::platform::types as wit;
use crate::blob::Event;

pub use crate::bindings::blob::export_blob as export;
pub use crate::bindings::blob::exports::flint::platform::blob_handler::{Event as Incoming, Guest};
pub use wit::Failure as Refusal;

/// What a handler can take: one event, or all that came together.
#[diagnostic::on_unimplemented(
    message = "events of a bucket can't be handed over as `{Self}`",
    label = "a handler takes `Event` or `Vec<Event>`",
    note = "`Event` is in `flint_sdk::blob`"
)]
pub trait Argument: Sized {
    /// Calls the handler, once or for each event.
    #[allow(async_fn_in_trait, reason = "a guest has one thread")]
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure>;
}

impl Argument for Event {
    /// The first failure ends it: the events of a key may not overtake each other.
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure> {
        for event in received {
            handler(event.into()).await.into_result()?;
        }
        Ok(())
    }
}

impl Argument for Vec<Event> {
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure> {
        handler(received.into_iter().map(Event::from).collect()).await.into_result()
    }
}

/// Handles events that the host tells by a handler of the user.
///
/// # Errors
/// The handler's; for all of them.
pub async fn serve<T, F>(received: Vec<Incoming>, handler: impl Fn(T) -> F) -> Result<(), Refusal>
where
    T: Argument,
    F: Future<Output: EventAnswer>,
{
    T::serve(received, handler).await.map_err(Refusal::from)
}
