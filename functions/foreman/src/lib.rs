//! Starts executions of workflows, looks at them, stops them and ends their tasks, as its payload says: a fixture of the tests.

use flint_sdk::prelude::*;
use flint_sdk::workflow::{Execution, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Task {
    Start(Started),
    /// As `start`, with a text that may be no JSON.
    StartText {
        workflow: String,
        text: String,
    },
    /// Start it twice and look at it, in a transaction.
    StartTogether(Started),
    /// As `start`, in a transaction that does not happen.
    StartAndTakeBack(Started),
    /// Start the workflow that this is a task of once more, with the same input.
    Circle {
        workflow: String,
    },
    Describe {
        id: String,
    },
    Stop {
        id: String,
    },
    Succeed {
        token: String,
        output: Value,
    },
    Fail {
        token: String,
        error: String,
    },
    Beat {
        token: String,
    },
}

/// What is to be started.
#[derive(Serialize, Deserialize)]
struct Started {
    workflow: String,
    name: Option<String>,
    input: Value,
    /// Of a message: whether it fails behind that.
    #[serde(default)]
    fails: bool,
}

impl Started {
    async fn start(&self) -> Result<String, workflow::Error> {
        let start = workflow::start(&self.workflow, &self.input);
        match &self.name {
            Some(name) => start.name(name).await,
            None => start.await,
        }
    }
}

#[flint_sdk::invoke]
async fn foreman(task: Task) -> Result<Value, Failure> {
    Ok(match task {
        Task::Start(started) => told(started.start().await)?.into(),
        Task::StartText { workflow, text } => {
            use flint_sdk::__internal::bindings::imports::flint::platform::workflow as raw;
            told(raw::start(workflow, text, None).await.map_err(workflow::Error::from))?.into()
        }
        Task::StartTogether(started) => {
            let together = flint_sdk::transaction(async || {
                let (one, other) = (told(started.start().await)?, told(started.start().await)?);
                let told = shown(&told(workflow::describe(&one).await)?);
                Ok::<_, Failure>(json!({ "ids": [one, other], "described": told }))
            });
            together.await?
        }
        Task::StartAndTakeBack(started) => {
            flint_sdk::transaction(async || {
                told(started.start().await)?;
                Err::<(), _>(Failure::new("TakenBack", "it is not to happen").never())
            })
            .await?;
            Value::Null
        }
        Task::Circle { workflow } => {
            let again = Task::Circle { workflow: workflow.clone() };
            told(workflow::start(&workflow, &again).await)?.into()
        }
        Task::Describe { id } => shown(&told(workflow::describe(&id).await)?),
        Task::Stop { id } => told(workflow::stop(&id, "Enough", "as asked").await)?.into(),
        Task::Succeed { token, output } => told(workflow::succeed(&token, &output).await)?.into(),
        Task::Fail { token, error } => told(workflow::fail(&token, error, "as asked").await)?.into(),
        Task::Beat { token } => told(workflow::heartbeat(&token).await)?.into(),
    })
}

#[flint_sdk::queue]
async fn message(message: Message<Started>) -> Result<(), Failure> {
    told(message.body.start().await)?;
    if message.body.fails {
        return Err(Failure::new("AsAsked", "it fails, as asked").never());
    }
    Ok(())
}

fn shown(execution: &Execution<Value>) -> Value {
    let (status, output) = match &execution.status {
        Status::Running => ("running", Value::Null),
        Status::Succeeded(output) => ("succeeded", output.clone()),
        Status::Failed(cause) => ("failed", json!([cause.error, cause.cause])),
        Status::TimedOut => ("timed-out", Value::Null),
        Status::Aborted => ("aborted", Value::Null),
    };
    let has_stopped = execution.stopped_at.is_some_and(|stopped_at| stopped_at >= execution.started_at);
    json!({ "id": execution.id, "workflow": execution.workflow, "status": status, "output": output, "stopped": has_stopped })
}

/// The case of an error is the name of the failure.
fn told<T>(answer: Result<T, workflow::Error>) -> Result<T, Failure> {
    use workflow::Error as E;
    let name = match &answer {
        Ok(_) => "",
        Err(E::NoSuchWorkflow(_)) => "NoSuchWorkflow",
        Err(E::NoSuchExecution(_)) => "NoSuchExecution",
        Err(E::Denied(_)) => "Denied",
        Err(E::Conflict(_)) => "Conflict",
        Err(E::TooLarge(_)) => "TooLarge",
        Err(E::Invalid(_)) => "Invalid",
        Err(E::Unavailable(_)) => "Unavailable",
        Err(E::Json(_)) => "Json",
    };
    answer.map_err(|error| Failure::new(name, error.to_string()).never())
}
