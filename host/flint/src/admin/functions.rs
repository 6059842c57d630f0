//! Calls functions on behalf of whoever runs the host.

use super::api::Problem;
use bytes::Bytes;
use flint_model::{FunctionName, InvocationId, TraceContext};
use flint_triggers::request::Problem as RequestProblem;
use flint_world::{Failure, Function, Invocation};
use http::StatusCode;
use std::collections::BTreeMap;

/// The functions of a host.
pub(crate) type Functions = BTreeMap<FunctionName, Function>;

/// Calls a function and waits for its answer.
///
/// # Errors
/// A problem with the whole truth, as this caller owns the functions.
pub(crate) async fn invoke(
    functions: &Functions,
    name: &FunctionName,
    caller: Option<TraceContext>,
    payload: Bytes,
) -> Result<(InvocationId, Bytes), Problem> {
    let Some(function) = functions.get(name) else {
        return Err(no_such_function(functions, name));
    };
    let invocation = Invocation::accept(caller);
    let id = invocation.id;
    match function.invoke(invocation, payload).await {
        Ok(answer) => Ok((id, answer)),
        Err(failure) => Err(problem(id, &failure)),
    }
}

fn no_such_function(functions: &Functions, name: &FunctionName) -> Problem {
    let names: Vec<_> = functions.keys().map(FunctionName::as_str).collect();
    let detail = format!("there is no function {name}; there are: {}", names.join(", "));
    Problem::new(StatusCode::NOT_FOUND, "function/not-found", detail)
}

fn problem(id: InvocationId, failure: &Failure) -> Problem {
    let status = RequestProblem::from(failure).status;
    Problem { invocation: Some(id.to_string()), ..Problem::new(status, failure.code(), failure.to_string()) }
}
