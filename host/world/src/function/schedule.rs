//! Ticks of schedules, to a function.

use super::{EffectsMode, Function};
use crate::exports;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::tally::Tally;
use bytes::Bytes;
use flint_model::{MessageId, ScheduleName, Timestamp};
use flint_stores::Effect;
use flint_telemetry::Trigger;
use std::pin::pin;
use std::sync::Arc;

/// A tick of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Unique, the same when it comes again.
    pub id: MessageId,
    /// The schedule.
    pub schedule: ScheduleName,
    /// When it fell due.
    pub due_at: Timestamp,
    /// What the schedule calls with.
    pub payload: Bytes,
}

impl Function {
    /// Handles a tick, and answers what is to be committed together with its being done; nothing if nothing was held.
    ///
    /// Resolves when the handler has answered and all that it began has ended. Dropping the future ends the guest; then, and if
    /// it fails, nothing that was held happens.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Handler`] is what the guest itself answered. [`Failure::Untransactional`] if effects are to be held
    /// of a function whose instances are shared.
    pub async fn schedule(
        &self,
        invocation: Invocation,
        tick: Tick,
        effects: EffectsMode,
    ) -> Result<Vec<Effect>, Failure> {
        let tally = Arc::new(Tally::open(&self.core, &invocation, Trigger::Schedule));
        tally.add_bytes_in(tick.payload.len());
        let handled = self.schedule_within(&invocation, tick, effects, &tally).await;
        tally.close(handled.as_ref().map(drop));
        handled
    }

    async fn schedule_within(
        &self,
        invocation: &Invocation,
        tick: Tick,
        effects: EffectsMode,
        tally: &Arc<Tally>,
    ) -> Result<Vec<Effect>, Failure> {
        if !self.core.shape.schedule {
            return Err(Failure::NoHandler("schedule"));
        }
        let call = pin!(async {
            match (&self.core.shared, effects) {
                (Some(_), EffectsMode::Held) => Err(Failure::Untransactional),
                (Some(shared), EffectsMode::Direct) => {
                    let (job, answer) = exports::schedule::job(invocation.clone(), tick);
                    self.core.share(shared, job, answer, invocation, tally).await
                }
                (None, effects) => {
                    exports::schedule::call(self.core.lease(invocation, tally).await?, tick, effects).await
                }
            }
        });
        let effects = self.core.within_timeout(invocation, call).await?;
        self.check_changes(effects)
    }
}
