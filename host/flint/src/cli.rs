//! The command line: its types, and the help that teaches them.

mod bench;
mod blob;
mod queue;
mod schedule;
mod topic;
mod workflow;

pub(crate) use bench::{BenchBlob, BenchCompare, BenchDepth, BenchKv, BenchQueue, BenchWorkflow, DayFunction};
pub(crate) use blob::{Blob, BlobCommand, BlobList};
pub(crate) use queue::{Queue, QueueCommand, QueueReceive, QueueSend};
pub(crate) use schedule::{Schedule, ScheduleCommand};
pub(crate) use topic::{Topic, TopicCommand, TopicPublish};
pub(crate) use workflow::{Workflow, WorkflowCommand, WorkflowExecution, WorkflowRun};

use crate::exit;
use clap::{Args, Parser, Subcommand};
use flint_model::{FunctionName, InvocationId, StoreName};
use flint_telemetry::Filter;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  flint new http greeter            write a first function into ./greeter
  flint up                          build and serve what ./platform.toml describes
  flint up some.wasm                serve one component on every route, without any configuration
  flint check --json                list every mistake of the configuration
  flint invoke greeter --data hi    call a function
  flint kv scan links               look into a key-value store
  flint queue send jobs hi          send a message to a queue
  flint blob ls uploads             list what is in a bucket
  flint deploy greeter              build ./greeter and serve it on the host that runs";

/// A serverless platform in one binary.
///
/// Functions are WebAssembly components. `flint up` builds them, keeps instances ready that never ran before, and answers each
/// event from one of them.
#[derive(Debug, Parser)]
#[command(name = "flint", version, arg_required_else_help = true, after_help = help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Answer with JSON, and write the log as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What is logged: a level, or a list such as `info,function::hello=debug`
    #[arg(long, global = true, env = "FLINT_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: Filter,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the functions and serve them until told to stop
    Up(Up),
    /// Build the functions
    Build(Build),
    /// List every mistake of the configuration
    Check(Check),
    /// Write a first function to start from
    New(New),
    /// Call a function and print its answer
    Invoke(Invoke),
    /// Look into key-value stores, and write to them
    Kv(Kv),
    /// Store blobs, read them, and hand out URLs of them
    Blob(Blob),
    /// Send to queues, receive from them, and look after them
    Queue(Queue),
    /// Show schedules, and call their functions by hand
    Schedule(Schedule),
    /// Publish to topics
    Topic(Topic),
    /// Try definitions of workflows, and look after executions
    Workflow(Workflow),
    /// List the functions that a host serves
    Functions(Functions),
    /// Serve a new version of a function, without dropping a request
    Deploy(Deploy),
    /// Go back to a version that served before
    Rollback(Rollback),
    /// Lead some of the requests to another version
    Split(Split),
    /// List the versions of a function
    Versions(Versions),
    /// Print the management API as OpenAPI
    Openapi,
    /// Measure
    Bench(Bench),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Config {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", default_value = "platform.toml")]
    pub(crate) config: PathBuf,
    /// The folder for stores and compiled components, instead of the configuration's
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  flint up                                serve what ./platform.toml describes
  flint up --listen 127.0.0.1:0           on any free port; the line with http:// says which
  flint up some.wasm                      serve one component on every route
  flint up --watch                        and build and serve what changes
  flint up --json 2>log.jsonl             for programs: the answer on stdout, the log on stderr

It stops on SIGINT (ctrl-c) and SIGTERM: it takes no more requests, lets those that run end (`drain-timeout`), and leaves.
On SIGHUP it reads the configuration again, builds, and serves what has changed; with --watch it does so by itself. A change
that has mistakes is told, and what was served goes on.")]
pub(crate) struct Up {
    /// Serve this component on every route, without a configuration
    #[arg(value_name = "COMPONENT.wasm", conflicts_with = "config")]
    pub(crate) component: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: Config,
    /// Take requests at this address, instead of the configuration's
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve metrics, health and management at this address, instead of the configuration's
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Build and serve what changes in the configuration and in the sources of functions, without dropping a request
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flint build               build all functions of ./platform.toml
  flint build hello order   only these")]
pub(crate) struct Build {
    /// Only these functions
    #[arg(value_name = "FUNCTION")]
    pub(crate) functions: Vec<FunctionName>,
    #[command(flatten)]
    pub(crate) config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Builds the functions, since a mistake may lie in what a component needs. Every mistake is listed with file, line and column.

Examples:
  flint check
  flint check --json | jq -r '.diagnostics[].code'")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flint new http greeter      answers HTTP requests
  flint new kv counter        keeps state in a key-value store
  flint new invoke adder      is called with a payload: `flint invoke adder --data ...`
  cd greeter && flint up")]
pub(crate) struct New {
    /// What to start from
    #[arg(value_enum)]
    pub(crate) template: crate::commands::new::Template,
    /// The name of the function and of its folder
    pub(crate) name: FunctionName,
    /// The folder of the SDK's crate `flint-sdk`
    #[arg(long, value_name = "FOLDER", env = "FLINT_SDK")]
    pub(crate) sdk: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Calls the function on the host that runs with this data folder; if none does, runs it in this process.

Examples:
  flint invoke hello --data '{\"name\": \"Ada\"}'
  flint invoke hello --data-file payload.json
  echo payload | flint invoke hello --data-file -
  flint invoke hello --async --data Ada             for later, with retries; prints an id
  flint invoke --status 01ARZ3NDEKTSV4RRFFQ69G5FAV  what became of it")]
pub(crate) struct Invoke {
    /// The function
    #[arg(required_unless_present = "status")]
    pub(crate) function: Option<FunctionName>,
    /// Have the call accepted for later, durably, and print its id
    #[arg(long = "async")]
    pub(crate) asynchronous: bool,
    /// Print what became of a call that was accepted for later
    #[arg(long, value_name = "ID", conflicts_with_all = ["function", "asynchronous", "data", "data_file"])]
    pub(crate) status: Option<InvocationId>,
    /// The payload
    #[arg(long, value_name = "PAYLOAD", conflicts_with = "data_file")]
    pub(crate) data: Option<String>,
    /// Read the payload from a file, or with `-` from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) data_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) host: Host,
}

/// Which host a command talks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Host {
    #[command(flatten)]
    pub(crate) config: Config,
    /// The admin address of a running host, instead of looking for one in the data folder
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,
    /// The file with the token that the host asks for; otherwise it is in `FLINT_TOKEN`, or not needed on this machine
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flint functions
  flint functions --json | jq '.functions[].limits'")]
pub(crate) struct Functions {
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder, or to the one at --admin. A folder is built first. The new version is
checked, kept durably, and takes the place of the old one between two requests. One that does not fit is refused, and the
old one goes on. A deployed version stays until the function's source in the configuration changes.

Examples:
  flint deploy functions/hello                       the function is called as the folder, or as the configuration says
  flint deploy build/hello.wasm --function hello
  flint deploy functions/hello --weight 10           to 10 of 100 requests; then `flint split hello --weight 50`, or
                                                     `flint split hello --promote`, or `flint rollback hello`")]
pub(crate) struct Deploy {
    /// A component, or the folder of one
    #[arg(value_name = "COMPONENT.wasm|FOLDER")]
    pub(crate) component: PathBuf,
    /// The function; without it, the one that the file or folder is called as
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<FunctionName>,
    /// Of a hundred requests, so many go to the new version, and the others to the one before
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) weight: Option<u8>,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Ends a split as well: all requests go to the version that this goes back to.

Examples:
  flint rollback hello          to the version that served before
  flint rollback hello --to 3")]
pub(crate) struct Rollback {
    /// The function
    pub(crate) function: FunctionName,
    /// The version
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<u64>,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("how").required(true).args(["weight", "promote", "abort"])), after_help = "\
Examples:
  flint split hello --to 3 --weight 10   version 3 gets 10 of 100 requests
  flint split hello --weight 50          the canary gets more
  flint split hello --promote            the canary gets all
  flint split hello --abort              the canary gets none")]
pub(crate) struct Split {
    /// The function
    pub(crate) function: FunctionName,
    /// The version; without it, the canary
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<u64>,
    /// Of a hundred requests, so many
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) weight: Option<u8>,
    /// All requests
    #[arg(long)]
    pub(crate) promote: bool,
    /// No request
    #[arg(long)]
    pub(crate) abort: bool,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flint versions hello
  flint versions hello --json | jq .active")]
pub(crate) struct Versions {
    /// The function
    pub(crate) function: FunctionName,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Talks to the host that runs with this data folder; if none does, opens the stores itself.

Examples:
  flint kv put links rust https://www.rust-lang.org
  flint kv get links rust
  flint kv scan links --prefix r --limit 10")]
pub(crate) struct Kv {
    #[command(subcommand)]
    pub(crate) command: KvCommand,
    #[command(flatten)]
    pub(crate) host: Host,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KvCommand {
    /// Print the value of a key
    Get {
        /// The store
        store: StoreName,
        /// The key
        key: String,
    },
    /// Write a key, durably
    Put(KvPut),
    /// List keys with their values, in order
    Scan(KvScan),
}

#[derive(Debug, Args)]
pub(crate) struct KvPut {
    /// The store
    pub(crate) store: StoreName,
    /// The key
    pub(crate) key: String,
    /// The value; without it, standard input is the value
    pub(crate) value: Option<String>,
    /// The entry is gone after so long
    #[arg(long, value_name = "DURATION", value_parser = time_to_live)]
    pub(crate) ttl: Option<Duration>,
    /// Write only if the key does not exist
    #[arg(long, conflicts_with = "if_version")]
    pub(crate) if_absent: bool,
    /// Write only if the key is at this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) if_version: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct KvScan {
    /// The store
    pub(crate) store: StoreName,
    /// Only keys that start with this
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time from an event to the guest's answer, by where the instance comes from
    ColdStart(ColdStart),
    /// What the callers of a function notice of other functions that spin
    Neighbours(Neighbours),
    /// How many functions and instances a host holds, and how fast it starts with them
    Density(Density),
    /// Cold starts beside container-based Lambdas, and requests beside `wasmtime serve` and workerd
    Compare(Box<BenchCompare>),
    /// Durable messages a second, sent and handled, beside Redis and NATS
    Queue(BenchQueue),
    /// Durable writes of a key-value store a second, beside Redis and NATS, and reads of a guest
    Kv(BenchKv),
    /// Large blobs of a host, beside `dd` and `cat`, and small ones a second
    Blob(BenchBlob),
    /// Transitions of workflows a second, beside Restate, a large Map, and what executions cost that wait
    Workflow(BenchWorkflow),
    /// What a million messages and keys cost those that come, and a start
    Depth(BenchDepth),
}

#[derive(Debug, Args)]
pub(crate) struct Neighbours {
    /// Callers, each of which asks again as soon as it has its answer
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=50))]
    pub(crate) callers: usize,

    /// Guests that spin
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=50))]
    pub(crate) spinning: usize,

    /// How long each row is measured
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) time: Duration,

    /// The folder of the functions that are measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Density {
    /// Functions, each with a component of its own
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=9_000))]
    pub(crate) functions: usize,

    /// Instances of one function
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(crate) instances: usize,

    /// The folder of the function that they are made of
    #[arg(long = "functions-folder", value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions_folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ColdStart {
    /// Invocations of each row
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) invocations: u32,

    /// Only rows whose name has this in it, such as `event/` or `pooled`; may be given several times
    #[arg(long = "row", value_name = "TEXT")]
    pub(crate) rows: Vec<String>,

    /// Instances that are made ahead at a time, in the pooled rows
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=500))]
    pub(crate) spares: usize,

    /// The folder of the functions that are measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

fn duration(text: &str) -> Result<Duration, flint_model::duration::DurationError> {
    flint_model::duration::parse(text)
}

fn time_to_live(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) => Err("the entry would be gone at once".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
