//! Calls other functions, as its payload says: a fixture of the tests.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Task {
    /// Say who answers, and how long it may run.
    Answer,
    /// Fail, for good.
    Fail,
    /// Panic, which is a trap.
    Trap,
    /// Answer after a while.
    Sleep { ms: u64 },
    /// Answer with so many bytes.
    Fill { bytes: usize },
    /// Have another function do something.
    Call { to: String, task: Box<Task> },
    /// Leave something for another function.
    Send { to: String, task: Box<Task> },
    /// As `send`, in a transaction that does not happen.
    SendAndTakeBack { to: String, task: Box<Task> },
    /// Have the first of these do the same, with itself behind the others.
    Circle { with: Vec<String> },
    /// Leave the same for the function itself.
    Rounds { me: String },
}

#[flint_sdk::invoke]
async fn relay(task: Task) -> Result<Value, Failure> {
    match task {
        Task::Answer => {
            let invocation = context::current();
            let (id, remaining) = (invocation.id, invocation.remaining.as_millis());
            Ok(
                json!({ "function": invocation.function, "invocation": id, "remaining": remaining, "trace": invocation.trace.parent }),
            )
        }
        Task::Fail => Err(Failure::new("AsAsked", "it fails, as asked").never()),
        Task::Trap => panic!("it panics, as asked"),
        Task::Sleep { ms } => {
            time::sleep(Duration::from_millis(ms)).await;
            Ok(ms.into())
        }
        Task::Fill { bytes } => Ok("x".repeat(bytes).into()),
        Task::Call { to, task } => Ok(told(invoke::call(&to, task).await)?),
        Task::Send { to, task } => Ok(invoke::send(&to, task).await?.into()),
        Task::SendAndTakeBack { to, task } => {
            flint_sdk::transaction(async || {
                invoke::send(&to, &task).await?;
                Err::<(), _>(Failure::new("TakenBack", "it is not to happen").never())
            })
            .await?;
            Ok(Value::Null)
        }
        Task::Circle { mut with } => {
            let to = with.first().cloned().unwrap_or_default();
            with.rotate_left(1);
            told(invoke::call(&to, Task::Circle { with }).await)
        }
        Task::Rounds { me } => {
            let next = Task::Rounds { me: me.clone() };
            Ok(told(invoke::send(&me, next).await)?.into())
        }
    }
}

/// The case of an error is the name of the failure; what the other one answered with stays what it is.
fn told<T>(answer: Result<T, invoke::Error>) -> Result<T, Failure> {
    use invoke::Error as E;
    let name = match &answer {
        Ok(_) => "",
        Err(E::NoSuchFunction(_)) => "NoSuchFunction",
        Err(E::Denied(_)) => "Denied",
        Err(E::TooLarge(_)) => "TooLarge",
        Err(E::Trapped(_)) => "Trapped",
        Err(E::TimedOut(_)) => "TimedOut",
        Err(E::TooDeep(_)) => "TooDeep",
        Err(E::Unavailable(_)) => "Unavailable",
        Err(E::Failed(_) | E::Payload(_)) => "",
    };
    answer.map_err(|error| match error {
        E::Failed(failure) | E::Payload(failure) => failure,
        error => Failure::new(name, error.to_string()).never(),
    })
}
