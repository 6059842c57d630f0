//! `flint:platform/schedule-handler`: a tick in, whether it is done out.

use super::{Exports, Program, begin, failure_of, rest};
use crate::bindings::platform::types;
use crate::bindings::schedule::exports::flint::platform::schedule_handler as wit;
use crate::failure::Failure;
use crate::function::{EffectsMode, Tick};
use crate::imports::transaction::Owner;
use crate::invocation::Invocation;
use crate::state::State;
use flint_engine::fault::Defect;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use flint_stores::Effect;
use futures::channel::oneshot;
use std::pin::pin;
use std::sync::Arc;
use wasmtime::component::Accessor;

type Answer = Result<(), types::Failure>;

/// Calls the handler with a tick, and waits for what it does behind its answer: that belongs to the tick too.
pub(crate) async fn call(mut lease: Lease<Program>, tick: Tick, effects: EffectsMode) -> Result<Vec<Effect>, Failure> {
    let transaction = match effects {
        EffectsMode::Direct => None,
        EffectsMode::Held => Some(lease.store().data_mut().hold(Owner::Caller)),
    };
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, tick).await?;
            rest(accessor).await;
            wasmtime::error::Ok(answer)
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            answer?;
            Ok(transaction.map(|transaction| transaction.finish()).unwrap_or_default())
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// The call itself, in an instance of one's own or a shared one.
async fn handle(accessor: &Accessor<State>, exports: &Exports, tick: Tick) -> wasmtime::Result<Answer> {
    let Some(schedule) = &exports.schedule else { return Err(Defect("there is no schedule handler").into()) };
    let tick = wit::Tick {
        id: tick.id.to_string(),
        schedule: tick.schedule.to_string(),
        due_at: tick.due_at.as_millis(),
        payload: tick.payload.to_vec(),
    };
    schedule.flint_platform_schedule_handler().call_handle(accessor, tick).await
}

/// The call as a job of a shared instance, and where its answer comes out. What it does behind its answer can't be told from
/// what others do there.
pub(crate) fn job(
    invocation: Invocation,
    tick: Tick,
) -> (Job<Program>, oneshot::Receiver<Result<Vec<Effect>, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let job: Job<Program> = Box::new(move |accessor, exports| {
        Box::pin(async move {
            begin(accessor, &invocation);
            let answer = handle(accessor, &exports, tick).await?;
            // Who gave the event up does not want to know.
            _ = sender.send(answer.map(|()| Vec::new()).map_err(Failure::from));
            Ok(())
        })
    });
    (job, answer)
}
