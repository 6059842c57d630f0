//! `flint workflow start|list|describe|history|graph|stop|redrive|tell|work`: executions of a host that runs.

use super::kv::running;
use super::workflow::{WorkflowError, input, json, one_line};
use crate::admin::api::workflow::{Draw, Execution, History, HistoryPage, List, Start, TakeTask, TakenTask, Told, Why};
use crate::admin::client::Client;
use crate::cli::{self, WorkflowCommand, WorkflowExecution};
use crate::error::Error;
use crate::output::Output;
use flint_model::WorkflowName;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Runs a command on executions.
pub(super) async fn run(host: &cli::Host, command: &WorkflowCommand, output: Output) -> Result<(), Error> {
    let client = running(host).await?.ok_or_else(|| Error::NoHost { data_dir: crate::load::data_dir(&host.config) })?;
    let printed = match command {
        WorkflowCommand::Start(args) => {
            let start = Start { name: args.name.clone(), input: Some(input(&args.input, args.input_file.as_deref())?) };
            if args.wait {
                let ended = client.run_execution(&args.workflow, &start).await?;
                return output.answer(&ended, || shown(&ended)).map_err(Error::io("write the answer"));
            }
            let started = client.start_execution(&args.workflow, &start).await?;
            output.answer(&started, || started.name.clone())
        }
        WorkflowCommand::List { workflow, limit, cursor } => {
            let list = List { cursor: cursor.clone(), limit: Some(*limit) };
            let listed = client.executions(workflow, &list).await?;
            output.answer(&listed, || listed.executions.iter().map(line).collect())
        }
        WorkflowCommand::Describe(WorkflowExecution { workflow, execution }) => {
            let described = client.execution(workflow, execution).await?;
            output.answer(&described, || shown(&described))
        }
        WorkflowCommand::History(WorkflowExecution { workflow, execution }) => {
            return history(&client, workflow, execution, output).await;
        }
        WorkflowCommand::Stop { execution: WorkflowExecution { workflow, execution }, error, cause } => {
            let why = Why { error: error.clone(), cause: cause.clone() };
            let accepted = client.stop_execution(workflow, execution, &why).await?;
            output.answer(&accepted, String::new)
        }
        WorkflowCommand::Redrive(WorkflowExecution { workflow, execution }) => {
            let accepted = client.redrive_execution(workflow, execution).await?;
            output.answer(&accepted, String::new)
        }
        WorkflowCommand::Tell(args) => {
            let result = args.output.as_deref().map(|text| json(text, "--output")).transpose()?;
            let (token, error, cause) = (args.token.clone(), args.error.clone(), args.cause.clone());
            let accepted = client.tell_task(&Told { token, output: result, error, cause }).await?;
            output.answer(&accepted, String::new)
        }
        WorkflowCommand::Work { activity, worker, wait } => {
            let wait_ms = u64::try_from(wait.as_millis()).ok();
            let taken = client.take_task(activity, &TakeTask { worker: worker.clone(), wait_ms }).await?;
            output.answer(&taken, || task(&taken))
        }
        WorkflowCommand::Graph { definition, execution: Some(execution), format } => {
            let workflow = workflow_name(definition)?;
            let drawn = client.draw_execution(&workflow, execution, Draw { format: *format }).await?;
            output.answer(&drawn, || drawn.graph.clone())
        }
        // Those of definitions need no host.
        WorkflowCommand::Run(_) | WorkflowCommand::Check { .. } | WorkflowCommand::Graph { .. } => Ok(()),
    };
    printed.map_err(Error::io("write the answer"))
}

/// Prints a history as it comes, page after page; as JSON, all of it is one document.
async fn history(client: &Client, workflow: &WorkflowName, execution: &str, output: Output) -> Result<(), Error> {
    let print = |text: String| output.raw(text.as_bytes()).map_err(Error::io("write the answer"));
    let (mut page, mut is_first) = (HistoryPage::default(), true);
    loop {
        let History { events, cursor } = client.history(workflow, execution, &page).await?;
        let is_last = cursor.is_none();
        if output.is_json() {
            let (start, end) = (if is_first { "{\"events\":[" } else { "" }, if is_last { "]}\n" } else { "" });
            let between = if is_first || events.is_empty() { "" } else { "," };
            let events = events.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
            print(format!("{start}{between}{events}{end}"))?;
        } else {
            print(events.iter().map(event).collect())?;
        }
        if is_last {
            return Ok(());
        }
        (page.cursor, is_first) = (cursor, false);
    }
}

fn workflow_name(given: &Path) -> Result<WorkflowName, WorkflowError> {
    let name = given.to_string_lossy();
    WorkflowName::parse(&name).map_err(|error| WorkflowError::Name { name: name.into_owned(), error })
}

fn task(taken: &TakenTask) -> String {
    match (&taken.task_token, &taken.input) {
        (Some(token), Some(input)) => format!("{token}\n{}\n", one_line(&input.to_string())),
        _ => String::new(),
    }
}

fn moment(millis: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
}

fn line(execution: &Execution) -> String {
    let stopped = execution.stopped_ms.map_or_else(|| "runs".to_owned(), moment);
    format!("{}\t{}\t{}\t{stopped}\n", execution.name, execution.status, moment(execution.started_ms))
}

fn shown(execution: &Execution) -> String {
    let mut text = line(execution);
    text.push_str(&format!("input {}\n", one_line(&execution.input.to_string())));
    if let Some(output) = &execution.output {
        text.push_str(&format!("output {}\n", one_line(&output.to_string())));
    }
    if let Some(error) = &execution.error {
        let cause = execution.cause.as_deref().unwrap_or_default();
        text.push_str(&format!("error {}: {}\n", one_line(error), one_line(cause)));
    }
    text
}

fn event(event: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let details = event.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("EventDetails"));
    let details = details.map(|(_, details)| one_line(&details.to_string())).unwrap_or_default();
    format!("{}\t{}\t{}\t{details}\n", event["id"], text(&event["timestamp"]), text(&event["type"]))
}
