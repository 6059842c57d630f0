//! `flint workflow`: runs, checks and draws definitions with no platform.

use super::workflow_execution;
use crate::admin::api::workflow::GraphFormat;
use crate::admin::workflow::drawn;
use crate::cli::{self, WorkflowCommand, WorkflowRun};
use crate::error::Error;
use crate::output::Output;
use flint_workflows::definition::Machine;
use flint_workflows::draw::Marks;
use flint_workflows::failure::Failure;
use flint_workflows::history::Happened;
use flint_workflows::run::{Outcome, TaskOrder};
use flint_workflows::source::{self, Located};
use flint_workflows::trial::{self, Mocks, Report, World};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::block_in_place;

/// Why a definition could not be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkflowError {
    /// A file can't be read.
    #[error("can't read {what} {}", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The definition has mistakes.
    #[error("{0}")]
    Definition(Mistakes),
    /// An argument is not JSON.
    #[error("{what} is not JSON: {source}")]
    NotJson { what: String, source: serde_json::Error },
    /// The mocks are not as they should be.
    #[error("{}: {reason}", path.display())]
    Mocks { path: PathBuf, reason: String },
    /// What is said to be a workflow is no name of one.
    #[error("`{name}` is not the name of a workflow: {error}")]
    Name { name: String, error: flint_model::NameError },
    /// The execution would never end, or tells too much until then.
    #[error("{0}")]
    Endless(String),
    /// The execution did not succeed; it was told.
    #[error("the execution ended with {0}")]
    Unsuccessful(&'static str),
}

impl WorkflowError {
    /// A stable code for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "workflow/unreadable",
            Self::Definition(_) => "workflow/invalid",
            Self::NotJson { .. } => "workflow/not-json",
            Self::Mocks { .. } => "workflow/mocks",
            Self::Name { .. } => "workflow/invalid-name",
            Self::Endless(_) => "workflow/endless",
            Self::Unsuccessful(_) => "workflow/unsuccessful",
        }
    }
}

/// The mistakes of a definition.
#[derive(Debug)]
pub(crate) struct Mistakes {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) all: Vec<Located>,
}

impl Mistakes {
    /// `{"file", "diagnostics": [{"code", "message", "file", "line", "column", "text", "state", "path", "help"}]}`.
    pub(crate) fn to_json(&self) -> Value {
        let file = self.path.to_string_lossy();
        let all = self.all.iter().map(|located| {
            let Located { mistake, line, column, span } = located;
            json!({
                "code": mistake.code, "message": mistake.message, "file": file, "line": line, "column": column,
                "text": self.text.get(span.clone()), "state": mistake.state, "path": mistake.place.to_string(), "help": mistake.help,
            })
        });
        json!({ "file": file, "diagnostics": all.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell(to, "error")?;
        let count = self.all.len();
        write!(to, "{} has {count} mistake{}", self.path.display(), if count == 1 { "" } else { "s" })
    }
}

impl Mistakes {
    fn tell(&self, to: &mut impl fmt::Write, severity: &str) -> fmt::Result {
        for located in &self.all {
            let Located { mistake, line, column, .. } = located;
            writeln!(to, "{severity}[{}]: {}", mistake.code, one_line(&mistake.message))?;
            write!(to, "  --> {}:{line}:{column}, at {}", self.path.display(), one_line(&mistake.place.to_string()))?;
            match &mistake.state {
                Some(state) => writeln!(to, " (state `{}`)", one_line(state))?,
                None => writeln!(to)?,
            }
            if let Some(help) = &mistake.help {
                writeln!(to, "   = help: {}", one_line(help))?;
            }
        }
        Ok(())
    }
}

/// What is worth a look in a definition that has no mistakes.
#[derive(Debug)]
pub(crate) struct Warnings(Mistakes);

impl Warnings {
    /// Those of the definition in this file, whose text is that of a machine.
    pub(crate) fn of(path: &Path, text: String, machine: &Machine) -> Self {
        let all = source::warnings(&text, machine);
        Self(Mistakes { path: path.to_owned(), text, all })
    }

    /// Those of [`Mistakes::to_json`], each with `"severity": "warning"`.
    pub(crate) fn to_json(&self) -> Value {
        let mut told = self.0.to_json();
        for warning in told["diagnostics"].as_array_mut().into_iter().flatten() {
            warning["severity"] = json!("warning");
        }
        told
    }
}

/// Nothing at all if there are none, so that it can stand before what else is told.
impl fmt::Display for Warnings {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.tell(to, "warning")
    }
}

/// A text without what a terminal would obey: it may be anybody's.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Runs a command on definitions, or on executions.
pub(crate) async fn run(args: &cli::Workflow, output: Output) -> Result<(), Error> {
    match &args.command {
        // It takes the processor, or sleeps, for as long as it likes.
        WorkflowCommand::Run(args) => block_in_place(|| try_it(args, output)),
        WorkflowCommand::Check { definition } => check(definition, output),
        WorkflowCommand::Graph { definition, execution: None, format } => graph(definition, *format, output),
        command => workflow_execution::run(&args.host, command, output).await,
    }
}

fn check(path: &Path, output: Output) -> Result<(), Error> {
    let text = read("the definition", path)?;
    let machine = parsed(path, &text)?;
    let count = machine.graph.states.len();
    let warnings = Warnings::of(path, text, &machine);
    let told = || format!("{warnings}{} is valid: {count} state{}", path.display(), if count == 1 { "" } else { "s" });
    output.answer(&warnings.to_json(), told).map_err(Error::io("write the answer"))
}

fn graph(path: &Path, format: GraphFormat, output: Output) -> Result<(), Error> {
    let machine = load(path)?;
    let drawn = drawn(&machine, &Marks::new(), format);
    output.answer(&json!({ "graph": drawn }), || drawn.clone()).map_err(Error::io("write the answer"))
}

fn try_it(args: &WorkflowRun, output: Output) -> Result<(), Error> {
    let machine = load(&args.definition)?;
    let input = input(&args.input, args.input_file.as_deref())?;
    let mocks = args.mock.as_deref().map_or_else(|| Ok(Mocks::default()), mocks)?;
    let name = args.definition.file_name().unwrap_or_default().to_string_lossy();
    let options = trial::Options {
        name: name.split('.').next().unwrap_or_default().to_owned(),
        now: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        seed: rand::random(),
        skip_waits: args.skip_waits,
        is_express: args.express,
    };
    let report =
        trial::run(Arc::new(machine), input, mocks, &options, &mut NoPlatform).map_err(WorkflowError::Endless)?;
    output.answer(&report.to_json(), || shown(&report)).map_err(Error::io("write the answer"))?;
    match report.outcome {
        Outcome::Succeeded(_) => Ok(()),
        // A program has read how it ended, which is what it asked for.
        _ if output.is_json() => Ok(()),
        outcome => Err(WorkflowError::Unsuccessful(outcome.status()).into()),
    }
}

/// An execution for people: its events, and how it ended.
fn shown(report: &Report) -> String {
    let first = report.history.first().map_or(0, |happened| happened.at);
    let mut text: String = report.history.iter().map(|happened| line(happened, first)).collect();
    text.push_str(report.outcome.status());
    match &report.outcome {
        Outcome::Succeeded(output) => text.push_str(&format!(" {output}")),
        Outcome::Failed(failure) | Outcome::Aborted(failure) => {
            text.push_str(&format!(" {}: {}", failure.error, failure.cause))
        }
        Outcome::TimedOut => {}
    }
    text
}

fn line(happened: &Happened, first: u64) -> String {
    let Happened { id, at, kind, details, .. } = happened;
    let told = ["name", "resource", "error", "cause", "output", "input", "parameters"];
    let details = details.as_ref().map(|details| {
        let fields = told.iter().filter_map(|name| Some(format!("{name}={}", details.get(*name)?.as_str()?)));
        fields.collect::<Vec<_>>().join(" ")
    });
    let seconds = Duration::from_millis(at - first).as_secs_f64();
    format!("{id:>5} {seconds:>9.3}s {kind:<26} {}\n", one_line(&details.unwrap_or_default()))
}

/// There are no services where there is no platform.
struct NoPlatform;

impl World for NoPlatform {
    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn call(&mut self, _: &TaskOrder) -> Option<Result<Value, Failure>> {
        None
    }
}

/// Reads a definition from its file.
pub(crate) fn load(path: &Path) -> Result<Machine, WorkflowError> {
    parsed(path, &read("the definition", path)?)
}

fn parsed(path: &Path, text: &str) -> Result<Machine, WorkflowError> {
    let mistaken = |all| WorkflowError::Definition(Mistakes { path: path.to_owned(), text: text.to_owned(), all });
    source::load(text).map_err(mistaken)
}

fn read(what: &'static str, path: &Path) -> Result<String, WorkflowError> {
    std::fs::read_to_string(path).map_err(|source| WorkflowError::File { what, path: path.to_owned(), source })
}

/// The input of an execution: what the file holds, if there is one.
pub(super) fn input(text: &str, file: Option<&Path>) -> Result<Value, WorkflowError> {
    match file {
        Some(path) => json(&read("the input", path)?, &path.display().to_string()),
        None => json(text, "--input"),
    }
}

pub(super) fn json(text: &str, what: &str) -> Result<Value, WorkflowError> {
    serde_json::from_str(text).map_err(|source| WorkflowError::NotJson { what: what.to_owned(), source })
}

fn mocks(path: &Path) -> Result<Mocks, WorkflowError> {
    let value = json(&read("the mocks", path)?, &path.display().to_string())?;
    Mocks::read(&value).map_err(|reason| WorkflowError::Mocks { path: path.to_owned(), reason })
}
