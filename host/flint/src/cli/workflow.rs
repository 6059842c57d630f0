//! `flint workflow`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Definitions are Amazon States Language, as made for Step Functions. These commands need no platform: a definition is run with
mocks for its tasks, and nothing is kept.

Examples:
  flint workflow run order.asl.json --input '{\"orderId\": \"o-1\"}' --mock mocks.json --skip-waits
  flint workflow check order.asl.json       every mistake, with its line
  flint workflow graph order.asl.json --format mermaid

A mock file is JSON: {\"validateOrder\": {\"echo\": true}, \"ProcessPayment\": [{\"error\": \"Busy\", \"cause\": \"try again\"}, {\"result\": 7}]}.
Keys are names or ARNs of functions, resources, or names of states; a list has an answer for each call.")]
pub(crate) struct Workflow {
    #[command(subcommand)]
    pub(crate) command: WorkflowCommand,
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
    /// Draw a definition
    Graph {
        /// The definition, in Amazon States Language
        definition: PathBuf,
        /// How it is drawn
        #[arg(long, value_enum, default_value_t)]
        format: GraphFormat,
    },
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

/// How a definition is drawn.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For terminals
    #[default]
    Text,
    /// For Markdown that draws Mermaid
    Mermaid,
    /// An image
    Svg,
}
