//! `#[flint_sdk::schedule]`: `flint:platform/schedule-handler`.

use super::invoke::FromPayload;
use super::queue::MessageAnswer;
use crate::Failure;
use crate::bindings::imports::flint::platform::types as wit;
use crate::schedule::Tick;

pub use crate::bindings::schedule::export_schedule as export;
pub use crate::bindings::schedule::exports::flint::platform::schedule_handler::{Guest, Tick as Incoming};
pub use wit::Failure as Refusal;

/// What a handler can take.
#[diagnostic::on_unimplemented(
    message = "a tick of a schedule can't be handed over as `{Self}`",
    label = "a handler takes a `Tick`, or a `Tick<T>`",
    note = "it is in `flint_sdk::schedule`; `T` is a `Payload`, or a type that serde can deserialize"
)]
pub trait Argument: Sized {
    /// Reads the tick.
    ///
    /// # Errors
    /// That its payload is of another form: a retry can't help.
    fn read(tick: Incoming) -> Result<Self, Failure>;
}

impl<T: FromPayload> Argument for Tick<T> {
    fn read(tick: Incoming) -> Result<Self, Failure> {
        Self::read(tick)
    }
}

/// What a handler answers.
#[diagnostic::on_unimplemented(
    message = "a handler of ticks returns `Result<(), E>`, not `{Self}`",
    label = "has to be `Result<(), E>`",
    note = "`E` turns into a `flint_sdk::Failure`; the tick comes again, unless the failure says `never`"
)]
pub trait Answer {
    /// The two cases.
    ///
    /// # Errors
    /// The handler's.
    fn into_result(self) -> Result<(), Failure>;
}

impl<E: Into<Failure>> Answer for Result<(), E> {
    fn into_result(self) -> Result<(), Failure> {
        MessageAnswer::into_result(self)
    }
}

/// Handles a tick of the host by a handler of the user.
///
/// # Errors
/// The handler's, or that the payload is of another form.
pub async fn serve<T, F>(tick: Incoming, handler: impl FnOnce(T) -> F) -> Result<(), Refusal>
where
    T: Argument,
    F: Future<Output: Answer>,
{
    match T::read(tick) {
        Ok(tick) => handler(tick).await.into_result().map_err(Refusal::from),
        Err(failure) => Err(failure.into()),
    }
}
