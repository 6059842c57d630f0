//! A state machine that was read and is valid, ready to run.
//!
//! What the fields mean is told by the [Amazon States Language](https://states-language.net/spec.html) and by AWS's developer
//! guide. Expressions are parsed once, here; who runs a machine meets no text that could be wrong.

mod choice;
mod fields;
mod flow;
mod graph;
mod kind;
mod map;
mod read;
mod retry;
mod tasks;
mod warnings;

use crate::choice::Choice;
use crate::failure::Failure;
use crate::jsonata::Jsonata;
use crate::path::Path;
use crate::reference::ReferencePath;
use crate::resource::Resource;
use crate::template::Template;
use indexmap::IndexMap;
use serde_json::Value;
use std::sync::Arc;

pub use read::read;
pub use tasks::{BucketAt, TaskAt};

/// A state machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What its author says of it.
    pub comment: Option<String>,
    /// After how many seconds an execution fails with `States.Timeout`.
    pub timeout: Option<u64>,
    /// Its states.
    pub graph: Arc<Graph>,
    /// Whether its expressions may take long: some are more than look-ups of JSONata.
    pub is_long: bool,
}

/// States, and the first of them: of a machine, of a branch, of the items of a map.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The first state's name.
    pub start: String,
    /// The states by name, in the order in which they are written.
    pub states: IndexMap<String, State>,
}

/// The language of a state's expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JSONPath, payload templates and intrinsic functions.
    JsonPath,
    /// JSONata between `{%` and `%}`.
    Jsonata,
}

/// A state.
#[derive(Clone, Debug)]
pub struct State {
    /// What it does.
    pub kind: Kind,
    /// Where it leads. Of Choice, Succeed and Fail: `End`.
    pub next: Next,
    /// What becomes of its input and its output.
    pub flow: Flow,
    /// The variables that are set when it succeeds.
    pub assign: Option<Template>,
    /// When it is tried again, in order. Task, Parallel and Map.
    pub retry: Vec<Retrier>,
    /// Where its errors lead, in order. Task, Parallel and Map.
    pub catch: Vec<Catcher>,
}

/// Where a state leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// To the state of this name.
    To(String),
    /// To the end of its graph.
    End,
}

/// What becomes of a state's input and output.
#[derive(Clone, Debug)]
pub enum Flow {
    /// `InputPath` → `Parameters` → work → `ResultSelector` → `ResultPath` → `OutputPath`.
    JsonPath(Box<JsonPathFlow>),
    /// `Arguments` → work → `Output`.
    Jsonata(Box<JsonataFlow>),
}

/// The fields of a state whose language is JSONPath.
#[derive(Clone, Debug)]
pub struct JsonPathFlow {
    /// `InputPath`; `None`: `null`, which means `{}`.
    pub input_path: Option<Path>,
    /// `Parameters`. Of a Map state without `ItemSelector`, they are its item selector and not here.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`; `None`: `null`, which drops the result.
    pub result_path: Option<ReferencePath>,
    /// `OutputPath`; `None`: `null`, which means `{}`.
    pub output_path: Option<Path>,
}

/// The fields of a state whose language is JSONata.
#[derive(Clone, Debug)]
pub struct JsonataFlow {
    /// `Arguments`.
    pub arguments: Option<Template>,
    /// `Output`.
    pub output: Option<Template>,
}

/// What a state does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Has somebody do work.
    Task(Box<Task>),
    /// Runs branches side by side.
    Parallel(Vec<Arc<Graph>>),
    /// Runs a graph for each item.
    Map(Box<Map>),
    /// Decides where it goes on.
    Choice(Box<Choice>),
    /// Waits.
    Wait(Wait),
    /// Passes its input on, or this result.
    Pass(Option<Value>),
    /// Ends its graph well.
    Succeed,
    /// Ends the execution with an error.
    Fail(Fail),
}

/// A number that is fixed, or known when the state is entered.
#[derive(Clone, Debug)]
pub enum Amount {
    /// As it is written.
    Fixed(f64),
    /// At a path.
    Path(Path),
    /// What an expression gives.
    Jsonata(Jsonata),
}

/// A text that is fixed, or known when the state is entered.
#[derive(Clone, Debug)]
pub enum Text {
    /// As it is written.
    Fixed(String),
    /// What a path or an intrinsic function gives.
    Template(Template),
}

/// A Task state.
#[derive(Clone, Debug)]
pub struct Task {
    /// Who does it.
    pub resource: Resource,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`: after how many seconds it fails with `States.Timeout`.
    pub timeout: Option<Amount>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`: how many seconds may pass between two heartbeats.
    pub heartbeat: Option<Amount>,
    /// `Credentials`, which nothing here looks at but history.
    pub credentials: Option<Template>,
}

/// A Map state.
#[derive(Clone, Debug)]
pub struct Map {
    /// What is done with an item.
    pub processor: Arc<Graph>,
    /// Whether items run within the execution or as executions of their own.
    pub mode: Mode,
    /// Where the items are, if no reader reads them.
    pub items: Items,
    /// `ItemSelector` (`Parameters` of old): what an item's graph gets.
    pub selector: Option<Template>,
    /// `MaxConcurrency` or its path; 0: no limit.
    pub concurrency: Option<Amount>,
    /// `ToleratedFailureCount` or its path.
    pub tolerated_count: Option<Amount>,
    /// `ToleratedFailurePercentage` or its path.
    pub tolerated_percentage: Option<Amount>,
}

/// Where the items of a Map state are.
#[derive(Clone, Debug)]
pub enum Items {
    /// `ItemsPath`, of the effective input.
    Path(Path),
    /// `Items`: an array, or an expression that gives one (or an object, whose fields are items then).
    Template(Template),
    /// The whole of the state's input, which is JSONata's default.
    Input,
}

/// How the items of a Map state are run.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Within the execution.
    Inline,
    /// As executions of their own.
    Distributed(Box<Distributed>),
}

/// What a distributed Map state has besides.
#[derive(Clone, Debug)]
pub struct Distributed {
    /// Whether the executions of items are express ones.
    pub is_express: bool,
    /// `Label`.
    pub label: Option<String>,
    /// `ItemReader`.
    pub reader: Option<ItemReader>,
    /// `ItemBatcher`.
    pub batcher: Option<ItemBatcher>,
    /// `ResultWriter`.
    pub writer: Option<ResultWriter>,
}

/// Where a distributed Map reads its items.
#[derive(Clone, Debug)]
pub struct ItemReader {
    /// `arn:aws:states:::s3:getObject` or `…:s3:listObjectsV2`.
    pub source: ItemSource,
    /// `Parameters` or `Arguments`: `Bucket`, `Key`, `Prefix`.
    pub arguments: Template,
    /// `ReaderConfig.InputType`; of a list of objects, there is none.
    pub format: Option<ItemFormat>,
    /// `ReaderConfig.MaxItems` or its path.
    pub items_max: Option<Amount>,
    /// `ReaderConfig.Transformation` is `LOAD_AND_FLATTEN`: of a list, the items are those in its objects.
    pub flattens: bool,
}

/// What an item reader asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemSource {
    /// One object, which holds the items.
    Object,
    /// The list of a bucket's objects.
    List,
}

/// How the items stand in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemFormat {
    /// Rows of text, with the letter between two fields, and their names, unless the first row has them.
    Csv {
        /// The letter between two fields.
        delimiter: u8,
        /// The names of the fields; none: the first row has them.
        headers: Option<Vec<String>>,
    },
    /// One JSON array, or an object, at `ItemsPointer` if there is one.
    Json {
        /// Where the items are (RFC 6901).
        pointer: Option<String>,
    },
    /// A JSON value in each line.
    JsonLines,
    /// An inventory that names further files.
    Manifest,
}

/// How items are put into batches.
#[derive(Clone, Debug)]
pub struct ItemBatcher {
    /// `BatchInput`: what each batch gets besides.
    pub input: Option<Template>,
    /// `MaxItemsPerBatch` or its path.
    pub items_max: Option<Amount>,
    /// `MaxInputBytesPerBatch` or its path.
    pub bytes_max: Option<Amount>,
}

/// Where the results of a distributed Map are written.
#[derive(Clone, Debug)]
pub struct ResultWriter {
    /// `Parameters` or `Arguments`: `Bucket`, `Prefix`. None: they are not written, only transformed.
    pub arguments: Option<Template>,
    /// `WriterConfig.Transformation`.
    pub transformation: Transformation,
    /// `WriterConfig.OutputType`: whether a line holds a result (`JSONL`), rather than an array all (`JSON`).
    pub is_lines: bool,
}

/// What is written of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformation {
    /// With the execution that it is of.
    None,
    /// The output alone.
    Compact,
    /// The output alone; of outputs that are arrays, their items.
    Flatten,
}

/// A Wait state.
#[derive(Clone, Debug)]
pub enum Wait {
    /// For some seconds.
    Seconds(Amount),
    /// Until a moment (RFC 3339).
    Timestamp(Moment),
}

/// A moment that is fixed, or known when the state is entered.
#[derive(Clone, Debug)]
pub enum Moment {
    /// As it is written, and in milliseconds since 1970.
    Fixed(String, u64),
    /// At a path.
    Path(Path),
    /// What an expression gives.
    Jsonata(Jsonata),
}

/// A Fail state.
#[derive(Clone, Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

/// When a state is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// The names of the errors.
    pub errors: Vec<String>,
    /// How long it waits before the first retry, in seconds.
    pub interval: f64,
    /// How often it is tried again; 0: never.
    pub attempts: u32,
    /// By what the interval is multiplied for each further retry.
    pub backoff: f64,
    /// The longest interval, in seconds.
    pub delay_max: Option<f64>,
    /// Whether the interval is random, between 0 and what it is.
    pub jitter: bool,
}

/// Where an error leads.
#[derive(Clone, Debug)]
pub struct Catcher {
    /// The names of the errors.
    pub errors: Vec<String>,
    /// The name of the state that goes on.
    pub next: String,
    /// Where the error is put into the state's input (JSONPath); `None`: nowhere.
    pub result_path: Option<ReferencePath>,
    /// What the next state gets (JSONata); the error itself without it.
    pub output: Option<Template>,
    /// The variables that are set.
    pub assign: Option<Template>,
}

impl Retrier {
    /// Whether it is for this failure.
    #[must_use]
    pub fn takes(&self, failure: &Failure) -> bool {
        failure.is_among(&self.errors)
    }
}

impl Catcher {
    /// Whether it is for this failure.
    #[must_use]
    pub fn takes(&self, failure: &Failure) -> bool {
        failure.is_among(&self.errors)
    }
}

#[cfg(test)]
mod tests;
