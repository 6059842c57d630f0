//! `flint workflow`.

use super::Host;
use crate::admin::api::workflow::GraphFormat;
use clap::{Args, Subcommand};
use flint_model::WorkflowName;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "\
Definitions are Amazon States Language, as made for Step Functions. `run`, `check` and `graph` need no platform: a definition is run
with mocks for its tasks, and nothing is kept. The others talk to a host that runs, about executions of the workflows that its
platform.toml names.

Examples:
  flint workflow run order.asl.json --input '{\"orderId\": \"o-1\"}' --mock mocks.json --skip-waits
  flint workflow check order.asl.json       every mistake, with its line
  flint workflow graph order.asl.json --format mermaid
  flint workflow start order --name o-1 --input '{\"orderId\": \"o-1\"}'
  flint workflow history order o-1
  flint workflow graph order --execution o-1 --format svg

A mock file is JSON: {\"validateOrder\": {\"echo\": true}, \"ProcessPayment\": [{\"error\": \"Busy\", \"cause\": \"try again\"}, {\"result\": 7}]}.
Keys are names or ARNs of functions, resources, or names of states; a list has an answer for each call.")]
pub(crate) struct Workflow {
    #[command(subcommand)]
    pub(crate) command: WorkflowCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// Run a definition to its end with mocks, and print what came out
    Run(WorkflowRun),
    /// Report every mistake of a definition
    Check {
        /// The definition, in Amazon States Language
        definition: PathBuf,
    },
    /// Draw a definition, or how far an execution has come
    Graph {
        /// The definition, in Amazon States Language; with `--execution`, the workflow
        definition: PathBuf,
        /// An execution of the workflow, whose states are marked
        #[arg(long, value_name = "NAME")]
        execution: Option<String>,
        /// How it is drawn
        #[arg(long, value_enum, default_value_t)]
        format: GraphFormat,
    },
    /// Start an execution, durably, and print its name
    Start(WorkflowStart),
    /// Print the executions of a workflow
    List {
        /// The workflow
        workflow: WorkflowName,
        /// Most executions
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Where the page before ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Print how an execution is
    Describe(WorkflowExecution),
    /// Print what happened in an execution
    History(WorkflowExecution),
    /// Stop an execution
    Stop {
        #[command(flatten)]
        execution: WorkflowExecution,
        /// The name of the error that it ends with
        #[arg(long, default_value = "")]
        error: String,
        /// What a person is to read
        #[arg(long, default_value = "")]
        cause: String,
    },
    /// Go on with an execution that did not succeed, from where it failed
    Redrive(WorkflowExecution),
    /// Tell a task that waits for its token what became of it
    Tell(WorkflowTell),
    /// Take on a task of an activity, as a worker does, and print its token and its input
    Work {
        /// The activity
        activity: String,
        /// The worker's name, for the history
        #[arg(long)]
        worker: Option<String>,
        /// How long to wait for a task
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s")]
        wait: Duration,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowStart {
    /// The workflow
    pub(crate) workflow: WorkflowName,
    /// The execution's name: a second start by it answers the execution that is there
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The input, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "input_file")]
    pub(crate) input: String,
    /// A file with the input, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,
    /// Wait for its end, and print how that was
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowExecution {
    /// The workflow
    pub(crate) workflow: WorkflowName,
    /// The execution's name
    pub(crate) execution: String,
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowTell {
    /// The token, as the task got it
    pub(crate) token: String,
    /// It succeeded: what came out, as JSON. Without this and `--error`, it is being worked on
    #[arg(long, value_name = "JSON", conflicts_with = "error")]
    pub(crate) output: Option<String>,
    /// It failed: the name of the error
    #[arg(long)]
    pub(crate) error: Option<String>,
    /// What a person is to read
    #[arg(long)]
    pub(crate) cause: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowRun {
    /// The definition, in Amazon States Language
    pub(crate) definition: PathBuf,
    /// The input, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "input_file")]
    pub(crate) input: String,
    /// A file with the input, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,
    /// A JSON file that says what tasks answer
    #[arg(long, value_name = "FILE")]
    pub(crate) mock: Option<PathBuf>,
    /// Let waits, retries and delays pass at once, in their order
    #[arg(long)]
    pub(crate) skip_waits: bool,
    /// Run it as an express execution, whose history has no limit
    #[arg(long)]
    pub(crate) express: bool,
}
