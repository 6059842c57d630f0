//! `flint:platform/invoke-handler`: a payload in, a payload out.

use super::{Exports, Program, begin, failure_of, finish, is_idle, rest};
use crate::bindings::platform::types;
use crate::failure::Failure;
use crate::function::Answered;
use crate::imports::transaction::Owner;
use crate::invocation::Invocation;
use crate::state::State;
use crate::tally::Tally;
use bytes::Bytes;
use flint_engine::deadline::Deadline;
use flint_engine::fault::Defect;
use flint_engine::shared::Job;
use flint_engine::{Lease, Metered};
use futures::channel::oneshot;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Accessor;

/// Calls the handler with a payload.
pub(crate) async fn call(
    mut lease: Lease<Program>,
    payload: Bytes,
    deadline: Deadline,
    tally: &Arc<Tally>,
) -> Result<Bytes, Failure> {
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, payload).await?;
            wasmtime::error::Ok((answer, is_idle(accessor).await))
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok((answer, idle)) => {
            finish(lease, idle, deadline, tally);
            answer.map(Bytes::from).map_err(Failure::from)
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// Calls the handler with a payload, holds back what it writes, and waits for what it does behind its answer: that belongs to the
/// call too.
pub(crate) async fn call_held(mut lease: Lease<Program>, payload: Bytes) -> Result<Answered, Failure> {
    let transaction = lease.store().data_mut().hold(Owner::Caller);
    let meter = lease.meter();
    let (store, exports) = lease.parts();
    let exports = Arc::clone(exports);
    let answer = {
        let call = pin!(store.run_concurrent(async |accessor| {
            let answer = handle(accessor, &exports, payload).await?;
            rest(accessor).await;
            wasmtime::error::Ok(answer)
        }));
        Metered::new(call, meter).await.flatten()
    };
    match answer {
        Ok(answer) => {
            lease.finish();
            Ok(Answered { answer: answer.map(Bytes::from).map_err(Failure::from), effects: transaction.finish() })
        }
        Err(error) => Err(failure_of(&error, &mut lease)),
    }
}

/// The call itself, in an instance of one's own or a shared one.
async fn handle(
    accessor: &Accessor<State>,
    exports: &Exports,
    payload: Bytes,
) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
    let Some(invoke) = &exports.invoke else { return Err(Defect("there is no invoke handler").into()) };
    invoke.flint_platform_invoke_handler().call_handle(accessor, payload.into()).await
}

/// The call as a job of a shared instance, and where its answer comes out.
pub(crate) fn job(invocation: Invocation, payload: Bytes) -> (Job<Program>, oneshot::Receiver<Result<Bytes, Failure>>) {
    let (sender, answer) = oneshot::channel();
    let job: Job<Program> = Box::new(move |accessor, exports| {
        Box::pin(async move {
            begin(accessor, &invocation);
            let answer = handle(accessor, &exports, payload).await?;
            // Who gave the event up does not want to know.
            _ = sender.send(answer.map(Bytes::from).map_err(Failure::from));
            Ok(())
        })
    });
    (job, answer)
}

/// So much of what a guest says of its failure is kept: it stands in an answer of the host, and in no limit of answers.
const NAME_MAX: usize = 256;
const MESSAGE_MAX: usize = 8 << 10;

/// Cuts off what is too long.
fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

/// Name, message, and after how long a retry could help, if it can.
pub(crate) fn cut_failure(failure: types::Failure) -> (String, String, Option<Duration>) {
    let retry = match failure.retry {
        types::Retry::Never => None,
        types::Retry::Default => Some(Duration::ZERO),
        types::Retry::After(millis) => Some(Duration::from_millis(millis)),
    };
    (cut(failure.name, NAME_MAX), cut(failure.message, MESSAGE_MAX), retry)
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let (name, message, retry) = cut_failure(failure);
        Self::Handler { name, message, retry }
    }
}
