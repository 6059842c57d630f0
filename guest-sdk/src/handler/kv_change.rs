//! `#[flint_sdk::kv_change]`: `flint:platform/kv-handler`.

use super::answer::EventAnswer;
use super::invoke::FromPayload;
use crate::Failure;
use crate::bindings::imports::flint::platform::types as wit;
use crate::kv::Change;

pub use crate::bindings::kv_change::export_kv_change as export;
pub use crate::bindings::kv_change::exports::flint::platform::kv_handler::{Change as Incoming, Guest};
pub use wit::Failure as Refusal;

/// What a handler can take: one change, or all that came together.
#[diagnostic::on_unimplemented(
    message = "changes of a store can't be handed over as `{Self}`",
    label = "a handler takes `Change<T>` or `Vec<Change<T>>`",
    note = "`Change` is in `flint_sdk::kv`"
)]
pub trait Argument: Sized {
    /// Calls the handler, once or for each change.
    #[allow(async_fn_in_trait, reason = "a guest has one thread")]
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure>;
}

impl<T: FromPayload> Argument for Change<T> {
    /// The first failure ends it: the changes of a key may not overtake each other.
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure> {
        for change in received {
            handler(Self::read(change)?).await.into_result()?;
        }
        Ok(())
    }
}

impl<T: FromPayload> Argument for Vec<Change<T>> {
    async fn serve<F: Future<Output: EventAnswer>>(
        received: Vec<Incoming>,
        handler: impl Fn(Self) -> F,
    ) -> Result<(), Failure> {
        let changes = received.into_iter().map(Change::read).collect::<Result<_, _>>()?;
        handler(changes).await.into_result()
    }
}

/// Handles changes that the host tells by a handler of the user.
///
/// # Errors
/// The handler's, or that a value can't be read; for all of them.
pub async fn serve<T, F>(received: Vec<Incoming>, handler: impl Fn(T) -> F) -> Result<(), Refusal>
where
    T: Argument,
    F: Future<Output: EventAnswer>,
{
    T::serve(received, handler).await.map_err(Refusal::from)
}
