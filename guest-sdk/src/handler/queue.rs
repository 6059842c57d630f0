//! `#[flint_sdk::queue]`: `flint:platform/queue-handler`.

use super::invoke::FromPayload;
use crate::Failure;
use crate::bindings::imports::flint::platform::types as wit;
use crate::queue::{Batch, BatchResult, Message, Received};

pub use crate::bindings::queue::export_queue as export;
pub use crate::bindings::queue::exports::flint::platform::queue_handler::{Guest, ItemFailure, Message as Incoming};
pub use wit::Failure as Refusal;

/// What a handler can take: one message, or the whole batch; and what it answers then.
#[diagnostic::on_unimplemented(
    message = "messages of a queue can't be handed over as `{Self}`",
    label = "a handler takes `Message<T>` or `Batch<T>`",
    note = "both are in `flint_sdk::queue`"
)]
pub trait Argument<A>: Sized {
    /// Calls the handler, once or for each message.
    #[allow(async_fn_in_trait, reason = "a guest has one thread")]
    async fn serve<F: Future<Output = A>>(
        received: Received,
        handler: impl Fn(Self) -> F,
    ) -> Result<BatchResult, Failure>;
}

/// What a handler can take of which several run at once.
#[diagnostic::on_unimplemented(
    message = "`concurrency` is for handlers of one message, not of `{Self}`",
    label = "a handler with `concurrency` takes `Message<T>`",
    note = "a handler of a whole batch calls `Batch::each_at_once`"
)]
pub trait ArgumentAtOnce<A>: Argument<A> {
    /// Calls the handler for each message, `at_once` at a time.
    #[allow(async_fn_in_trait, reason = "a guest has one thread")]
    async fn serve_at_once<F: Future<Output = A>>(
        received: Received,
        at_once: usize,
        handler: impl Fn(Self) -> F,
    ) -> Result<BatchResult, Failure>;
}

/// What a handler of one message answers.
#[diagnostic::on_unimplemented(
    message = "a handler of one message returns `Result<(), E>`, not `{Self}`",
    label = "has to be `Result<(), E>`",
    note = "`E` turns into a `flint_sdk::Failure`; the message comes again, unless the failure says `never`"
)]
pub trait MessageAnswer {
    /// The two cases.
    ///
    /// # Errors
    /// The handler's.
    fn into_result(self) -> Result<(), Failure>;
}

/// What a handler of a batch answers.
#[diagnostic::on_unimplemented(
    message = "a handler of a batch returns a `BatchResult`, not `{Self}`",
    label = "has to be `BatchResult`, or `Result<BatchResult, E>`",
    note = "`Batch::each` and `Batch::into_parts` make one: it says which messages are not done"
)]
pub trait BatchAnswer {
    /// The result, or that all the messages failed.
    ///
    /// # Errors
    /// The handler's.
    fn into_result(self) -> Result<BatchResult, Failure>;
}

impl<E: Into<Failure>> MessageAnswer for Result<(), E> {
    fn into_result(self) -> Result<(), Failure> {
        self.map_err(Into::into)
    }
}

impl BatchAnswer for BatchResult {
    fn into_result(self) -> Result<BatchResult, Failure> {
        Ok(self)
    }
}

impl<E: Into<Failure>> BatchAnswer for Result<BatchResult, E> {
    fn into_result(self) -> Result<BatchResult, Failure> {
        self.map_err(Into::into)
    }
}

impl<T: FromPayload, A: MessageAnswer> Argument<A> for Message<T> {
    async fn serve<F: Future<Output = A>>(
        received: Received,
        handler: impl Fn(Self) -> F,
    ) -> Result<BatchResult, Failure> {
        Ok(Batch::read(received).each(async |message| handler(message).await.into_result()).await)
    }
}

impl<T: FromPayload, A: MessageAnswer> ArgumentAtOnce<A> for Message<T> {
    async fn serve_at_once<F: Future<Output = A>>(
        received: Received,
        at_once: usize,
        handler: impl Fn(Self) -> F,
    ) -> Result<BatchResult, Failure> {
        let batch = Batch::read(received);
        Ok(batch.each_at_once(at_once, async |message| handler(message).await.into_result()).await)
    }
}

impl<T: FromPayload, A: BatchAnswer> Argument<A> for Batch<T> {
    async fn serve<F: Future<Output = A>>(
        received: Received,
        handler: impl Fn(Self) -> F,
    ) -> Result<BatchResult, Failure> {
        handler(Self::read(received)).await.into_result()
    }
}

/// Handles messages of the host by a handler of the user.
///
/// # Errors
/// The handler's, for all of them.
pub async fn serve<T, F>(received: Received, handler: impl Fn(T) -> F) -> Result<Vec<ItemFailure>, Refusal>
where
    T: Argument<F::Output>,
    F: Future,
{
    answer(T::serve(received, handler).await)
}

/// As [`serve`], `at_once` at a time.
///
/// # Errors
/// None: each message fails by itself.
pub async fn serve_at_once<T, F>(
    received: Received,
    at_once: usize,
    handler: impl Fn(T) -> F,
) -> Result<Vec<ItemFailure>, Refusal>
where
    T: ArgumentAtOnce<F::Output>,
    F: Future,
{
    answer(T::serve_at_once(received, at_once, handler).await)
}

fn answer(result: Result<BatchResult, Failure>) -> Result<Vec<ItemFailure>, Refusal> {
    result.map(BatchResult::into_failures).map_err(Refusal::from)
}
