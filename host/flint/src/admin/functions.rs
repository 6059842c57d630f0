//! Calls functions on behalf of whoever runs the host.

use super::api::Problem;
use bytes::Bytes;
use flint_model::{InvocationId, TraceContext};
use flint_triggers::request::Problem as RequestProblem;
use flint_world::{Failure, Function, Invocation};

/// Calls a function and waits for its answer.
///
/// # Errors
/// A problem with the whole truth, as this caller owns the functions.
pub(crate) async fn invoke(
    function: &Function,
    caller: Option<TraceContext>,
    payload: Bytes,
) -> Result<(InvocationId, Bytes), Problem> {
    let invocation = Invocation::accept(caller);
    let id = invocation.id;
    match function.invoke(invocation, payload).await {
        Ok(answer) => Ok((id, answer)),
        Err(failure) => Err(problem(id, &failure)),
    }
}

/// Whether a function can be invoked: what is accepted for later has to come to something.
///
/// # Errors
/// A problem: it has no handler for that.
pub(crate) fn check_invocable(function: &Function) -> Result<(), Problem> {
    if function.shape().invoke {
        return Ok(());
    }
    let failure = Failure::NoHandler("invoke");
    Err(Problem::new(RequestProblem::from(&failure).status, failure.code(), failure.to_string()))
}

fn problem(id: InvocationId, failure: &Failure) -> Problem {
    let status = RequestProblem::from(failure).status;
    Problem { invocation: Some(id.to_string()), ..Problem::new(status, failure.code(), failure.to_string()) }
}
