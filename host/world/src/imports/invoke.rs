//! `flint:platform/invoke`: calls of other functions, which a guest waits for, and those that it leaves for later.
//!
//! A call runs as any other invocation does: in an instance of its own, admitted as all are. So a caller that holds the last
//! place that its callee needs waits no longer than `queue-timeout`.

use super::sender::{Sender, sender};
use super::stores::Spent;
use crate::bindings::platform::{invoke as wit, types};
use crate::failure::Failure;
use crate::function::Function;
use crate::invocation::Invocation;
use crate::state::Platform;
use bytes::Bytes;
use flint_model::{Access, Capability, FunctionName, InvocationId, Timestamp};
use flint_stores::{CommitError, Effect, Message, Unavailable};
use std::time::Duration;
use tokio::task::JoinSet;
use wasmtime::component::Accessor;

/// Finds the functions that others call, as they are served at that moment.
pub trait Functions: Send + Sync {
    /// The version that serves a function; none if there is no such function.
    fn find(&self, name: &FunctionName) -> Option<Function>;

    /// What accepts an invocation for later, with this payload: its id is that of the message, and `now` is the stores' time.
    /// None if the function can't be invoked.
    fn later(&self, name: &FunctionName, message: Message, now: Timestamp) -> Option<Vec<Effect>>;
}

/// Where no function calls another.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NoFunctions;

impl Functions for NoFunctions {
    fn find(&self, _: &FunctionName) -> Option<Function> {
        None
    }

    fn later(&self, _: &FunctionName, _: Message, _: Timestamp) -> Option<Vec<Effect>> {
        None
    }
}

/// Who calls, and whom it may call.
struct Call {
    sender: Sender,
    name: FunctionName,
    /// How long the caller may still run.
    remaining: Duration,
}

impl wit::Host for &mut crate::state::State {}

impl<T> wit::HostWithStore<T> for Platform {
    async fn call(accessor: &Accessor<T, Self>, function: String, payload: Vec<u8>) -> Result<Vec<u8>, wit::Error> {
        open(accessor, function)?.run(payload.into()).await
    }

    async fn send(accessor: &Accessor<T, Self>, function: String, payload: Vec<u8>) -> Result<String, wit::Error> {
        open(accessor, function)?.leave(payload).await
    }
}

/// Checks what can be said before the function is looked for, and counts the call.
fn open<T>(accessor: &Accessor<T, Platform>, function: String) -> Result<Call, wit::Error> {
    let sender = sender(accessor);
    if !sender.account.allows(Capability::Invoke, &function, Access::Call) {
        return Err(wit::Error::Denied(format!("the function has no grant to call the function {function:?}")));
    }
    let max = sender.account.function.invoke_depth_max;
    if sender.depth() >= max {
        return Err(wit::Error::TooDeep(max));
    }
    sender.account.count()?;
    let name = FunctionName::parse(&function).map_err(|_| wit::Error::NoSuchFunction(function))?;
    let remaining = accessor.with(|mut access| access.get().remaining());
    Ok(Call { sender, name, remaining })
}

impl Call {
    async fn run(self, payload: Bytes) -> Result<Vec<u8>, wit::Error> {
        let found = self.sender.account.function.functions.find(&self.name);
        let function = found.ok_or_else(|| wit::Error::NoSuchFunction(self.name.to_string()))?;
        let invocation = Invocation {
            depth: self.sender.depth().saturating_add(1),
            time_max: Some(self.remaining),
            ..Invocation::accept(self.sender.trace())
        };
        // In a task of its own, so that its CPU time is not taken for the caller's. It ends with the caller.
        let mut task = JoinSet::new();
        task.spawn(async move { function.invoke(invocation, payload).await });
        let answer = task.join_next().await.and_then(Result::ok).unwrap_or(Err(Failure::Internal));
        answer.map(Vec::from).map_err(|failure| of_failure(failure, &self.name))
    }

    async fn leave(self, payload: Vec<u8>) -> Result<String, wit::Error> {
        let account = &self.sender.account;
        let bytes = payload.len();
        account.spend(bytes)?;
        let message = self.sender.message(payload, Vec::new(), None);
        let id = InvocationId::from_bytes(message.id.to_bytes());
        let effects = account.function.functions.later(&self.name, message, account.function.clock.now());
        let effects = effects.ok_or_else(|| wit::Error::NoSuchFunction(self.name.to_string()))?;
        let _turn = account.enter(bytes).await.map_err(unavailable)?;
        account.commit(effects).await?;
        Ok(id.to_string())
    }
}

fn unavailable(reason: Unavailable) -> wit::Error {
    wit::Error::Unavailable(reason.to_string())
}

/// What the caller learns: as much as who invokes a function by hand, since both are of one platform.
fn of_failure(failure: Failure, name: &FunctionName) -> wit::Error {
    let text = failure.to_string();
    match failure {
        Failure::NoHandler(_) => wit::Error::NoSuchFunction(name.to_string()),
        Failure::TooLarge { .. } => wit::Error::TooLarge(text),
        Failure::Overloaded { .. } | Failure::Exhausted | Failure::RequestMemory(_) | Failure::Draining => {
            wit::Error::Unavailable(text)
        }
        Failure::TimedOut(_) | Failure::NoFirstByte(_) | Failure::CpuExceeded(_) => wit::Error::TimedOut(text),
        Failure::Handler { name, message, retry } => {
            let retry = match retry {
                None => types::Retry::Never,
                Some(Duration::ZERO) => types::Retry::Default,
                Some(after) => types::Retry::After(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            };
            wit::Error::Failed(types::Failure { name, message, retry })
        }
        Failure::Trapped(_)
        | Failure::OutOfMemory(_)
        | Failure::NoAnswer(_)
        | Failure::BadRequest(_)
        | Failure::ChangesTooLarge(_)
        | Failure::Untransactional
        | Failure::Internal => wit::Error::Trapped(text),
    }
}

impl From<Spent> for wit::Error {
    fn from(spent: Spent) -> Self {
        Self::TooLarge(spent.to_string())
    }
}

impl From<CommitError> for wit::Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::TooLarge(too_large) => Self::TooLarge(too_large.to_string()),
            CommitError::Full { .. } => Self::Unavailable(error.to_string()),
            CommitError::TooDeep { limit, .. } => Self::TooDeep(limit),
            CommitError::Unavailable { reason } => unavailable(reason),
            // Its queue is the host's own, and no key and no lease has a part in it.
            _ => unavailable(Unavailable::Failed),
        }
    }
}
