//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod blob;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod deploy;
pub(crate) mod functions;
pub(crate) mod invoke;
mod invoke_later;
pub(crate) mod kv;
pub(crate) mod new;
pub(crate) mod queue;
pub(crate) mod schedule;
pub(crate) mod topic;
pub(crate) mod up;
pub(crate) mod workflow;
mod workflow_execution;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::output::Output;
use crate::panics;
use flint_telemetry::{Format, Options, Telemetry};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How long the end of the process waits for the last lines of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a command to its end.
pub(crate) async fn run(cli: Cli, output: Output) -> Result<(), Error> {
    let telemetry = telemetry(&cli, output);
    let result = match cli.command {
        Command::Up(args) => up::run(args, output, &telemetry).await,
        Command::Build(args) => build::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::New(args) => new::run(&args, output),
        Command::Invoke(args) => invoke::run(&args, output, &telemetry).await,
        Command::Kv(args) => kv::run(args, output).await,
        Command::Blob(args) => blob::run(args, output).await,
        Command::Queue(args) => queue::run(args, output).await,
        Command::Schedule(args) => schedule::run(args, output).await,
        Command::Topic(args) => topic::run(args, output).await,
        Command::Workflow(args) => workflow::run(&args, output).await,
        Command::Functions(args) => functions::run(&args, output).await,
        Command::Deploy(args) => deploy::deploy(&args, output).await,
        Command::Rollback(args) => deploy::roll_back(&args, output).await,
        Command::Split(args) => deploy::split(&args, output).await,
        Command::Versions(args) => deploy::versions(&args, output).await,
        Command::Openapi => functions::openapi(output),
        Command::Bench(args) => bench::run(args, output).await,
    };
    // What is not written by then is lost: the reader of the log does not read.
    let _ = telemetry.flush(FLUSH_TIMEOUT);
    result
}

/// Lines go to standard error: for people if it is a terminal, else for programs.
fn telemetry(cli: &Cli, output: Output) -> Telemetry {
    let human = output.is_watched() && !output.is_json();
    let telemetry = Telemetry::new(Options {
        format: if human { Format::Human { color: output.is_colored() } } else { Format::Json },
        filter: cli.global.log.clone(),
        output: Box::new(std::io::stderr()),
        ..Options::default()
    });
    panics::observe(&telemetry);
    // Nothing else in this process listens to events.
    let _ = tracing_subscriber::registry().with(telemetry.layer()).try_init();
    telemetry
}
