//! The benchmarks of queues, stores and workflows.

mod day;

pub(crate) use day::DayFunction;

use day::Day;

use super::duration;
use clap::Args;
use flint_model::ByteSize;
use std::path::PathBuf;
use std::time::Duration;

/// Where the programs are that flint is compared with. What is not there is left out.
#[derive(Debug, Args)]
pub(crate) struct Rivals {
    /// Redis 7, with `appendfsync always`
    #[arg(long, value_name = "PROGRAM", default_value = "redis-server")]
    pub(crate) redis: PathBuf,
    /// NATS with JetStream, with `sync_interval: always`
    #[arg(long, value_name = "PROGRAM", default_value = "nats-server")]
    pub(crate) nats: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchQueue {
    /// How long each row is measured
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) time: Duration,
    /// So many messages wait in the queue before it begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) waiting: u64,
    #[command(flatten)]
    pub(crate) rivals: Rivals,
    /// The folder of the function that is measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchKv {
    /// How long each row is measured
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) time: Duration,
    /// So many keys are in the store before it begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keys: u64,
    #[command(flatten)]
    pub(crate) rivals: Rivals,
    /// The folder of the function that is measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchBlob {
    /// How large the large blob is; whole MiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub(crate) size: ByteSize,
    /// How often it is written and read: the fastest counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long each row of small blobs is measured
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) time: Duration,
    /// So many small blobs are in the bucket before it begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) blobs: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BenchWorkflow {
    /// How long each row is measured
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) time: Duration,
    /// So many items has the Map
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) items: u64,
    /// So many executions wait
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) waiting: u64,
    /// Where `npm install @restatedev/restate-server @restatedev/restate-sdk` was run; left out if it was not
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) restate: PathBuf,
    /// What runs Restate's handler
    #[arg(long, value_name = "PROGRAM", default_value = "node")]
    pub(crate) node: PathBuf,
    /// The folder of the function that is measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchDepth {
    /// So many messages wait in the queue
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// So many keys are in the store
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) keys: u64,
    /// So many small blobs are in the bucket
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) blobs: u64,
    /// How long each row is measured, each time
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) time: Duration,
    /// How often: the stores with little and those with much take turns
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The folder of the function that is measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct BenchCompare {
    /// How long each row is measured, each time
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = duration)]
    pub(crate) time: Duration,
    /// How often: those that are compared take turns; with fewer than six, no verdict but those of cold starts has an interval
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// So many containers of each runtime are started, with events of flint between them; with fewer than six, no verdict of a cold start has
    /// an interval
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) starts: u32,
    /// So many functions, each with a component of its own, are asked by chance
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=5000))]
    pub(crate) many: usize,
    /// What creates containers
    #[arg(long, value_name = "PROGRAM", default_value = "runc")]
    pub(crate) runc: PathBuf,
    /// What creates containers from images, without a daemon
    #[arg(long, value_name = "PROGRAM", default_value = "podman")]
    pub(crate) podman: PathBuf,
    /// What creates containers from images, by a daemon
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    pub(crate) docker: PathBuf,
    /// Wasmtime's command
    #[arg(long, value_name = "PROGRAM", default_value = "wasmtime")]
    pub(crate) wasmtime: PathBuf,
    /// Python, for container-based Lambdas
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(crate) python: PathBuf,
    /// Where `pip install --target` put AWS's packages for it
    #[arg(long, value_name = "FOLDER", default_value = "lambda-packages")]
    pub(crate) python_packages: PathBuf,
    /// Node.js, for container-based Lambdas
    #[arg(long, value_name = "PROGRAM", default_value = "node")]
    pub(crate) node: PathBuf,
    /// Where `npm install` was run for workerd and AWS's packages
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) packages: PathBuf,
    /// Where `cargo install --root` put the container-based Lambda in Rust
    #[arg(long, value_name = "FOLDER", default_value = "lambda-rust")]
    pub(crate) rust_lambda: PathBuf,
    /// The folder of the functions that are measured
    #[arg(long, value_name = "FOLDER", default_value = "functions")]
    pub(crate) functions: PathBuf,
    /// Writes a page with the figures and plots of them
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
    /// Writes the plot of answers a second, over connections, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) day: Day,
    /// Serves what is compared with as the ceiling
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub(crate) native: Option<std::net::SocketAddr>,
}
