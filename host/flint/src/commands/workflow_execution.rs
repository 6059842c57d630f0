//! `flint workflow start|list|describe|history|stop|redrive|tell`: executions of a host that runs.

use super::kv::running;
use super::workflow::{json, one_line};
use crate::admin::api::workflow::{Accepted, Execution, Executions, History, Start, Started, Told, Why};
use crate::admin::client::Client;
use crate::cli::{self, WorkflowCommand, WorkflowExecution};
use crate::error::Error;
use crate::output::Output;
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

/// Runs a command on executions.
pub(super) async fn run(host: &cli::Host, command: &WorkflowCommand, output: Output) -> Result<(), Error> {
    let client = running(host).await?.ok_or_else(|| Error::NoHost { data_dir: crate::load::data_dir(&host.config) })?;
    let printed = match command {
        WorkflowCommand::Start(args) => {
            let start = Start { name: args.name.clone(), input: Some(json(&args.input, "--input")?) };
            let page = format!("/v1/workflows/{}/executions", args.workflow);
            let started: Started = client.with_workflow(&page, &start).await?;
            output.answer(&started, || started.name.clone())
        }
        WorkflowCommand::List { workflow, limit, cursor } => {
            let cursor = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = format!("{workflow}/executions?limit={limit}{cursor}");
            let listed: Executions = client.workflow(&page).await?;
            output.answer(&listed, || listed.executions.iter().map(line).collect())
        }
        WorkflowCommand::Describe(execution) => {
            let described: Execution = client.workflow(&page(execution, "")).await?;
            output.answer(&described, || shown(&described))
        }
        WorkflowCommand::History(execution) => {
            let history: History = client.workflow(&page(execution, "/history")).await?;
            output.answer(&history, || history.events.iter().map(event).collect())
        }
        WorkflowCommand::Stop { execution, error, cause } => {
            let why = Why { error: error.clone(), cause: cause.clone() };
            accepted(&client, &format!("/v1/workflows/{}", page(execution, "/stop")), &why, output).await?
        }
        WorkflowCommand::Redrive(execution) => {
            accepted(&client, &format!("/v1/workflows/{}", page(execution, "/redrive")), &Value::Null, output).await?
        }
        WorkflowCommand::Tell(args) => {
            let output_of = args.output.as_deref().map(|text| json(text, "--output")).transpose()?;
            let (token, error, cause) = (args.token.clone(), args.error.clone(), args.cause.clone());
            accepted(&client, "/v1/workflow-tasks", &Told { token, output: output_of, error, cause }, output).await?
        }
        // Those of definitions need no host.
        WorkflowCommand::Run(_) | WorkflowCommand::Check { .. } | WorkflowCommand::Graph { .. } => Ok(()),
    };
    printed.map_err(Error::io("write the answer"))
}

async fn accepted(
    client: &Client,
    page: &str,
    ask: &impl serde::Serialize,
    output: Output,
) -> Result<std::io::Result<()>, Error> {
    let accepted: Accepted = client.with_workflow(page, ask).await?;
    Ok(output.answer(&accepted, String::new))
}

/// The page of an execution, below that of workflows.
fn page(execution: &WorkflowExecution, below: &str) -> String {
    let name: String = execution
        .execution
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("{}/executions/{name}{below}", execution.workflow)
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
