//! Payloads, to a function: for a caller who waits for the answer.

use super::{EffectsMode, Function, check_size};
use crate::exports;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::tally::Tally;
use bytes::Bytes;
use flint_stores::Effect;
use flint_telemetry::Trigger;
use std::pin::pin;
use std::sync::Arc;

/// What a function answered, and what it wrote until then.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The answer; [`Failure::Handler`] is an answer too.
    pub answer: Result<Bytes, Failure>,
    /// What is to be committed together with the answer's being known: changes, and expectations of what was read. If that is a
    /// conflict, another one changed what the handler had read, and it has to be run again. None if nothing was held.
    pub effects: Vec<Effect>,
}

impl Function {
    /// Answers a payload.
    ///
    /// Dropping the future ends the guest.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Handler`] is what the guest itself answered.
    pub async fn invoke(&self, invocation: Invocation, payload: Bytes) -> Result<Bytes, Failure> {
        self.answered(&invocation, payload, EffectsMode::Direct).await?.answer
    }

    /// Answers a payload, and hands over what the function wrote until it had answered and all that it began had ended.
    ///
    /// Nothing can be held of a function whose instances are shared: what it writes becomes durable with each call. Dropping the
    /// future ends the guest; then, and if it comes to no answer of its own, nothing that was held happens.
    ///
    /// # Errors
    /// [`Failure`], but never [`Failure::Handler`].
    pub async fn invoke_held(&self, invocation: Invocation, payload: Bytes) -> Result<Answered, Failure> {
        let effects = if self.core.shared.is_some() { EffectsMode::Direct } else { EffectsMode::Held };
        self.answered(&invocation, payload, effects).await
    }

    async fn answered(
        &self,
        invocation: &Invocation,
        payload: Bytes,
        effects: EffectsMode,
    ) -> Result<Answered, Failure> {
        let tally = Arc::new(Tally::open(&self.core, invocation, Trigger::Invoke));
        tally.add_bytes_in(payload.len());
        let answered = self.answered_within(invocation, payload, effects, &tally).await;
        let answer = answered.as_ref().and_then(|answered| answered.answer.as_ref());
        if let Ok(answer) = answer {
            tally.add_bytes_out(answer.len());
        }
        tally.close(answer.map(drop));
        answered
    }

    async fn answered_within(
        &self,
        invocation: &Invocation,
        payload: Bytes,
        effects: EffectsMode,
        tally: &Arc<Tally>,
    ) -> Result<Answered, Failure> {
        check_size("request", payload.len(), self.core.request_size_max)?;
        let _held = self.core.request_memory.hold(payload.len())?;
        if !self.core.shape.invoke {
            return Err(Failure::NoHandler("invoke"));
        }
        let call = pin!(async {
            match (&self.core.shared, effects) {
                (Some(shared), _) => {
                    let (job, answer) = exports::invoke::job(invocation.clone(), payload);
                    Answered::of(self.core.share(shared, job, answer, invocation, tally).await)
                }
                (None, EffectsMode::Direct) => {
                    let lease = self.core.lease(invocation, tally).await?;
                    Answered::of(exports::invoke::call(lease, payload, self.core.deadline(invocation), tally).await)
                }
                (None, EffectsMode::Held) => {
                    exports::invoke::call_held(self.core.lease(invocation, tally).await?, payload).await
                }
            }
        });
        let Answered { answer, effects } = self.core.within_timeout(invocation, call).await?;
        let answer = match answer {
            Ok(answer) => Ok(self.held(answer)?),
            failed => failed,
        };
        Ok(Answered { answer, effects: self.check_changes(effects)? })
    }
}

impl Answered {
    /// What a guest answered whose writes were not held.
    fn of(answer: Result<Bytes, Failure>) -> Result<Self, Failure> {
        match answer {
            Err(failure) if !matches!(failure, Failure::Handler { .. }) => Err(failure),
            answer => Ok(Self { answer, effects: Vec::new() }),
        }
    }
}
