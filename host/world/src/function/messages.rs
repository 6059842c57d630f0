//! Messages, to a function: those of queues, of topics, of stores that changed and of buckets in which something happened.

use super::Function;
use crate::exports;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::shape::Shape;
use crate::tally::Tally;
use flint_model::MessageId;
use flint_stores::{Commit, CommitError, Delivery, Effect};
use flint_telemetry::Trigger;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// When what a handler writes becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectsMode {
    /// With each call, whatever becomes of the messages.
    Direct,
    /// With the settlement of the messages: the caller commits what it is handed.
    Held,
}

/// What came of a batch of messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handled {
    /// The messages that are not done, each once, in the order of the batch. The others are.
    pub failures: Vec<(MessageId, Unfinished)>,
    /// What is to be committed together with the settlement: changes, and expectations of what was read. If that is a conflict,
    /// another one changed what the handler had read, and it has to be run again. None if nothing was held.
    pub effects: Vec<Effect>,
}

/// Why a message is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfinished {
    /// The handler failed.
    Failed(HandlerFailure),
    /// It was not looked at, as it has to come behind one that failed: its receive does not count.
    NotTried,
}

/// What a handler says of its failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerFailure {
    /// The kind of error, such as `ValidationError`.
    pub name: String,
    /// What the guest said of it.
    pub message: String,
    /// Whether the same message could be handled later, and after how long; none: it can't.
    pub retry: Option<Duration>,
}

/// Which handler gets the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    Queue,
    Topic,
    Kv,
    Blob,
}

impl Handler {
    fn trigger(self) -> Trigger {
        match self {
            Self::Queue => Trigger::Queue,
            Self::Topic => Trigger::Topic,
            Self::Kv => Trigger::Kv,
            Self::Blob => Trigger::Blob,
        }
    }

    fn is_in(self, shape: &Shape) -> bool {
        match self {
            Self::Queue => shape.queue,
            Self::Topic => shape.topic,
            Self::Kv => shape.kv,
            Self::Blob => shape.blob,
        }
    }
}

impl Function {
    /// Handles messages of a queue, at least one, which were leased for it.
    ///
    /// Resolves when the handler has answered and all that it began has ended. Dropping the future ends the guest; then, and if
    /// it fails, nothing that was held happens.
    ///
    /// # Errors
    /// [`Failure`]: none of the messages is done. [`Failure::Handler`] is what the guest itself answered for all of them.
    /// [`Failure::Untransactional`] if effects are to be held of a function whose instances are shared.
    pub async fn queue(
        &self,
        invocation: Invocation,
        messages: &[Delivery],
        effects: EffectsMode,
    ) -> Result<Handled, Failure> {
        self.messages(&invocation, Handler::Queue, messages, effects).await
    }

    /// Handles what was published to a topic, as [`Function::queue`] does. A message that nobody published fails, and no retry
    /// helps.
    ///
    /// # Errors
    /// As [`Function::queue`].
    pub async fn topic(
        &self,
        invocation: Invocation,
        messages: &[Delivery],
        effects: EffectsMode,
    ) -> Result<Handled, Failure> {
        self.messages(&invocation, Handler::Topic, messages, effects).await
    }

    /// Handles changes of a store, as [`Function::queue`] does. The handler answers for all of them together: none is done, or
    /// all are. A message that is no change fails, and no retry helps.
    ///
    /// # Errors
    /// As [`Function::queue`].
    pub async fn kv_changes(
        &self,
        invocation: Invocation,
        messages: &[Delivery],
        effects: EffectsMode,
    ) -> Result<Handled, Failure> {
        self.messages(&invocation, Handler::Kv, messages, effects).await
    }

    /// Handles what happened in a bucket, as [`Function::queue`] does. The handler answers for all of it together: none is done, or
    /// all is. A message that is no event fails, and no retry helps.
    ///
    /// # Errors
    /// As [`Function::queue`].
    pub async fn blob_events(
        &self,
        invocation: Invocation,
        messages: &[Delivery],
        effects: EffectsMode,
    ) -> Result<Handled, Failure> {
        self.messages(&invocation, Handler::Blob, messages, effects).await
    }

    async fn messages(
        &self,
        invocation: &Invocation,
        handler: Handler,
        messages: &[Delivery],
        effects: EffectsMode,
    ) -> Result<Handled, Failure> {
        let tally = Arc::new(Tally::open(&self.core, invocation, handler.trigger()));
        let bytes = messages.iter().map(|delivery| delivery.stored.message.size()).sum();
        tally.add_bytes_in(bytes);
        let handled = match self.core.request_memory.hold(bytes) {
            Ok(_held) => self.messages_within(invocation, handler, messages, effects, &tally).await,
            Err(failure) => Err(failure),
        };
        tally.close(handled.as_ref().map(drop));
        handled
    }

    async fn messages_within(
        &self,
        invocation: &Invocation,
        handler: Handler,
        messages: &[Delivery],
        effects: EffectsMode,
        tally: &Arc<Tally>,
    ) -> Result<Handled, Failure> {
        if !handler.is_in(&self.core.shape) {
            return Err(Failure::NoHandler(handler.trigger().label()));
        }
        let call = pin!(async {
            match (&self.core.shared, effects) {
                (Some(_), EffectsMode::Held) => Err(Failure::Untransactional),
                (Some(shared), EffectsMode::Direct) => {
                    let (job, answer) = exports::messages::job(invocation.clone(), handler, messages);
                    self.core.share(shared, job, answer, invocation, tally).await
                }
                (None, effects) => {
                    let lease = self.core.lease(invocation, tally).await?;
                    exports::messages::call(lease, handler, messages, effects).await
                }
            }
        });
        let handled = self.core.within_timeout(invocation, call).await?;
        let effects = self.check_changes(handled.effects)?;
        Ok(Handled { effects, ..handled })
    }

    /// Finds out now whether so much can be committed at once: no retry helps, and the handler is told by name.
    pub(super) fn check_changes(&self, effects: Vec<Effect>) -> Result<Vec<Effect>, Failure> {
        let commit = Commit::new(effects);
        match self.core.context.stores.check(&commit) {
            Err(CommitError::TooLarge(too_large)) => Err(Failure::ChangesTooLarge(too_large)),
            // That there is none is no fault, and what else there may be, the commit tells.
            Ok(()) | Err(_) => Ok(commit.effects),
        }
    }
}
